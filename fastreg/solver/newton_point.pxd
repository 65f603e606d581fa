from fastreg.solver.row_point cimport RowPoint
from fastreg.solver.working_set cimport WorkingSetSolver
from fastreg.subproblem.weights cimport RowWeights


cdef class NewtonPoint(WorkingSetSolver):
    cdef RowPoint point
    # Predictors of the null model and the loss there; the least loss of all.
    cdef double[::1] start
    cdef double null_value
    cdef double best
    # Correlations of the features of W with u, and whether they are those of all that W holds now.
    cdef double[::1] held
    cdef bint known
    # The weights w h of the model and their sum; whether they are those of this point, and whether they had better be.
    cdef RowWeights weights
    cdef double total
    cdef bint fresh
    cdef bint stale

    cdef int reserve(self) except -1 nogil
    cdef bint far(self) noexcept nogil
    cdef int draw(self, const double* coef, double shift) except -1 nogil
    cdef int straighten(self) except -1 nogil
    cdef double held_gap(self) noexcept nogil
    cdef void renew_weights(self) noexcept nogil
    cdef int accept(self, double value) except -1 nogil
    cdef int look(self) except -1 nogil
    cdef int hold(self) except -1 nogil
