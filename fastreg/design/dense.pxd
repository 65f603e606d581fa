from fastreg.design.base cimport Affine, Columns, Survey, Vectors, index_t
from fastreg.design.dense_tiles cimport DenseTiles


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


cdef class DenseDesign(DenseTiles):
    cdef double[::1] partial
    cdef double[::1] whole

    cdef int each(self, Work work, Job* job, index_t items, double entries) except -1 nogil
    cdef bint whole_rows_pay(self, Columns cols, index_t vectors) noexcept nogil
    cdef Columns all_columns(self) noexcept nogil
    cdef int reserve_whole(self, index_t count) except -1 nogil
