"""The predictors of all rows and what a loss makes of them: its value, u and curvatures, here and along a line.

Nothing here knows of features: a line is given by what it does to the predictors, and reads no column of X.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport INFINITY, copysign, fabs, sqrt
from libc.string cimport memcpy

from fastreg.design.base cimport ceil_div, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.loss.base cimport PIECES, Loss, Sums, add_up, rows_of_piece

# The sum of u counts as 0 below this fraction of the sum of |u|; it is brought there in so many steps at most.
cdef double BALANCED = 1e-13
cdef int MAX_BALANCING = 100
# ... none of which may raise the loss by more than a fraction.
cdef double ROUNDING = 1e-12
# Beyond this fraction of the norm of u the sum is so far from 0 that u proves nothing.
cdef double UNBALANCED = 1e-9


cdef class RowPoint:
    """Predictors, and others under trial.

    Parameters
    ----------
    design : ScaledDesign, whose rows and weights these are
    loss : Loss
    """

    def __init__(self, ScaledDesign design, Loss loss):
        n = design.n_rows
        self.design, self.loss, self.n_rows = design, loss, n
        self.weight = np.ascontiguousarray(design.root**2)
        self.y, self.eta, self.trial, self.line = np.empty(n), np.empty(n), np.empty(n), np.empty(n)
        self.force, self.curvature = np.empty(n), np.ones(n)

    cdef double assess(self) noexcept nogil:
        # The loss at the point itself, with u and h there.
        return self.sweep(NULL, 0.0)

    cdef double evaluate(self, double length) noexcept nogil:
        # The loss so far along the line, with u and h there.
        return self.sweep(&self.line[0], length)

    cdef double sweep(self, const double* line, double length) noexcept nogil:
        # The loss so far along a line (NULL: all rows alike), with u and h there.
        cdef Sums[PIECES] part
        cdef index_t size = rows_of_piece(self.n_rows)
        cdef index_t count = ceil_div(self.n_rows, size)
        cdef index_t k
        for k in prange(count, num_threads=min(self.design.raw.n_threads, <int> count), schedule="static"):
            sweep_piece(self, line, length, k * size, min(size, self.n_rows - k * size), &part[k])
        add_up(part, count, &self.sums)
        return self.sums.value

    cdef void finish_line(self, double shift) noexcept nogil:
        # Make a line of weighted predictions, which are in its place, and a shift of the intercept.
        cdef const double* root = &self.design._root[0]
        cdef double* line = &self.line[0]
        cdef index_t i
        for i in range(self.n_rows):
            line[i] = (line[i] / root[i] if root[i] > 0.0 else 0.0) + shift

    cdef double reach_along(self) noexcept nogil:
        # How far a step goes along the line, 1 at most: where curvatures vanish Newton's step is without measure.
        cdef double length = 1.0
        cdef double reach = self.loss.reach
        cdef index_t i
        for i in range(self.n_rows):
            if fabs(self.line[i]) * length > reach:
                length = reach / fabs(self.line[i])
        return length

    cdef double slope_along(self) noexcept nogil:
        # The slope of the loss along the line at the trial point.
        cdef double total = 0.0
        cdef index_t i
        for i in range(self.n_rows):
            total -= self.weight[i] * self.force[i] * self.line[i]
        return total

    cdef void stay(self, double value) noexcept nogil:
        # Make the trial point, where the loss has this value, the point.
        memcpy(&self.eta[0], &self.trial[0], self.n_rows * sizeof(double))
        self.value, self.imbalance = value, 0.0

    cdef double balance(self, double least) noexcept nogil:
        # Move all predictors to where the sum of u vanishes, or is less than `least`; return by how much. The sum falls
        # as they rise: Newton's steps where they stay between a place that is too low and one that is too high, else
        # halves of that; where curvatures vanish, steps of |u| (the delta of Huber's loss), twice as far each time.
        # Trial point and point are to be the same, and so they are left. Without an intercept the sum is taken, no
        # more.
        cdef double low = -INFINITY
        cdef double high = INFINITY
        cdef double moved = 0.0
        cdef double stride = 1.0
        cdef double total, size, shift, value
        cdef int _
        for _ in range(MAX_BALANCING):
            total, size = self.sums.total, self.sums.size
            self.imbalance = total
            self.balanced = fabs(total) <= max(UNBALANCED * sqrt(self.sums.square), least)
            if not self.design.centered or fabs(total) <= max(BALANCED * size, least):
                break
            if total > 0.0:
                low = moved
            else:
                high = moved
            if self.sums.bend > 0.0:
                shift = total / self.sums.bend
            else:
                shift = copysign(stride * size, total)
                stride *= 2.0
            if not low < moved + shift < high:
                shift = 0.5 * (low + high) - moved
            if moved + shift == moved:
                break
            value = self.sweep(NULL, shift)
            if not value <= self.value + ROUNDING * fabs(self.value):
                # Too far, or all that is left is rounding.
                self.assess()
                if self.balanced:
                    break
                if shift > 0.0:
                    high = moved + shift
                else:
                    low = moved + shift
                continue
            self.stay(value)
            moved += shift
        return moved

    cdef void residual(self, double* u) noexcept nogil:
        # u in the units of the design.
        cdef const double* root = &self.design._root[0]
        cdef index_t i
        for i in range(self.n_rows):
            u[i] = root[i] * self.force[i]


cdef void sweep_piece(
    RowPoint self, const double* line, double length, index_t first, index_t count, Sums* sums
) noexcept nogil:
    # Predictors under trial and what the loss makes of them, for some rows: these stay in the cache.
    cdef double* trial = &self.trial[first]
    cdef const double* eta = &self.eta[first]
    cdef index_t i
    for i in range(count):
        trial[i] = eta[i] + (length if line == NULL else length * line[first + i])
    self.loss.evaluate(
        &self.y[first], &self.weight[first], trial, count, &self.force[first], &self.curvature[first], sums
    )
