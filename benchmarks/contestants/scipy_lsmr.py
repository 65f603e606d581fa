"""Ridge by SciPy's LSMR, once per alpha; centers without copying X.

Every alpha starts from zero: given a start, ``lsmr`` damps the distance from it instead of the coefficients.
"""

import numpy as np
from scipy.sparse.linalg import LinearOperator, lsmr

from benchmarks.objective import Solution

NAME = "SciPy LSMR"
MAX_ITERATIONS = 10_000


def handles(l1_ratio):
    return l1_ratio == 0


def prepare(X):
    return X


def fit(X, y, alphas, l1_ratio, tol, n_threads):
    mean = np.asarray(X.mean(axis=0))
    operator = LinearOperator(
        X.shape,
        matvec=lambda b: X @ b - mean @ b,
        rmatvec=lambda u: X.T @ u - mean * u.sum(),
        dtype=float,
    )
    target = y - y.mean()
    options = {"atol": tol, "btol": tol, "maxiter": MAX_ITERATIONS}
    found = np.stack([lsmr(operator, target, damp=d, **options)[0] for d in np.sqrt(len(y) * alphas)], axis=1)
    return Solution(found, y.mean() - mean @ found)
