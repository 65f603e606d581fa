from fastreg.design.base cimport index_t

cdef enum:
    REFERENCES = 3


cdef struct Place:
    # A residual y - X b by its coefficients: positions of W with their features, b, the correlations with y (of all
    # features), those with the residual (of the positions), and ||y||^2.
    const index_t* feature
    const double* b
    index_t count
    const double* c
    const double* g
    double target2


cdef class LazyGradients:
    cdef index_t n_rows
    cdef readonly index_t count
    cdef double[:, ::1] U
    cdef double[:, ::1] G
    cdef double[::1] delta
    # Coefficients of the references by position, and c'b; whether all of them are known.
    cdef double[:, ::1] B
    cdef double[REFERENCES] explained
    cdef readonly bint placed
    cdef const double[::1] norm
    cdef const double[::1] raw_norm
    cdef double[REFERENCES] factor
    cdef double[REFERENCES * REFERENCES] inner
    cdef int[REFERENCES] line
    cdef double distance
    cdef double rounding

    cdef int reserve(self) except -1 nogil
    cdef int fit(self, const double* u) except -1 nogil
    cdef int add(self, const double* u, const double* z) except -1 nogil
    cdef int place(self, const Place* at) except -1 nogil
    cdef void fit_place(self, const Place* at) noexcept nogil
    cdef void estimate(self, double* z) noexcept nogil
