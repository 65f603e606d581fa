"""Where exact tracing goes from here, what it watches on the way, and which event comes first.

With S the active set and L its factor, y = L^-1 (dc_S - s dt_S) is kept up to date by the events, so that L'd = y gives
the direction of the coefficients and dg = dc - Q_:S d that of the correlations. Most of W is nowhere near its
threshold: from the first direction it is predicted which correlations may come close to theirs, and those alone are
watched, so that an event costs O(|S|^2 + |watched| |S|), not O(|W| |S|). What was not watched is checked at the end.
"""

import numpy as np

from libc.math cimport fabs, sqrt
from libc.string cimport memcpy

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport combine_at, dot_at
from fastreg.penalty.elastic_net cimport Penalty, may_enter
from fastreg.subproblem.active_set cimport ActiveSet, backward, forward
from fastreg.subproblem.gram cimport GramForm

# A correlation that approaches its threshold more slowly than this fraction of either's speed runs parallel to it,
# as those of columns that depend on S do.
cdef double PARALLEL = 1e-11
# ... and one that can move by less than this fraction of ||x_i|| ||y|| in all does not matter.
cdef double NEGLIGIBLE = 1e-14
# Watched is what would come this close to its threshold, as a fraction of how far thresholds and violators move.
cdef double MARGIN = 0.3
# ... and whatever rounding may put on either side of it.
cdef double TIE = 1e-9
# Scattered entries of Q cost so many times what entries in a row cost.
cdef index_t GATHER = 4


cdef class Course(ActiveSet):
    """State of the method between calls: the active set, signs, and how correlations and coefficients move."""

    def _grow(self, index_t capacity):
        # Rows of one array: for a small problem to make a view of an array costs more than to use it.
        cdef index_t old = self.active.shape[0]
        cdef index_t[:, ::1] lists = np.zeros((4, capacity), dtype=np.intp)
        cdef signed char[::1] sign = np.zeros(capacity, dtype=np.int8)
        cdef unsigned char[:, ::1] marks = np.zeros((2, capacity), dtype=np.uint8)
        cdef double[:, ::1] numbers = np.empty((5, capacity))
        if old:
            lists[0, :old], lists[1, :old], sign[:old] = self.active, self.place, self.sign
        self.active, self.place, self.pending, self.watch_list = lists[0], lists[1], lists[2], lists[3]
        self.sign, self.skipped, self.watched = sign, marks[0], marks[1]
        self.g, self.dc, self.dg, self.d, self.w = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]

    cdef int reserve(self, index_t capacity) except -1 nogil:
        if self.active.shape[0] < capacity:
            with gil:
                self._grow(capacity)
        return 0

    cdef bint missed(self, GramForm form, const Penalty* pen) noexcept nogil:
        # Whether fresh gradients of the form show a violation among what was not watched.
        cdef index_t i
        for i in range(form.count):
            if not self.watched[i] and self.sign[i] == 0 and may_enter(pen, form.feature[i], form.g[i], 0.0):
                return True
        return False


cdef double right_side(Course self, GramForm form, const Penalty* pen, index_t i) noexcept nogil:
    return self.dc[i] - self.sign[i] * (pen.a1 - self.old_a1) * pen.l1[form.feature[i]]


cdef void first_direction(Course self, GramForm form, const Penalty* pen) noexcept nogil:
    # d on S and dg on all of W.
    cdef index_t k
    for k in range(self.size):
        self.y[k] = right_side(self, form, pen, self.active[k])
    forward(self, &self.y[0], self.size)
    direction(self, form, True)


