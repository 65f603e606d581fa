from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.subproblem.active_set cimport ActiveSet
from fastreg.subproblem.gram cimport GramForm


cdef class Tracer(ActiveSet):
    cdef index_t known
    cdef double a1
    cdef double a2
    cdef double scale
    cdef bint ready
    cdef index_t[::1] pending
    cdef signed char[::1] sign
    cdef double old_a1
    cdef unsigned char[::1] skipped
    cdef unsigned char[::1] watched
    cdef index_t[::1] watch_list
    cdef index_t n_watched
    cdef double[::1] g
    cdef double[::1] dc
    cdef double[::1] dg
    cdef double[::1] d
    cdef readonly index_t events

    cdef int reserve(self, index_t capacity) except -1 nogil
    cdef void forget(self) noexcept nogil
    cdef bint trace(self, GramForm form, const Penalty* pen, index_t max_events) except -1 nogil
    cdef bint missed(self, GramForm form, const Penalty* pen) noexcept nogil
