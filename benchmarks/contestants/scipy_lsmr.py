"""Ridge by SciPy's LSMR, once per alpha; centers without copying X.

Every alpha starts from zero: given a start, ``lsmr`` damps the distance from it instead of the coefficients.
"""

import numpy as np

from benchmarks.contestants import half_decades
from benchmarks.problem import Solution

NAME = "SciPy LSMR"
IS_PEER = False
IMPORTS, PACKAGES = ("scipy.sparse.linalg",), ()
LADDER = half_decades(2, 12)
MAX_ITERATIONS = 100_000


def options(problem):
    return ("path",) if problem.l1_ratio == 0 else ()


def prepare(X, y):
    return X, y


def fit(data, problem, tol, option):
    from scipy.sparse.linalg import LinearOperator, lsmr

    X, y = data
    mean = np.asarray(X.mean(axis=0))
    operator = LinearOperator(
        X.shape,
        matvec=lambda b: X @ b - mean @ b,
        rmatvec=lambda u: X.T @ u - mean * u.sum(),
        dtype=float,
    )
    target = y - y.mean()
    limits = {"atol": tol, "btol": tol, "maxiter": MAX_ITERATIONS}
    dampings = np.sqrt(len(y) * problem.alphas)
    return Solution(np.stack([lsmr(operator, target, damp=d, **limits)[0] for d in dampings], axis=1))
