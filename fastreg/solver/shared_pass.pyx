"""One reading of X for several solvers over the same raw columns, whose weights and centers may differ."""

import numpy as np

from fastreg.design.base cimport Columns, Design, Vectors, column_at, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.solver.working_set cimport WorkingSetSolver


cdef class SharedPass:
    """Correlations of the residuals of all solvers, from one pass.

    Parameters
    ----------
    raw : Design
    columns : None or ndarray, the raw columns to read; all by default
    """

    def __init__(self, Design raw, columns=None):
        self.raw = raw
        self.n_columns = raw.n_cols if columns is None else len(columns)
        self.columns = None if columns is None else np.ascontiguousarray(columns, dtype=np.intp)
        self.place = np.full(raw.n_cols, -1, dtype=np.intp)
        np.asarray(self.place)[slice(None) if columns is None else columns] = np.arange(self.n_columns)

    def correlations(self, designs, U):
        """Return (k, n_columns): inner products of U[k] (n_rows,) with the solver's columns of designs[k]."""
        cdef ScaledDesign design
        cdef index_t k
        found = np.zeros((len(designs), self.n_columns))
        cdef double[:, ::1] out = found
        self.reserve(len(designs))
        for k, design in enumerate(designs):
            np.multiply(design.root, U[k], out=np.asarray(self.rows)[k])
        self.read(len(designs))
        for k, design in enumerate(designs):
            self.scaled(k, design, &out[k, 0])
        return found

    cdef int reserve(self, index_t count) except -1:
        if self.rows is None or self.rows.shape[0] < count:
            self.rows = np.empty((count, self.raw.n_rows))
            self.products = np.empty((count, self.n_columns))
        return 0

    cdef int read(self, index_t count) except -1 nogil:
        cdef Columns cols
        cdef Vectors vectors
        cols.index = &self.columns[0] if self.columns is not None else NULL
        cols.count = self.n_columns
        vectors.data, vectors.count = &self.rows[0, 0], count
        return self.raw.correlate(vectors, cols, &self.products[0, 0])

    cdef void scaled(self, index_t k, ScaledDesign design, double* out) noexcept nogil:
        # From raw inner products to those with scaled and centered columns.
        cdef Columns cols
        cdef double total = 0.0
        cdef index_t i, j, col
        cols.index = &self.columns[0] if self.columns is not None else NULL
        cols.count = self.n_columns
        for i in range(self.raw.n_rows):
            total += self.rows[k, i]
        for j in range(self.n_columns):
            col = column_at(cols, j)
            out[j] = design._scale[col] * self.products[k, j] - design._center[col] * total

    cdef int serve(self, list solvers) except -1:
        # A full pass for every solver that is not complete: exact correlations outside W, and a new reference.
        cdef WorkingSetSolver solver
        cdef index_t count = 0
        cdef index_t i
        self.reserve(len(solvers))
        for solver in solvers:
            if not solver.complete:
                for i in range(self.raw.n_rows):
                    self.rows[count, i] = solver.design._root[i] * solver.u[i]
                count += 1
        with nogil:
            self.read(count)
        count = 0
        for solver in solvers:
            if not solver.complete:
                self.hand_over(count, solver)
                count += 1
        return 0

    cdef void hand_over(self, index_t k, WorkingSetSolver solver) noexcept nogil:
        cdef const index_t* columns = solver.design._columns
        cdef const double* scale = &solver.design._scale[0]
        cdef const double* center = &solver.design._center[0]
        cdef double total = 0.0
        cdef index_t i, j, col
        for i in range(self.raw.n_rows):
            total += self.rows[k, i]
        for j in range(solver.n_features):
            if not solver.working[j]:
                col = columns[j] if columns != NULL else j
                solver.z[j] = scale[col] * self.products[k, self.place[col]] - center[col] * total
        solver.lazy.add(&solver.u[0], &solver.z[0])
