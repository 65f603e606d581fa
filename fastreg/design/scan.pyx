"""The looks at X that validation takes: finite entries, sorted sparse rows. Means and spreads come with the first."""

import numpy as np

from fastreg.design.base cimport Design, Survey, index_t

ctypedef fused row_t:
    int
    long long


def survey(Design design, weights=None, scale=None):
    """Read X once; return max_i |x_ij| of every column, and its weighted mean and spread.

    Parameters
    ----------
    design : Design
    weights : None or ndarray (n_rows,) that sums to 1; without weights mean and spread are 0
    scale : None (1) or ndarray (n_cols,), factors of the columns for mean and spread

    Returns
    -------
    largest : ndarray (n_cols,), NaN where a column holds NaN or infinity
    mean, spread : ndarrays (n_cols,)
    """
    cdef double[:, ::1] found = np.zeros((3, design.n_cols))
    cdef const double[::1] weight = np.zeros(design.n_rows) if weights is None else np.ascontiguousarray(weights)
    cdef const double[::1] factor = np.ones(design.n_cols) if scale is None else scale
    cdef Survey out
    out.largest, out.mean, out.spread = &found[0, 0], &found[1, 0], &found[2, 0]
    with nogil:
        design.survey(&weight[0], &factor[0], out)
    return tuple(np.asarray(found))


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
