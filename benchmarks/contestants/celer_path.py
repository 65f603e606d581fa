"""celer: working sets and dual extrapolation."""

import numpy as np

from benchmarks.contestants import centered, grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "celer"
IS_PEER = True
IMPORTS = PACKAGES = ("celer",)
# tol: the gap over ||y||^2 / n.
LADDER = half_decades(3, 13)
# Its default of 20 working sets is not always enough.
MAX_ITERATIONS = 1000


def options(problem):
    return starts(problem) if problem.l1_ratio > 0 else ()


def prepare(X, y):
    return centered(X, y)


def fit(data, problem, tol, option):
    from celer import celer_path

    X, y, means = data
    offsets = {} if means is None else {"X_offset": means, "X_scale": np.ones_like(means)}
    coefs = celer_path(
        X, y, "lasso", alphas=grid(problem, option), l1_ratio=problem.l1_ratio, tol=tol, prune=1,
        max_iter=MAX_ITERATIONS, **offsets,
    )[1]  # fmt: skip
    return Solution(wanted(coefs, problem))
