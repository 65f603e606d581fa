from fastreg.design.base cimport index_t
from fastreg.solver.working_set cimport WorkingSetSolver


cdef class Trace:
    cdef readonly object gaps
    cdef readonly object losses
    cdef readonly object iterations
    cdef readonly object intercepts
    cdef readonly object starts
    cdef readonly object features
    cdef readonly object values
    cdef double[::1] _gaps
    cdef double[::1] _losses
    cdef index_t[::1] _iterations
    cdef double[::1] _intercepts
    cdef index_t[::1] _starts
    cdef index_t[::1] _features
    cdef double[::1] _values

    cdef int record(self, index_t k, WorkingSetSolver solver) except -1 nogil
