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
    cdef index_t count = columns.shape[0]
    cdef index_t[::1] leader = np.arange(count, dtype=np.intp)
    # Open addressing in a table of twice to four times the columns: a place holds the first column of its kind.
    cdef int bits = max(2, int(count).bit_length() + 1)
    cdef index_t[::1] table = np.full(1 << bits, -1, dtype=np.intp)
    cdef index_t last = table.shape[0] - 1
    cdef index_t i, first
    cdef unsigned long long place
    with nogil:
        for i in range(count):
            # Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the highest bits are the mixed ones.
            place = (key[i] * <unsigned long long> 0x9E3779B97F4A7C15) >> (64 - bits)
            while True:
                first = table[place]
                if first < 0:
                    table[place] = i
                    break
                if key[first] == key[i] and design.equal(columns[first], columns[i]):
                    leader[i] = first
                    break
                place = (place + 1) & last
    return np.asarray(leader)
