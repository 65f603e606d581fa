"""Tall data: the Gram matrices of all folds from one pass over X.

Rows that are in the training sets of the same folds are a class; K folds that hold out each row once have K classes.
For a class c and the solver's columns v_j = s_j x_j - m_j, centered at the means of *all* rows, one pass gives

    S_c = sum w_i,   M_c = sum w_i v_i,   G_c = sum w_i v_i v_i',   T_c = sum w_i v_i (y_i - mean of y)

over its rows. A fold that is trained on some classes has, with sums over these, W = sum S_c and d = sum M_c / W,

    Gram matrix   sum G_c / W - d d',      correlations with y   sum T_c / W - d (mean_fold(y) - mean(y)),

and never reads X. The sums run over what a fold is trained on: subtracting the held-out class from the total would lose
digits where that class dominates. What is left to lose is d d': where d is large against the deviation of a column, the
fold is fitted by itself.
"""

from typing import Any

import numpy as np
import scipy.sparse as sp

from fastreg.design.convert import as_design, twin
from fastreg.design.scaled import ScaledDesign
from fastreg.problem.build import Inputs, assemble, center_targets
from fastreg.problem.problem import Problem
from fastreg.selection.splits import Split
from fastreg.solver.cost_model import complete_pays

# Memory for the Gram matrices of all classes (1 GB).
GRAM_NUMBERS = 2**27
# Rows of a class are gathered in blocks of so many numbers (32 MB).
GATHERED = 2**22
# A squared shift of a mean may be so many times the variance: three digits.
MOST_SHIFT = 1e3
# A column whose variance in the training rows is this fraction of that in all rows may be constant there.
LEAST_SHARE = 1e-8
# Splits with more classes than this many times their number share too little.
MOST_CLASSES = 2


