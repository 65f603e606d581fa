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
    # Rows: gaps, losses, intercepts; starts, iterations.
    cdef double[:, ::1] _numbers
    cdef index_t[:, ::1] _counts
    cdef index_t[::1] _features
    cdef double[::1] _values

    cdef int record(self, index_t k, WorkingSetSolver solver) except -1 nogil
