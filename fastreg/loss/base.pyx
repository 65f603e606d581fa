"""What a loss l(y, eta) of a target and a predictor is to the solver; the losses are in ``generalized``."""

import numpy as np

from cython.parallel cimport prange
from libc.string cimport memset

from fastreg.design.base cimport ceil_div, index_t

# Steps to the best intercept, of Newton's method and bisection.
MAX_STEPS = 500
EPS = np.finfo(float).eps
# The largest steepness.
cdef double STEEPEST = 1e200
# Predictors on a logarithmic scale move by so much in a step at most.
cdef double REACH = 30.0


cdef index_t rows_of_piece(index_t n) noexcept nogil:
    return max(<index_t> PIECE_ROWS, ceil_div(n, PIECES))


cdef void add_up(const Sums* part, index_t count, Sums* sums) noexcept nogil:
    # The sums of all pieces, in order; the steepness as a number that can be multiplied.
    cdef index_t k
    sums[0] = part[0]
    for k in range(1, count):
        sums.value += part[k].value
        sums.steep += part[k].steep
        sums.tilt += part[k].tilt
        sums.total += part[k].total
        sums.size += part[k].size
        sums.square += part[k].square
        sums.bend += part[k].bend
    if not sums.steep < STEEPEST:
        sums.steep = STEEPEST


cdef double diverge(
    Loss loss, const double* y, const double* weight, const double* eta, index_t n, double s, int n_threads
) noexcept nogil:
    # The weighted sum of D(s) over all rows.
    cdef double[PIECES] part
    cdef index_t size = rows_of_piece(n)
    cdef index_t count = ceil_div(n, size)
    cdef index_t k
    cdef double total = 0.0
    for k in prange(count, num_threads=min(n_threads, <int> count), schedule="static"):
        part[k] = loss.divergence(y + k * size, weight + k * size, eta + k * size, min(size, n - k * size), s)
    for k in range(count):
        total += part[k]
    return total


cdef class Loss:
    """Abstract base: sums over rows for the solver, and the same for Python."""

    cdef void evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, Sums* sums
    ) noexcept nogil:
        # The weighted sums over these rows, and u and h of every row.
        memset(sums, 0, sizeof(Sums))

    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil:
        # sum_i weight_i D_i(s).
        return 0.0

    def __cinit__(self, *args, **kwargs):
        self.reach = REACH

    def __reduce__(self):
        return type(self), ()

    def check_domain(self, y):
        """Refuse targets that this loss is not for; any finite one will do where a loss does not say otherwise."""

    def check_null(self, y):
        """Refuse targets whose best intercept is infinite; there are none where a loss does not say otherwise."""

    def check(self, y, weights, fit_intercept):
        """Refuse targets (n_targets, n_rows) that cannot be fitted, with an intercept or without."""
        self.check_domain(y)
        if fit_intercept:
            self.check_null(y[:, weights > 0])

    def unit(self, y):
        """Return the size of y against which rounding of u is measured."""
        return np.abs(y).max(initial=0.0)

    def point(self, const double[::1] y, const double[::1] weights, const double[::1] eta):
        """Return the loss (weights sum to 1), u and h of every row."""
        cdef double[::1] u = np.empty(y.shape[0]), h = np.empty(y.shape[0])
        cdef Sums sums
        self.evaluate(&y[0], &weights[0], &eta[0], y.shape[0], &u[0], &h[0], &sums)
        return sums.value, np.asarray(u), np.asarray(h)

    def divergence_at(self, const double[::1] y, const double[::1] weights, const double[::1] eta, double s):
        """Return the weighted mean of D(s)."""
        return self.divergence(&y[0], &weights[0], &eta[0], y.shape[0], s)

    def deviance(self, y, predictor, weights):
        """Return the weighted mean deviance, twice the loss less its least value, of predictors (n, ...)."""
        y, weights = np.ascontiguousarray(y, dtype=float), np.ascontiguousarray(weights, dtype=float)
        lines = np.ascontiguousarray(predictor.reshape(len(y), -1).T)
        best = self.saturated(y, weights)
        values = [max(2.0 * (self.point(y, weights, line)[0] - best), 0.0) for line in lines]
        return np.reshape(values, predictor.shape[1:])

    def null_model(self, y, weights, offset, bint fit_intercept):
        """Return the best intercepts (n_targets,) without any feature, and u (n_targets, n_samples).

        The weighted sum of u falls with the intercept: Newton's method, guarded by what is known of its root.
        """
        intercepts, u = np.zeros(len(y)), np.empty_like(y)
        offset = np.broadcast_to(offset, y.shape)
        for k in range(len(y)):
            if fit_intercept:
                intercepts[k] = self.best_intercept(y[k], weights, offset[k])
            u[k] = self.point(y[k], weights, intercepts[k] + offset[k])[1]
            # A target that is constant up to rounding leaves exactly 0.
            used = weights > 0
            if np.abs(u[k][used]).max() <= 16 * EPS * self.unit(y[k][used]):
                u[k] = 0.0
        return intercepts, u

    def best_intercept(self, y, weights, offset, start=None):
        """Return the b at which the weighted sum of u(y, b + offset) vanishes."""
        b = self.link(weights @ y) - weights @ offset if start is None else start
        low, high = -np.inf, np.inf
        for _ in range(MAX_STEPS):
            _, u, h = self.point(y, weights, b + offset)
            total, bend = weights @ u, weights @ h
            if abs(total) <= 8 * EPS * (weights @ np.abs(u)):
                return b
            if total > 0:
                low = b
            else:
                high = b
            new = b + total / bend if bend > 0 else b
            if not low <= new <= high:
                new = 0.5 * (low + high)
            if not abs(new - b) > 2 * EPS * abs(b):
                return new
            b = new
        return b
