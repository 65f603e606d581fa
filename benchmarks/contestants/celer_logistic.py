"""celer's logistic lasso: working sets, with coordinate descent or a proximal Newton method.

It knows no intercept. So it gets one as the coefficient of a constant column, which is penalized like all others; the
column is so large that the penalty costs less of the gap than the tightest target.
"""

import numpy as np
import scipy.sparse as sp

from benchmarks.contestants import grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "celer"
IS_PEER = True
IMPORTS = PACKAGES = ("celer",)
LOSSES = ("logistic",)
# tol: the gap over n log 2.
LADDER = half_decades(1, 10)
# Its default of 20 working sets is not always enough.
MAX_ITERATIONS = 100
LARGE = 1e6
NEWTON = "Newton"
NOTE = f"it knows no intercept; it has one as the coefficient of a constant column of {LARGE:,.0f}, penalized like all"


def options(problem):
    # Its l1 penalty knows no l2 part.
    ways = ("coordinate descent", NEWTON) if problem.l1_ratio == 1 else ()
    return tuple(f"{start}, {way}" for start in starts(problem) for way in ways)


def prepare(X, y):
    column = np.full((len(y), 1), LARGE)
    if not sp.issparse(X):
        return np.asfortranarray(np.hstack([X, column])), 2 * y - 1
    X = sp.csc_matrix(sp.hstack([X, column]))
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X, 2 * y - 1


def fit(data, problem, tol, option):
    from celer import celer_path

    X, labels = data
    start, way = option.split(", ")
    # Its loss is a sum.
    alphas = len(labels) * grid(problem, start)
    coefs = celer_path(
        X, labels, "logreg", alphas=alphas, tol=tol, prune=1, max_iter=MAX_ITERATIONS, use_PN=way == NEWTON
    )[1]
    return Solution(wanted(coefs[:-1], problem))
