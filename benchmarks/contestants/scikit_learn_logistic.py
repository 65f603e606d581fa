"""scikit-learn's LogisticRegression: SAGA along the alphas, each from the one before, and LIBLINEAR, which starts anew.

LIBLINEAR's intercept is the coefficient of a constant column, and penalized like all others. Here that column is so
large that the penalty costs less of the gap than the tightest target.
"""

import numpy as np
import scipy.sparse as sp

from benchmarks.contestants import grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "scikit-learn"
IS_PEER = True
IMPORTS, PACKAGES = ("sklearn.linear_model",), ("scikit-learn",)
LOSSES = ("logistic",)
# tol: of SAGA the relative change of the coefficients, of LIBLINEAR the violation over that at zero.
LADDER = half_decades(0, 12)
# What LIBLINEAR has not reached by then is lost in rounding.
MAX_ITERATIONS = {"SAGA": 1_000_000, "LIBLINEAR": 1000}
LARGE = 1e5
NOTE = f"LIBLINEAR penalizes the intercept, the coefficient of a constant column of {LARGE:,.0f}; SAGA does not"


def options(problem):
    saga = tuple(f"SAGA, {start}" for start in starts(problem))
    # Its l1 penalty knows no l2 part.
    return (*saga, "LIBLINEAR") if problem.l1_ratio == 1 else saga


def prepare(X, y):
    # SAGA goes by rows; LIBLINEAR copies X into a form of its own.
    return (sp.csr_matrix(X) if sp.issparse(X) else np.ascontiguousarray(X)), y


def fit(data, problem, tol, option):
    from sklearn.linear_model import LogisticRegression

    X, y = data
    solver, _, start = option.partition(", ")
    model = LogisticRegression(
        solver=solver.lower(), l1_ratio=problem.l1_ratio, tol=tol, max_iter=MAX_ITERATIONS[solver], random_state=0,
        warm_start=solver == "SAGA", intercept_scaling=LARGE if solver == "LIBLINEAR" else 1,
    )  # fmt: skip
    # Its loss is a sum, and the penalty's factor is 1.
    coefs = [model.set_params(C=1 / (alpha * len(y))).fit(X, y).coef_.copy() for alpha in grid(problem, start)]
    return Solution(wanted(np.concatenate(coefs).T, problem))
