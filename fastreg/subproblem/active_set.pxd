from fastreg.design.base cimport Design, index_t
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.subproblem.gram cimport GramForm


cdef class ActiveSet:
    cdef readonly index_t size
    cdef index_t[::1] active
    cdef index_t[::1] place
    cdef double[:, ::1] L
    cdef double[::1] w
    cdef double[::1] y
    cdef double[::1] cosine
    cdef double[::1] sine
    cdef double[::1] cubes

    cdef int reserve_factor(self, index_t rows) except -1 nogil


cdef void forward(ActiveSet self, double* x, index_t size) noexcept nogil
cdef void backward(ActiveSet self, double* x, index_t size) noexcept nogil
cdef int factorize(ActiveSet self, GramForm form, const Penalty* pen) except -1 nogil
cdef int decompose(ActiveSet self, Design raw) except -1 nogil
cdef int append_row(ActiveSet self, GramForm form, const Penalty* pen, index_t i) except -1 nogil
cdef void remove_row(ActiveSet self, index_t k) noexcept nogil
