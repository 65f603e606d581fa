"""Coordinate descent on the working set, written once over every form of the subproblem.

One epoch visits every working column i and minimizes the objective over its coefficient alone,

    b_i  <-  prox( x_i'u + ||x_i||^2 b_i ),        u the current residual.

Epochs over the whole working set alternate with cheaper ones over the support. Unpenalized columns without
bounds come first in the working set and move together, by one Newton step per epoch. Every few epochs the
last iterates are extrapolated (Anderson acceleration; Bertrand & Massias 2021), and the extrapolation is kept
only if the objective falls.
"""

import numpy as np

from libc.math cimport fabs, sqrt

from fastreg.design.base cimport NO_INDICES, NO_ROWS, index_t
from fastreg.penalty.elastic_net cimport Penalty, bind, clip, penalty_value, proximal_step
from fastreg.runtime.interrupt cimport poll
from fastreg.subproblem.columns cimport DenseColumns, Form
from fastreg.subproblem.gap cimport Evidence, dual_gap
from fastreg.subproblem.gram cimport GramForm
from fastreg.subproblem.sparse_columns cimport SparseColumns

# Epochs over the support between two over the whole working set, at most.
cdef index_t SUPPORT_EPOCHS = 30
# ... which end early when the largest step has shrunk to this fraction of the whole epoch's.
cdef double SHRINK = 0.03


# Leaves only: with the virtual base in the list every leaf would take its slow path.
ctypedef fused Leaf:
    GramForm
    DenseColumns
    SparseColumns


cdef class CoordinateDescent:
    """Workspace of the method; ``free`` is the (pseudo-)inverse Gram matrix of the unpenalized columns, if any."""

    def __init__(self, free=None):
        self.inverse, self.support = NO_ROWS, NO_INDICES
        if free is not None:
            self.inverse = np.ascontiguousarray(free, dtype=float)
        self.n_free = self.inverse.shape[0]

    def _grow(self, index_t capacity):
        cdef double[:, ::1] numbers = np.empty((DEPTH + 4, capacity))
        self.support = np.empty(capacity, dtype=np.intp)
        self.history, self.z = numbers[: DEPTH + 3], numbers[DEPTH + 3]

    cdef int reserve(self, index_t capacity) except -1 nogil:
        if self.support.shape[0] < capacity:
            with gil:
                self._grow(capacity)
        return 0

    def minimize(
        self, Form form, penalty, double a1, double a2, const double[::1] target, double gap, index_t max_epochs
    ):
        """Solve the subproblem of a form with columns (all features in order) and return (coefficients, epochs).

        Parameters
        ----------
        form : Form
        penalty : dict of l1, l2, lower, upper (n_features,)
        a1, a2 : float, scales of the two parts
        target : (n_rows,)
        gap : float, duality gap to reach
        max_epochs : int
        """
        cdef const double[::1] l1 = penalty["l1"], l2 = penalty["l2"]
        cdef const double[::1] lower = penalty["lower"], upper = penalty["upper"]
        cdef const double[::1] norm = form.design.norm
        cdef Penalty pen = bind(l1, l2, lower, upper, a1, a2)
        cdef Evidence evidence
        evidence.rows.loss, evidence.enough, evidence.tilt = NULL, 0.0, 0.0
        evidence.norm = &norm[0]
        evidence.zero_level = 1e-9 * np.linalg.norm(target)
        form.refresh(&target[0])
        epochs = self.solve(form, &pen, evidence, gap, max_epochs)
        return np.array(form.beta[:form.count]), epochs

    cdef index_t solve(
        self, Form form, const Penalty* pen, Evidence evidence, double target, index_t max_epochs
    ) except -1 nogil:
        # Return the epochs spent; ``self.gap`` is the gap of the subproblem, at most target unless they ran out
        # or rounding stops all progress. ``evidence`` brings norm and zero_level.
        if form.count == 0:
            self.gap = 0.0
            return 0
        self.reserve(form.capacity)
        if form.kind == 0:
            return descend(self, <GramForm> form, pen, &evidence, target, max_epochs)
        if form.kind == 1:
            return descend(self, <DenseColumns> form, pen, &evidence, target, max_epochs)
        return descend(self, <SparseColumns> form, pen, &evidence, target, max_epochs)


