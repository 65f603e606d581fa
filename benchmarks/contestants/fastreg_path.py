"""The package itself."""

import fastreg
from benchmarks.objective import Solution

NAME = "fastreg"


def handles(l1_ratio):
    return True


def prepare(X):
    return X


def fit(X, y, alphas, l1_ratio, tol, n_threads):
    path = fastreg.fit_path(X, y, alphas=alphas, l1_ratio=l1_ratio, tol=tol, n_threads=n_threads)
    return Solution(path.coefs, path.intercepts, path.n_passes)
