"""Wide and sparse data: folds go down their paths in step, so that one reading of X serves them all.

The problems of the folds come from that on all rows: scales of columns and groups of equal ones do not depend on
weights; moments, and correlations with y, of all folds are one pass each.
"""

from typing import Any

import numpy as np

from fastreg.design.base import Design
from fastreg.design.convert import as_design
from fastreg.design.scaled import ScaledDesign
from fastreg.design.scan import MOST_WEIGHTS, survey
from fastreg.problem.build import Inputs, assemble, center_targets
from fastreg.problem.problem import Problem
from fastreg.solver.shared_pass import SharedPass


def fold_problems(whole: Problem, inputs: Inputs, matrix: Any, weights: np.ndarray) -> tuple[list[Problem], SharedPass]:
    """Return the problem of every fold, and the pass they share.

    Parameters
    ----------
    whole, inputs : the problem on all rows and what it was made of
    matrix : X in the form that is used as it lies
    weights : ndarray (n_folds, n_rows), those of the training rows, each of sum 1
    """
    raw, design = whole.design.raw, whole.design
    columns = design.raw_columns()
    moments = [
        survey(raw, weights[first : first + MOST_WEIGHTS], design.scale)[1:]
        for first in range(0, len(weights), MOST_WEIGHTS)
    ]
    means, spreads = (np.concatenate(parts) for parts in zip(*moments, strict=True))
    if design.columns is not None:
        # Columns that are no features on all rows are none in a fold.
        outside = np.ones(raw.n_cols, dtype=bool)
        outside[columns] = False
        means[:, outside] = spreads[:, outside] = 0.0
    designs = [
        ScaledDesign(_own(matrix), design.largest, w, inputs.fit_intercept, pair, scaled=True)
        for w, pair in zip(weights, zip(means, spreads, strict=True), strict=True)
    ]
    targets = [center_targets(inputs, w) for w in weights]
    shared = SharedPass(raw, design.columns)
    count = len(inputs.y)
    repeated = [one for one in designs for _ in range(count)]
    products = shared.correlations(
        repeated, [v * d.root for t, d in zip(targets, designs, strict=True) for v in t.values]
    )
    problems = []
    for k, (one, target) in enumerate(zip(designs, targets, strict=True)):
        wide = np.zeros((count, raw.n_cols))
        wide[:, columns] = products[k * count : (k + 1) * count]
        problems.append(assemble(inputs, one, target, wide, whole=whole))
    return problems, shared


def _own(matrix: Any) -> Design:
    """A design of a fold's own: designs keep scratch, and folds are solved side by side."""
    return as_design(matrix, 1)[0]
