"""Exact solution on the working set by tracing it (homotopy; Osborne, Presnell & Turlach 2000; Efron et al. 2004).

The minimizer of  b'Qb/2 - c'b + sum_j (t_j |b_j| + q_j/2 b_j^2)  over the bounds is piecewise linear in (c, t). A
warm start is the exact solution of a neighboring problem: with g = c - (Q + q) b it is optimal for the target
c - dc and the old thresholds t0, where dc is what g lacks to satisfy the optimality conditions at t0:

    g_j = s_j t0_j on the active set S,     |g_j| <= t0_j where b_j = 0,     g_j beyond t0_j at a bound.

From there c and t travel along a line to where they should be, tau from 0 to 1. On the way

    (Q_SS + q_S) d = dc_S - s dt_S,     dg = dc - Q_:S d,

up to the next event: a coefficient reaches zero or a bound and leaves S, a correlation reaches its threshold, or a
multiplier at a bound changes sign, and joins S. A Cholesky factor L of Q_SS + q_S is updated by a row or by Givens
rotations. ``course.pyx`` says where the path goes between two events, this module what happens at them.

A joining column that depends on S has a vanishing pivot. Its coefficient is then exchanged: moving b_j by theta s_j
and b_S by -theta s_j a, with Q_SS a = Q_Sj, changes no correlation; theta grows until some i of S reaches zero or a
bound, i leaves and j takes its place. If nothing stops theta, j waits until S has shrunk.
"""

import numpy as np

from libc.math cimport fabs, INFINITY
from libc.string cimport memset

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport dot
from fastreg.penalty.elastic_net cimport Penalty, bind, clip
from fastreg.runtime.interrupt cimport poll
from fastreg.subproblem.active_set cimport append_row, backward, factorize, remove_row
from fastreg.subproblem.course cimport (
    ARRIVED, AT_LOWER, AT_UPPER, JOINS_ABOVE, LEAVES, Course,
    advance, direction, first_direction, next_event, right_side, watch,
)
from fastreg.subproblem.gram cimport GramForm

# How often tracing may start again for something that it had not watched.
cdef int MAX_RETRACES = 20


cdef class Tracer(Course):
    """The method: from a warm start, event by event, to the penalty asked for."""

    def minimize(self, GramForm form, penalty, double a1, double a2, const double[::1] target, index_t max_events):
        """Solve the subproblem of a form from its coefficients and return (coefficients, whether it is exact).

        Parameters
        ----------
        form : GramForm
        penalty : dict of l1, l2, lower, upper (n_features,)
        a1, a2 : float, scales of the two parts
        target : (n_rows,)
        max_events : int
        """
        cdef const double[::1] l1 = penalty["l1"], l2 = penalty["l2"]
        cdef const double[::1] lower = penalty["lower"], upper = penalty["upper"]
        cdef Penalty pen = bind(l1, l2, lower, upper, a1, a2)
        form.refresh(&target[0])
        exact = self.solve(form, &pen, &target[0], max_events)
        return np.array(form.beta[:form.count]), exact

    cdef void forget(self) noexcept nogil:
        self.ready = False

    cdef bint solve(self, GramForm form, const Penalty* pen, const double* target, index_t max_events) except -1 nogil:
        # Trace, with fresh gradients afterwards, until nothing that was not watched has slipped through. False if the
        # solution is not exact: the events of one trace, at most max_events, or the repeats ran out.
        cdef index_t events = 0
        cdef bint exact = False
        cdef int _
        for _ in range(MAX_RETRACES):
            exact = self.trace(form, pen, max_events)
            form.refresh(target)
            events += self.events
            if not exact or not self.missed(form, pen):
                break
            exact = False
        self.events = events
        return exact

    cdef bint trace(self, GramForm form, const Penalty* pen, index_t max_events) except -1 nogil:
        # Solve for the penalty `pen` from the form's coefficients, for what is watched; False if the events ran out,
        # the coefficients being feasible all the same. The form's gradients are stale afterwards.
        cdef index_t i, event
        cdef double tau = 0.0
        cdef double step
        self.old_a1 = self.a1 if self.ready and self.a1 >= pen.a1 else pen.a1
        self.scale = self.old_a1
        self.events = 0
        self.reserve(form.capacity)
        start(self, form, pen)
        first_direction(self, form, pen)
        watch(self, form, pen)
        while True:
            poll()
            step = next_event(self, form, pen, tau, &i, &event)
            advance(self, form, step)
            tau += step
            self.scale = self.old_a1 + tau * (pen.a1 - self.old_a1)
            if event == ARRIVED:
                self.ready = True
                break
            self.events += 1
            if self.events > max_events:
                self.ready = False
                break
            if event == LEAVES:
                leave(self, form, pen, i)
            else:
                join(self, form, pen, i, 1 if event == JOINS_ABOVE else -1)
            direction(self, form, False)
        for i in range(form.count):
            # Rounding may have carried a coefficient past its bound.
            form.beta[i] = clip(pen, form.feature[i], form.beta[i])
        self.a1, self.a2, self.known = pen.a1, pen.a2, form.count
        return self.ready


