from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.subproblem.active_set cimport ActiveSet
from fastreg.subproblem.gram cimport GramForm

# What happens at the end of a step.
cdef enum:
    ARRIVED = 0
    LEAVES = 1
    JOINS_ABOVE = 2
    JOINS_BELOW = 3

# Where a coefficient outside S rests: sign[i] is 0 at zero, AT_UPPER or AT_LOWER at a bound; inside S it is +-1.
cdef enum:
    AT_UPPER = 2
    AT_LOWER = -2


cdef class Course(ActiveSet):
    # From old_a1 to the penalty asked for, and how far it is by now.
    cdef double old_a1
    cdef double scale
    cdef index_t[::1] pending
    cdef signed char[::1] sign
    cdef unsigned char[::1] skipped
    cdef unsigned char[::1] watched
    cdef index_t[::1] watch_list
    cdef index_t n_watched
    cdef double[::1] g
    cdef double[::1] dc
    cdef double[::1] dg
    cdef double[::1] d

    cdef int reserve(self, index_t capacity) except -1 nogil
    cdef bint missed(self, GramForm form, const Penalty* pen) noexcept nogil


cdef double right_side(Course self, GramForm form, const Penalty* pen, index_t i) noexcept nogil
cdef void first_direction(Course self, GramForm form, const Penalty* pen) noexcept nogil
cdef void direction(Course self, GramForm form, bint everywhere) noexcept nogil
cdef void watch(Course self, GramForm form, const Penalty* pen) noexcept nogil
cdef double next_event(
    Course self, GramForm form, const Penalty* pen, double tau, index_t* which, index_t* event
) noexcept nogil
cdef void advance(Course self, GramForm form, double step) noexcept nogil
