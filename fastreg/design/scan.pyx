"""The looks at X that validation takes: finite entries, sorted sparse rows."""

import numpy as np

from fastreg.design.base cimport Design, index_t

ctypedef fused row_t:
    int
    long long


def largest_entries(Design design):
    """Return max_i |x_ij| for every column j, NaN where a column holds NaN or infinity."""
    cdef double[::1] largest = np.empty(design.n_cols)
    with nogil:
        design.scan(&largest[0])
    return np.asarray(largest)


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
