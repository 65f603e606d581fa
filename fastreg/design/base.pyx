"""The contract between the solver and the matrix: a handful of bulk operations.

A design knows how X is stored (dense or sparse, C or F order, float32 or float64, int32 or int64 indices,
in memory or on disk) and nobody else does. The operations are bulk operations: one call serves many
columns, so that a virtual call costs nothing and threads have something to share. In the formulas X is the
raw matrix of n_rows x n_cols and ``cols`` names some of its columns.

========== ==================================================================================
scan       max_i |x_ij| for every column; NaN where a column holds NaN or infinity
moments    mean_j = sum_i w_i s_j x_ij and spread_j = sum_i w_i (s_j x_ij - mean_j)^2, sum w = 1
correlate  out[t, j] = sum_i x_ij u[t, i] for the columns and every vector u_t
predict    eta[t, i] += sum_j x_ij coef[t, j]
gram       out[a, b] = inner products of the affinely mapped columns a and b
pack       the affinely mapped columns, float64, one after the other
compress   the same without their zeros and their centers (sparse designs only)
========== ==================================================================================

``size_of`` says how many stored entries some columns hold and ``equal`` whether two columns are the same.
Every operation that reads X adds what it read to ``entries_read``; n_passes is made of nothing else.

The Gram matrix is written once: panels of mapped rows (``load_panel``), then small matrix products. It is
computed from centered panels, because subtracting n mean mean' afterwards loses everything at a mean of
1e6 standard deviations.
"""

import numpy as np

from cython.parallel cimport prange
from scipy.linalg.cython_blas cimport dgemm

from fastreg.runtime.interrupt cimport poll


cdef class Design:
    """Abstract base; see the module's docstring for the operations."""

    cdef int scan(self, double* largest) except -1 nogil:
        return self.missing()

    cdef int moments(self, const double* weight, const double* scale, double* mean, double* spread) except -1 nogil:
        return self.missing()

    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil:
        return self.missing()

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        return self.missing()

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        return self.missing()

    cdef int compress(self, Affine* affine, Columns cols, Compressed out) except -1 nogil:
        return self.missing()

    cdef void load_panel(self, Affine* affine, index_t row, Columns cols, index_t first, double* out) noexcept nogil:
        # At most STRIP mapped columns of CUBE rows from `row` on, one after the other; zero past either end.
        out[0] = 0.0

    cdef double size_of(self, Columns cols) noexcept nogil:
        return <double> self.n_rows * cols.count

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        return a == b

    cdef int gram(self, Affine* affine, Columns a, Columns b, double* out, index_t stride) except -1 nogil:
        cdef bint same = a.index == b.index and a.count == b.count
        cdef index_t block
        cdef index_t wa = ceil_div(a.count, CUBE)
        cdef index_t wb = ceil_div(b.count, CUBE)
        cdef index_t strips = (wa if same else wa + wb) * (CUBE // STRIP)
        cdef index_t row, item, j
        cdef double* left
        cdef double* right
        if self.panel.shape[0] < strips * STRIP * CUBE:
            with gil:
                self.panel = np.empty(strips * STRIP * CUBE)
        left = &self.panel[0]
        right = left if same else left + wa * CUBE * CUBE
        for item in range(a.count):
            for j in range(b.count):
                out[item * stride + j] = 0.0
        self.entries_read += self.size_of(a) + (0.0 if same else self.size_of(b))
        for block in range(ceil_div(self.n_rows, CUBE)):
            row = block * CUBE
            poll()
            for item in prange(strips, num_threads=self.n_threads, schedule="static"):
                if item * STRIP < wa * CUBE:
                    self.load_panel(affine, row, a, item * STRIP, left + item * STRIP * CUBE)
                else:
                    self.load_panel(affine, row, b, item * STRIP - wa * CUBE, left + item * STRIP * CUBE)
            for item in prange(wa * wb, num_threads=self.n_threads, schedule="dynamic"):
                if not same or item // wb <= item % wb:
                    multiply_cube(
                        left + (item // wb) * CUBE * CUBE, right + (item % wb) * CUBE * CUBE,
                        <int> min(CUBE, a.count - (item // wb) * CUBE), <int> min(CUBE, b.count - (item % wb) * CUBE),
                        out + (item // wb) * CUBE * stride + (item % wb) * CUBE, <int> stride,
                    )
        if same:
            for item in range(a.count):
                for j in range(item):
                    out[item * stride + j] = out[j * stride + item]
        return 0

    def product(self, coefs):
        """Return X times a csc_array (n_cols, k) as an array (n_rows, k), column by column of coefs."""
        cdef double[:, ::1] out = np.zeros((coefs.shape[1], self.n_rows))
        cdef const index_t[::1] index
        cdef const double[::1] value
        cdef Columns cols
        cdef Vectors vectors
        cdef index_t k
        for k in range(out.shape[0]):
            entries = slice(coefs.indptr[k], coefs.indptr[k + 1])
            index = np.ascontiguousarray(coefs.indices[entries], dtype=np.intp)
            value = np.ascontiguousarray(coefs.data[entries], dtype=float)
            cols.count = index.shape[0]
            vectors.count = 1
            if cols.count:
                cols.index, vectors.data = &index[0], &value[0]
                with nogil:
                    self.predict(cols, vectors, &out[k, 0])
        return np.asarray(out).T

    cdef int missing(self) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} does not implement this operation of Design.")


cdef void multiply_cube(double* left, double* right, int na, int nb, double* out, int stride) noexcept nogil:
    # out[a, b] += left_a . right_b for columns of CUBE rows.
    cdef int cube = CUBE
    cdef double one = 1.0
    dgemm("T", "N", &nb, &na, &cube, &one, right, &cube, left, &cube, &one, out, &stride)
