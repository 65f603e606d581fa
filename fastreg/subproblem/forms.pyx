"""The working columns in memory, in one of three forms.

A form holds the columns of the working set W (float64, scaled, centered, weighted), their coefficients beta,
and what coordinate descent needs: ``gradient(i)``, the correlation of column i with the current residual, and
``step(i, delta)``, which moves coefficient i.

==============  ====================================  ====================  =========================
form            holds                                 gradient costs        step costs
==============  ====================================  ====================  =========================
GramForm        Q = P'P, g = P'u (P too, if packed)   1                     the size of W
DenseColumns    P, u                                  n                     n
SparseColumns   P compressed, u up to a shift         entries of column i   entries of column i
==============  ====================================  ====================  =========================

Which one is used is decided in ``fastreg.solver.cost_model``. Capacity grows by doubling, in NumPy, with the
GIL; everything else runs without it and allocates nothing.
"""

import numpy as np

from cython.parallel cimport prange
from scipy.linalg.cython_blas cimport dgemm

from fastreg.design.base cimport CUBE, Columns, Compressed, Vectors, ceil_div, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot, project

# A column whose mean exceeds this many standard deviations has its center applied entry by entry.
cdef double HEAVY = 8.0


def _grown(old, shape, dtype=float):
    """Return an array of the new shape that begins with the old one."""
    new = np.zeros(shape, dtype=dtype)
    if old is not None:
        new[tuple(slice(length) for length in old.shape)] = old
    return new


cdef void subtract_columns(
    const double* target, double[:, ::1] P, double[::1] beta, index_t count, double[::1] u
) noexcept nogil:
    # u = target - P' beta for the packed columns, one a row of P.
    cdef index_t i
    for i in range(u.shape[0]):
        u[i] = target[i]
    for i in range(count):
        if beta[i] != 0.0:
            axpy(-beta[i], &P[i, 0], &u[0], u.shape[0])


cdef class Form:
    """Base of the forms: the features of W, their coefficients and their squared norms."""

    def __init__(self, ScaledDesign design):
        self.design = design
        self.limit = max(design.n_features, 1)
        self.feature = np.empty(0, dtype=np.intp)
        self.beta = np.empty(0)
        self.curvature = np.empty(0)

    def _grow(self, capacity):
        self.feature = _grown(np.asarray(self.feature), capacity, np.intp)
        self.beta = _grown(np.asarray(self.beta), capacity)
        self.curvature = _grown(np.asarray(self.curvature), capacity)
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
            self.beta[self.count + i] = 0.0
        self.count += count
        return 0

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

    cdef void gradients(self, double* z) noexcept nogil:
        # Write the correlations of the working columns to z, indexed by feature.
        z[0] = z[0]


