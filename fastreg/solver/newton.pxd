from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.solver.newton_point cimport NewtonPoint
from fastreg.solver.secant cimport Secant


cdef class NewtonSolver(NewtonPoint):
    cdef Penalty model
    # Coefficients of the features of W before a step, and the step.
    cdef double[::1] before
    cdef double[::1] delta
    # Whether the last step was too short for the objective to tell anything.
    cdef bint blind
    # The solution before the last, the scale of the last one (negative: none), whether no step has been taken since.
    cdef Secant secant
    cdef double last
    cdef bint first
    # Whether the secant has had its say at this alpha.
    cdef bint told

    cdef bint step(self, double gap) except -1 nogil
    cdef bint pass_crowd(self, double gap) except -1 nogil
    cdef index_t descend_model(self, double gap, index_t most) except -1 nogil
    cdef void stiffen(self) noexcept nogil
    cdef int reweigh(self) except -1 nogil
    cdef int pose(self) except -1 nogil
    cdef bint move(self) except -1 nogil
