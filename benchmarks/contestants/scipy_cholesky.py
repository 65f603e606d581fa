"""Ridge by SciPy's Cholesky solver, once per alpha, on the smaller of X'X and XX'."""

import numpy as np
import scipy.sparse as sp
from scipy.linalg import solve

from benchmarks.objective import Solution

NAME = "SciPy Cholesky"


def handles(l1_ratio):
    return l1_ratio == 0


def prepare(X):
    return X.toarray() if sp.issparse(X) else X


def fit(X, y, alphas, l1_ratio, tol, n_threads):
    mean = X.mean(axis=0)
    centered, target = X - mean, y - y.mean()
    tall = X.shape[0] >= X.shape[1]
    gram = centered.T @ centered if tall else centered @ centered.T
    right = centered.T @ target if tall else target
    found = np.stack([solve(shifted(gram, len(y) * alpha), right, assume_a="pos") for alpha in alphas], axis=1)
    coefs = found if tall else centered.T @ found
    return Solution(coefs, y.mean() - mean @ coefs)


def shifted(gram, shift):
    gram = gram.copy()
    gram[np.diag_indices_from(gram)] += shift
    return gram
