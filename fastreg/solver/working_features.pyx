"""Which features are worked on: those of W, what joins them, and what has to make room.

W, its columns and their Gram matrix are kept from alpha to alpha.
"""

import numpy as np

from libc.math cimport fabs
from libc.string cimport memcpy

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport dot
from fastreg.penalty.elastic_net cimport proximal_step
from fastreg.solver.working_problem cimport WorkingProblem, sparse_entries
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gram cimport GramForm

# Before an alpha W may grow by half the samples at most, or so many if they are few: more cannot be needed there.
cdef index_t LEAST = 16
# W grows faster as long as this part of what joins it gets into the support.
cdef double NEEDED = 0.4
# What an alpha costs on W is less than a residual where W has so many times as many entries as |S| |W|.
cdef double VERY_LONG = 100.0


cdef class WorkingFeatures(WorkingProblem):
    """A certified point whose working set grows; see ``WorkingSetSolver`` for the parameters."""

    def __init__(self, ScaledDesign design, Form form, penalty, free, start, budget):
        super().__init__(design, form, penalty, free, budget)
        self.pace = MIN_GROWTH
        self.limit = max(budget.limit, 2 * len(free) + 2)
        form.limit = min(self.limit, max(self.n_features, 1))
        if isinstance(form, GramForm) and form.columns is not None:
            form.columns.limit = form.limit
        self.admit(np.concatenate([free, start]))

    def admit(self, features):
        """Add features to the working set."""
        # Those that bring a coefficient along change the target of W, too.
        if self.form.count + len(features) > self.limit or (
            self.n_outside and np.any(np.asarray(self.outside)[features])
        ):
            features = self.make_room(features)
        self.set_working(np.ascontiguousarray(features, dtype=np.intp))
        self.form.add_features(features)
        self.complete = self.form.kind == 0 and self.form.count == self.n_features

    def make_room(self, features):
        """Empty the working set but for its most important features; return what is to be put into it.

        Features that must leave with a coefficient keep it in ``outside``, and the target of the working set becomes
        what they leave of y.
        """
        count, n_free = self.form.count, self.inner.n_free
        held, beta = np.array(self.form.feature[:count]), np.array(self.form.beta[:count])
        weight = np.abs(beta) * self.design.norm[held]
        weight[:n_free] = np.inf
        order = np.argsort(-weight, kind="stable")[:max(n_free, int((weight > 0).sum()))]
        new = np.asarray(features)[:self.limit // 2]
        stay, leave = np.split(order, [self.limit - len(new)])
        coefficients = np.asarray(self.outside)
        coefficients[held[leave]] = beta[leave]
        start = np.concatenate([beta[np.sort(stay)], coefficients[new]])
        coefficients[new] = 0.0
        self.n_outside = np.count_nonzero(coefficients)
        chosen = np.concatenate([held[np.sort(stay)], new])
        self.clear_working()
        self.form.clear()
        self.lazy.displace()
        self.leave_outside(coefficients)
        self.admit(chosen)
        self.tracer.forget()
        np.asarray(self.form.beta)[:len(start)] = start
        self.form.refresh(&self.target[0])
        return np.empty(0, dtype=np.intp)

    def leave_outside(self, coefficients):
        """Make what these coefficients (n_features,) leave of the target that of the working set."""
        target = self.full_target - self.design.predictions(coefficients)[0]
        self.bind(target, self.design.correlations(target)[0])

    def bind(self, target, correlation):
        """Make this the target of the working set."""
        cdef const double[::1] y = np.ascontiguousarray(target), c = np.ascontiguousarray(correlation)
        memcpy(&self.target[0], &y[0], self.design.n_rows * sizeof(double))
        if self.n_features:
            memcpy(&self.correlation[0], &c[0], self.n_features * sizeof(double))
            memcpy(&self.z[0], &c[0], self.n_features * sizeof(double))
        self.target2 = self.residual2 = dot(&self.target[0], &self.target[0], self.design.n_rows)
        if self.form.kind == 0:
            self.form.bind_target(self.target, self.correlation)

    cdef int prepare(self, double a1_old, double a1_new) except -1 nogil:
        # Put what is likely to enter at the next alpha into W.
        cdef index_t count = self.entering(a1_old, a1_new)
        cdef index_t i
        for i in range(count):
            self.scratch[i] = fabs(self.z[self.chosen[i]]) / self.norm[self.chosen[i]]
        return self.adopt(count, self.most_ahead())

    cdef index_t entering(self, double a1_old, double a1_new) noexcept nogil:
        # Choose the features likely to enter at the next alpha (the sequential strong rule of Tibshirani et al. 2012).
        if self.complete:
            return 0
        self.pen.a1 = max(2.0 * a1_new - a1_old, 0.0)
        return self.candidates(0, 0.0, 0.0)

    cdef index_t most_ahead(self) noexcept nogil:
        # By how many features W may grow before an alpha.
        return min(max(self.pace, self.form.count // 4), max(LEAST, self.design.n_rows // 2))

    cdef void keep_pace(self, index_t joined, index_t used) noexcept nogil:
        # After a step in which so many features have joined W, with so many in the support before it: where many of
        # them are in it now W may grow faster, up to a quarter of the samples. (The first that join an empty support
        # are needed whatever follows. Models of other losses under an l2 part gain nothing, and have more to weigh.)
        cdef bint may = used > 0 and joined > 0 and (not self.smooth or self.form.weights is None)
        if may and self.support() - used >= NEEDED * joined:
            self.pace = min(2 * self.pace, max(MIN_GROWTH, self.design.n_rows // 4))
        else:
            self.pace = max(MIN_GROWTH, self.pace // 2)

    cdef index_t grow(self) except -1 nogil:
        # Add violators, those whose own best step is longest first; return how many there were.
        cdef index_t count = 0
        cdef index_t i, j
        cdef double h, b, step
        if self.complete:
            return 0
        for i in range(self.candidates(0, 0.0, 0.0)):
            j, b = self.chosen[i], self.outside[self.chosen[i]]
            h = self.norm[j] * self.norm[j]
            step = fabs(proximal_step(&self.pen, j, self.z[j] + h * b, h) - b) * self.norm[j]
            if step > 0.0:
                self.chosen[count] = j
                self.scratch[count] = step
                count += 1
        self.adopt(count, max(MIN_GROWTH, self.form.count // 2))
        return count

    cdef int adopt(self, index_t count, index_t most) except -1 nogil:
        # Put the `most` best of the `count` chosen features, by their scores in scratch, into W.
        if count == 0:
            return 0
        with gil:
            chosen = np.asarray(self.chosen[:count])
            if count > most:
                chosen = chosen[np.argpartition(np.asarray(self.scratch[:count]), count - most)[count - most:]]
            self.admit(chosen.copy())
        return 0

    cdef int settle(self) except -1 nogil:
        # Where the residual has not been made and working columns are very long, few features that are open join W: a
        # row of the Gram matrix costs less than the residual does for a few alphas. If they are not so few a full pass
        # is little more. The first time, which may be the only one, they are settled by the residual.
        cdef index_t count = self.n_open
        cdef index_t first = self.form.count
        cdef index_t i
        self.asked = self.asked or (self.lean and count > 0)
        if count == 0 or not (self.lean and self.again) or (
            sparse_entries(self.form) < VERY_LONG * (1 + self.support()) * (first + count)
        ):
            return WorkingProblem.settle(self)
        if count > max(MIN_GROWTH, first // 2) or first + count > self.limit:
            return self.full_pass()
        with gil:
            self.admit(np.array(self.chosen[:count]))
        self.form.correlations(first, &self.scratch[0])
        for i in range(first, self.form.count):
            self.z[self.form.feature[i]] = self.scratch[i]
        self.joined += count
        return 0
