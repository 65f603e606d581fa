"""A compressed sparse column matrix used as it lies: float32 or float64, int32 or int64 indices.

Rows are sorted and unique inside a column (the border sees to that). Every operation is made of small loops over the
entries of one column; what type values and indices have is known to two accessors, and the compiler takes the
question out of the loops. Centers never touch the zeros of a column: they enter as scalars, except in a Gram
panel, which is dense anyway.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport fabs, sqrt, NAN

from fastreg.design.base cimport (
    CUBE, SHARE, Affine, Columns, Compressed, Design, Panel, Survey, Vectors, ceil_div, column_at, index_t, place_in,
)
from fastreg.design.cubes cimport turn_lines
from fastreg.runtime.interrupt cimport poll

# Entries between two looks at Ctrl-C, about 10 ms' worth.
cdef double BATCH_ENTRIES = 8e6


cdef inline double value_at(Entries x, index_t e) noexcept nogil:
    return (<const float*> x.values)[e] if x.single else (<const double*> x.values)[e]


cdef inline index_t row_at(Entries x, index_t e) noexcept nogil:
    return <index_t> (<const long long*> x.rows)[e] if x.wide else (<const int*> x.rows)[e]


cdef inline double dot_entries(Entries x, const double* u) noexcept nogil:
    cdef double even = 0.0
    cdef double odd = 0.0
    cdef index_t e
    for e in range(0, x.count - 1, 2):
        even += value_at(x, e) * u[row_at(x, e)]
        odd += value_at(x, e + 1) * u[row_at(x, e + 1)]
    if x.count % 2:
        even += value_at(x, x.count - 1) * u[row_at(x, x.count - 1)]
    return even + odd


cdef inline void add_entries(Entries x, double factor, double* out) noexcept nogil:
    cdef index_t e
    for e in range(x.count):
        out[row_at(x, e)] += factor * value_at(x, e)


cdef inline double largest_entry(Entries x) noexcept nogil:
    # The largest |entry|; NaN where one is NaN or infinite: times 0 it is 0 for a number only.
    cdef double largest = 0.0
    cdef double spoiled = 0.0
    cdef index_t e
    for e in range(x.count):
        spoiled += value_at(x, e) * 0.0
        largest = max(largest, fabs(value_at(x, e)))
    return largest if spoiled == 0.0 else NAN


cdef inline void moments_entries(
    Entries x, const double* weight, double scale, double* mean, double* spread
) noexcept nogil:
    # Mean and spread of the scaled column, whose absent entries are zeros of weight 1 - seen; where that is rounding
    # alone, nothing of weight is absent.
    cdef double m = 0.0
    cdef double s = 0.0
    cdef double seen = 0.0
    cdef double d, absent
    cdef index_t e
    for e in range(x.count):
        m += weight[row_at(x, e)] * (value_at(x, e) * scale)
        seen += weight[row_at(x, e)]
    for e in range(x.count):
        d = value_at(x, e) * scale - m
        s += weight[row_at(x, e)] * (d * d)
    absent = 1.0 - seen
    if absent <= 2.2e-16 * (4.0 + 2.0 * sqrt(<double> x.count)):
        absent = 0.0
    mean[0] = m
    spread[0] = s + absent * (m * m)


cdef inline void add_rows(
    Entries x, double scale, const double* root, index_t row, index_t end, double* out
) noexcept nogil:
    # Add the scaled entries of rows row .. end to out; the first of them is found by bisection.
    cdef index_t low = 0
    cdef index_t high = x.count
    cdef index_t middle
    while low < high:
        middle = (low + high) // 2
        if row_at(x, middle) < row:
            low = middle + 1
        else:
            high = middle
    while low < x.count and row_at(x, low) < end:
        out[row_at(x, low) - row] += value_at(x, low) * scale * root[row_at(x, low)]
        low += 1


cdef class SparseDesign(Design):
    """Sparse X; see ``fastreg.design.base`` for the operations."""

    def __init__(self, data, indices, indptr, shape, int n_threads=1):
        if data.dtype.str[1:] not in ("f8", "f4") or indices.dtype.str[1:] not in ("i4", "i8"):
            raise TypeError("SparseDesign: expected float32 or float64 data and int32 or int64 indices.")
        if not (data.flags.c_contiguous and indices.flags.c_contiguous):
            raise TypeError("SparseDesign: expected contiguous data and indices.")
        starts = np.ascontiguousarray(indptr, dtype=np.intp)
        self.owner = (data, indices, starts)
        self.data = <const void*> <size_t> data.__array_interface__["data"][0]
        self.rows = <const void*> <size_t> indices.__array_interface__["data"][0]
        self.starts = <const index_t*> <size_t> starts.__array_interface__["data"][0]
        self.single = data.itemsize == 4
        self.wide_index = indices.itemsize == 8
        self.n_rows, self.n_cols = shape
        self.n_entries = <double> max(1, starts[self.n_cols])
        self.n_threads = n_threads
        self.is_sparse = True

    cdef Entries column(self, index_t j) noexcept nogil:
        cdef Entries x
        cdef index_t start = self.starts[j]
        x.single, x.wide = self.single, self.wide_index
        x.values = <const char*> self.data + start * (4 if self.single else 8)
        x.rows = <const char*> self.rows + start * (8 if self.wide_index else 4)
        x.count = self.starts[j + 1] - start
        return x

    cdef index_t batch_end(self, Columns cols, index_t start) noexcept nogil:
        # The columns from `start` on that hold a batch's worth of entries.
        cdef double entries = 0.0
        while start < cols.count and entries < BATCH_ENTRIES:
            entries += self.starts[column_at(cols, start) + 1] - self.starts[column_at(cols, start)] + 1
            start += 1
        return start

    cdef Columns everything(self) noexcept nogil:
        cdef Columns cols
        cols.index, cols.count = NULL, self.n_cols
        return cols

    cdef double size_of(self, Columns cols) noexcept nogil:
        cdef double total = 0.0
        cdef index_t j
        if cols.index == NULL:
            return <double> self.starts[cols.count]
        for j in range(cols.count):
            total += self.starts[cols.index[j] + 1] - self.starts[cols.index[j]]
        return total

    cdef int survey(self, Vectors weights, const double* scale, Survey out) except -1 nogil:
        cdef index_t start = 0
        cdef index_t end, j, k
        cdef int threads = self.team(self.n_entries * weights.count)
        self.entries_read += self.n_entries
        while start < self.n_cols:
            poll()
            end = self.batch_end(self.everything(), start)
            for j in prange(start, end, num_threads=threads, schedule="dynamic", chunksize=512):
                out.largest[j] = largest_entry(self.column(j))
                for k in range(weights.count):
                    moments_entries(
                        self.column(j), weights.data + k * self.n_rows, scale[j], out.mean + k * self.n_cols + j,
                        out.spread + k * self.n_cols + j,
                    )
            start = end
        return 0

    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil:
        cdef index_t start = 0
        cdef index_t end, j, t
        cdef double entries = self.size_of(cols)
        cdef int threads = self.team((entries + cols.count) * u.count)
        self.entries_read += entries
        while start < cols.count:
            poll()
            end = self.batch_end(cols, start)
            for j in prange(start, end, num_threads=threads, schedule="dynamic", chunksize=512):
                for t in range(u.count):
                    out[t * cols.count + j] = dot_entries(self.column(column_at(cols, j)), u.data + t * self.n_rows)
            start = end
        return 0

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        cdef index_t start = 0
        cdef index_t end, j, t
        cdef double b
        self.entries_read += self.size_of(cols)
        while start < cols.count:
            poll()
            end = self.batch_end(cols, start)
            for j in range(start, end):
                for t in range(coef.count):
                    b = coef.data[t * cols.count + j]
                    if b != 0.0:
                        add_entries(self.column(column_at(cols, j)), b, eta + t * self.n_rows)
            start = end
        return 0

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        cdef index_t j
        cdef int threads = self.team(<double> self.n_rows * cols.count)
        self.entries_read += self.size_of(cols)
        poll()
        for j in prange(cols.count, num_threads=threads, schedule="dynamic"):
            self.load_rows(affine, column_at(cols, j), 0, self.n_rows, out + j * self.n_rows)
        return 0

    cdef int compress(self, Affine* affine, Columns cols, Compressed out) except -1 nogil:
        cdef Entries x
        cdef index_t j, e, at
        self.entries_read += self.size_of(cols)
        poll()
        for j in range(cols.count):
            x = self.column(column_at(cols, j))
            at = out.starts[j]
            out.starts[j + 1] = at + x.count
            for e in range(x.count):
                out.rows[at + e] = <int> row_at(x, e)
                out.values[at + e] = value_at(x, e) * affine.scale[column_at(cols, j)] * affine.root[row_at(x, e)]
        return 0

    cdef void load_rows(self, Affine* affine, index_t col, index_t row, index_t end, double* out) noexcept nogil:
        # Rows row .. end of the mapped column: first the zeros, then the entries.
        cdef index_t i
        for i in range(row, end):
            out[i - row] = -affine.center[col] * affine.root[i]
        add_rows(self.column(col), affine.scale[col], affine.root, row, end, out)

    cdef void load_panel(self, Affine* affine, Columns cols, Panel panel) noexcept nogil:
        cdef double[SHARE * CUBE] lines
        cdef index_t block, row, end, j
        for block in range(ceil_div(panel.nr, CUBE)):
            row = panel.row + block * CUBE
            end = min(row + CUBE, panel.row + panel.nr)
            for j in range(panel.nc):
                self.load_rows(affine, column_at(cols, panel.first + j), row, end, lines + j * CUBE)
            turn_lines(
                lines, CUBE, <int> panel.nc, <int> (end - row), SHARE, place_in(panel, block * CUBE, panel.first)
            )

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        cdef Entries x = self.column(a)
        cdef Entries y = self.column(b)
        cdef index_t e
        if x.count != y.count:
            return False
        for e in range(x.count):
            self.entries_read += 2
            if row_at(x, e) != row_at(y, e) or value_at(x, e) != value_at(y, e):
                return False
        return True
