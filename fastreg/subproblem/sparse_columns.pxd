from cython cimport final

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport axpy
from fastreg.subproblem.columns cimport Form


@final
cdef class SparseColumns(Form):
    # Column i is values - center_i * root; the residual is u + shift * root. A column whose mean dwarfs its
    # deviation would make shift huge, so its center goes into u at once (such a column is dense anyway).
    cdef index_t[::1] starts
    cdef int[::1] rows
    cdef double[::1] values
    cdef double[::1] u
    cdef double[::1] mean
    cdef double[::1] center
    cdef unsigned char[::1] heavy
    cdef double shift
    # Root weights of the rows; under other weights than the design's, also the values and centers of the design.
    cdef const double* root
    cdef double[::1] own_values
    cdef double[::1] own_center
    # Some of the columns, row by row; and one column with its zeros.
    cdef index_t[::1] row_starts
    cdef double[::1] turned
    cdef int[::1] turned_column
    cdef index_t turned_from
    cdef index_t turned_to
    cdef double[::1] spread
    cdef double[::1] partial

    cdef int multiply_rows(self, double* Q, index_t stride, int threads) except -1 nogil
    cdef double centered_square(self, index_t i) noexcept nogil
    cdef int turn(self, index_t first) except -1 nogil
    cdef void heavy_products(self, index_t i, index_t first, double* Q, index_t stride) noexcept nogil

    cdef inline double gradient(self, index_t i) noexcept nogil:
        # The term -center_i * sum(root * residual) is absent: with an intercept that sum is zero.
        cdef double even = 0.0
        cdef double odd = 0.0
        cdef index_t e = self.starts[i]
        cdef index_t end = self.starts[i + 1]
        while e + 1 < end:
            even += self.values[e] * self.u[self.rows[e]]
            odd += self.values[e + 1] * self.u[self.rows[e + 1]]
            e += 2
        if e < end:
            even += self.values[e] * self.u[self.rows[e]]
        return even + odd + self.shift * self.mean[i]

    cdef inline void step(self, index_t i, double delta) noexcept nogil:
        cdef index_t e
        self.beta[i] += delta
        for e in range(self.starts[i], self.starts[i + 1]):
            self.u[self.rows[e]] -= delta * self.values[e]
        if self.heavy[i]:
            axpy(delta * self.center[i], self.root, &self.u[0], self.design.n_rows)
        else:
            self.shift += delta * self.center[i]

    cdef inline double residual2(self) noexcept nogil:
        cdef double total = 0.0
        cdef index_t i
        for i in range(self.design.n_rows):
            total += (self.u[i] + self.shift * self.root[i]) ** 2
        return total
