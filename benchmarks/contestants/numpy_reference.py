"""Coordinate descent in plain NumPy: the package's own reference. It knows dense matrices only."""

import scipy.sparse as sp

from benchmarks.objective import Solution
from fastreg import reference

NAME = "NumPy reference"


def handles(l1_ratio):
    return l1_ratio > 0


def prepare(X):
    return X.toarray() if sp.issparse(X) else X


def fit(X, y, alphas, l1_ratio, tol, n_threads):
    path = reference.fit_path(X, y, alphas=alphas, l1_ratio=l1_ratio, tol=tol)
    return Solution(path.coefs, path.intercepts)
