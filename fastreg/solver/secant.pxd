from fastreg.subproblem.gram cimport GramForm


cdef class Secant:
    # Coefficients and correlations at the solution before the last, by feature, and which of these are known.
    cdef double[::1] beta
    cdef double[::1] z
    cdef unsigned char[::1] seen
    cdef double[::1] step
    # The penalty scale of that solution (negative: there is none), and where the curvatures of the model are from.
    cdef double here
    cdef public double curved

    cdef int reserve(self, GramForm form) except -1 nogil
    cdef void correct(self, GramForm form, const double* z, double total, double last, double ahead) noexcept nogil
    cdef void keep(self, GramForm form, const double* z, double scale) noexcept nogil
