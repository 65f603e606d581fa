"""Ridge in plain NumPy: normal equations for one alpha, a singular value decomposition for a path."""

import numpy as np
import scipy.sparse as sp

from benchmarks.objective import Solution

NAME = "NumPy ridge"


def handles(l1_ratio):
    return l1_ratio == 0


def prepare(X):
    return X.toarray() if sp.issparse(X) else X


def fit(X, y, alphas, l1_ratio, tol, n_threads):
    mean = X.mean(axis=0)
    centered, target = X - mean, y - y.mean()
    solve = normal_equations if len(alphas) == 1 else decomposition
    coefs = solve(centered, target, len(y) * np.asarray(alphas))
    return Solution(coefs, y.mean() - mean @ coefs)


def normal_equations(X, y, shifts):
    gram = X.T @ X
    gram[np.diag_indices_from(gram)] += shifts[0]
    return np.linalg.solve(gram, X.T @ y)[:, None]


def decomposition(X, y, shifts):
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    return Vt.T @ (s[:, None] / (s[:, None] ** 2 + shifts) * (U.T @ y)[:, None])
