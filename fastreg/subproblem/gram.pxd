from cython cimport final

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport axpy
from fastreg.subproblem.columns cimport Form


@final
cdef class GramForm(Form):
    cdef readonly Form columns
    cdef double[:, ::1] Q
    cdef const double[:, ::1] known
    cdef double[::1] g
    cdef const double* correlation
    cdef double target2
    # Whether the residual that the columns keep is behind the coefficients.
    cdef bint behind
    cdef index_t[::1] support
    cdef double[::1] negative
    # Centers of all columns under the weights of the form, where the columns are not kept.
    cdef double[::1] center

    cdef inline bint knows_residual(self) noexcept nogil:
        # Whether the residual is at hand, or has to be made of columns.
        return self.columns is not None and not self.behind

    cdef int catch_up(self, const double* target) except -1 nogil
    cdef void correlate_rows(self, index_t first) noexcept nogil
    cdef int complete_rows(self, index_t first) except -1 nogil
    cdef int weigh_rows(self, index_t first) except -1 nogil
    cdef int predict_support(self, index_t support, double* eta) except -1 nogil

    cdef inline double residual2(self) noexcept nogil:
        # ||target - P beta||^2 = ||target||^2 - beta'(c + g) with c = P'target.
        cdef double total = self.target2
        cdef index_t i
        for i in range(self.count):
            if self.beta[i] != 0.0:
                total -= self.beta[i] * (self.correlation[self.feature[i]] + self.g[i])
        return max(total, 0.0)

    cdef inline double gradient(self, index_t i) noexcept nogil:
        return self.g[i]

    cdef inline void step(self, index_t i, double delta) noexcept nogil:
        self.beta[i] += delta
        axpy(-delta, &self.Q[i, 0], &self.g[0], self.count)