cdef index_t descend(
    CoordinateDescent self, Leaf form, const Penalty* pen, Evidence* evidence, double target, index_t max_epochs
) except -1 nogil:
    cdef index_t epochs = 0
    cdef index_t size, first
    cdef double step
    while True:
        poll()
        first = self.n_free if move_free(self, form) else 0
        self.gap = subproblem_gap(self, form, pen, evidence)
        if self.gap <= target or epochs >= max_epochs:
            return epochs
        step = sweep(form, pen, NULL, form.count, first)
        epochs += 1
        # Steps are in units of the residual: below its rounding error nothing moves any more.
        if step * step <= 1e-31 * evidence.residual2:
            return epochs
        size = find_support(self, form)
        epochs += descend_support(self, form, pen, size, step, min(SUPPORT_EPOCHS, max_epochs - epochs))


cdef index_t descend_support(
    CoordinateDescent self, Leaf form, const Penalty* pen, index_t size, double first_step, index_t max_epochs
) except -1 nogil:
    # Epochs over the support alone, with an extrapolation every DEPTH of them.
    cdef index_t epoch
    cdef index_t stored = 0
    cdef double step
    store(self, form, size, 0)
    for epoch in range(max_epochs):
        poll()
        move_free(self, form)
        step = sweep(form, pen, &self.support[0], size, 0)
        stored += 1
        store(self, form, size, stored)
        if step <= SHRINK * first_step:
            return epoch + 1
        if stored == DEPTH:
            extrapolate(self, form, pen, size)
            store(self, form, size, 0)
            stored = 0
    return max_epochs


cdef double sweep(Leaf form, const Penalty* pen, const index_t* order, index_t count, index_t first) noexcept nogil:
    # One epoch over order[first:count] (NULL: all positions); return the largest step, in units of the residual.
    cdef double largest = 0.0
    cdef double h, old, new
    cdef index_t k, i
    for k in range(first, count):
        i = k if order == NULL else order[k]
        h = form.curvature[i]
        old = form.beta[i]
        new = proximal_step(pen, form.feature[i], form.gradient(i) + h * old, h)
        if new != old:
            form.step(i, new - old)
            # The new coefficient itself, not old + (new - old): bounds and zeros must be met exactly.
            form.beta[i] = new
            largest = max(largest, fabs(new - old) * sqrt(h))
    return largest


cdef bint move_free(CoordinateDescent self, Leaf form) noexcept nogil:
    # Newton step on the unpenalized block: beta_F += Q_FF^+ g_F makes its correlations vanish. False, and no step,
    # where these columns depend on each other so much that by rounding the loss would rise.
    cdef double* g
    cdef double* delta
    cdef double fall = 0.0
    cdef index_t i, j
    if self.n_free == 0:
        return True
    g, delta = &self.z[0], &self.history[DEPTH + 1, 0]
    for i in range(self.n_free):
        g[i] = form.gradient(i)
    for i in range(self.n_free):
        delta[i] = 0.0
        for j in range(self.n_free):
            delta[i] += self.inverse[i, j] * g[j]
    for i in range(self.n_free):
        if delta[i] != 0.0:
            form.step(i, delta[i])
    # The quadratic falls by d'(g_before + g_after) / 2 along d.
    for i in range(self.n_free):
        fall += delta[i] * (g[i] + form.gradient(i))
    if fall >= 0.0:
        return True
    for i in range(self.n_free):
        if delta[i] != 0.0:
            form.step(i, -delta[i])
    return False


cdef index_t find_support(CoordinateDescent self, Leaf form) noexcept nogil:
    cdef index_t size = 0
    cdef index_t i
    for i in range(self.n_free, form.count):
        if form.beta[i] != 0.0:
            self.support[size] = i
            size += 1
    return size


