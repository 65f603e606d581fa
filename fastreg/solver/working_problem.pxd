from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.solver.certified cimport CertifiedPoint
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.coordinate_descent cimport CoordinateDescent
from fastreg.subproblem.dual_newton cimport DualNewton
from fastreg.subproblem.tracing cimport Tracer


cdef enum:
    # Epochs of descent that a crowd gets before tracing takes over.
    RUSH = 30


cdef double sparse_entries(Form form) noexcept nogil


cdef class WorkingProblem(CertifiedPoint):
    cdef readonly CoordinateDescent inner
    cdef readonly Tracer tracer
    cdef readonly DualNewton dual
    # What a Gram matrix would not see of columns without penalty; None where it sees all.
    cdef object span
    # When sparse columns get a Gram matrix; see ``cost_model.Budget``.
    cdef index_t gram_limit
    cdef double gram_pays
    cdef index_t gram_always
    cdef index_t wide
    cdef bint slim
    cdef bint smooth
    # Whether Newton's method on the dual has ever run out of steps.
    cdef bint dual_failed
    # Whether descent, or tracing, has ever not got through a crowd.
    cdef bint slow_descent
    cdef bint slow_tracing
    # Whether descent has been faster than tracing would have been; for how many alphas it is not tried since it has
    # not, and how many these were.
    cdef bint fast
    cdef index_t idle
    cdef index_t rest
    cdef public index_t epochs
    cdef public index_t events

    cdef int reconsider(self) except -1 nogil
    cdef bint outnumbers(self) noexcept nogil
    cdef bint has_room(self) noexcept nogil
    cdef index_t crawl(self) noexcept nogil
    cdef index_t support(self) noexcept nogil
    cdef void insist(self) noexcept nogil
    cdef bint is_crowded(self, const Penalty* pen) noexcept nogil
    cdef bint trace_crowd(self, const Penalty* pen, index_t max_iter) except -1 nogil
    cdef index_t affordable(self, const Penalty* pen) noexcept nogil
    cdef void learn(self, bint fast) noexcept nogil
    cdef bint trace(self, const Penalty* pen, index_t max_iter) except -1 nogil
    cdef index_t descend(self, const Penalty* pen, double target, double zero_level, index_t most) except -1 nogil
