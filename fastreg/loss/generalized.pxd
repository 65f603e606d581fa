from fastreg.design.base cimport index_t


cdef class Loss:
    cdef double evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, double* steep
    ) noexcept nogil
    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil
