"""Working columns of sparse data: their entries, and the residual up to a multiple of the square-root weights."""

import numpy as np

from cython.parallel cimport prange
from libc.string cimport memcpy, memset

from fastreg.design.base cimport Columns, Compressed, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot
from fastreg.subproblem.columns cimport Form

from fastreg.subproblem.columns import grown

# A column whose mean exceeds this many standard deviations has its center applied entry by entry.
cdef double HEAVY = 8.0
# Of so few columns products are summed row by row, in so many parts.
cdef index_t FEW = 128
cdef index_t PARTS = 4
# A squared norm that is less than this part of what it is without the center is summed up anew.
cdef double CANCELLED = 0.1


cdef class SparseColumns(Form):
    """Compressed working columns and the residual up to a multiple of the square-root weights."""

    def __init__(self, ScaledDesign design):
        super().__init__(design)
        self.kind = 2
        self.starts = np.zeros(1, dtype=np.intp)
        self.rows = np.empty(0, dtype=np.int32)
        self.values = np.empty(0)
        self.u = np.empty(design.n_rows)
        self.mean = np.empty(0)
        self.center = np.empty(0)
        self.heavy = np.empty(0, dtype=np.uint8)
        self.row_starts, self.turned = np.empty(0, dtype=np.intp), np.empty(0)
        self.own_values, self.own_center, self.partial = np.empty(0), np.empty(0), np.empty(0)
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

    def _grow_rows(self, entries):
        size = max(entries, 2 * self.turned.shape[0])
        self.row_starts, self.spread = np.empty(self.design.n_rows + 2, dtype=np.intp), np.empty(self.design.n_rows)
        self.turned, self.turned_column = np.empty(size), np.empty(size, dtype=np.int32)

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
        self.turned_to = 0
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

    cdef int predict(self, const double* coef, double* eta) except -1 nogil:
        cdef double shift = 0.0
        cdef index_t i, e
        for i in range(self.count):
            if coef[i] != 0.0:
                shift += coef[i] * self.own_center[i]
                for e in range(self.starts[i], self.starts[i + 1]):
                    eta[self.rows[e]] += coef[i] * self.own_values[e]
        if shift != 0.0:
            axpy(-shift, &self.design._root[0], eta, self.design.n_rows)
        return 0

    cdef int correlate(self, const double* u, double* z) except -1 nogil:
        cdef double total = dot(&self.design._root[0], u, self.design.n_rows)
        cdef const double* values = &self.own_values[0]
        cdef const int* rows = &self.rows[0]
        cdef double even, odd
        cdef index_t i, e, end
        for i in range(self.count):
            even = -self.own_center[i] * total
            odd = 0.0
            e, end = self.starts[i], self.starts[i + 1]
            while e + 1 < end:
                even += values[e] * u[rows[e]]
                odd += values[e + 1] * u[rows[e + 1]]
                e += 2
            if e < end:
                even += values[e] * u[rows[e]]
            z[i] = even + odd
        return 0

    cdef void load(self, const double* residual) noexcept nogil:
        memcpy(&self.u[0], residual, self.design.n_rows * sizeof(double))
        self.shift = 0.0

    cdef int refresh(self, const double* target) except -1 nogil:
        cdef index_t i
        cdef double b
        for i in range(self.design.n_rows):
            self.u[i] = target[i]
        self.shift = 0.0
        for i in range(self.count):
            b = self.beta[i]
            self.beta[i] = 0.0
            if b != 0.0:
                self.step(i, b)
        return 0

    cdef int residual(self, const double* target, double* u) except -1 nogil:
        cdef index_t i
        for i in range(self.design.n_rows):
            u[i] = self.u[i] + self.shift * self.root[i]
        return 0

    cdef void correlations(self, index_t first, double* g) noexcept nogil:
        cdef index_t i
        for i in range(first, self.count):
            g[i] = self.gradient(i)

    cdef double entries(self) noexcept nogil:
        return <double> self.starts[self.count]

    cdef int products(self, index_t first, double* Q, index_t stride) except -1 nogil:
        # Gustavson's product (1978): the new columns are turned into rows, and every entry of every column meets
        # the entries of its row. Then the centers: (v_i - c_i root)'(v_k - c_k root) = v_i'v_k - c_i c_k, as
        # c_i = root'v_i or 0. Where c_i dwarfs the deviation that would cancel; there column i is spread out.
        cdef index_t new = self.count - first
        cdef index_t i, k
        cdef double work = <double> self.starts[self.count] + <double> self.count * new
        cdef int threads = self.design.raw.team(work)
        cdef bint few = first == 0 and self.count <= FEW
        self.turn(first)
        if few:
            self.multiply_rows(Q, stride, threads)
        for k in prange(self.count, num_threads=threads, schedule="dynamic", chunksize=16):
            if not few:
                multiply_column(self, k, Q + k * stride + first, new, k - first)
            for i in range(max(k - first, 0), new):
                Q[k * stride + first + i] -= self.center[k] * self.center[first + i]
        for k in range(first, self.count):
            for i in range(first, k):
                Q[k * stride + i] = Q[i * stride + k]
        for i in range(self.count):
            if self.heavy[i]:
                self.heavy_products(i, first, Q, stride)
        return 0

    cdef int multiply_rows(self, double* Q, index_t stride, int threads) except -1 nogil:
        # v_i'v_k for k >= i, every row's pairs in turn: a small product stays in the cache while the rows go by. Parts
        # of the rows, as many whatever the threads, have sums of their own.
        cdef index_t size = self.count * self.count
        cdef index_t part, i, k
        if self.partial.shape[0] < PARTS * size:
            with gil:
                self.partial = np.empty(PARTS * size)
        for part in prange(PARTS, num_threads=threads, schedule="static", chunksize=1):
            multiply_part(self, part, &self.partial[part * size])
        for i in range(self.count):
            for k in range(i, self.count):
                Q[i * stride + k] = 0.0
                for part in range(PARTS):
                    Q[i * stride + k] += self.partial[part * size + i * self.count + k]
        return 0

    cdef int turn(self, index_t first) except -1 nogil:
        # The entries of the columns from `first` on, row by row, as they are under the weights of the design.
        cdef index_t entries = self.starts[self.count] - self.starts[first]
        cdef const double* own = &self.values[0] if self.weights is None else &self.own_values[0]
        cdef index_t i, e, row
        if self.turned_from == first and self.turned_to == self.count:
            return 0
        if self.row_starts.shape[0] == 0 or self.turned.shape[0] < entries:
            with gil:
                self._grow_rows(entries)
        memset(&self.row_starts[0], 0, (self.design.n_rows + 2) * sizeof(index_t))
        for e in range(self.starts[first], self.starts[self.count]):
            self.row_starts[self.rows[e] + 2] += 1
        for row in range(self.design.n_rows):
            self.row_starts[row + 2] += self.row_starts[row + 1]
        for i in range(first, self.count):
            for e in range(self.starts[i], self.starts[i + 1]):
                row = self.rows[e]
                self.turned[self.row_starts[row + 1]] = own[e]
                self.turned_column[self.row_starts[row + 1]] = <int> (i - first)
                self.row_starts[row + 1] += 1
        self.turned_from, self.turned_to = first, self.count
        return 0

    cdef void heavy_products(self, index_t i, index_t first, double* Q, index_t stride) noexcept nogil:
        # x_i'x_k from the centered column i, whose sum with root is 0 already.
        cdef index_t k, e, start
        cdef double total
        for e in range(self.design.n_rows):
            self.spread[e] = -self.center[i] * self.root[e]
        for e in range(self.starts[i], self.starts[i + 1]):
            self.spread[self.rows[e]] += self.values[e]
        start = 0 if i >= first else first
        for k in range(start, self.count):
            total = 0.0
            for e in range(self.starts[k], self.starts[k + 1]):
                total += self.values[e] * self.spread[self.rows[e]]
            if k >= first:
                Q[i * stride + k] = total
            if i >= first:
                Q[k * stride + i] = total