cdef double subproblem_gap(CoordinateDescent self, Leaf form, const Penalty* pen, Evidence* evidence) noexcept nogil:
    cdef double scale
    cdef index_t i
    for i in range(form.count):
        self.z[i] = form.gradient(i)
    evidence.feature = &form.feature[0]
    evidence.beta = &form.beta[0]
    evidence.z = &self.z[0]
    evidence.count = form.count
    evidence.residual2 = form.residual2()
    return dual_gap(pen, evidence, &scale)


cdef void store(CoordinateDescent self, Leaf form, index_t size, index_t line) noexcept nogil:
    cdef index_t k
    for k in range(size):
        self.history[line, k] = form.beta[self.support[k]]


cdef void extrapolate(CoordinateDescent self, Leaf form, const Penalty* pen, index_t size) noexcept nogil:
    # Anderson extrapolation of the DEPTH + 1 stored iterates; undone unless the objective falls.
    cdef double[DEPTH] weights
    cdef double* before = &self.history[DEPTH + 1, 0]
    cdef double* slope = &self.history[DEPTH + 2, 0]
    cdef double change = 0.0
    cdef double new, old
    cdef index_t k, line, i
    if size == 0 or not anderson_weights(self, size, weights):
        return
    for k in range(size):
        before[k] = form.beta[self.support[k]]
        slope[k] = form.gradient(self.support[k])
    for k in range(size):
        i = self.support[k]
        new = 0.0
        for line in range(DEPTH):
            new += weights[line] * self.history[line + 1, k]
        new = clip(pen, form.feature[i], new)
        change += penalty_value(pen, form.feature[i], new) - penalty_value(pen, form.feature[i], before[k])
        if new != before[k]:
            form.step(i, new - before[k])
            form.beta[i] = new
    # The quadratic's change along d is -d'(g_before + g_after) / 2.
    for k in range(size):
        i = self.support[k]
        change -= 0.5 * (form.beta[i] - before[k]) * (slope[k] + form.gradient(i))
    if change < 0.0:
        return
    for k in range(size):
        i = self.support[k]
        old = form.beta[i]
        if old != before[k]:
            form.step(i, before[k] - old)
            form.beta[i] = before[k]


cdef bint anderson_weights(CoordinateDescent self, index_t size, double* weights) noexcept nogil:
    # Weights that sum to 1 and minimize || sum_l w_l (b_{line+1} - b_l) ||: solve (R R' + ridge) w = 1, normalize.
    cdef double[DEPTH * DEPTH] a
    cdef double trace = 0.0
    cdef double total = 0.0
    cdef double factor
    cdef index_t line, other, k
    for line in range(DEPTH):
        for other in range(line + 1):
            factor = 0.0
            for k in range(size):
                factor += (
                    (self.history[line + 1, k] - self.history[line, k])
                    * (self.history[other + 1, k] - self.history[other, k])
                )
            a[line * DEPTH + other] = factor
            a[other * DEPTH + line] = factor
        trace += a[line * DEPTH + line]
    if not trace > 0.0:
        return False
    for line in range(DEPTH):
        a[line * DEPTH + line] += 1e-13 * trace
        weights[line] = 1.0
    for line in range(DEPTH):
        for other in range(line + 1, DEPTH):
            factor = a[other * DEPTH + line] / a[line * DEPTH + line]
            for k in range(line, DEPTH):
                a[other * DEPTH + k] -= factor * a[line * DEPTH + k]
            weights[other] -= factor * weights[line]
    for line in range(DEPTH - 1, -1, -1):
        for k in range(line + 1, DEPTH):
            weights[line] -= a[line * DEPTH + k] * weights[k]
        weights[line] /= a[line * DEPTH + line]
        total += weights[line]
    if not fabs(total) > 0.0:
        return False
    for line in range(DEPTH):
        weights[line] /= total
        if not fabs(weights[line]) < 1e8:
            return False
    return True