cdef inline double gradient(GramForm form, const Penalty* pen, index_t i) noexcept nogil:
    # g_i = c_i - (Q b)_i - q_i b_i from the form's gradients.
    return form.g[i] - pen.a2 * pen.l2[form.feature[i]] * form.beta[i]


cdef int start(Tracer self, GramForm form, const Penalty* pen) except -1 nogil:
    # The active set of the warm start, its factor, and the shift dc that makes it optimal.
    cdef index_t i, j
    cdef double t, g
    if not (self.ready and self.known <= form.count and (pen.a2 == self.a2 or not has_ridge(form, pen))):
        find_active(self, form, pen)
    for i in range(self.known, form.count):
        self.sign[i] = 0
        self.place[i] = -1
    self.known = form.count
    for i in range(form.count):
        self.skipped[i] = 0
        j = form.feature[i]
        t = self.old_a1 * pen.l1[j]
        g = gradient(form, pen, i)
        if self.sign[i] == 1 or self.sign[i] == -1:
            self.g[i] = self.sign[i] * t
        elif self.sign[i] == AT_UPPER:
            self.g[i] = max(g, t)
        elif self.sign[i] == AT_LOWER:
            self.g[i] = min(g, -t)
        else:
            self.g[i] = g
            # A violator starts inside its threshold, further inside the worse it is: starting all of them on the
            # threshold would be a tie, and ties cycle. It arrives there at tau = t / (|g| + t), the worst one first.
            if (g > t and pen.upper[j] > 0.0) or (g < -t and pen.lower[j] < 0.0):
                self.g[i] = t * t / g
        self.dc[i] = g - self.g[i]
    return 0


cdef bint has_ridge(GramForm form, const Penalty* pen) noexcept nogil:
    cdef index_t i
    for i in range(form.count):
        if pen.l2[form.feature[i]] != 0.0:
            return True
    return False


cdef int find_active(Tracer self, GramForm form, const Penalty* pen) except -1 nogil:
    # Signs and factor from the coefficients themselves: nonzero ones inside their bounds, and all free ones.
    cdef index_t i, j
    cdef double b
    self.size = 0
    self.known = form.count
    for i in range(form.count):
        j = form.feature[i]
        b = form.beta[i]
        self.place[i] = -1
        self.sign[i] = 0
        if b != 0.0 and b >= pen.upper[j]:
            self.sign[i] = AT_UPPER
        elif b != 0.0 and b <= pen.lower[j]:
            self.sign[i] = AT_LOWER
        elif b != 0.0:
            self.sign[i] = 1 if b > 0.0 else -1
            self.active[self.size] = i
            self.place[i] = self.size
            self.size += 1
    if not factorize(self, form, pen):
        rebuild(self, form, pen)
    return 0


cdef int rebuild(Tracer self, GramForm form, const Penalty* pen) except -1 nogil:
    # L row by row, dependent columns moved out of the support along directions that change no correlation.
    cdef index_t count = self.size
    cdef index_t k, i
    for k in range(count):
        self.pending[k] = self.active[k]
    self.size = 0
    for k in range(count):
        i = self.pending[k]
        while not append_row(self, form, pen, i):
            if not retreat(self, form, pen, i):
                break
    return 0