class ClassSums:
    """The sums S, M, G, T of every class, first axis, over the features of the problem on all rows.

    Attributes
    ----------
    member : ndarray (n_folds, n_classes)
        How often the rows of a class are in the training set of a fold.
    n_passes : float, entries of X read over entries of X
    """

    def __init__(self, whole: Problem, inputs: Inputs, matrix: Any, classes: tuple[np.ndarray, np.ndarray]) -> None:
        self.whole, self.inputs, self.matrix = whole, inputs, matrix
        self.member, self.label = classes
        p, count = whole.design.n_features, self.member.shape[1]
        self.weight, self.mean = np.zeros(count), np.zeros((count, p))
        self.gram, self.target = np.zeros((count, p, p)), np.zeros((count, len(inputs.y), p))
        step = max(1, GATHERED // whole.n_columns)
        read = 0.0
        for c in range(count):
            rows = np.flatnonzero(self.label == c)
            for start in range(0, len(rows), step):
                read += self._add(c, rows[start : start + step])
        self.n_passes = read / whole.design.raw.n_entries
        whole.gram = self.gram.sum(axis=0)

    def _add(self, c: int, rows: np.ndarray) -> float:
        """Add some rows to class c; return how many entries of X were read."""
        weights = self.inputs.weights[rows]
        root = np.sqrt(weights)
        part = self._part(rows)
        y = (self.inputs.y[:, rows] - self.whole.y_means[:, None]) * root
        products = part.correlations(np.vstack([root, y]))
        self.weight[c] += weights.sum()
        self.mean[c] += products[0]
        self.target[c] += products[1:]
        self.gram[c] += part.gram_matrix()
        return part.raw.entries_read

    def _part(self, rows: np.ndarray) -> ScaledDesign:
        """Return a design over some rows, scaled and centered as the whole is."""
        consecutive = not sp.issparse(self.matrix) and len(rows) == rows[-1] - rows[0] + 1
        # Rows that follow one another are a view, others a copy of the block.
        block = self.matrix[rows[0] : rows[-1] + 1] if consecutive else self.matrix[rows]
        design = self.whole.design
        raw, _ = as_design(block, self.inputs.raw.n_threads)
        moments = (design.center, design.deviation**2)
        part = ScaledDesign(raw, design.largest, self.inputs.weights[rows], True, moments, scaled=True)
        if design.columns is not None:
            part.restrict(design.columns)
        return part

    def problem(self, fold: int, weights: np.ndarray) -> Problem | None:
        """Return the problem of a fold, with its Gram matrix; None where the fold had better be fitted by itself.

        ``weights`` are those of its training rows and sum to 1.
        """
        whole, inputs = self.whole, self.inputs
        count = self.member[fold].astype(float)
        total = float(count @ self.weight)
        gram = np.tensordot(count, self.gram, 1) / total
        shift = count @ self.mean / total
        variance = np.maximum(np.diag(gram) - shift**2, 0.0)
        if not self._settle(fold, shift, variance):
            return None
        targets = center_targets(inputs, weights)
        correlations = np.tensordot(count, self.target, 1) / total
        if inputs.fit_intercept:
            gram -= np.outer(shift, shift)
            correlations -= np.outer(targets.means - whole.y_means, shift)
        design = self._design(weights, shift, variance)
        problem = assemble(inputs, design, targets, correlations / targets.scale, whole=whole)
        inside = np.zeros(whole.n_columns, dtype=bool)
        inside[problem.design.raw_columns()] = True
        kept = np.flatnonzero(inside[whole.design.raw_columns()])
        problem.gram = np.ascontiguousarray(gram[np.ix_(kept, kept)])
        return problem

    def _settle(self, fold: int, shift: np.ndarray, variance: np.ndarray) -> bool:
        """Set variances that are rounding to 0; return whether all others can be trusted."""
        design = self.whole.design
        columns = np.arange(self.whole.n_columns)[design.raw_columns()]
        doubtful = (shift**2 > MOST_SHIFT * variance) | (variance < LEAST_SHARE * design.deviation[columns] ** 2)
        rows = np.flatnonzero((self.member[fold][self.label] > 0) & (self.inputs.weights > 0))
        for k in np.flatnonzero(doubtful):
            column = self.matrix[:, [columns[k]]]
            values = column.toarray()[rows, 0] if sp.issparse(column) else column[rows, 0]
            if np.ptp(values) > 0:
                return False
            variance[k] = 0.0
        return True

    def _design(self, weights: np.ndarray, shift: np.ndarray, variance: np.ndarray) -> ScaledDesign:
        """Return the design of a fold; columns that are no features of the whole have mean and deviation 0."""
        design = self.whole.design
        mean, spread = np.zeros(self.whole.n_columns), np.zeros(self.whole.n_columns)
        columns = design.raw_columns()
        mean[columns], spread[columns] = design.center[columns] + shift, variance
        raw = twin(design.raw, design.raw.n_threads)
        return ScaledDesign(raw, design.largest, weights, self.inputs.fit_intercept, (mean, spread), scaled=True)


def classes_of(splits: list[Split], n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return how often every class is in the training set of every fold (n_folds, n_classes), and the class of rows."""
    label, first = np.zeros(n_rows, dtype=np.int64), np.zeros(1, dtype=np.int64)
    counts = [np.bincount(split.train, minlength=n_rows) for split in splits]
    for count in counts:
        # Rows that the folds so far do not tell apart are told apart by this one, if at all.
        _, first, label = np.unique(label * (count.max() + 1) + count, return_index=True, return_inverse=True)
    return np.stack([count[first] for count in counts]), label


def sharing_pays(whole: Problem, member: np.ndarray, n_alphas: int) -> bool:
    """Whether the folds share one pass: where a path on all rows would compute the Gram matrix of everything."""
    p = whole.design.n_features
    n_folds, n_classes = member.shape
    few = 0 < n_classes * p * p <= GRAM_NUMBERS and n_classes <= MOST_CLASSES * n_folds
    return few and complete_pays(whole.design, n_alphas)
