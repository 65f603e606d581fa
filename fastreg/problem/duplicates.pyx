"""Groups of equal columns."""

import numpy as np

from fastreg.design.base cimport Design, index_t


def group_equal(Design design, const unsigned long long[::1] key, const index_t[::1] columns):
    """Return for every column the position of the first column that equals it (itself, if none does).

    Only columns with equal keys are compared, and they are compared entry by entry, so that the key may be any hash.

    Parameters
    ----------
    design : Design
    key : (m,), a hash of every column
    columns : (m,), the raw columns
    """
    cdef const index_t[::1] order = np.argsort(key, kind="stable")
    cdef index_t[::1] leader = np.arange(len(columns), dtype=np.intp)
    cdef index_t run = 0
    cdef index_t i, j, a, b
    with nogil:
        for i in range(1, order.shape[0]):
            a = order[i]
            if key[a] != key[order[run]]:
                run = i
                continue
            for j in range(run, i):
                b = order[j]
                if leader[b] == b and design.equal(columns[b], columns[a]):
                    leader[a] = b
                    break
    return np.asarray(leader)
