from fastreg.design.base cimport index_t
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.row_store cimport RowStore


cdef inline double dot_rows(
    const double* values, const int* rows, index_t start, index_t end, const double* u
) noexcept nogil:
    # The entries start .. end of a column times those of u in their rows.
    cdef double even = 0.0
    cdef double odd = 0.0
    cdef index_t e = start
    while e + 1 < end:
        even += values[e] * u[rows[e]]
        odd += values[e + 1] * u[rows[e + 1]]
        e += 2
    if e < end:
        even += values[e] * u[rows[e]]
    return even + odd


cdef class SparseEntries(Form):
    # Column i is values - center_i * root. A column whose mean dwarfs its deviation is heavy.
    cdef index_t[::1] starts
    cdef int[::1] rows
    cdef double[::1] values
    cdef double[::1] mean
    cdef double[::1] center
    cdef unsigned char[::1] heavy
    # Root weights of the rows; under other weights than the design's, also the values and centers of the design.
    cdef const double* root
    cdef double[::1] own_values
    cdef double[::1] own_center
    # The newest columns and the oldest ones row by row, and how many entries have been looked at for want of more of
    # these; and one column with its zeros.
    cdef RowStore fresh
    cdef RowStore shelf
    cdef index_t looked
    cdef double[::1] spread
    cdef double[::1] partial

    cdef int multiply_rows(self, double* Q, index_t stride, int threads) except -1 nogil
    cdef double centered_square(self, index_t i) noexcept nogil
    cdef int multiply_spread(
        self, index_t shelved, index_t first, double* Q, index_t stride, int threads
    ) except -1 nogil
    cdef double dot_spread(self, index_t k) noexcept nogil
    cdef int reserve_spread(self) except -1 nogil
    cdef bint dense_pays(self) noexcept nogil
    cdef int multiply_dense(self, double* Q, index_t stride) except -1 nogil
    cdef int store(self, RowStore rows, index_t first, index_t end) except -1 nogil
    cdef int turn(self, index_t first) except -1 nogil
    cdef index_t stock(self, index_t first) except -1 nogil
    cdef int heavy_products(self, index_t i, index_t first, double* Q, index_t stride) except -1 nogil
