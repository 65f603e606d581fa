"""The Gram matrix of the working columns, the form on which the subproblem is solved exactly."""

import numpy as np

from libc.string cimport memcpy

from fastreg.design.base cimport NO_NUMBERS, NO_ROWS, Columns, Vectors, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot
from fastreg.subproblem.columns cimport DenseColumns, Form

# Fresh correlations may cost this many times what the product with Q costs.
cdef double FRESH_PAYS = 16.0


cdef class GramForm(Form):
    """Gram matrix Q of the working columns and their correlations g with the residual.

    Parameters
    ----------
    design : ScaledDesign
    columns : Form or None
        Where the columns themselves are kept, which makes fresh residuals cheap; columns that it has already are taken
        over. None: those of X are read where they lie.
    known : None or ndarray (n_features, n_features)
        The Gram matrix of all features, where there is one already.
    """

    def __init__(self, ScaledDesign design, Form columns=None, known=None):
        super().__init__(design)
        self.kind = 0
        self.columns = columns
        self.known = known
        self.Q, self.g = NO_ROWS, NO_NUMBERS
        if columns is not None:
            if isinstance(columns, DenseColumns):
                (<DenseColumns> columns).alone = False
            self.take_over(columns)

    def take_over(self, Form columns):
        """Begin with the columns, coefficients and residual of another form."""
        self.limit, self.weights = columns.limit, columns.weights
        self._grow(columns.capacity)
        self.count = columns.count
        self.feature[:self.count] = columns.feature[:self.count]
        self.beta[:self.count] = columns.beta[:self.count]
        if self.count:
            with nogil:
                self.complete_rows(0)

    def release(self):
        """Return the columns with the coefficients of this form, which is not to be used any more.

        Without other weights they need a ``refresh``.
        """
        self.columns.beta[:self.count] = self.beta[:self.count]
        if isinstance(self.columns, DenseColumns):
            (<DenseColumns> self.columns).alone = True
            self.columns.weigh(0)
        return self.columns

    def _grow(self, index_t capacity):
        Form._grow(self, capacity)
        cdef index_t old = self.g.shape[0]
        cdef double[:, ::1] Q = np.empty((capacity, capacity))
        cdef double[:, ::1] numbers = np.empty((2, capacity))
        if old:
            Q[:old, :old], numbers[0, :old] = self.Q, self.g
        self.Q, self.g, self.negative = Q, numbers[0], numbers[1]
        self.support = np.empty(capacity, dtype=np.intp)

    def clear(self):
        """Drop all columns."""
        self.count = 0
        if self.columns is not None:
            self.columns.clear()

    def bind_target(self, const double[::1] target, const double[::1] correlation):
        """Set the target's squared norm and its correlations (n_features,), which the caller keeps alive."""
        self.target2 = dot(&target[0], &target[0], target.shape[0])
        self.correlation = &correlation[0] if correlation.shape[0] else NULL

    def gram(self):
        """Return the Gram matrix (count, count)."""
        return np.array(self.Q[:self.count, :self.count])

    cdef int append(self, const index_t* features, index_t count) except -1 nogil:
        cdef index_t first = self.count
        Form.append(self, features, count)
        if count == 0:
            return 0
        if self.columns is not None:
            self.columns.append(features, count)
        elif self.weights is not None:
            self.weigh_rows(first)
        return self.complete_rows(first)

    cdef int weigh(self, index_t first) except -1 nogil:
        if self.count == 0:
            return 0
        if self.columns is not None:
            self.columns.weigh(first)
        else:
            self.weigh_rows(first)
        return self.complete_rows(first)

    cdef int weigh_rows(self, index_t first) except -1 nogil:
        # The centers of columns that are not kept, from their means under the weights.
        cdef Columns new
        cdef Vectors shift
        cdef index_t i, col
        if self.center is None or self.center.shape[0] == 0:
            with gil:
                self.center = np.zeros(self.design.raw.n_cols)
        if not self.design.centered:
            return 0
        new.index, new.count = &self.feature[first], self.count - first
        shift.data, shift.count = &self.weights.shift[0], 1
        self.design.correlate(shift, new, &self.moved[first])
        for i in range(first, self.count):
            col = self.design.raw_column(self.feature[i])
            self.center[col] = self.design._center[col] + self.moved[i]
        return 0

    cdef int predict(self, const double* coef, double* eta) except -1 nogil:
        cdef index_t support = 0
        cdef index_t i
        if self.columns is not None:
            return self.columns.predict(coef, eta)
        for i in range(self.count):
            if coef[i] != 0.0:
                self.support[support] = self.feature[i]
                self.negative[support] = coef[i]
                support += 1
        return self.predict_support(support, eta)

    cdef int predict_support(self, index_t support, double* eta) except -1 nogil:
        cdef Columns cols
        cdef Vectors coef
        if support == 0:
            return 0
        cols.index, cols.count = &self.support[0], support
        coef.data, coef.count = &self.negative[0], 1
        return self.design.predict(cols, coef, eta)

    cdef int correlate(self, const double* u, double* z) except -1 nogil:
        cdef Columns cols
        cdef Vectors vectors
        if self.columns is not None:
            return self.columns.correlate(u, z)
        cols.index, cols.count = &self.feature[0], self.count
        vectors.data, vectors.count = u, 1
        return self.design.correlate(vectors, cols, z)

    cdef int complete_rows(self, index_t first) except -1 nogil:
        # Q and g of the columns from `first` on.
        cdef index_t i, j
        cdef Columns old, new
        if self.columns is not None and self.weights is not None:
            for i in range(first, self.count):
                self.moved[i] = self.columns.moved[i]
        if self.columns is not None:
            self.columns.products(first, &self.Q[0, 0], self.Q.shape[1])
            for i in range(first, self.count):
                for j in range(first):
                    self.Q[i, j] = self.Q[j, i]
            if self.weights is None and not self.behind:
                self.columns.correlations(first, &self.g[0])
            elif self.weights is None:
                self.correlate_rows(first)
        else:
            if self.known is not None:
                for i in range(first, self.count):
                    for j in range(self.count):
                        self.Q[i, j] = self.known[self.feature[i], self.feature[j]]
            else:
                old.index = &self.feature[0]
                old.count = self.count
                new.index = &self.feature[first]
                new.count = self.count - first
                if self.weights is None:
                    self.design.gram(new, old, &self.Q[first, 0], self.Q.shape[1])
                else:
                    self.design.weighted_gram(
                        &self.weights.root[0], &self.center[0], new, old, &self.Q[first, 0], self.Q.shape[1]
                    )
            for i in range(first, self.count):
                for j in range(first):
                    self.Q[j, i] = self.Q[i, j]
            self.correlate_rows(first)
        for i in range(first, self.count):
            self.curvature[i] = self.Q[i, i]
        return 0

    cdef void correlate_rows(self, index_t first) noexcept nogil:
        # g of the columns from `first` on by their rows of Q.
        cdef index_t i
        for i in range(first if self.correlation != NULL else self.count, self.count):
            self.g[i] = self.correlation[self.feature[i]] - dot(&self.Q[i, 0], &self.beta[0], self.count)

    cdef int catch_up(self, const double* target) except -1 nogil:
        # The residual that the columns keep is that of the coefficients.
        if self.behind and self.weights is None:
            memcpy(&self.columns.beta[0], &self.beta[0], self.count * sizeof(double))
            self.columns.refresh(target)
        self.behind = False
        return 0

    cdef int refresh(self, const double* target) except -1 nogil:
        # g from the residual where that does not cost much more than from Q: P'u, or c - Q beta. Under other weights
        # than the design's there is no target but c.
        cdef index_t support = 0
        cdef index_t i
        if self.columns is not None and self.weights is None:
            for i in range(self.count):
                support += self.beta[i] != 0.0
            self.behind = True
            if self.correlation == NULL or self.columns.entries() <= FRESH_PAYS * self.count * (support + 1):
                self.catch_up(target)
                self.columns.correlations(0, &self.g[0])
                return 0
        for i in range(self.count):
            self.g[i] = self.correlation[self.feature[i]]
        for i in range(self.count):
            if self.beta[i] != 0.0:
                axpy(-self.beta[i], &self.Q[i, 0], &self.g[0], self.count)
        return 0

    cdef int residual(self, const double* target, double* u) except -1 nogil:
        # Columns that are not kept are read where they lie: those with a coefficient.
        cdef index_t i
        cdef index_t support = 0
        if self.columns is not None:
            self.catch_up(target)
            return self.columns.residual(target, u)
        memcpy(u, target, self.design.n_rows * sizeof(double))
        for i in range(self.count):
            if self.beta[i] != 0.0:
                self.support[support] = self.feature[i]
                self.negative[support] = -self.beta[i]
                support += 1
        return self.predict_support(support, u)

    cdef void correlations(self, index_t first, double* g) noexcept nogil:
        memcpy(g + first, &self.g[first], (self.count - first) * sizeof(double))
