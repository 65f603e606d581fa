"""Groups of equal columns."""

import numpy as np

from fastreg.design.base cimport Design, index_t
from fastreg.design.tiles cimport fetch

# Places are asked for so many columns ahead: the table is larger than the nearest caches.
cdef index_t AHEAD = 16


def group_equal(Design design, const unsigned long long[::1] key, const index_t[::1] columns):
    """Return for every column the position of the first column that equals it (itself, if none does).

    Columns whose keys are the same in most bits are compared entry by entry, so that the key may be any hash.

    Parameters
    ----------
    design : Design
    key : (m,), a hash of every column
    columns : (m,), the raw columns; fewer than 2**32 - 1
    """
    cdef index_t count = columns.shape[0]
    cdef index_t[::1] leader = np.arange(count, dtype=np.intp)
    # Open addressing in a table of twice to four times the columns. A place holds the first column of its kind: its
    # position plus 1 and above that 32 bits of its hash, which nearly always tell it from others; 0 for none.
    cdef int bits = max(2, int(count).bit_length() + 1)
    cdef unsigned long long[::1] table = np.zeros(1 << bits, dtype=np.uint64)
    cdef unsigned long long last = (1 << bits) - 1
    cdef unsigned long long place, stamp, held
    cdef index_t i, first
    with nogil:
        for i in range(count):
            if i + AHEAD < count:
                fetch(&table[mixed(key[i + AHEAD]) >> (64 - bits)])
            place = mixed(key[i]) >> (64 - bits)
            stamp = mixed(key[i]) << 32 | <unsigned long long> (i + 1)
            while True:
                held = table[place]
                if held == 0:
                    table[place] = stamp
                    break
                if (held ^ stamp) >> 32 == 0:
                    first = <index_t> <unsigned int> held - 1
                    if design.equal(columns[first], columns[i]):
                        leader[i] = first
                        break
                place = (place + 1) & last
    return np.asarray(leader)


def number_groups(
    const index_t[::1] leader, const index_t[::1] columns, const double[::1] l2, index_t n_columns
):
    """Number groups of equal columns; return their leaders, whose number each column has, and how many share a group.

    Parameters
    ----------
    leader : (m,), for every column the position of the first of its group
    columns : (m,), the raw columns
    l2 : (n_columns,), l2 factors of the raw columns, 0 where the first of a group carries all of its coefficient
    n_columns : int

    Returns
    -------
    kept : ndarray (n_groups,), the raw columns that lead
    members : ndarray (n_columns,), number of the group that a raw column has a share in, or -1
    multiplicity : ndarray (n_groups,), how many columns share
    """
    cdef index_t[::1] kept = np.empty(leader.shape[0], dtype=np.intp)
    cdef index_t[::1] members = np.full(n_columns, -1, dtype=np.intp)
    cdef double[::1] multiplicity = np.empty(leader.shape[0])
    cdef index_t count = 0
    cdef index_t i, j, first
    for i in range(leader.shape[0]):
        j, first = columns[i], columns[leader[i]]
        if leader[i] == i:
            members[j], kept[count], multiplicity[count] = count, j, 1.0
            count += 1
        elif l2[first] > 0.0:
            members[j] = members[first]
            multiplicity[members[j]] += 1.0
    return np.asarray(kept)[:count], np.asarray(members), np.asarray(multiplicity)[:count]


cdef inline unsigned long long mixed(unsigned long long key) noexcept nogil:
    # Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): the highest bits are the mixed ones.
    return key * <unsigned long long> 0x9E3779B97F4A7C15
