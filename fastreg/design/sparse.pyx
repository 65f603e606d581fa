"""A compressed sparse column matrix used as it lies: float32 or float64, int32 or int64 indices.

Rows are sorted and unique inside a column (the border sees to that). Every operation is made of five small
loops over one column; the fused types of values and indices are resolved there and nowhere else. Centers
never touch the zeros of a column: they enter as scalars, except in a Gram panel, which is dense anyway.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport fabs, NAN

from fastreg.design.base cimport (
    CUBE, STRIP, Affine, Columns, Compressed, Design, Vectors, column_at, index_t,
)
from fastreg.runtime.interrupt cimport poll

ctypedef fused value_t:
    double
    float

ctypedef fused row_t:
    int
    long long

# Entries between two looks at Ctrl-C, about 10 ms' worth.
cdef double BATCH_ENTRIES = 8e6


cdef inline double dot_entries(const value_t* x, const row_t* rows, index_t count, const double* u) noexcept nogil:
    cdef double even = 0.0
    cdef double odd = 0.0
    cdef index_t e
    for e in range(0, count - 1, 2):
        even += x[e] * u[rows[e]]
        odd += x[e + 1] * u[rows[e + 1]]
    if count % 2:
        even += x[count - 1] * u[rows[count - 1]]
    return even + odd


cdef inline void add_entries(double factor, const value_t* x, const row_t* rows, index_t count, double* out) noexcept nogil:
    cdef index_t e
    for e in range(count):
        out[rows[e]] += factor * x[e]


cdef inline void moments_entries(const value_t* x, const row_t* rows, index_t count, const double* weight, double scale, double* moments) noexcept nogil:
    # moments = (mean, spread about it) of the scaled column, whose absent entries are zeros of weight 1 - seen.
    cdef double mean = 0.0
    cdef double spread = 0.0
    cdef double seen = 0.0
    cdef double d
    cdef index_t e
    for e in range(count):
        mean += weight[rows[e]] * (x[e] * scale)
        seen += weight[rows[e]]
    for e in range(count):
        d = x[e] * scale - mean
        spread += weight[rows[e]] * (d * d)
    moments[0] = mean
    moments[1] = spread + max(0.0, 1.0 - seen) * (mean * mean)


cdef inline index_t copy_entries(const value_t* x, const row_t* rows, index_t count, double scale, const double* root, int* out_rows, double* out) noexcept nogil:
    cdef index_t e
    for e in range(count):
        out_rows[e] = <int> rows[e]
        out[e] = x[e] * scale * root[rows[e]]
    return count


cdef inline void panel_entries(const value_t* x, const row_t* rows, index_t count, index_t row, index_t nr, double scale, const double* root, double* out) noexcept nogil:
    # Add the scaled entries of rows row .. row + nr to out; the first of them is found by bisection.
    cdef index_t low = 0
    cdef index_t high = count
    cdef index_t middle
    while low < high:
        middle = (low + high) // 2
        if rows[middle] < row:
            low = middle + 1
        else:
            high = middle
    while low < count and rows[low] < row + nr:
        out[rows[low] - row] += x[low] * scale * root[rows[low]]
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

    cdef double dot(self, index_t j, const double* u) noexcept nogil:
        cdef index_t s = self.starts[j]
        cdef index_t count = self.starts[j + 1] - s
        if self.single:
            if self.wide_index:
                return dot_entries(<const float*> self.data + s, <const long long*> self.rows + s, count, u)
            return dot_entries(<const float*> self.data + s, <const int*> self.rows + s, count, u)
        if self.wide_index:
            return dot_entries(<const double*> self.data + s, <const long long*> self.rows + s, count, u)
        return dot_entries(<const double*> self.data + s, <const int*> self.rows + s, count, u)

    cdef void add(self, index_t j, double factor, double* out) noexcept nogil:
        cdef index_t s = self.starts[j]
        cdef index_t count = self.starts[j + 1] - s
        if self.single:
            if self.wide_index:
                add_entries(factor, <const float*> self.data + s, <const long long*> self.rows + s, count, out)
            else:
                add_entries(factor, <const float*> self.data + s, <const int*> self.rows + s, count, out)
        elif self.wide_index:
            add_entries(factor, <const double*> self.data + s, <const long long*> self.rows + s, count, out)
        else:
            add_entries(factor, <const double*> self.data + s, <const int*> self.rows + s, count, out)

    cdef void column_moments(self, index_t j, const double* weight, double scale, double* moments) noexcept nogil:
        cdef index_t s = self.starts[j]
        cdef index_t count = self.starts[j + 1] - s
        if self.single:
            if self.wide_index:
                moments_entries(<const float*> self.data + s, <const long long*> self.rows + s, count, weight, scale, moments)
            else:
                moments_entries(<const float*> self.data + s, <const int*> self.rows + s, count, weight, scale, moments)
        elif self.wide_index:
            moments_entries(<const double*> self.data + s, <const long long*> self.rows + s, count, weight, scale, moments)
        else:
            moments_entries(<const double*> self.data + s, <const int*> self.rows + s, count, weight, scale, moments)

    cdef index_t copy(self, index_t j, Affine* affine, int* rows, double* values) noexcept nogil:
        cdef index_t s = self.starts[j]
        cdef index_t count = self.starts[j + 1] - s
        cdef double scale = affine.scale[j]
        if self.single:
            if self.wide_index:
                return copy_entries(<const float*> self.data + s, <const long long*> self.rows + s, count, scale, affine.root, rows, values)
            return copy_entries(<const float*> self.data + s, <const int*> self.rows + s, count, scale, affine.root, rows, values)
        if self.wide_index:
            return copy_entries(<const double*> self.data + s, <const long long*> self.rows + s, count, scale, affine.root, rows, values)
        return copy_entries(<const double*> self.data + s, <const int*> self.rows + s, count, scale, affine.root, rows, values)

    cdef void panel_column(self, index_t j, Affine* affine, index_t row, index_t nr, double* out) noexcept nogil:
        cdef index_t s = self.starts[j]
        cdef index_t count = self.starts[j + 1] - s
        cdef double scale = affine.scale[j]
        if self.single:
            if self.wide_index:
                panel_entries(<const float*> self.data + s, <const long long*> self.rows + s, count, row, nr, scale, affine.root, out)
            else:
                panel_entries(<const float*> self.data + s, <const int*> self.rows + s, count, row, nr, scale, affine.root, out)
        elif self.wide_index:
            panel_entries(<const double*> self.data + s, <const long long*> self.rows + s, count, row, nr, scale, affine.root, out)
        else:
            panel_entries(<const double*> self.data + s, <const int*> self.rows + s, count, row, nr, scale, affine.root, out)

    cdef index_t batch_end(self, Columns cols, index_t start) noexcept nogil:
        # The columns from `start` on that hold a batch's worth of entries.
        cdef double entries = 0.0
        while start < cols.count and entries < BATCH_ENTRIES:
            entries += self.starts[column_at(cols, start) + 1] - self.starts[column_at(cols, start)] + 1
            start += 1
        return start

    cdef double size_of(self, Columns cols) noexcept nogil:
        cdef double total = 0.0
        cdef index_t j
        if cols.index == NULL:
            return <double> self.starts[cols.count]
        for j in range(cols.count):
            total += self.starts[cols.index[j] + 1] - self.starts[cols.index[j]]
        return total

    cdef int scan(self, double* largest) except -1 nogil:
        cdef index_t j, e
        cdef double value
        poll()
        for j in range(self.n_cols):
            largest[j] = 0.0
            for e in range(self.starts[j], self.starts[j + 1]):
                value = self.value(e)
                if value * 0.0 != 0.0:
                    largest[j] = NAN
                    break
                largest[j] = max(largest[j], fabs(value))
        return 0

    cdef int moments(self, const double* weight, const double* scale, double* mean, double* spread) except -1 nogil:
        cdef index_t j
        cdef double[2] pair
        self.entries_read += self.n_entries
        poll()
        for j in range(self.n_cols):
            self.column_moments(j, weight, scale[j], pair)
            mean[j] = pair[0]
            spread[j] = pair[1]
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
                    out[t * cols.count + j] = self.dot(column_at(cols, j), u.data + t * self.n_rows)
            start = end
        return 0

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        cdef index_t start = 0
        cdef index_t end, j, t
        self.entries_read += self.size_of(cols)
        while start < cols.count:
            poll()
            end = self.batch_end(cols, start)
            for j in range(start, end):
                for t in range(coef.count):
                    if coef.data[t * cols.count + j] != 0.0:
                        self.add(column_at(cols, j), coef.data[t * cols.count + j], eta + t * self.n_rows)
            start = end
        return 0

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        cdef index_t j, col
        self.entries_read += self.size_of(cols)
        poll()
        for j in prange(cols.count, num_threads=self.team(<double> self.n_rows * cols.count), schedule="dynamic"):
            col = column_at(cols, j)
            center_rows(-affine.center[col], affine.root, self.n_rows, out + j * self.n_rows)
            self.panel_column(col, affine, 0, self.n_rows, out + j * self.n_rows)
        return 0

    cdef int compress(self, Affine* affine, Columns cols, Compressed out) except -1 nogil:
        cdef index_t j, at
        self.entries_read += self.size_of(cols)
        poll()
        for j in range(cols.count):
            at = out.starts[j]
            out.starts[j + 1] = at + self.copy(column_at(cols, j), affine, out.rows + at, out.values + at)
        return 0

    cdef void load_panel(self, Affine* affine, index_t row, Columns cols, index_t first, double* out) noexcept nogil:
        cdef index_t nr = min(CUBE, self.n_rows - row)
        cdef index_t j, col, i
        for j in range(STRIP):
            for i in range(CUBE):
                out[j * CUBE + i] = 0.0
            if first + j < cols.count:
                col = column_at(cols, first + j)
                center_rows(-affine.center[col], affine.root + row, nr, out + j * CUBE)
                self.panel_column(col, affine, row, nr, out + j * CUBE)

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        cdef index_t count = self.starts[a + 1] - self.starts[a]
        cdef index_t e, ea, eb
        if count != self.starts[b + 1] - self.starts[b]:
            return False
        for e in range(count):
            ea = self.starts[a] + e
            eb = self.starts[b] + e
            self.entries_read += 2
            if self.row(ea) != self.row(eb) or self.value(ea) != self.value(eb):
                return False
        return True

    cdef double value(self, index_t e) noexcept nogil:
        return (<const float*> self.data)[e] if self.single else (<const double*> self.data)[e]

    cdef index_t row(self, index_t e) noexcept nogil:
        return (<const long long*> self.rows)[e] if self.wide_index else (<const int*> self.rows)[e]


cdef void center_rows(double center, const double* root, index_t count, double* out) noexcept nogil:
    cdef index_t i
    for i in range(count):
        out[i] = center * root[i]
