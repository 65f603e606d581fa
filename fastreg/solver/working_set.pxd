from fastreg.design.base cimport index_t
from fastreg.solver.working_features cimport WorkingFeatures


cdef class WorkingSetSolver(WorkingFeatures):
    # What the intercept has moved since the null model, as far as it does not follow from the coefficients.
    cdef readonly double intercept

    # The alpha at hand: the gap to reach, that of the next subproblem, and rounds that brought no new feature.
    cdef double gap_target
    cdef double inner_target
    cdef index_t max_iter
    cdef int stalls
    # Whether everything has begun anew from 0.
    cdef bint retreated
    # Whether the way to it was gone in small steps.
    cdef bint creeping

    cdef int set_off(self, double before, double a1, double a2, index_t max_iter) except -1 nogil
    cdef void begin(self, double a1, double a2, double target, index_t max_iter) noexcept nogil
    cdef double advance(self) except -1 nogil
    cdef index_t descend_on(self, index_t most) except -1 nogil
    cdef bint conclude(self) except -1 nogil
    cdef bint exhausted(self) noexcept nogil
    cdef int see(self) except -1 nogil
    cdef bint has_drifted(self, double beyond) noexcept nogil
    cdef bint is_lost(self) noexcept nogil
    cdef void refine(self, index_t grown) noexcept nogil
    cdef int solve(self, double a1, double a2, double target, index_t max_iter) except -1 nogil
    cdef bint can_approach(self, double a1) noexcept nogil
    cdef int approach(self, double here, double a1, double a2, index_t max_iter) except -1 nogil
    cdef bint is_dear(self) noexcept nogil
    cdef double next_scale(self, double here) noexcept nogil
