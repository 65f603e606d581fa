"""scikit-learn's Ridge, alpha by alpha: it has no path."""

import numpy as np

from benchmarks.contestants import half_decades
from benchmarks.problem import Solution

NAME = "scikit-learn Ridge"
IS_PEER = True
IMPORTS, PACKAGES = ("sklearn.linear_model",), ("scikit-learn",)
LADDER = half_decades(2, 12)
MAX_ITERATIONS = 100_000


def options(problem):
    if problem.l1_ratio > 0:
        return ()
    return ("sparse_cg",) if problem.is_sparse else ("cholesky", "svd", "lsqr")


def prepare(X, y):
    return X, y


def fit(data, problem, tol, option):
    from sklearn.linear_model import Ridge

    X, y = data
    # Its loss is not divided by the number of rows.
    models = [Ridge(alpha=len(y) * a, solver=option, tol=tol, max_iter=MAX_ITERATIONS) for a in problem.alphas]
    return Solution(np.stack([model.fit(X, y).coef_ for model in models], axis=1))
