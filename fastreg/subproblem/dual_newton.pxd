from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.subproblem.active_set cimport ActiveSet
from fastreg.subproblem.columns cimport DenseColumns


cdef class DualNewton(ActiveSet):
    # K, its columns by their places in the form, and the features that were there then.
    cdef double[:, ::1] K
    cdef unsigned char[::1] inside
    cdef index_t[::1] owner
    cdef index_t version
    cdef index_t[::1] changed
    # u, the step, the gradient; by place in the form z, what it changes by, and b.
    cdef double[::1] u
    cdef double[::1] du
    cdef double[::1] slope
    cdef double[::1] target
    cdef double[::1] z
    cdef double[::1] dz
    cdef double[::1] b
    # Cubes of columns that enter or leave K: as they are, and with their factors.
    cdef double[::1] plain
    cdef double[::1] scaled
    cdef readonly index_t steps
    # The scale of the l1 part at the last solution; 0 where there is none.
    cdef double a1

    cdef int prepare(self, DenseColumns form) except -1 nogil
    cdef bint solve(
        self, DenseColumns form, const Penalty* pen, const double* target, index_t most
    ) except -1 nogil
    cdef void shrink(self, index_t count, index_t n, double a1) noexcept nogil
