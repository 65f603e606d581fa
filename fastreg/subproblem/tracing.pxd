from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.subproblem.course cimport Course
from fastreg.subproblem.gram cimport GramForm


cdef class Tracer(Course):
    # Where the last call left the path: the size of W then, the penalty, and whether it got there.
    cdef index_t known
    cdef double a1
    cdef double a2
    cdef bint ready
    cdef readonly index_t events

    cdef void forget(self) noexcept nogil
    cdef bint solve(self, GramForm form, const Penalty* pen, const double* target, index_t max_events) except -1 nogil
    cdef bint trace(self, GramForm form, const Penalty* pen, index_t max_events) except -1 nogil
