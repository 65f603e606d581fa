from fastreg.design.base cimport Affine, Columns, Design, index_t


cdef struct Entries:
    # The stored entries of one column.
    const void* values
    const void* rows
    index_t count
    bint single
    bint wide


cdef class SparseDesign(Design):
    cdef readonly object owner
    cdef const void* data
    cdef const void* rows
    cdef const index_t* starts
    cdef bint single
    cdef bint wide_index

    cdef Entries column(self, index_t j) noexcept nogil
    cdef void load_rows(self, Affine* affine, index_t col, index_t row, index_t end, double* out) noexcept nogil
    cdef index_t batch_end(self, Columns cols, index_t start) noexcept nogil
    cdef Columns everything(self) noexcept nogil
