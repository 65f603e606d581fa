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

    cdef inline double estimate(self, index_t j) noexcept nogil:
        cdef double z = 0.0
        cdef index_t k
        for k in range(self.count):
            z += self.factor[k] * self.G[k, j]
        return z

    cdef inline double radius(self, index_t j) noexcept nogil:
        return self.norm[j] * self.distance + self.raw_norm[j] * self.rounding
