"""A compressed sparse column matrix used as it lies: float32 or float64, int32 or int64 indices.

Rows are sorted and unique inside a column (the border sees to that). Every operation is made of small loops over the
entries of one column (``entries.pxd``, ``sparse_look.pxd``, ``sparse_panel.pxd``). Centers never touch the zeros of a
column: they enter as scalars, except in a Gram panel, which is dense anyway.
"""

import numpy as np

from cython.parallel cimport prange
from libc.string cimport memcmp

from fastreg.design.base cimport (
    CUBE, MOST_WEIGHTS, SHARE, STRIP, Affine, Columns, Compressed, Design, Panel, Survey, Vectors, ceil_div, column_at,
    index_t,
)
from fastreg.design.entries cimport (
    FEW, Entries, add_entries, add_few, dot_entries, dot_few, row_at, value_at,
)
from fastreg.design.sparse_look cimport Rows, are_equal, survey_column
from fastreg.design.sparse_panel cimport add_panel_rows, fill_strip
from fastreg.runtime.interrupt cimport poll

# FEW interleaved vectors are taken at once where there are so many, all their rows stay in the cache and entries make
# up for the way there and back; else vectors are taken in groups of so many.
cdef index_t LEAST = 3
cdef index_t LONGEST = 1 << 17
cdef index_t GROUP = 4
# Entries between two looks at Ctrl-C, about 10 ms' worth.
cdef double BATCH_ENTRIES = 8e6


cdef inline void store_each(
    SparseDesign X, const double* vectors, Columns cols, index_t j, index_t count, double* out
) noexcept nogil:
    # Inner products of column j with vectors that follow one another.
    cdef index_t k
    for k in range(count):
        out[k * cols.count + j] = dot_entries(X.column(column_at(cols, j)), vectors + k * X.n_rows)


cdef inline void store_few(SparseDesign X, Columns cols, index_t j, index_t few, double* out) noexcept nogil:
    # Inner products of column j with the first few of the interleaved vectors.
    cdef double[FEW] sums
    cdef index_t k
    dot_few(X.column(column_at(cols, j)), &X.lines[0], sums)
    for k in range(few):
        out[k * cols.count + j] = sums[k]


cdef inline void spread_each(
    SparseDesign X, Columns cols, index_t j, const double* coef, index_t count, double* eta
) noexcept nogil:
    # Add column j times its coefficients to vectors that follow one another.
    cdef double factor
    cdef index_t k
    for k in range(count):
        factor = coef[k * cols.count + j]
        if factor != 0.0:
            add_entries(X.column(column_at(cols, j)), factor, eta + k * X.n_rows)