cdef class GramForm(Form):
    """Gram matrix of the working columns; the columns themselves too where they are small (packed)."""

    def __init__(self, ScaledDesign design, bint packed):
        super().__init__(design)
        self.kind = 0
        self.packed = packed
        self.Q = np.empty((0, 0))
        self.P = np.empty((0, design.n_rows if packed else 0))
        self.g = np.empty(0)
        self.u = np.empty(design.n_rows if packed else 0)

    def _grow(self, capacity):
        Form._grow(self, capacity)
        self.support = np.empty(capacity, dtype=np.intp)
        self.negative = np.empty(capacity)
        self.Q = _grown(np.asarray(self.Q), (capacity, capacity))
        self.g = _grown(np.asarray(self.g), capacity)
        if self.packed:
            self.P = _grown(np.asarray(self.P), (capacity, self.design.n_rows))

    def bind_target(self, const double[::1] target, const double[::1] correlation):
        """Set the target's squared norm and its correlations (n_features,), which the caller keeps alive."""
        self.target2 = dot(&target[0], &target[0], target.shape[0])
        self.correlation = &correlation[0] if correlation.shape[0] else NULL

    cdef int append(self, const index_t* features, index_t count) except -1 nogil:
        cdef index_t first = self.count
        cdef index_t i, j
        cdef Columns old, new
        Form.append(self, features, count)
        if count == 0:
            return 0
        old.index = &self.feature[0]
        old.count = self.count
        new.index = &self.feature[first]
        new.count = count
        if self.packed:
            self.design.pack(new, &self.P[first, 0])
            self.products(first)
        elif first == 0:
            self.design.gram(old, old, &self.Q[0, 0], self.Q.shape[1])
        else:
            self.design.gram(new, old, &self.Q[first, 0], self.Q.shape[1])
        for i in range(first, self.count):
            for j in range(first):
                self.Q[j, i] = self.Q[i, j]
            self.curvature[i] = self.Q[i, i]
            if self.packed:
                self.g[i] = dot(&self.P[i, 0], &self.u[0], self.design.n_rows)
            elif self.correlation != NULL:
                self.g[i] = self.correlation[self.feature[i]] - dot(&self.Q[i, 0], &self.beta[0], self.count)
        return 0

    cdef void products(self, index_t first) noexcept nogil:
        # Q[first:, :] from the packed columns, in products small enough to stay in the calling thread.
        cdef index_t wide = ceil_div(self.count, CUBE)
        cdef index_t high = ceil_div(self.count - first, CUBE)
        cdef double flops = <double> self.count * (self.count - first) * self.design.n_rows
        cdef index_t item
        for item in prange(wide * high, num_threads=self.design.raw.team(flops / 8), schedule="dynamic"):
            product_block(self, first + (item // wide) * CUBE, (item % wide) * CUBE)

    cdef int refresh(self, const double* target) except -1 nogil:
        cdef index_t i
        if not self.packed:
            for i in range(self.count):
                self.g[i] = self.correlation[self.feature[i]]
            for i in range(self.count):
                if self.beta[i] != 0.0:
                    axpy(-self.beta[i], &self.Q[i, 0], &self.g[0], self.count)
            return 0
        subtract_columns(target, self.P, self.beta, self.count, self.u)
        for i in range(self.count):
            self.g[i] = 0.0
        if self.count:
            project(&self.P[0, 0], self.count, self.design.n_rows, &self.u[0], &self.g[0])
        return 0

    cdef int residual(self, const double* target, double* u) except -1 nogil:
        # Unpacked columns are read where they lie: those with a coefficient.
        cdef index_t i
        cdef index_t support = 0
        cdef Columns cols
        cdef Vectors coef
        for i in range(self.design.n_rows):
            u[i] = self.u[i] if self.packed else target[i]
        if self.packed:
            return 0
        for i in range(self.count):
            if self.beta[i] != 0.0:
                self.support[support] = self.feature[i]
                self.negative[support] = -self.beta[i]
                support += 1
        if support:
            cols.index = &self.support[0]
            cols.count = support
            coef.data = &self.negative[0]
            coef.count = 1
            self.design.predict(cols, coef, u)
        return 0

    cdef void gradients(self, double* z) noexcept nogil:
        cdef index_t i
        for i in range(self.count):
            z[self.feature[i]] = self.g[i]


cdef void product_block(GramForm form, index_t row, index_t col) noexcept nogil:
    cdef index_t n = form.design.n_rows
    cdef int na = <int> min(CUBE, form.count - row)
    cdef int nb = <int> min(CUBE, form.count - col)
    cdef int ld = <int> n
    cdef int stride = <int> form.Q.shape[1]
    cdef int depth
    cdef index_t block
    cdef double one = 1.0
    cdef double beta = 0.0
    for block in range(ceil_div(n, CUBE)):
        depth = <int> min(CUBE, n - block * CUBE)
        dgemm(
            "T", "N", &nb, &na, &depth, &one, &form.P[col, block * CUBE], &ld, &form.P[row, block * CUBE], &ld,
            &beta, &form.Q[row, col], &stride,
        )
        beta = 1.0


cdef class DenseColumns(Form):
    """Packed dense columns and the residual."""

    def __init__(self, ScaledDesign design):
        super().__init__(design)
        self.kind = 1
        self.P = np.empty((0, design.n_rows))
        self.u = np.empty(design.n_rows)

    def _grow(self, capacity):
        Form._grow(self, capacity)
        self.P = _grown(np.asarray(self.P), (capacity, self.design.n_rows))

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
        return 0

    cdef int refresh(self, const double* target) except -1 nogil:
        subtract_columns(target, self.P, self.beta, self.count, self.u)
        return 0

    cdef int residual(self, const double* target, double* u) except -1 nogil:
        cdef index_t i
        for i in range(self.design.n_rows):
            u[i] = self.u[i]
        return 0

    cdef void gradients(self, double* z) noexcept nogil:
        cdef index_t i
        for i in range(self.count):
            z[self.feature[i]] = self.gradient(i)


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

    def _grow(self, capacity):
        Form._grow(self, capacity)
        self.starts = _grown(np.asarray(self.starts), capacity + 1, np.intp)
        self.mean = _grown(np.asarray(self.mean), capacity)
        self.center = _grown(np.asarray(self.center), capacity)
        self.heavy = _grown(np.asarray(self.heavy), capacity, np.uint8)

    def _grow_entries(self, entries):
        self.rows = _grown(np.asarray(self.rows), entries, np.int32)
        self.values = _grown(np.asarray(self.values), entries)

    def _describe(self, first):
        # Means, centers and curvatures of the columns from `first` on, as the scaled design knows them.
        chosen = np.asarray(self.feature[first:self.count])
        columns = self.design.raw_columns(chosen)
        mean, deviation = self.design.mean[columns], self.design.deviation[columns]
        np.asarray(self.mean)[first:self.count] = mean
        np.asarray(self.center)[first:self.count] = self.design.center[columns]
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
                self._grow_entries(max(entries, 2 * self.values.shape[0], 1024))
        place.starts = &self.starts[first]
        place.rows = &self.rows[0]
        place.values = &self.values[0]
        self.design.compress(new, place)
        with gil:
            self._describe(first)
        return 0

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
            u[i] = self.u[i] + self.shift * self.design._root[i]
        return 0

    cdef void gradients(self, double* z) noexcept nogil:
        cdef index_t i
        for i in range(self.count):
            z[self.feature[i]] = self.gradient(i)
