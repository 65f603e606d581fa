from fastreg.design.base cimport index_t
from fastreg.solver.newton cimport NewtonSolver
from fastreg.solver.shared_pass cimport SharedPass


cdef class MultinomialSolver:
    cdef readonly list solvers
    cdef object loss
    cdef object labels
    cdef object weights
    cdef SharedPass shared
    cdef index_t count
    cdef index_t n_rows
    # Predictors of all classes, line by line; what the others amount to for one class; predictors less that.
    cdef double[:, ::1] eta
    cdef double[:, ::1] first
    cdef double[::1] others
    cdef double[::1] apart
    # The penalty that every class pays.
    cdef double[::1] paid
    # The columns of X that the last leap used.
    cdef object columns
    cdef readonly double gap
    cdef readonly double loss_value
    cdef readonly index_t steps

    cdef double turn(self, index_t k, double target) except -1
    cdef int settle(self) except -1
    cdef double measure(self)
