"""The working columns in memory: the forms of the subproblem, and those that hold the columns themselves.

A form holds the columns of the working set W (float64, scaled, centered, weighted), their coefficients beta,
and what coordinate descent needs: ``gradient(i)``, the correlation of column i with the current residual, and
``step(i, delta)``, which moves coefficient i.

==============  ====================================  ====================  =========================
form            holds                                 gradient costs        step costs
==============  ====================================  ====================  =========================
DenseColumns    P, u                                  n                     n
SparseColumns   P compressed, u up to a shift         entries of column i   entries of column i
GramForm        Q = P'P, g = P'u, one of the above    1                     the size of W
==============  ====================================  ====================  =========================

Where the rows have other weights than in the design (``RowWeights``: Newton's model of a loss), the columns themselves
stay as they are; curvatures, Gram matrices, and the columns of coordinate descent are those under these weights.

Which one is used is decided in ``fastreg.solver.cost_model``. Capacity grows by doubling, in NumPy, with the
GIL; everything else runs without it and allocates nothing.
"""

import numpy as np

from cython.parallel cimport prange
from libc.string cimport memcpy, memset

from fastreg.design.base cimport CUBE, NO_INDICES, NO_NUMBERS, Columns, ceil_div, in_cube, index_t
from fastreg.design.cubes cimport multiply_cubes, turn_lines
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot


def grown(old, shape, dtype=float):
    """Return an array of the new shape that begins with the old one; the rest is anything."""
    new = np.empty(shape, dtype=dtype)
    if old is not None:
        new[tuple(slice(length) for length in old.shape)] = old
    return new


cdef class Form:
    """Base of the forms: the features of W, their coefficients and their squared norms."""

    def __init__(self, ScaledDesign design):
        self.design = design
        self.limit = max(design.n_features, 1)
        self.feature = NO_INDICES
        self.beta = self.curvature = self.moved = NO_NUMBERS

    def _grow(self, index_t capacity):
        # Rows of one array: for a small problem to make a view of an array costs more than to use it.
        cdef index_t old = self.capacity
        cdef index_t[::1] feature = np.empty(capacity, dtype=np.intp)
        cdef double[:, ::1] numbers = np.empty((3, capacity))
        if old:
            feature[:old] = self.feature
            numbers[0, :old], numbers[1, :old], numbers[2, :old] = self.beta, self.curvature, self.moved
        self.feature, self.beta, self.curvature, self.moved = feature, numbers[0], numbers[1], numbers[2]
        self.capacity = capacity

    cdef int reserve(self, index_t count) except -1 nogil:
        if count > self.capacity:
            with gil:
                self._grow(int(min(max(count, 2 * self.capacity, 64), max(self.limit, count))))
        return 0

    cdef int append(self, const index_t* features, index_t count) except -1 nogil:
        # Add columns with coefficient 0 behind those that are there; their gradients are those at the residual of
        # the last refresh or step.
        cdef index_t i
        self.reserve(self.count + count)
        for i in range(count):
            self.feature[self.count + i] = features[i]
            self.beta[self.count + i] = self.moved[self.count + i] = 0.0
        self.count += count
        return 0

    def clear(self):
        """Drop all columns."""
        self.count = 0

    def add_features(self, features):
        """Add the columns of some features with coefficient 0."""
        cdef const index_t[::1] index = np.ascontiguousarray(features, dtype=np.intp)
        if index.shape[0]:
            with nogil:
                self.append(&index[0], index.shape[0])

    cdef int refresh(self, const double* target) except -1 nogil:
        # Recompute residual and gradients from the coefficients: target minus the columns times beta.
        return 0

    cdef int residual(self, const double* target, double* u) except -1 nogil:
        # Write the current residual, as of the last refresh and the steps since.
        return 0

    cdef void correlations(self, index_t first, double* g) noexcept nogil:
        # Write the correlations with the residual of the working columns from `first` on to g[first:].
        g[0] = g[0]

    cdef double entries(self) noexcept nogil:
        # How many numbers of columns are held.
        return 0.0

    cdef int products(self, index_t first, double* Q, index_t stride) except -1 nogil:
        # Write the inner products of all columns with those from `first` on: Q[k, first:] for every k.
        return 0

    cdef int weigh(self, index_t first) except -1 nogil:
        # Take note that the weights, or the columns from `first` on, are new.
        return 0

    cdef int predict(self, const double* coef, double* eta) except -1 nogil:
        # eta += the design's columns times coef, one for every column of W.
        return 0

    cdef int correlate(self, const double* u, double* z) except -1 nogil:
        # z = the inner products of the design's columns with u.
        return 0

    cdef void load(self, const double* residual) noexcept nogil:
        # Make this the residual of coordinate descent, under the weights of the form.
        self.kind = self.kind


