"""Ridge in plain NumPy and SciPy: a singular value decomposition or Cholesky factors, of the smaller of X'X and XX'."""

import numpy as np
import scipy.sparse as sp

from benchmarks.problem import Solution

NAME = "NumPy/SciPy ridge"
IS_PEER = False
IMPORTS, PACKAGES = ("scipy.linalg",), ()
# Direct methods know no tolerance.
LADDER = [1e-12]
LIMIT_BYTES = 2e9


def options(problem):
    if problem.l1_ratio > 0 or 8.0 * problem.shape[0] * problem.shape[1] > LIMIT_BYTES:
        return ()
    return ("SVD", "Cholesky")


def prepare(X, y):
    return (X.toarray() if sp.issparse(X) else X), y


def fit(data, problem, tol, option):
    X, y = data
    X, y = X - X.mean(axis=0), y - y.mean()
    solve = decomposition if option == "SVD" else factors
    return Solution(solve(X, y, len(y) * problem.alphas))


def decomposition(X, y, shifts):
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    return Vt.T @ (s[:, None] / (s[:, None] ** 2 + shifts) * (U.T @ y)[:, None])


def factors(X, y, shifts):
    from scipy.linalg import solve

    tall = X.shape[0] >= X.shape[1]
    gram, right = (X.T @ X, X.T @ y) if tall else (X @ X.T, y)
    identity = np.eye(len(gram))
    found = np.stack([solve(gram + shift * identity, right, assume_a="pos") for shift in shifts], axis=1)
    return found if tall else X.T @ found
