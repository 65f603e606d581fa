"""The looks at X that validation takes: finite entries, sorted sparse rows. Means and spreads come with the first."""

import numpy as np

from fastreg.design.base cimport Design, Survey, index_t

ctypedef fused row_t:
    int
    long long


def survey(Design design, weights=None, scale=None):
    """Read X once; return max_i |x_ij| of every column and, given weights that sum to 1, its mean and spread.

    Parameters
    ----------
    design : Design
    weights : None or ndarray (n_rows,)
    scale : None (1) or ndarray (n_cols,), factors of the columns for mean and spread

    Returns
    -------
    largest : ndarray (n_cols,), NaN where a column holds NaN or infinity
    mean, spread : None, or ndarrays (n_cols,)
    """
    cdef double[::1] largest = np.empty(design.n_cols)
    cdef double[::1] mean, spread
    cdef const double[::1] weight, factor
    cdef Survey out
    cdef const double* first_weight = NULL
    cdef const double* first_factor = NULL
    out.largest, out.mean, out.spread = &largest[0], NULL, NULL
    if weights is not None:
        mean, spread = np.empty(design.n_cols), np.empty(design.n_cols)
        weight = np.ascontiguousarray(weights)
        factor = np.ones(design.n_cols) if scale is None else scale
        out.mean, out.spread = &mean[0], &spread[0]
        first_weight, first_factor = &weight[0], &factor[0]
    with nogil:
        design.survey(first_weight, first_factor, out)
    if weights is None:
        return np.asarray(largest), None, None
    return np.asarray(largest), np.asarray(mean), np.asarray(spread)


def sorted_rows(const row_t[::1] rows, const index_t[::1] starts):
    """Whether the row indices of every column increase strictly."""
    cdef index_t j, e
    with nogil:
        for j in range(starts.shape[0] - 1):
            for e in range(starts[j] + 1, starts[j + 1]):
                if rows[e] <= rows[e - 1]:
                    with gil:
                        return False
    return True
