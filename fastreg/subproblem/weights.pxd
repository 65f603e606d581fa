from fastreg.design.base cimport index_t


cdef class RowWeights:
    # Squares of root sum to 1. ratio = root over the design's own root, 0 where that is 0; shift = root * ratio, whose
    # inner product with a column of the design is the mean of the column under these weights.
    cdef double[::1] root
    cdef double[::1] ratio
    cdef double[::1] shift

    cdef double assign(self, const double* weight, const double* curvature, const double* own) noexcept nogil