cdef void direction(Course self, GramForm form, bint everywhere) noexcept nogil:
    # d on S and dg on what is watched, or on all of W, for the rest of the way.
    cdef index_t k, i
    memcpy(&self.d[0], &self.y[0], self.size * sizeof(double))
    backward(self, &self.d[0], self.size)
    if everywhere or GATHER * (self.n_watched - self.size) > form.count:
        # Whole rows of Q, with the opposite sign: dc - Q d.
        for i in range(form.count):
            self.dg[i] = -self.dc[i]
        combine_at(&form.Q[0, 0], &self.active[0], self.size, form.Q.shape[1], form.count, &self.d[0], &self.dg[0])
        for i in range(form.count):
            self.dg[i] = -self.dg[i]
        return
    for k in range(self.n_watched):
        i = self.watch_list[k]
        if self.place[i] < 0:
            self.dg[i] = self.dc[i] - dot_at(&form.Q[i, 0], &self.active[0], &self.d[0], self.size)


cdef void watch(Course self, GramForm form, const Penalty* pen) noexcept nogil:
    # Choose what may meet its threshold: what would come within MARGIN of all that moves, were S to stay as it is.
    cdef double jump = 0.0
    cdef double fall = self.old_a1 - pen.a1
    cdef index_t i, j
    cdef double slack
    for i in range(form.count):
        jump = max(jump, fabs(self.dc[i]))
    self.n_watched = 0
    for i in range(form.count):
        j = form.feature[i]
        slack = MARGIN * (fall * pen.l1[j] + jump) + TIE * self.old_a1 * pen.l1[j]
        self.watched[i] = self.sign[i] != 0 or may_enter(pen, j, self.g[i] + self.dg[i], slack)
        if self.watched[i]:
            self.watch_list[self.n_watched] = i
            self.n_watched += 1


cdef double next_event(
    Course self, GramForm form, const Penalty* pen, double tau, index_t* which, index_t* event
) noexcept nogil:
    # The step to the first event, at most to tau = 1.
    cdef double best = 1.0 - tau
    cdef double step, t, dt, b, d, bound, room, slow
    cdef index_t k, i, j
    event[0] = ARRIVED
    for k in range(self.size):
        i = self.active[k]
        j = form.feature[i]
        b, d = form.beta[i], self.d[k]
        if d == 0.0:
            continue
        bound = pen.upper[j] if d > 0.0 else pen.lower[j]
        # On the way towards zero the kink at zero comes first, unless there is none.
        if pen.l1[j] > 0.0 and self.sign[i] * d < 0.0:
            bound = 0.0
        step = max((bound - b) / d, 0.0)
        if step < best:
            best, which[0], event[0] = step, i, LEAVES
    for k in range(self.n_watched):
        i = self.watch_list[k]
        if self.place[i] >= 0 or self.skipped[i]:
            continue
        j = form.feature[i]
        t = self.scale * pen.l1[j]
        dt = (pen.a1 - self.old_a1) * pen.l1[j]
        slow = PARALLEL * (fabs(self.dg[i]) + fabs(dt)) + NEGLIGIBLE * sqrt(form.curvature[i] * form.target2)
        # At zero a correlation may grow up to t; at an upper bound it may fall down to it, and likewise below.
        if (self.sign[i] == 0 and pen.upper[j] > 0.0) or self.sign[i] == AT_UPPER:
            room, d = (t - self.g[i], self.dg[i] - dt) if self.sign[i] == 0 else (self.g[i] - t, dt - self.dg[i])
            if d > slow:
                step = max(room / d, 0.0)
                if step < best:
                    best, which[0], event[0] = step, i, JOINS_ABOVE
        if (self.sign[i] == 0 and pen.lower[j] < 0.0) or self.sign[i] == AT_LOWER:
            room, d = (t + self.g[i], -self.dg[i] - dt) if self.sign[i] == 0 else (-t - self.g[i], self.dg[i] + dt)
            if d > slow:
                step = max(room / d, 0.0)
                if step < best:
                    best, which[0], event[0] = step, i, JOINS_BELOW
    return best


cdef void advance(Course self, GramForm form, double step) noexcept nogil:
    cdef index_t k
    for k in range(self.size):
        form.beta[self.active[k]] += step * self.d[k]
    for k in range(self.n_watched):
        self.g[self.watch_list[k]] += step * self.dg[self.watch_list[k]]
