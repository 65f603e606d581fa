from fastreg.design.base cimport Affine, Columns, Compressed, Design, Vectors, index_t


cdef class ScaledDesign:
    cdef readonly Design raw
    cdef readonly index_t n_rows
    cdef readonly index_t n_features
    cdef readonly bint centered
    # Whether moments of columns as they are were good enough.
    cdef readonly bint unscaled
    cdef readonly object columns
    cdef readonly object largest
    cdef readonly object scale
    cdef readonly object mean
    cdef readonly object center
    cdef readonly object root
    cdef readonly object deviation
    cdef readonly object norm
    cdef readonly object raw_norm
    cdef const index_t* _columns
    cdef double[::1] _scale
    cdef double[::1] _center
    cdef double[::1] _root
    cdef double[:, ::1] _rows
    cdef double[:, ::1] _coef
    cdef index_t[:, ::1] _index
    cdef Affine affine

    cdef bint choose_scales(self, const double[::1] largest) except -1
    cdef int derive(
        self, const double[::1] mean, const double[::1] spread, bint unscaled, double[:, ::1] numbers
    ) except -1
    cdef Columns select(self, Columns features, int slot) noexcept nogil
    cdef int reserve(self, index_t count) except -1 nogil
    cdef double size_of(self, Columns features) noexcept nogil
    cdef int correlate(self, Vectors u, Columns features, double* out) except -1 nogil
    cdef int predict(self, Columns features, Vectors coef, double* eta) except -1 nogil
    cdef int gram(self, Columns a, Columns b, double* out, index_t stride) except -1 nogil
    cdef int weighted_gram(
        self, const double* root, const double* center, Columns a, Columns b, double* out, index_t stride
    ) except -1 nogil
    cdef int pack(self, Columns features, double* out) except -1 nogil
    cdef int compress(self, Columns features, Compressed out) except -1 nogil
    cdef Columns columns_of(self, const index_t[::1] index) noexcept

    cdef inline index_t raw_column(self, index_t feature) noexcept nogil:
        return self._columns[feature] if self._columns != NULL else feature

    cdef inline double corrected(self, index_t col, double product, double total) noexcept nogil:
        # The inner product with the solver's column, from that with the raw one and the sum of the weighted vector.
        return self._scale[col] * product - self._center[col] * total
