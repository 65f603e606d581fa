from cython cimport final

from fastreg.design.base cimport index_t


@final
cdef class RowStore:
    # Columns first .. end, row by row: row r has the entries starts[r] .. starts[r + 1], whose columns are counted
    # from `first`.
    cdef index_t first
    cdef index_t end
    cdef index_t n_rows
    cdef index_t[::1] starts
    cdef double[::1] values
    cdef int[::1] columns

    cdef int fill(
        self, const index_t* starts, const int* rows, const double* values, index_t first, index_t end
    ) except -1 nogil
    cdef void meet(
        self, const int* rows, const double* values, index_t entries, const double* ratio, index_t least, double* out
    ) noexcept nogil
    cdef void pair(self, index_t top, index_t bottom, const double* ratio, double* out) noexcept nogil