cdef class DenseColumns(Form):
    """Packed dense columns and the residual."""

    def __init__(self, ScaledDesign design):
        super().__init__(design)
        self.kind = 1
        self.alone = True
        self.P = self.own = np.empty((0, design.n_rows))
        self.u = np.empty(design.n_rows)
        self.cubes = NO_NUMBERS

    def _grow(self, capacity):
        Form._grow(self, capacity)
        self.P = grown(np.asarray(self.P), (capacity, self.design.n_rows))
        self.lines = &self.P[0, 0]
        if self.own.shape[0]:
            self.own = grown(np.asarray(self.own), (capacity, self.design.n_rows))

    cdef int append(self, const index_t* features, index_t count) except -1 nogil:
        cdef index_t first = self.count
        cdef index_t i
        cdef Columns new
        Form.append(self, features, count)
        new.index = &self.feature[first]
        new.count = count
        self.design.pack(new, &self.P[first, 0])
        for i in range(first, self.count):
            self.curvature[i] = dot(&self.P[i, 0], &self.P[i, 0], self.design.n_rows)
        return self.weigh(first)

    cdef int weigh(self, index_t first) except -1 nogil:
        cdef index_t i
        if self.weights is not None and self.design.centered:
            for i in range(first, self.count):
                self.moved[i] = dot(&self.P[i, 0], &self.weights.shift[0], self.design.n_rows)
        return self.weigh_lines(first) if self.weights is not None and self.alone else 0

    cdef int weigh_lines(self, index_t first) except -1 nogil:
        # The columns under the weights, from `first` on.
        cdef index_t i, k
        if self.own.shape[0] < self.capacity:
            with gil:
                self.own = np.empty((self.capacity, self.design.n_rows))
                first = 0
        self.lines = &self.own[0, 0] if self.own.shape[0] else NULL
        self.version += first == 0
        for i in range(first, self.count):
            for k in range(self.design.n_rows):
                self.own[i, k] = self.P[i, k] * self.weights.ratio[k] - self.moved[i] * self.weights.root[k]
            self.curvature[i] = dot(&self.own[i, 0], &self.own[i, 0], self.design.n_rows)
        return 0

    cdef void load(self, const double* residual) noexcept nogil:
        memcpy(&self.u[0], residual, self.design.n_rows * sizeof(double))

    cdef int predict(self, const double* coef, double* eta) except -1 nogil:
        cdef index_t i
        for i in range(self.count):
            if coef[i] != 0.0:
                axpy(coef[i], &self.P[i, 0], eta, self.design.n_rows)
        return 0

    cdef int correlate(self, const double* u, double* z) except -1 nogil:
        cdef index_t i
        for i in range(self.count):
            z[i] = dot(&self.P[i, 0], u, self.design.n_rows)
        return 0

    cdef int refresh(self, const double* target) except -1 nogil:
        cdef index_t i
        memcpy(&self.u[0], target, self.design.n_rows * sizeof(double))
        for i in range(self.count):
            if self.beta[i] != 0.0:
                axpy(-self.beta[i], &self.P[i, 0], &self.u[0], self.design.n_rows)
        return 0

    cdef int residual(self, const double* target, double* u) except -1 nogil:
        memcpy(u, &self.u[0], self.design.n_rows * sizeof(double))
        return 0

    cdef void correlations(self, index_t first, double* g) noexcept nogil:
        cdef index_t i
        for i in range(first, self.count):
            g[i] = self.gradient(i)

    cdef double entries(self) noexcept nogil:
        return <double> self.count * self.design.n_rows

    cdef int products(self, index_t first, double* Q, index_t stride) except -1 nogil:
        # The new columns are turned into cubes once; then every block of columns meets them, 64 rows after 64 rows.
        cdef index_t new = self.count - first
        cdef index_t depth = ceil_div(self.design.n_rows, CUBE)
        cdef double flops = <double> self.count * new * self.design.n_rows
        cdef int threads = self.design.raw.team(flops / 8)
        cdef index_t item, i
        if self.cubes.shape[0] < ceil_div(new, CUBE) * depth * CUBE * CUBE:
            with gil:
                self.cubes = np.empty(ceil_div(new, CUBE) * depth * CUBE * CUBE)
        for item in prange(ceil_div(new, CUBE) * depth, num_threads=threads, schedule="static"):
            self.turn(first + (item // depth) * CUBE, (item % depth) * CUBE, &self.cubes[item * CUBE * CUBE])
        for item in prange(ceil_div(self.count, CUBE), num_threads=threads, schedule="dynamic"):
            multiply_block(self, item * CUBE, first, Q, stride)
        for item in range(first, self.count):
            for i in range(first, item):
                Q[item * stride + i] = Q[i * stride + item]
        return 0

    cdef void turn(self, index_t col, index_t row, double* cube) noexcept nogil:
        # A cube of P: CUBE rows of CUBE columns.
        cdef int count = <int> min(CUBE, self.count - col)
        cdef int length = <int> min(CUBE, self.design.n_rows - row)
        cdef index_t i, k, at
        turn_lines(&self.P[col, row], self.design.n_rows, count, length, CUBE, cube)
        if self.weights is None:
            return
        for i in range(length):
            for k in range(count):
                at = in_cube(i, k)
                cube[at] = cube[at] * self.weights.ratio[row + i] - self.moved[col + k] * self.weights.root[row + i]


cdef void multiply_block(DenseColumns form, index_t row, index_t first, double* Q, index_t stride) noexcept nogil:
    # CUBE lines of Q, from `row` on, times all new columns; blocks below the diagonal are left to symmetry.
    cdef double[CUBE * CUBE] cube
    cdef int count = <int> min(CUBE, form.count - row)
    cdef index_t depth = ceil_div(form.design.n_rows, CUBE)
    cdef index_t new = form.count - first
    cdef index_t block, i, d
    for i in range(row, row + count):
        memset(Q + i * stride + first, 0, new * sizeof(double))
    for d in range(depth):
        form.turn(row, d * CUBE, cube)
        for block in range(max(row - first, 0) // CUBE, ceil_div(new, CUBE)):
            multiply_cubes(
                cube, &form.cubes[(block * depth + d) * CUBE * CUBE], Q + row * stride + first + block * CUBE, stride,
                count, <int> min(CUBE, new - block * CUBE),
            )
