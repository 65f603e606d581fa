from fastreg.design.base cimport index_t

cdef enum:
    REFERENCES = 3


cdef class LazyGradients:
    cdef index_t n_rows
    cdef readonly index_t count
    cdef double[:, ::1] U
    cdef double[:, ::1] G
    cdef double[::1] delta
    cdef const double[::1] norm
    cdef const double[::1] raw_norm
    cdef double[REFERENCES] factor
    cdef double[REFERENCES * REFERENCES] inner
    cdef int[REFERENCES] line
    cdef double distance
    cdef double rounding

    cdef void fit(self, const double* u) noexcept nogil
    cdef void add(self, const double* u, const double* z) noexcept nogil
    cdef void estimate(self, double* z) noexcept nogil