cdef void multiply_part(SparseColumns form, index_t part, double* out) noexcept nogil:
    # Sums of the products of all pairs in some of the rows.
    cdef const double* ratio = NULL if form.weights is None else &form.weights.ratio[0]
    cdef const double* values = &form.turned[0]
    cdef const int* column = &form.turned_column[0]
    cdef const index_t* starts = &form.row_starts[0]
    cdef index_t count = form.count
    cdef index_t rows = form.design.n_rows
    cdef index_t row, s, t
    cdef double value
    cdef double* line
    memset(out, 0, count * count * sizeof(double))
    for row in range(part * rows // PARTS, (part + 1) * rows // PARTS):
        for s in range(starts[row], starts[row + 1]):
            value = values[s] * ratio[row] * ratio[row] if ratio != NULL else values[s]
            line = out + column[s] * count
            for t in range(s, starts[row + 1]):
                line[column[t]] += value * values[t]


cdef void multiply_column(SparseColumns form, index_t k, double* out, index_t count, index_t least) noexcept nogil:
    # out[i] = v_k'v_i for the columns i >= least of those that have been turned; in a row they stand in order.
    cdef const double* ratio = NULL if form.weights is None else &form.weights.ratio[0]
    cdef index_t e, t, row
    cdef double value
    memset(out, 0, count * sizeof(double))
    for e in range(form.starts[k], form.starts[k + 1]):
        row = form.rows[e]
        value = form.values[e] * ratio[row] if ratio != NULL else form.values[e]
        for t in range(form.row_starts[row + 1] - 1, form.row_starts[row] - 1, -1):
            if form.turned_column[t] < least:
                break
            out[form.turned_column[t]] += value * form.turned[t]
