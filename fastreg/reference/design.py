"""The bulk operations on a matrix, one line each."""

import numpy as np


def moments(X, weights, scale):
    """Return weighted means and spreads sum_i w_i (s_j x_ij - mean_j)^2 of the scaled columns; sum w = 1."""
    scaled = X * scale
    mean = weights @ scaled
    return mean, weights @ (scaled - mean) ** 2


def correlate(X, U):
    """Return (k, p): inner products of the columns of X with the k rows of U."""
    return U @ X


def predict(X, coefs):
    """Return (k, n): X times the k rows of coefs."""
    return coefs @ X.T


def pack(X, scale, center, root):
    """Return (p, n): the columns (x_ij s_j - c_j) root_i, one a row."""
    return ((X * scale - center) * root[:, None]).T


def gram(X, scale, center, root):
    """Return the inner products of the packed columns."""
    packed = pack(X, scale, center, root)
    return packed @ packed.T


def compress(X, scale, root):
    """Return starts, rows and values of the nonzero entries x_ij s_j root_i, column after column."""
    scaled = X * scale * root[:, None]
    columns, rows = np.nonzero(X.T)
    starts = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=X.shape[1]))])
    return starts, rows, scaled[rows, columns]
