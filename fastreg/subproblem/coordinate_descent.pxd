from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gap cimport Evidence

cdef enum:
    DEPTH = 5


cdef class CoordinateDescent:
    cdef double[:, ::1] inverse
    cdef index_t n_free
    cdef index_t[::1] support
    cdef double[::1] z
    cdef double[:, ::1] history
    cdef readonly double gap

    cdef int reserve(self, index_t capacity) except -1 nogil
    cdef index_t solve(
        self, Form form, const Penalty* pen, Evidence evidence, double target, index_t max_epochs
    ) except -1 nogil
