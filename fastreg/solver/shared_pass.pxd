from fastreg.design.base cimport Columns, Design, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.solver.working_set cimport WorkingSetSolver


cdef class SharedPass:
    cdef readonly Design raw
    cdef readonly index_t n_columns
    cdef const index_t[::1] columns
    # The position of every raw column among those that are read.
    cdef index_t[::1] place
    # Weighted residuals, one a solver, and their inner products with the raw columns.
    cdef double[:, ::1] rows
    cdef double[:, ::1] products

    # Columns that some solvers ask for, and the position of every raw column among them, -1 for the others.
    cdef index_t[::1] some
    cdef index_t[::1] mark

    cdef int reserve(self, index_t count) except -1
    cdef int read(self, index_t count) except -1 nogil
    cdef int correlate(self, index_t count, Columns cols) except -1 nogil
    cdef double sum_of_row(self, index_t k) noexcept nogil
    cdef void scaled(self, index_t k, ScaledDesign design, double* out) noexcept nogil
    cdef int resolve(self, list solvers, double fraction) except -1
    cdef index_t unite(self, index_t count, WorkingSetSolver solver) noexcept nogil
    cdef int settle(self, list solvers, Columns union) except -1
    cdef int serve(self, list solvers) except -1
    cdef void take(self, index_t k, WorkingSetSolver solver) noexcept nogil
    cdef void hand_over(self, index_t k, WorkingSetSolver solver) noexcept nogil
    cdef void hand_over_open(self, index_t k, WorkingSetSolver solver, index_t width) noexcept nogil
