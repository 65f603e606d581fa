"""Coordinate descent in plain NumPy: the package's own reference. It knows dense matrices only."""

import scipy.sparse as sp

from benchmarks.problem import Solution

NAME = "NumPy reference"
IS_PEER = False
IMPORTS, PACKAGES = ("fastreg.reference",), ()
LADDER = [10.0**-k for k in range(4, 9)]
# What it cannot do in that time and size it need not be waited for.
LIMIT_SECONDS = 120.0
LIMIT_ENTRIES = 1_000_000


def options(problem):
    small = problem.shape[0] * problem.shape[1] <= LIMIT_ENTRIES
    return ("path",) if problem.l1_ratio > 0 and small else ()


def prepare(X, y):
    return (X.toarray() if sp.issparse(X) else X), y


def fit(data, problem, tol, option):
    from fastreg import reference

    path = reference.fit_path(*data, alphas=problem.alphas, l1_ratio=problem.l1_ratio, tol=tol)
    return Solution(path.coefs)
