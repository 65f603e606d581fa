from fastreg.design.base cimport index_t
from fastreg.solver.working_problem cimport WorkingProblem

# The working set may grow by this many features at least, and by half of itself, in one round.
cdef enum:
    MIN_GROWTH = 64


cdef class WorkingFeatures(WorkingProblem):
    # The target with its correlations, of which what coefficients outside W leave is that of W.
    cdef object full_target
    cdef object full_correlation
    # The most features that W may hold, by how many it may grow before an alpha (or more, if it is large), and how many
    # have joined it, to be settled, since an alpha began.
    cdef index_t limit
    cdef index_t pace
    cdef index_t joined
    # Whether features have been open while the residual was not there, and whether so at an earlier alpha.
    cdef bint asked
    cdef bint again

    cdef int prepare(self, double a1_old, double a1_new) except -1 nogil
    cdef index_t entering(self, double a1_old, double a1_new) noexcept nogil
    cdef index_t most_ahead(self) noexcept nogil
    cdef void keep_pace(self, index_t joined, index_t used) noexcept nogil
    cdef index_t grow(self) except -1 nogil
    cdef int adopt(self, index_t count, index_t most) except -1 nogil
