from fastreg.design.base cimport Affine, Columns, Design, index_t
from fastreg.design.tiles cimport Tile


cdef class DenseTiles(Design):
    cdef readonly object owner
    cdef const void* data
    cdef int code
    # Whether X is read where it lies: float64 or float32 whose lines lie in one piece; and float64 alone.
    cdef bint direct
    cdef bint in_place
    cdef index_t row_stride
    cdef index_t col_stride
    cdef index_t tile_rows
    cdef index_t tile_cols
    cdef double[:, ::1] tiles

    cdef void load(self, Columns cols, Tile t, double* out) noexcept nogil
    cdef Tile tile(self, index_t row, index_t end, index_t first, index_t count) noexcept nogil
    cdef void correlate_tile(self, Columns cols, Tile t, const double* u, double* out) noexcept nogil
    cdef void predict_tile(self, Columns cols, Tile t, const double* coef, double* eta) noexcept nogil


cdef void map_tile(DenseTiles X, Affine* affine, Columns cols, Tile t, double* out, index_t stride) noexcept nogil
