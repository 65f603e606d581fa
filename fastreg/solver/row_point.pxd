from cython cimport final

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.loss.base cimport Loss, Sums


@final
cdef class RowPoint:
    cdef ScaledDesign design
    cdef Loss loss
    cdef index_t n_rows
    cdef double[::1] y
    cdef double[::1] weight
    # The loss at the predictors eta, and the weighted sum of u there, which the intercept is to make 0.
    cdef double[::1] eta
    cdef double value
    cdef double imbalance
    cdef bint balanced
    # Predictors under trial, which may be eta, with u and h of every row there, and sums over rows; and the line along
    # which they are looked for.
    cdef double[::1] trial
    cdef double[::1] force
    cdef double[::1] curvature
    cdef Sums sums
    cdef double[::1] line

    cdef double assess(self) noexcept nogil
    cdef double evaluate(self, double length) noexcept nogil
    cdef double sweep(self, const double* line, double length) noexcept nogil
    cdef void finish_line(self, double shift) noexcept nogil
    cdef double reach_along(self) noexcept nogil
    cdef double slope_along(self) noexcept nogil
    cdef void stay(self, double value) noexcept nogil
    cdef double balance(self, double least) noexcept nogil
    cdef void residual(self, double* u) noexcept nogil
