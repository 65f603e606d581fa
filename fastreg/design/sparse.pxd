from fastreg.design.base cimport Affine, Columns, Design, index_t


cdef class SparseDesign(Design):
    cdef object owner
    cdef const void* data
    cdef const void* rows
    cdef const index_t* starts
    cdef bint single
    cdef bint wide_index

    cdef double dot(self, index_t j, const double* u) noexcept nogil
    cdef void add(self, index_t j, double factor, double* out) noexcept nogil
    cdef void column_moments(self, index_t j, const double* weight, double scale, double* moments) noexcept nogil
    cdef index_t copy(self, index_t j, Affine* affine, int* rows, double* values) noexcept nogil
    cdef void panel_column(self, index_t j, Affine* affine, index_t row, index_t nr, double* out) noexcept nogil
    cdef double value(self, index_t e) noexcept nogil
    cdef index_t row(self, index_t e) noexcept nogil
    cdef index_t batch_end(self, Columns cols, index_t start) noexcept nogil
