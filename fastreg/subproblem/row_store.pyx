"""Some sparse columns row by row, for products of sparse matrices as of Gustavson (1978)."""

import numpy as np

from libc.string cimport memset

from fastreg.design.base cimport index_t


cdef class RowStore:
    """Entries of consecutive working columns, row by row; within a row the columns stand in order."""

    def __init__(self, index_t n_rows):
        self.n_rows = n_rows
        self.starts, self.values = np.empty(0, dtype=np.intp), np.empty(0)
        self.columns = np.empty(0, dtype=np.int32)

    def _grow(self, entries):
        size = max(entries, 2 * self.values.shape[0])
        self.starts = np.empty(self.n_rows + 2, dtype=np.intp)
        self.values, self.columns = np.empty(size), np.empty(size, dtype=np.int32)

    cdef int fill(
        self, const index_t* starts, const int* rows, const double* values, index_t first, index_t end
    ) except -1 nogil:
        # Hold the columns first .. end, column i with the entries starts[i] .. starts[i + 1] of rows and values.
        cdef index_t entries = starts[end] - starts[first]
        cdef index_t i, e, row, at
        if self.starts.shape[0] == 0 or self.values.shape[0] < entries:
            with gil:
                self._grow(entries)
        memset(&self.starts[0], 0, (self.n_rows + 2) * sizeof(index_t))
        for e in range(starts[first], starts[end]):
            self.starts[rows[e] + 2] += 1
        for row in range(self.n_rows):
            self.starts[row + 2] += self.starts[row + 1]
        for i in range(first, end):
            for e in range(starts[i], starts[i + 1]):
                at = self.starts[rows[e] + 1]
                self.values[at] = values[e]
                self.columns[at] = <int> (i - first)
                self.starts[rows[e] + 1] = at + 1
        self.first, self.end = first, end
        return 0

    cdef void meet(
        self, const int* rows, const double* values, index_t entries, const double* ratio, index_t least, double* out
    ) noexcept nogil:
        # out[i] = the inner product of a column with column first + i, for i >= least: every entry meets the entries of
        # its row. `ratio` (NULL for 1) is what the rows here are to be multiplied by.
        cdef index_t e, t, row
        cdef double value
        for t in range(least, self.end - self.first):
            out[t] = 0.0
        for e in range(entries):
            row = rows[e]
            value = values[e] * ratio[row] if ratio != NULL else values[e]
            for t in range(self.starts[row + 1] - 1, self.starts[row] - 1, -1):
                if self.columns[t] < least:
                    break
                out[self.columns[t]] += value * self.values[t]

    cdef void pair(self, index_t top, index_t bottom, const double* ratio, double* out) noexcept nogil:
        # out[i, k] = the inner product of columns first + i and first + k >= first + i over some rows, whose pairs are
        # multiplied one row after the other: a small product stays in the cache while the rows go by.
        cdef index_t count = self.end - self.first
        cdef index_t row, s, t
        cdef double value
        cdef double* line
        memset(out, 0, count * count * sizeof(double))
        for row in range(top, bottom):
            for s in range(self.starts[row], self.starts[row + 1]):
                value = self.values[s] * ratio[row] * ratio[row] if ratio != NULL else self.values[s]
                line = out + self.columns[s] * count
                for t in range(s, self.starts[row + 1]):
                    line[self.columns[t]] += value * self.values[t]