cdef bint retreat(Tracer self, GramForm form, const Penalty* pen, index_t i) noexcept nogil:
    # Column i = S a: take b_i towards 0 and b_S along by a times as much, until b_i or one of S is there. False if it
    # was b_i; the other one has left S then.
    cdef signed char sign = self.sign[i]
    cdef index_t k, out
    cdef double theta
    backward(self, &self.w[0], self.size)
    theta = room_in_active(self, form, pen, sign, &out)
    if theta >= fabs(form.beta[i]):
        theta = fabs(form.beta[i])
        out = -1
    for k in range(self.size):
        form.beta[self.active[k]] += theta * sign * self.w[k]
    if out < 0:
        form.beta[i], self.sign[i], self.place[i] = 0.0, 0, -1
        return False
    form.beta[i] -= theta * sign
    leave(self, form, pen, out)
    return True


cdef double room_in_active(
    Tracer self, GramForm form, const Penalty* pen, signed char sign, index_t* out
) noexcept nogil:
    # How far b_S may move along sign * w until one of it, `out`, reaches zero or a bound.
    cdef double theta = INFINITY
    cdef double rate, room
    cdef index_t k, i, j
    out[0] = -1
    for k in range(self.size):
        i = self.active[k]
        j = form.feature[i]
        rate = sign * self.w[k]
        if fabs(rate) <= 1e-12:
            continue
        room = pen.upper[j] if rate > 0.0 else pen.lower[j]
        if pen.l1[j] > 0.0 and self.sign[i] * rate < 0.0:
            room = 0.0
        room = max((room - form.beta[i]) / rate, 0.0)
        if room < theta:
            theta, out[0] = room, i
    return theta


cdef void leave(Tracer self, GramForm form, const Penalty* pen, index_t i) noexcept nogil:
    # Coefficient i rests at the nearest of zero and its bounds; its row of L goes.
    cdef index_t j = form.feature[i]
    cdef double b = form.beta[i]
    # On S the correlation is at its threshold by definition, whatever rounding has made of the sum of its steps.
    self.g[i] = self.sign[i] * self.scale * pen.l1[j]
    if fabs(b) <= min(fabs(b - pen.upper[j]), fabs(b - pen.lower[j])):
        form.beta[i], self.sign[i] = 0.0, 0
    elif fabs(b - pen.upper[j]) <= fabs(b - pen.lower[j]):
        form.beta[i], self.sign[i] = pen.upper[j], AT_UPPER
    else:
        form.beta[i], self.sign[i] = pen.lower[j], AT_LOWER
    remove_row(self, self.place[i])
    self.dg[i] = 0.0
    memset(&self.skipped[0], 0, form.count)


cdef int join(Tracer self, GramForm form, const Penalty* pen, index_t i, signed char sign) except -1 nogil:
    # Put i into S, or exchange it with a column that it depends on: b_i += theta sign, b_S -= theta sign a, until one
    # of S, or i itself, reaches zero or a bound.
    cdef signed char rested = self.sign[i]
    cdef index_t k, out, row
    cdef double theta
    while not append_row(self, form, pen, i):
        backward(self, &self.w[0], self.size)
        theta = room_in_active(self, form, pen, -sign, &out)
        if out < 0 or rested != 0 or theta >= (pen.upper[form.feature[i]] if sign > 0 else -pen.lower[form.feature[i]]):
            self.skipped[i] = 1
            return 0
        for k in range(self.size):
            form.beta[self.active[k]] -= theta * sign * self.w[k]
        form.beta[i] += theta * sign
        leave(self, form, pen, out)
    self.sign[i] = sign
    # The last row of L y = dc_S - s dt_S; w is the rest of that row.
    row = self.size - 1
    self.y[row] = (right_side(self, form, pen, i) - dot(&self.w[0], &self.y[0], row)) / self.L[row, row]
    return 0
