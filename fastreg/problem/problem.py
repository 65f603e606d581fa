"""The user's problem in the solver's units, and the way back.

The user's problem is

    minimize  (1/W) sum_i w_i (y_i - b0 - x_i'b - offset_i)^2 / 2  +  alpha sum_j v_j (r |b_j| + (1 - r)/2 b_j^2).

In the solver's units columns are multiplied by powers of two s_j (``ScaledDesign``) and y by 1/S, another power of
two, so that b_j = S s_j beta_j and the objective is divided by S^2. With s the smallest s_j the penalty becomes

    a1 l1_j |beta_j| + a2/2 l2_j beta_j^2,   a1 = alpha s/S,  a2 = alpha s^2,
    l1_j = r v_j s_j/s,  l2_j = (1 - r) v_j (s_j/s)^2,

and with ``standardize`` s_j/s and s are replaced by the standard deviation of the scaled column and by 1. Powers of
two change no digit: data scaled by 2^k give the same digits, and no square over- or underflows.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from fastreg.design.scaled import ScaledDesign
from fastreg.loss.base import Loss
from fastreg.loss.multinomial import Multinomial
from fastreg.loss.squared import SquaredLoss
from fastreg.problem.coefficients import Coefficients
from fastreg.runtime.once import once

EPS = np.finfo(float).eps
# The loss that a constant target leaves is rounding below this part of the least loss; what sums of losses may hide.
CONSTANT = 8 * EPS
HIDDEN = 2e-14
# Penalties beyond this leave nothing of any coefficient.
HUGE = 1e302
# Fits with more nonzero coefficients than this fraction of the columns are dense.
MOST_COLUMNS = 0.1


class Options(NamedTuple):
    """The statistical options every public function shares; see ``fastreg.fit_path``."""

    l1_ratio: float = 1.0
    sample_weight: Any = None
    offset: Any = None
    penalty_factors: Any = None
    lower_bounds: Any = None
    upper_bounds: Any = None
    fit_intercept: bool = True
    standardize: bool = False
    n_threads: int | None = None
    loss: Any = "squared"


class Rows(NamedTuple):
    """What other losses than squared loss are made of; they are not scaled.

    Attributes
    ----------
    loss : Loss
    y, start : ndarray (n_targets, n_samples), targets (classes, one-hot) and predictors of the null model
    best : ndarray (n_targets,), the least loss of all
    """

    loss: Loss | Multinomial
    y: np.ndarray
    start: np.ndarray
    best: np.ndarray


@dataclass
class Problem:
    """A validated problem in the solver's units.

    Attributes
    ----------
    design : ScaledDesign
        Features are the columns that can enter; of equal columns with equal penalties only the first.
    targets : ndarray (n_targets, n_samples)
        What the null model leaves of y, scaled (the u of other losses), times the root weights.
    correlations : ndarray (n_targets, n_features)
    penalty : dict of l1, l2, lower, upper (n_features,)
    y_scale, y_means : float, ndarray (n_targets,)
        The unit of y, and the intercepts of the null model.
    column_scale : float, the s of the module's docstring
    members : None or ndarray (n_columns,)
        For every raw column the feature that stands for it, -1 if none does; None if features are columns.
    multiplicity : ndarray (n_features,), over how many columns a feature's coefficient is spread
    rows : None for squared loss
    unbounded : ndarray of bool (n_features,), features without a finite bound
    gram : None or ndarray (n_features, n_features), inner products of the columns, where they are known already
    """

    design: ScaledDesign
    targets: np.ndarray
    correlations: np.ndarray
    penalty: dict[str, np.ndarray]
    y_scale: float
    y_means: np.ndarray
    column_scale: float
    members: np.ndarray | None
    multiplicity: np.ndarray
    fit_intercept: bool
    single: bool
    names: Any
    rounding: np.ndarray
    unbounded: np.ndarray
    rows: Rows | None = None
    gram: np.ndarray | None = None

    @property
    def n_columns(self) -> int:
        """Columns of X."""
        return self.design.raw.n_cols

    @once
    def null_losses(self) -> np.ndarray:
        """Loss of every target at zero coefficients, in the solver's units."""
        if self.rows is None:
            return SquaredLoss.value(self.targets)
        loss, y, start, best = self.rows
        weights = self.design.root**2
        if self.joint:
            return np.full(len(y), loss.value(y, weights, start))
        values = [loss.point(target, weights, eta)[0] for target, eta in zip(y, start, strict=True)]
        left = np.array(values) - best
        # What rounding leaves of a constant target is nothing to explain.
        return np.where(left > CONSTANT * np.abs(best), left, 0.0)

    @property
    def joint(self) -> bool:
        """Whether the targets are the classes of one problem, and its loss that of all of them."""
        return isinstance(self.loss, Multinomial)

    @property
    def loss(self) -> SquaredLoss | Loss | Multinomial:
        """The loss."""
        return SquaredLoss() if self.rows is None else self.rows.loss

    @once
    def unpenalized(self) -> np.ndarray:
        """Features that bear no penalty."""
        l1 = self.penalty["l1"]
        if np.count_nonzero(l1) == len(l1):
            return np.zeros(len(l1), dtype=bool)
        return (l1 == 0) & (self.penalty["l2"] == 0)

    def unpenalized_at(self, a1: float, a2: float) -> np.ndarray:
        """Return the features that bear no penalty at these scales."""
        with np.errstate(over="ignore"):
            return (a1 * self.penalty["l1"] == 0) & (a2 * self.penalty["l2"] == 0)

    def gap_targets(self, tol: float) -> np.ndarray:
        """Return the duality gap to reach: tol times the null loss, plus what rounding cannot tell from 0."""
        if self.rows is None:
            return (tol + 4 * EPS) * self.null_losses + self.rounding
        floor = HIDDEN * (self.null_losses + 2.0 * np.abs(self.rows.best))
        # Other losses have a floor where there is nothing else: their gaps are made of small terms everywhere else.
        return (tol + 4 * EPS) * self.null_losses + np.where(self.null_losses > 0, self.rounding, floor)

    def penalty_scales(self, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a1 and a2 for every alpha; what is beyond the range of numbers is the largest that leaves room."""
        scale = self.column_scale
        ratio = min(max(scale / self.y_scale, 1 / HUGE), HUGE)
        return np.minimum(alphas, HUGE / ratio) * ratio, np.minimum(alphas, HUGE / scale / scale) * scale * scale

    def user_coefficients(self, starts: np.ndarray, features: np.ndarray, beta: np.ndarray) -> Coefficients:
        """Return coefficients (n_columns, k) on the user's scale, of the k fits from starts[i] to starts[i + 1]."""
        if self.shares and len(beta) > MOST_COLUMNS * self.n_columns * (len(starts) - 1):
            return self._shared_out(starts, features, beta)
        if not self.shares:
            chosen = self.design.raw_columns(features)
            return Coefficients(beta * self.y_scale * self.design.scale[chosen], chosen, starts, self.n_columns)
        used, places = np.unique(features, return_inverse=True)
        leading = sp.csc_array((beta * self.y_scale, places, starts), shape=(len(used), len(starts) - 1))
        shared = sp.csc_array(self._spread(used) @ leading)
        shared.sort_indices()
        return Coefficients.of(shared)

    def _shared_out(self, starts: np.ndarray, features: np.ndarray, beta: np.ndarray) -> Coefficients:
        """Return the same coefficients where most are not zero: one fit after the other, from dense lines."""
        columns, values = [], []
        for first, last in pairwise(starts):
            line = np.zeros(self.design.n_features + 1)  # the last one for what stands for nothing, -1
            line[features[first:last]] = beta[first:last]
            line[:-1] *= self.y_scale / self.multiplicity
            dense = line[self.members] * self.design.scale
            columns.append(np.flatnonzero(dense))
            values.append(dense[columns[-1]])
        ends = np.cumsum([0] + [len(inside) for inside in columns])
        return Coefficients(np.concatenate(values), np.concatenate(columns), ends, self.n_columns)

    @once
    def shares(self) -> bool:
        """Whether coefficients are shared out among columns that are equal."""
        return self.members is not None and bool((self.multiplicity > 1).any())

    def _spread(self, features: np.ndarray) -> sp.csc_array:
        """Return what shares the coefficients of these features out among all columns that equal each other."""
        place = np.full(self.design.n_features + 1, -1)  # the last one for what stands for nothing, -1
        place[features] = np.arange(len(features))
        places = place[self.members]
        inside = np.flatnonzero(places >= 0)
        parts = self.design.scale[inside] / self.multiplicity[self.members[inside]], (inside, places[inside])
        return sp.csc_array(parts, shape=(self.n_columns, len(features)))

    def user_intercepts(
        self, k: int, starts: np.ndarray, features: np.ndarray, beta: np.ndarray, moved: np.ndarray | float = 0.0
    ) -> np.ndarray:
        """Return the intercepts of fits of target k: that of the null model less what the centers of the columns take.

        ``moved`` is what they move for centered columns, which squared loss does not do.
        """
        shifts = self.design.center[self.design.raw_columns(features)] * beta * self.y_scale
        count = len(starts) - 1
        owners = np.repeat(np.arange(count), starts[1:] - starts[:-1])
        return self.y_means[k] + moved - np.bincount(owners, shifts, count)

    def features_of(self, columns: np.ndarray) -> np.ndarray:
        """Return the features that stand for raw columns, -1 where none does."""
        return columns if self.members is None else self.members[columns]

    def feature_coefficients(self, coef: np.ndarray) -> np.ndarray:
        """Return the solver's coefficients (n_features,) of coefficients on the user's scale (n_columns,)."""
        scaled = coef / self.y_scale / self.design.scale
        if self.members is None:
            beta = scaled[self.design.raw_columns()]
        else:
            inside = self.members >= 0
            beta = np.bincount(self.members[inside], scaled[inside], minlength=self.design.n_features)
        return np.clip(beta, self.penalty["lower"], self.penalty["upper"])