cdef inline void spread_few(
    SparseDesign X, Columns cols, index_t j, const double* coef, index_t count
) noexcept nogil:
    # ... and to the interleaved ones.
    cdef double[FEW] factors
    cdef bint some = False
    cdef index_t k
    for k in range(FEW):
        factors[k] = coef[k * cols.count + j] if k < count else 0.0
        some = some or factors[k] != 0.0
    if some:
        add_few(X.column(column_at(cols, j)), factors, &X.lines[0])


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
        self.lines = np.empty(0)
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
        cdef int threads = self.team(self.n_entries * (weights.count + out.vectors.count))
        cdef Rows[MOST_WEIGHTS] rows
        cdef double[:, ::1] pairs
        with gil:
            pairs = np.zeros((self.n_rows, 2))
        for k in range(weights.count):
            rows[k].count, rows[k].pairs = self.n_rows, &pairs[0, 0]
            rows[k].weights, rows[k].weight = weights.data + k * self.n_rows, weights.data[k * self.n_rows]
            if are_equal(rows[k].weights, self.n_rows):
                rows[k].weights = NULL
        for k in range(min(2, out.vectors.count)):
            for j in range(self.n_rows):
                pairs[j, k] = out.vectors.data[k * self.n_rows + j]
        self.entries_read += self.n_entries
        while start < self.n_cols:
            poll()
            end = self.batch_end(self.everything(), start)
            for j in prange(start, end, num_threads=threads, schedule="dynamic", chunksize=512):
                survey_column(self.column(j), j, scale[j], rows, weights.count, self.n_cols, &out)
            start = end
        return 0

    cdef int interleave(self, const double* vectors, index_t count) except -1 nogil:
        # Write vectors side by side, and zeros for those that are not there.
        cdef index_t i, k
        if self.lines.shape[0] == 0:
            with gil:
                self.lines = np.empty(FEW * self.n_rows)
        for i in range(self.n_rows):
            for k in range(FEW):
                self.lines[FEW * i + k] = vectors[k * self.n_rows + i] if k < count else 0.0
        return 0

    cdef void separate(self, double* vectors, index_t count) noexcept nogil:
        cdef index_t i, k
        for k in range(count):
            for i in range(self.n_rows):
                vectors[k * self.n_rows + i] = self.lines[FEW * i + k]

    cdef bint few_pay(self, index_t count, double entries) noexcept nogil:
        return count >= LEAST and entries >= FEW * self.n_rows and self.n_rows <= LONGEST

    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil:
        cdef double entries = self.size_of(cols)
        cdef bint few = self.few_pay(u.count, entries)
        cdef index_t most = FEW if few else GROUP
        cdef index_t t, count
        self.entries_read += entries
        for t in range(ceil_div(u.count, most)):
            count = min(most, u.count - t * most)
            if few:
                self.interleave(u.data + t * most * self.n_rows, count)
            self.correlate_group(u.data + t * most * self.n_rows, count, cols, out + t * most * cols.count, few)
        return 0

    cdef int correlate_group(
        self, const double* vectors, index_t count, Columns cols, double* out, bint few
    ) except -1 nogil:
        cdef index_t start = 0
        cdef index_t end, j
        cdef int threads = self.team((self.size_of(cols) + cols.count) * count)
        while start < cols.count:
            poll()
            end = self.batch_end(cols, start)
            for j in prange(start, end, num_threads=threads, schedule="dynamic", chunksize=512):
                if few:
                    store_few(self, cols, j, count, out)
                else:
                    store_each(self, vectors, cols, j, count, out)
            start = end
        return 0

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        cdef double entries = self.size_of(cols)
        cdef bint few = self.few_pay(coef.count, entries)
        cdef index_t most = FEW if few else GROUP
        cdef index_t t, count
        self.entries_read += entries
        for t in range(ceil_div(coef.count, most)):
            count = min(most, coef.count - t * most)
            if few:
                self.interleave(eta + t * most * self.n_rows, count)
            self.predict_group(cols, coef.data + t * most * cols.count, count, eta + t * most * self.n_rows, few)
            if few:
                self.separate(eta + t * most * self.n_rows, count)
        return 0

    cdef int predict_group(
        self, Columns cols, const double* coef, index_t count, double* eta, bint few
    ) except -1 nogil:
        cdef index_t start = 0
        cdef index_t end, j
        while start < cols.count:
            poll()
            end = self.batch_end(cols, start)
            for j in range(start, end):
                if few:
                    spread_few(self, cols, j, coef, count)
                else:
                    spread_each(self, cols, j, coef, count, eta)
            start = end
        return 0

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        cdef index_t j
        cdef int threads = self.team(<double> self.n_rows * cols.count)
        self.entries_read += self.size_of(cols)
        poll()
        for j in prange(cols.count, num_threads=threads, schedule="dynamic"):
            self.load_rows(affine, column_at(cols, j), out + j * self.n_rows)
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

    cdef void load_rows(self, Affine* affine, index_t col, double* out) noexcept nogil:
        # The mapped column: first the zeros, then the entries.
        cdef Entries x = self.column(col)
        cdef index_t i, e
        for i in range(self.n_rows):
            out[i] = -affine.center[col] * affine.root[i]
        for e in range(x.count):
            out[row_at(x, e)] += value_at(x, e) * affine.scale[col] * affine.root[row_at(x, e)]

    cdef void load_panel(self, Affine* affine, Columns cols, Panel panel) noexcept nogil:
        # What zeros become, a strip at a time, then the entries where they belong.
        cdef index_t strip, block, j
        for strip in range(SHARE // STRIP):
            for block in range(ceil_div(panel.nr, CUBE)):
                fill_strip(affine, cols, panel, panel.first + strip * STRIP, block)
        for j in range(panel.first, panel.first + panel.nc):
            add_panel_rows(self.column(column_at(cols, j)), self.n_rows, affine, column_at(cols, j), panel, j)

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        cdef index_t size = self.starts[a + 1] - self.starts[a]
        cdef size_t row = 8 if self.wide_index else 4
        cdef size_t value = 4 if self.single else 8
        cdef const char* rows = <const char*> self.rows
        cdef const char* values = <const char*> self.data
        if size != self.starts[b + 1] - self.starts[b]:
            return False
        self.entries_read += 2 * size
        return memcmp(rows + self.starts[a] * row, rows + self.starts[b] * row, size * row) == 0 and memcmp(
            values + self.starts[a] * value, values + self.starts[b] * value, size * value
        ) == 0
