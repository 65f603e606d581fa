"""The multinomial loss row by row: its value, its divergence, and what its curvature makes of changes of predictors."""

import numpy as np

from cython cimport floating

from fastreg.loss.rows cimport class_diverge, class_point

# Rows that are taken at once, class after class.
cdef enum:
    ROWS = 256


def bend(floating[:, ::1] line, const double[::1] shift, const double[:, ::1] p, const double[::1] weights,
         const Py_ssize_t[::1] likeliest):
    """Turn changes of predictors into those of w (y - p), but for the sign, in place; return their sums (K,).

    From a row d of changes, d_k = line_k + shift_k, it makes w p_k (d_k - sum_l p_l d_l). What all classes have in
    common changes nothing, and without that of the likeliest class, 1 - p of which has no digits, none are lost.

    Parameters
    ----------
    line : ndarray (K, n) of either precision, overwritten
    shift : ndarray (K,)
    p : ndarray (K, n), probabilities
    weights : ndarray (n,)
    likeliest : ndarray (n,), the likeliest class of every row
    """
    cdef double[ROWS] top
    cdef double[ROWS] mean
    cdef Py_ssize_t count = line.shape[0], n = line.shape[1]
    cdef Py_ssize_t block, first, length, i, k
    cdef double total, value
    out = np.zeros(count)
    cdef double[::1] sums = out
    with nogil:
        for block in range((n + ROWS - 1) // ROWS):
            first = block * ROWS
            length = min(<Py_ssize_t> ROWS, n - first)
            for i in range(length):
                k = likeliest[first + i]
                top[i] = line[k, first + i] + shift[k]
                mean[i] = 0.0
            for k in range(count):
                for i in range(length):
                    mean[i] += p[k, first + i] * (line[k, first + i] + shift[k] - top[i])
            for k in range(count):
                total = 0.0
                for i in range(length):
                    value = line[k, first + i] + shift[k] - top[i] - mean[i]
                    value *= weights[first + i] * p[k, first + i]
                    line[k, first + i] = <floating> value
                    total += value
                sums[k] += total
    return out


def point(const double[:, ::1] y, const double[::1] weights, const double[:, ::1] eta):
    """Return the weighted sum of log sum_k exp(eta_k) - sum_k y_k eta_k, and the probabilities; y one-hot (K, n)."""
    cdef double value
    found = np.empty((eta.shape[0], eta.shape[1]))
    cdef double[:, ::1] p = found
    with nogil:
        value = class_point(&y[0, 0], &weights[0], &eta[0, 0], eta.shape[0], eta.shape[1], &p[0, 0])
    return value, found


def divergence(const double[:, ::1] y, const double[::1] weights, const double[:, ::1] p, double s):
    """Return the weighted sum of KL(q || p) with q = (1 - s) y + s p, all (K, n), p at least 1e-150."""
    cdef double value
    with nogil:
        value = class_diverge(&y[0, 0], &weights[0], &p[0, 0], p.shape[0], p.shape[1], s)
    return value
