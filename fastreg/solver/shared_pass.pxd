from fastreg.design.base cimport Design, index_t
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

    cdef int reserve(self, index_t count) except -1
    cdef int read(self, index_t count) except -1 nogil
    cdef void scaled(self, index_t k, ScaledDesign design, double* out) noexcept nogil
    cdef int serve(self, list solvers) except -1
    cdef void hand_over(self, index_t k, WorkingSetSolver solver) noexcept nogil
