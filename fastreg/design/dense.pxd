from fastreg.design.base cimport Columns, Design, Vectors, index_t


cdef class DenseDesign(Design):
    cdef object owner
    cdef const void* data
    cdef int code
    cdef index_t row_stride
    cdef index_t col_stride
    cdef index_t tile_rows
    cdef index_t tile_cols
    cdef double[:, ::1] tiles
    cdef double[::1] partial

    cdef void load(self, index_t row, index_t nr, Columns cols, index_t first, index_t nc, double* out) noexcept nogil
    cdef index_t batch(self, double entries_per_item) noexcept nogil
