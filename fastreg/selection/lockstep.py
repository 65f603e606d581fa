"""Wide and sparse data: folds go down their paths in step, so that one reading of X serves them all.

The problems of the folds come from that on all rows: scales of columns and groups of equal ones do not depend on
weights; moments, and correlations with y, of all folds are one pass each.
"""

import numpy as np

from fastreg.design.convert import twin
from fastreg.design.scaled import ScaledDesign
from fastreg.design.scan import MOST_WEIGHTS, survey
from fastreg.problem.build import Inputs, assemble, center_targets
from fastreg.problem.problem import Problem
from fastreg.solver.shared_pass import SharedPass


def fold_problems(whole: Problem, inputs: Inputs, weights: np.ndarray) -> tuple[list[Problem], SharedPass]:
    """Return the problem of every fold, and the pass they share.

    Parameters
    ----------
    whole, inputs : the problem on all rows and what it was made of
    weights : ndarray (n_folds, n_rows), those of the training rows, each of sum 1
    """
    raw, design = whole.design.raw, whole.design
    moments = [
        survey(raw, weights[first : first + MOST_WEIGHTS], design.scale)[1:3]
        for first in range(0, len(weights), MOST_WEIGHTS)
    ]
    means, spreads = (np.concatenate(parts) for parts in zip(*moments, strict=True))
    if design.columns is not None:
        # Columns that are no features on all rows are none in a fold.
        outside = np.ones(raw.n_cols, dtype=bool)
        outside[design.columns] = False
        means[:, outside] = spreads[:, outside] = 0.0
    designs = [
        ScaledDesign(twin(raw, 1), design.largest, w, inputs.fit_intercept, pair, scaled=True)
        for w, pair in zip(weights, zip(means, spreads, strict=True), strict=True)
    ]
    targets = [center_targets(inputs, w) for w in weights]
    shared = SharedPass(raw, design.columns)
    count = len(inputs.y)
    repeated = [one for one in designs for _ in range(count)]
    products = shared.correlations(
        repeated, [v * d.root for t, d in zip(targets, designs, strict=True) for v in t.values]
    )
    problems = [
        assemble(inputs, one, target, products[k * count : (k + 1) * count], whole=whole)
        for k, (one, target) in enumerate(zip(designs, targets, strict=True))
    ]
    return problems, shared
