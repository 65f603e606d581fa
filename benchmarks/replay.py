"""How many passes over X certified lazy gradients need when the solutions of a lasso path are given for free.

Kept are the last few residuals U whose correlations G = X'U are known. For a new residual u let a be the best
combination of them; then |x_j'u - (G a)_j| <= ||x_j - mean_j|| ||u - U a||. Columns whose bound stays below the
threshold are proved to stay out; the others must be read, and if they hold too much of X everything is read and u
becomes known. Every alpha is certified once. The columns of the support are read when they first enter; after that
the optimality conditions give their correlations. Of equal columns only the first is ever read.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

REFERENCES = 3
FULL_PASS_FRACTION = 0.2
# The moments and X'y.
OPENING_PASSES = 2.0


@dataclass
class Replay:
    """Passes in all, and how many of the certificates took a full one."""

    passes: float
    full: int


def column_sizes(X: Any) -> np.ndarray:
    """Return the fraction of X's entries that each column holds."""
    sizes = np.diff(X.indptr) if sp.issparse(X) else np.full(X.shape[1], X.shape[0])
    return sizes / max(1, sizes.sum())


def first_of_equal(X: Any) -> np.ndarray:
    """Return which columns equal no column before them."""
    seen, first = set(), np.zeros(X.shape[1], dtype=bool)
    for j in range(X.shape[1]):
        part = slice(X.indptr[j], X.indptr[j + 1]) if sp.issparse(X) else None
        key = X[:, j].tobytes() if part is None else X.indices[part].tobytes() + X.data[part].tobytes()
        first[j] = key not in seen
        seen.add(key)
    return first


def centered_norms(X: Any) -> np.ndarray:
    """Return the Euclidean norms of the columns minus their means."""
    if not sp.issparse(X):
        return np.sqrt(X.var(axis=0, dtype=float) * X.shape[0])
    squares = np.asarray(X.multiply(X).sum(axis=0, dtype=float))
    return np.sqrt(np.maximum(squares - X.shape[0] * np.asarray(X.mean(axis=0)) ** 2, 0.0))


def replay(X: Any, y: np.ndarray, alphas: np.ndarray, coefs: sp.csc_array) -> Replay:
    """Count the passes for these solutions, one column of ``coefs`` an alpha, fitted with an intercept.

    X is an array or a csc_array; the alphas descend from alpha_max.
    """
    size, norm, distinct = column_sizes(X), centered_norms(X), first_of_equal(X)
    residual = y - y.mean()
    references = [(residual, X.T @ residual)]
    read = np.zeros(X.shape[1], dtype=bool)
    passes, full = OPENING_PASSES, 0
    for k, alpha in enumerate(alphas):
        support = coefs.indices[coefs.indptr[k] : coefs.indptr[k + 1]]
        passes += size[support][~read[support]].sum()
        read[support] = True
        residual = y - X @ coefs[:, [k]].toarray()[:, 0]
        residual -= residual.mean()
        undecided = distinct & ~read & may_enter(references, residual, norm, len(y) * alpha)
        share = size[undecided].sum()
        if share > FULL_PASS_FRACTION:
            references = [*references[1 - REFERENCES :], (residual, X.T @ residual)]
            share = size[distinct].sum()
            full += 1
        passes += share
    return Replay(float(passes), full)


def may_enter(references: list[tuple], residual: np.ndarray, norm: np.ndarray, threshold: float) -> np.ndarray:
    """Return the columns whose correlation is not proved to be below the threshold."""
    U = np.stack([reference for reference, _ in references])
    G = np.stack([known for _, known in references])
    mix = np.linalg.lstsq(U.T, residual, rcond=None)[0]
    distance = np.linalg.norm(residual - mix @ U)
    return np.abs(mix @ G) + norm * distance > threshold
