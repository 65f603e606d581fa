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
        self.mark = np.full(raw.n_cols, -1, dtype=np.intp)

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
            self.some = np.empty(self.n_columns, dtype=np.intp)
        return 0

    cdef int read(self, index_t count) except -1 nogil:
        cdef Columns cols
        cols.index = &self.columns[0] if self.columns is not None else NULL
        cols.count = self.n_columns
        return self.correlate(count, cols)

    cdef int correlate(self, index_t count, Columns cols) except -1 nogil:
        # products[k, position] for the first `count` rows; lines of products are cols.count apart here.
        cdef Vectors vectors
        vectors.data, vectors.count = &self.rows[0, 0], count
        return self.raw.correlate(vectors, cols, &self.products[0, 0])

    cdef double sum_of_row(self, index_t k) noexcept nogil:
        cdef double total = 0.0
        cdef index_t i
        for i in range(self.raw.n_rows):
            total += self.rows[k, i]
        return total

    cdef void scaled(self, index_t k, ScaledDesign design, double* out) noexcept nogil:
        # From raw inner products to those with scaled and centered columns.
        cdef double total = self.sum_of_row(k)
        cdef Columns cols
        cdef index_t j, col
        cols.index = &self.columns[0] if self.columns is not None else NULL
        for j in range(self.n_columns):
            col = column_at(cols, j)
            out[j] = design.corrected(col, self.products[k, j], total)

    cdef int resolve(self, list solvers, double fraction) except -1:
        # What the solvers have left open, from one reading of the columns that any of them asks for; where that is more
        # than this fraction of X, from a full pass for all.
        cdef Columns union
        cdef WorkingSetSolver solver
        self.reserve(len(solvers))
        union.index, union.count = &self.some[0], 0
        for solver in solvers:
            union.count = self.unite(union.count, solver)
        if union.count == 0:
            return 0
        if self.raw.size_of(union) > fraction * self.raw.n_entries:
            self.serve([solver for solver in solvers if not solver.complete])
        else:
            self.settle([solver for solver in solvers if solver.n_open], union)
        np.asarray(self.mark)[np.asarray(self.some)[:union.count]] = -1
        return 0

    cdef index_t unite(self, index_t count, WorkingSetSolver solver) noexcept nogil:
        # Append the columns that this solver asks for and no other has.
        cdef index_t i, col
        for i in range(solver.n_open):
            col = solver.design.raw_column(solver.chosen[i])
            if self.mark[col] < 0:
                self.mark[col] = count
                self.some[count] = col
                count += 1
        return count

    cdef int settle(self, list solvers, Columns union) except -1:
        cdef WorkingSetSolver solver
        cdef index_t count = len(solvers)
        cdef index_t k
        for k, solver in enumerate(solvers):
            solver.recall()
            self.take(k, solver)
        with nogil:
            self.correlate(count, union)
        for k, solver in enumerate(solvers):
            self.hand_over_open(k, solver, union.count)
        return 0

    cdef int serve(self, list solvers) except -1:
        # A full pass: exact correlations outside W, and a new reference.
        cdef WorkingSetSolver solver
        cdef index_t count = len(solvers)
        cdef index_t k
        for k, solver in enumerate(solvers):
            solver.recall()
            self.take(k, solver)
        with nogil:
            self.read(count)
        for k, solver in enumerate(solvers):
            self.hand_over(k, solver)
        return 0

    cdef void take(self, index_t k, WorkingSetSolver solver) noexcept nogil:
        cdef index_t i
        for i in range(self.raw.n_rows):
            self.rows[k, i] = solver.design._root[i] * solver.u[i]

    cdef void hand_over(self, index_t k, WorkingSetSolver solver) noexcept nogil:
        cdef double total = self.sum_of_row(k)
        cdef index_t j, col
        for j in range(solver.n_features):
            if not solver.working[j]:
                col = solver.design.raw_column(j)
                solver.z[j] = solver.design.corrected(col, self.products[k, self.place[col]], total)
        solver.refer()

    cdef void hand_over_open(self, index_t k, WorkingSetSolver solver, index_t width) noexcept nogil:
        cdef const double* found = &self.products[0, 0] + k * width
        cdef double total = self.sum_of_row(k)
        cdef index_t i, j, col
        for i in range(solver.n_open):
            j = solver.chosen[i]
            col = solver.design.raw_column(j)
            solver.z[j] = solver.design.corrected(col, found[self.mark[col]], total)
