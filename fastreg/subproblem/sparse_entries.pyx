"""Working columns of sparse data: their entries, under the weights of the form too, and their inner products."""

import numpy as np

from cython.parallel cimport prange
from libc.string cimport memset

from fastreg.design.base cimport Columns, Compressed, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.row_store cimport RowStore

from fastreg.subproblem.columns import grown

# A column whose mean exceeds this many standard deviations has its center applied entry by entry.
cdef double HEAVY = 8.0
# Of so few columns products are summed row by row, in so many parts.
cdef index_t FEW = 128
cdef index_t PARTS = 4
# So few new ones are spread out, to be met by the entries of all that are not on the shelf.
cdef index_t FEW_NEW = 4
# To put an entry on the shelf costs so many looks at one.
cdef index_t STOCKING = 2
# In the time of a look at an entry: to write a zero of a column, to multiply two numbers of written columns, to have an
# entry in its row rather than in its written column, and to multiply two entries of a row.
cdef double WRITTEN = 0.2
cdef double MULTIPLIED = 0.005
cdef double TURNED = 1.0
cdef double MET = 0.18
# A squared norm that is less than this part of what it is without the center is summed up anew.
cdef double CANCELLED = 0.1


cdef class SparseEntries(Form):
    """Compressed working columns, their means and centers."""

    def __init__(self, ScaledDesign design):
        super().__init__(design)
        self.kind = 2
        self.starts = np.zeros(1, dtype=np.intp)
        self.rows = np.empty(0, dtype=np.int32)
        self.values = np.empty(0)
        self.mean = np.empty(0)
        self.center = np.empty(0)
        self.heavy = np.empty(0, dtype=np.uint8)
        self.fresh, self.shelf = RowStore(design.n_rows), RowStore(design.n_rows)
        self.own_values, self.own_center, self.partial = np.empty(0), np.empty(0), np.empty(0)
        self.spread = np.empty(0)
        self.root = &design._root[0]

    def _grow(self, capacity):
        Form._grow(self, capacity)
        self.starts = grown(np.asarray(self.starts), capacity + 1, np.intp)
        self.mean = grown(np.asarray(self.mean), capacity)
        self.center = grown(np.asarray(self.center), capacity)
        self.own_center = grown(np.asarray(self.own_center), capacity)
        self.heavy = grown(np.asarray(self.heavy), capacity, np.uint8)

    def _grow_entries(self, entries):
        # Room for half as much again: what is not touched costs nothing, and a few more columns often follow.
        entries += entries // 2
        self.rows = grown(np.asarray(self.rows), entries, np.int32)
        self.values = grown(np.asarray(self.values), entries)
        if self.weights is not None:
            self.own_values = grown(np.asarray(self.own_values), entries)

    def _describe(self, first):
        # Means, centers and curvatures of the columns from `first` on, as the scaled design knows them.
        chosen = np.asarray(self.feature[first:self.count])
        columns = self.design.raw_columns(chosen)
        mean, deviation = self.design.mean[columns], self.design.deviation[columns]
        np.asarray(self.mean)[first:self.count] = mean
        np.asarray(self.center)[first:self.count] = self.design.center[columns]
        np.asarray(self.own_center)[first:self.count] = self.design.center[columns]
        np.asarray(self.heavy)[first:self.count] = np.abs(mean) > HEAVY * deviation
        np.asarray(self.curvature)[first:self.count] = self.design.norm[chosen] ** 2

    cdef int append(self, const index_t* features, index_t count) except -1 nogil:
        cdef index_t first = self.count
        cdef index_t entries
        cdef Columns new
        cdef Compressed place
        Form.append(self, features, count)
        if count == 0:
            return 0
        new.index = &self.feature[first]
        new.count = count
        entries = self.starts[first] + <index_t> self.design.size_of(new)
        if entries > self.values.shape[0] or self.values.shape[0] == 0:
            with gil:
                self._grow_entries(max(entries, 1024))
        place.starts = &self.starts[first]
        place.rows = &self.rows[0]
        place.values = &self.values[0] if self.weights is None else &self.own_values[0]
        self.design.compress(new, place)
        with gil:
            self._describe(first)
        # Columns that have the places of others.
        self.fresh.end = 0
        if first < self.shelf.end:
            self.shelf.end = 0
        return self.weigh(first)

    cdef int weigh(self, index_t first) except -1 nogil:
        # Values, means, centers and squared norms under the weights of the form, from those of the design.
        cdef double* values = &self.values[0]
        cdef const double* own
        cdef const double* ratio
        cdef double mean, square, center, value
        cdef index_t i, e, row
        if self.weights is None:
            return 0
        own, ratio, self.root = &self.own_values[0], &self.weights.ratio[0], &self.weights.root[0]
        for i in range(first, self.count):
            mean = square = 0.0
            for e in range(self.starts[i], self.starts[i + 1]):
                row = self.rows[e]
                value = own[e] * ratio[row]
                values[e] = value
                mean += value * self.root[row]
                square += value * value
            center = mean if self.design.centered else 0.0
            self.mean[i], self.center[i], self.moved[i] = mean, center, center - self.own_center[i]
            # The squares of the root weights sum to 1.
            self.curvature[i] = square - center * center
            if self.curvature[i] < CANCELLED * square:
                self.curvature[i] = self.centered_square(i)
            self.heavy[i] = center * center > HEAVY * HEAVY * self.curvature[i]
        return 0

    cdef double centered_square(self, index_t i) noexcept nogil:
        # The squared norm of column i less its center, as a sum of squares.
        cdef double center = self.center[i]
        cdef double inside = 0.0
        cdef double square = 0.0
        cdef index_t e
        for e in range(self.starts[i], self.starts[i + 1]):
            square += (self.values[e] - center * self.root[self.rows[e]]) ** 2
            inside += self.root[self.rows[e]] ** 2
        return square + center * center * max(1.0 - inside, 0.0)

    cdef double entries(self) noexcept nogil:
        return <double> self.starts[self.count]

    cdef int products(self, index_t first, double* Q, index_t stride) except -1 nogil:
        # Every entry of a column meets the entries of its row: those of the new columns, or of the old ones where these
        # are shelved by row. Then the centers: (v_i - c_i root)'(v_k - c_k root) = v_i'v_k - c_i c_k, as c_i = root'v_i
        # or 0. Where c_i dwarfs the deviation that would cancel; there column i is spread out.
        cdef const double* ratio = NULL if self.weights is None else &self.weights.ratio[0]
        cdef index_t new = self.count - first
        cdef index_t i, k, shelved
        cdef double work = <double> self.starts[self.count] + <double> self.count * new
        cdef int threads = self.design.raw.team(work)
        cdef bint done = False
        if first == 0 and self.weights is None and self.dense_pays():
            return self.multiply_dense(Q, stride)
        shelved = self.stock(first)
        if first > 0 and new <= FEW_NEW:
            self.multiply_spread(shelved, first, Q, stride, threads)
            done = True
        else:
            self.turn(first)
        if first == 0 and self.count <= FEW:
            self.multiply_rows(Q, stride, threads)
            done = True
        for i in prange(first, self.count if shelved else first, num_threads=threads, schedule="dynamic"):
            multiply_column(self, self.shelf, i, ratio, 0, Q + i * stride)
        for k in prange(self.count, num_threads=threads, schedule="dynamic", chunksize=16):
            if k < shelved:
                for i in range(first, self.count):
                    Q[k * stride + i] = Q[i * stride + k]
            elif not done:
                multiply_column(self, self.fresh, k, ratio, max(k - first, 0), Q + k * stride + first)
            for i in range(max(k - first, 0), new):
                Q[k * stride + first + i] -= self.center[k] * self.center[first + i]
        for k in range(first, self.count):
            for i in range(first, k):
                Q[k * stride + i] = Q[i * stride + k]
        for i in range(self.count):
            if self.heavy[i]:
                self.heavy_products(i, first, Q, stride)
        return 0

    cdef bint dense_pays(self) noexcept nogil:
        # Whether products of columns that are written out with their zeros cost less than a turn and products row by
        # row, in the time of a look at an entry.
        cdef double numbers = <double> self.design.n_rows * self.count
        cdef double entries = <double> self.starts[self.count]
        cdef double dense = numbers * (WRITTEN + MULTIPLIED * self.count)
        return dense < entries * (TURNED + MET * entries / self.design.n_rows)

    cdef int multiply_dense(self, double* Q, index_t stride) except -1 nogil:
        cdef Columns columns
        columns.index, columns.count = &self.feature[0], self.count
        self.shelf.end = 0
        return self.design.gram(columns, columns, Q, stride)

    cdef int multiply_rows(self, double* Q, index_t stride, int threads) except -1 nogil:
        # v_i'v_k for k >= i, row by row. Parts of the rows, as many whatever the threads, have sums of their own.
        cdef const double* ratio = NULL if self.weights is None else &self.weights.ratio[0]
        cdef index_t size = self.count * self.count
        cdef index_t rows = self.design.n_rows
        cdef index_t part, i, k
        if self.partial.shape[0] < PARTS * size:
            with gil:
                self.partial = np.empty(PARTS * size)
        for part in prange(PARTS, num_threads=threads, schedule="static", chunksize=1):
            self.fresh.pair(part * rows // PARTS, (part + 1) * rows // PARTS, ratio, &self.partial[part * size])
        for i in range(self.count):
            for k in range(i, self.count):
                Q[i * stride + k] = 0.0
                for part in range(PARTS):
                    Q[i * stride + k] += self.partial[part * size + i * self.count + k]
        return 0

    cdef int multiply_spread(
        self, index_t shelved, index_t first, double* Q, index_t stride, int threads
    ) except -1 nogil:
        # The products of the columns from `shelved` on with those from `first` on, each of which is spread out in turn.
        cdef index_t i, k, e
        self.reserve_spread()
        memset(&self.spread[0], 0, self.design.n_rows * sizeof(double))
        for i in range(first, self.count):
            for e in range(self.starts[i], self.starts[i + 1]):
                self.spread[self.rows[e]] = self.values[e]
            for k in prange(shelved, i + 1, num_threads=threads, schedule="dynamic", chunksize=4):
                Q[k * stride + i] = self.dot_spread(k)
            for e in range(self.starts[i], self.starts[i + 1]):
                self.spread[self.rows[e]] = 0.0
        return 0

    cdef double dot_spread(self, index_t k) noexcept nogil:
        return dot_rows(&self.values[0], &self.rows[0], self.starts[k], self.starts[k + 1], &self.spread[0])

    cdef int reserve_spread(self) except -1 nogil:
        if self.spread.shape[0] == 0:
            with gil:
                self.spread = np.empty(self.design.n_rows)
        return 0

    cdef int store(self, RowStore rows, index_t first, index_t end) except -1 nogil:
        # As they are under the weights of the design.
        cdef const double* own = &self.values[0] if self.weights is None else &self.own_values[0]
        return rows.fill(&self.starts[0], &self.rows[0], own, first, end)

    cdef int turn(self, index_t first) except -1 nogil:
        # The columns from `first` on, row by row.
        if self.fresh.first == first and self.fresh.end == self.count:
            return 0
        return self.store(self.fresh, first, self.count)

    cdef index_t stock(self, index_t first) except -1 nogil:
        # Shelve the columns before `first`, so that those that join them look at the rows which they have, and not at
        # all rows of those before: as soon as such looks have cost what that costs. Returns how many are shelved.
        if first == 0:
            self.shelf.end = 0
            return 0
        self.looked += self.starts[first] - self.starts[self.shelf.end]
        if self.looked > STOCKING * self.starts[first]:
            self.looked = 0
            self.store(self.shelf, 0, first)
        return self.shelf.end

    cdef int heavy_products(self, index_t i, index_t first, double* Q, index_t stride) except -1 nogil:
        # x_i'x_k from the centered column i, whose sum with root is 0: exactly so, since centers multiply it.
        cdef index_t k, e, start
        cdef double rest
        self.reserve_spread()
        for e in range(self.design.n_rows):
            self.spread[e] = -self.center[i] * self.root[e]
        for e in range(self.starts[i], self.starts[i + 1]):
            self.spread[self.rows[e]] += self.values[e]
        if self.center[i] != 0.0:
            rest = dot(self.root, &self.spread[0], self.design.n_rows)
            axpy(-rest, self.root, &self.spread[0], self.design.n_rows)
        start = 0 if i >= first else first
        for k in range(start, self.count):
            if k >= first:
                Q[i * stride + k] = self.dot_spread(k)
            if i >= first:
                Q[k * stride + i] = self.dot_spread(k)
        return 0


cdef void multiply_column(
    SparseEntries form, RowStore store, index_t k, const double* ratio, index_t least, double* out
) noexcept nogil:
    cdef index_t start = form.starts[k]
    store.meet(&form.rows[start], &form.values[start], form.starts[k + 1] - start, ratio, least, out)
