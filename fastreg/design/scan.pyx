"""The looks at X that validation takes: finite entries, rows of sparse ones. Moments and more come with the first."""

import numpy as np

from libc.math cimport INFINITY

from fastreg.design.base cimport MOST_WEIGHTS as _MOST_WEIGHTS
from fastreg.design.base cimport Design, Survey, Vectors, ceil_div, index_t

MOST_WEIGHTS = _MOST_WEIGHTS

cdef enum:
    # Steps that an int can count.
    PART = 1048576

ctypedef fused row_t:
    int
    long long


def survey(Design design, weights=None, scale=None, further=None):
    """Read X once; return max_i |x_ij| of every column, its weighted means and spreads, and inner products.

    Parameters
    ----------
    design : Design
    weights : None or ndarray (n_rows,) or (k, n_rows), k <= MOST_WEIGHTS
        Each of sum 1; without weights mean and spread are 0.
    scale : None (1) or ndarray (n_cols,), factors of the columns for mean and spread
    further : None or ndarray (m, n_rows), vectors to multiply the columns by

    Returns
    -------
    largest : ndarray (n_cols,), NaN where a column holds NaN or infinity
    mean, spread : ndarrays (n_cols,) or (k, n_cols)
    sums : ndarray (m, n_cols), inner products of the columns as they are with the further vectors
    """
    rows = np.zeros(design.n_rows) if weights is None else np.ascontiguousarray(weights)
    count = len(rows) if rows.ndim == 2 else 1
    if count > MOST_WEIGHTS:
        raise ValueError(f"survey: expected at most {MOST_WEIGHTS} vectors of weights, got {count}.")
    cdef const double[::1] weight = rows.reshape(-1)
    cdef const double[::1] factor = np.ones(design.n_cols) if scale is None else scale
    cdef const double[:, ::1] others = np.empty((0, design.n_rows)) if further is None else further
    found, sums = np.zeros((2 * count + 1, design.n_cols)), np.zeros((others.shape[0], design.n_cols))
    cdef double[:, ::1] line = found, products = sums
    cdef Vectors vectors
    cdef Survey out
    vectors.data, vectors.count = &weight[0], count
    out.largest, out.mean, out.spread = &line[0, 0], &line[1, 0], &line[1 + vectors.count, 0]
    out.vectors.count = others.shape[0]
    if others.shape[0]:
        out.vectors.data, out.sums = &others[0, 0], &products[0, 0]
    with nogil:
        design.survey(vectors, &factor[0], out)
    largest, mean, spread = found[0], found[1:count + 1], found[count + 1:]
    return (largest, mean, spread, sums) if rows.ndim == 2 else (largest, mean[0], spread[0], sums)


def extremes(const double[::1] largest):
    """Return the smallest of these numbers that is not 0 (infinity if all are), and the largest; NaN where one is."""
    cdef double low = INFINITY, high = 0.0
    cdef index_t j
    for j in range(largest.shape[0]):
        if largest[j] > high:
            high = largest[j]
        elif not largest[j] <= high:
            return low, largest[j]
        if 0.0 < largest[j] < low:
            low = largest[j]
    return low, high


def look_at_rows(const row_t[::1] rows, const index_t[::1] starts):
    """Return the lowest and the highest row index (0 and -1 of none), and whether those of every column increase.

    Rows that do not increase are counted everywhere and where columns begin: a loop without a choice.
    """
    cdef index_t total = starts[starts.shape[0] - 1]
    cdef index_t steps_back = 0
    cdef index_t j, e, end
    cdef int part
    cdef row_t low = 0, high = -1
    with nogil:
        for j in range(ceil_div(total, PART)):
            part = 0
            end = min((j + 1) * PART, total)
            for e in range(j * PART + (j == 0), end):
                part += rows[e] <= rows[e - 1]
            steps_back += part
        if total:
            low = high = rows[0]
        for j in range(starts.shape[0] - 1):
            if starts[j] < starts[j + 1]:
                steps_back -= starts[j] > 0 and rows[starts[j]] <= rows[starts[j] - 1]
                low, high = min(low, rows[starts[j]]), max(high, rows[starts[j + 1] - 1])
        for e in range(total if steps_back else 0):
            low, high = min(low, rows[e]), max(high, rows[e])
    return low, high, steps_back == 0
