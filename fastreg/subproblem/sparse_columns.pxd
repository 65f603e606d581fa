from cython cimport final

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport axpy, dot
from fastreg.subproblem.sparse_entries cimport SparseEntries, dot_rows


@final
cdef class SparseColumns(SparseEntries):
    # The residual is u + shift * root. A heavy column would make shift huge, so its center goes into u at once (such a
    # column is dense anyway).
    cdef double[::1] u
    cdef double shift

    cdef inline double gradient(self, index_t i) noexcept nogil:
        # The term -center_i * sum(root * residual) is absent: with an intercept that sum is zero, but for rounding,
        # which the center of a heavy column would multiply.
        cdef double own = dot_rows(&self.values[0], &self.rows[0], self.starts[i], self.starts[i + 1], &self.u[0])
        if self.heavy[i]:
            return own - self.center[i] * dot(self.root, &self.u[0], self.design.n_rows)
        return own + self.shift * self.mean[i]

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
