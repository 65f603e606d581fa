from fastreg.design.base cimport Affine, Columns, Design, index_t
from fastreg.design.entries cimport Entries


cdef class SparseDesign(Design):
    cdef readonly object owner
    cdef const void* data
    cdef const void* rows
    cdef const index_t* starts
    cdef bint single
    cdef bint wide_index
    cdef double[::1] lines

    cdef Entries column(self, index_t j) noexcept nogil
    cdef void load_rows(self, Affine* affine, index_t col, double* out) noexcept nogil
    cdef index_t batch_end(self, Columns cols, index_t start) noexcept nogil
    cdef Columns everything(self) noexcept nogil
    cdef int interleave(self, const double* vectors, index_t count) except -1 nogil
    cdef void separate(self, double* vectors, index_t count) noexcept nogil
    cdef bint few_pay(self, index_t count, double entries) noexcept nogil
    cdef int correlate_group(
        self, const double* vectors, index_t count, Columns cols, double* out, bint few
    ) except -1 nogil
    cdef int predict_group(
        self, Columns cols, const double* coef, index_t count, double* eta, bint few
    ) except -1 nogil
