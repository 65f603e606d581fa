from fastreg.design.base cimport index_t


cdef struct Slope:
    # What bounds the divergence D(s):  (1 - s) tilt + (1 - s)^2 / (2 s^2) steep.
    double steep
    double tilt


cdef class Loss:
    # How far predictors may move in one step.
    cdef double reach

    cdef double evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, Slope* slope
    ) noexcept nogil
    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil


cdef double told_apart(const double* sums, Slope* slope) noexcept nogil
