"""Working columns of sparse data with the residual up to a multiple of the square-root weights."""

import numpy as np

from libc.string cimport memcpy

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot
from fastreg.subproblem.sparse_entries cimport SparseEntries, dot_rows


cdef class SparseColumns(SparseEntries):
    """Compressed working columns and the residual up to a multiple of the square-root weights."""

    def __init__(self, ScaledDesign design):
        super().__init__(design)
        self.u = np.empty(design.n_rows)

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
        cdef index_t i
        for i in range(self.count):
            z[i] = dot_rows(values, rows, self.starts[i], self.starts[i + 1], u) - self.own_center[i] * total
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
        # With an intercept the residual sums to 0, and what rounding has made of that is taken out of it.
        if self.design.centered:
            self.shift = -dot(self.root, &self.u[0], self.design.n_rows)
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
