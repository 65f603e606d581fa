"""scikit-learn's LogisticRegression: SAGA along the alphas, each from the one before, and LIBLINEAR, which starts anew.

LIBLINEAR's intercept is the coefficient of a constant column, and penalized like all others. The larger that column,
the less this costs of the gap, and the harder it is to converge: one size is for the looser target, one for the
tighter.
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
# LIBLINEAR converges in far fewer iterations, or cannot for rounding.
SAGA_ITERATIONS, LIBLINEAR_ITERATIONS = 1_000_000, 200
NOTE = "LIBLINEAR penalizes the intercept, the coefficient of a constant column of 1,000 or 100,000; SAGA does not"


def options(problem):
    saga = tuple(f"SAGA, {start}" for start in starts(problem))
    # Its l1 penalty knows no l2 part.
    return (*saga, "LIBLINEAR, 1000", "LIBLINEAR, 100000") if problem.l1_ratio == 1 else saga


def prepare(X, y):
    # SAGA goes by rows; LIBLINEAR copies X into a form of its own.
    return (sp.csr_matrix(X) if sp.issparse(X) else np.ascontiguousarray(X)), y


def fit(data, problem, tol, option):
    from sklearn.linear_model import LogisticRegression

    X, y = data
    solver, way = option.split(", ")
    if solver == "SAGA":
        alphas, about = grid(problem, way), {"max_iter": SAGA_ITERATIONS, "warm_start": True}
    else:
        alphas, about = problem.alphas, {"max_iter": LIBLINEAR_ITERATIONS, "intercept_scaling": float(way)}
    model = LogisticRegression(solver=solver.lower(), l1_ratio=problem.l1_ratio, tol=tol, random_state=0, **about)
    # Its loss is a sum, and the penalty's factor is 1.
    coefs = [model.set_params(C=1 / (alpha * len(y))).fit(X, y).coef_.flatten() for alpha in alphas]
    return Solution(wanted(np.stack(coefs, axis=1), problem))
