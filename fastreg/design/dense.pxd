from fastreg.design.base cimport Affine, Columns, Design, Survey, Vectors, index_t
from fastreg.design.tiles cimport Tile


cdef struct Job:
    # What the pieces of one operation share; each operation uses some of it.
    Columns cols
    Vectors vectors
    Affine* affine
    const double* scale
    double* out
    Survey survey
    # correlate: pieces are chunks of columns times blocks of so many rows.
    index_t chunks
    index_t rows


cdef class DenseDesign

ctypedef void (*Work)(DenseDesign, Job*, index_t) noexcept nogil


cdef class DenseDesign(Design):
    cdef readonly object owner
    cdef const void* data
    cdef int code
    cdef bint direct
    cdef index_t row_stride
    cdef index_t col_stride
    cdef index_t tile_rows
    cdef index_t tile_cols
    cdef double[:, ::1] tiles
    cdef double[::1] partial
    cdef double[::1] whole

    cdef int each(self, Work work, Job* job, index_t items, double entries) except -1 nogil
    cdef void load(self, Columns cols, Tile t, double* out) noexcept nogil
    cdef void correlate_tile(self, Columns cols, Tile t, const double* u, double* out) noexcept nogil
    cdef void predict_tile(self, Columns cols, Tile t, const double* coef, double* eta) noexcept nogil
    cdef bint whole_rows_pay(self, Columns cols) noexcept nogil
    cdef Columns all_columns(self) noexcept nogil
    cdef int reserve_whole(self, index_t count) except -1 nogil
    cdef Tile tile(self, index_t row, index_t end, index_t first, index_t count) noexcept nogil
