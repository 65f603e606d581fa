"""The solver: working set -> subproblem -> certificate -> a larger working set.

At one alpha: solve the problem restricted to the working set W, certify the solution (``CertifiedPoint``), and stop if
the gap is small enough; else add the violators to W. W, its columns and their Gram matrix are kept for the next alpha.
"""

import numpy as np

from libc.math cimport fabs, sqrt

from fastreg.design.base cimport index_t
from fastreg.solver.working_features cimport MIN_GROWTH, WorkingFeatures
from fastreg.solver.working_problem cimport RUSH

from fastreg.subproblem.gap import gap_of

# The subproblem is solved to this fraction of the target, the rest is left to the other features.
cdef double INNER_FRACTION = 0.3
# ... and, while features are missing, to this fraction of the gap that they leave.
cdef double EARLY_FRACTION = 0.1
# Rounds without a new feature before the solver admits that rounding stops it.
cdef int MAX_STALLS = 3
# A gap this much larger than that of zero coefficients may be is not what anybody looks for.
cdef double WORSE = 1.0 + 1e-6
# Coefficients that make so many times the target of a column leave a residual that has to be looked at, or rounding.
cdef double DRIFTED = 1e6
cdef double LOST = 1e10
# A cold start goes down to its first alpha in steps of this ratio.
cdef double APPROACH = 0.6
# ... each solved to a gap of so much of twice the loss that is left, in one round; of this part of ||y||^2 where hardly
# any is left.
cdef double COARSE = 0.01
cdef double LEFT = 1e-6
# ... or, where tracing is dear (so many events cost a pass over X), of finer ones up to this, until what is likely to
# enter is at most this part of what W may grow by; under an l2 part only if less than that part of W is in the support.
cdef double DEAR = 200.0
cdef double FINEST = 0.95
cdef double SHARE = 0.5
cdef double USED = 0.5


cdef class WorkingSetSolver(WorkingFeatures):
    """Solver of one target over one design; all vectors are in the solver's scaled and weighted units.

    Parameters
    ----------
    design : ScaledDesign
    form : Form, empty or with columns of an earlier target
    penalty : dict of l1, l2, lower, upper (n_features,)
    free : ndarray (n_free,), features without any penalty or bound
    start : ndarray, further features to begin with
    budget : cost_model.Budget
        What full passes and memory may cost. Where the support is larger than the working set may be, some of it
        stays outside with its coefficients fixed and takes its turn: block coordinate descent over working sets.
    """

    def set_target(self, target, correlation):
        """Begin with another target (n_rows,) whose correlations with all features are known."""
        self.full_target, self.full_correlation = target, correlation
        self.retreat()
        self.lazy.forget()
        if not self.complete:
            self.lazy.add(&self.target[0], &self.correlation[0])
            self.place_reference()

    def set_coefficients(self, features, values):
        """Set the coefficients of some features and put them into the working set; to 0 if that is a better start."""
        features = np.asarray(features)
        self.admit(features[np.asarray(self.working)[features] == 0])
        dense = np.zeros(self.n_features)
        dense[features] = values
        count = self.form.count
        self.tracer.forget()
        np.asarray(self.form.beta)[:count] = dense[np.asarray(self.form.feature)[:count]]
        self.form.refresh(&self.target[0])
        if self.form.weights is None:
            self.renew()
            if not self.residual2 <= self.target2:
                self.retreat()

    def retreat(self):
        """Set all coefficients to 0: there are none yet, or those that are there are worse."""
        cdef index_t j
        for j in range(self.n_features if self.n_outside else 0):
            self.outside[j] = 0.0
        self.n_outside = 0
        for j in range(self.form.count):
            self.form.beta[j] = 0.0
        self.bind(self.full_target, self.full_correlation)
        self.tracer.forget()
        self.form.refresh(&self.target[0])

    def null_correlations(self, double target, index_t max_iter):
        """Fit what no penalty touches and return the correlations of all features with the residual."""
        self.epochs = self.events = 0
        self.solve(1e300, 0.0, target, max_iter)
        if not self.complete and self.form.count:
            self.renew()
            self.full_pass()
        return np.asarray(self.z)

    cdef int solve(self, double a1, double a2, double target, index_t max_iter) except -1 nogil:
        self.begin(a1, a2, target, max_iter)
        while True:
            self.resolve(self.advance())
            if self.conclude():
                return 0

    cdef int set_off(self, double before, double a1, double a2, index_t max_iter) except -1 nogil:
        # From the alpha before, whose scale a1 was `before`, or (-1) from the start, towards the next one.
        cdef index_t i
        self.epochs = self.events = 0
        self.creeping = False
        if before >= 0.0:
            if self.slim and a1 < FINEST * before and self.can_approach(a1) and (not self.smooth or self.is_dear()):
                # Which may be from far beyond where anything enters.
                return self.approach(min(before, self.level()), a1, a2, max_iter)
            return self.prepare(before, a1)
        for i in range(self.form.count):
            if self.form.beta[i] != 0.0:
                return 0
        return self.approach(self.level(), a1, a2, max_iter) if self.can_approach(a1) else 0

    cdef bint can_approach(self, double a1) noexcept nogil:
        # Whether a working set that grows on the way to a small a1 is worth some rounds. Where rows outnumber features
        # one that is chosen by the correlations of the null model is good enough, and every round reads long columns.
        # (No number of steps leads to 0.)
        return a1 > 0.0 and self.form.kind == 0 and not self.complete and self.design.n_rows <= self.n_features

    cdef void begin(self, double a1, double a2, double target, index_t max_iter) noexcept nogil:
        self.pen.a1, self.pen.a2 = a1, a2
        self.gap_target, self.inner_target, self.enough = target, INNER_FRACTION * target, target
        self.max_iter, self.stalls, self.joined, self.retreated = max_iter, 0, 0, False
        self.again = self.asked

    cdef double advance(self) except -1 nogil:
        # Solve on the working set and look at the others; what that leaves open is to be resolved then.
        cdef index_t most = self.max_iter - self.epochs
        cdef index_t crawl = -1
        self.reconsider()
        # (In small steps no crowd is so large that descent which has failed before is worth another trial.)
        if not self.stalls and not (self.creeping and self.slow_descent) and self.is_crowded(&self.pen):
            if self.trace_crowd(&self.pen, self.max_iter) or self.descend_on(min(RUSH, most)) < RUSH:
                return self.certify()
            self.slow_descent = True
            self.learn(False)
        most = min(self.affordable(&self.pen), self.max_iter - self.epochs)
        if most > 0 and not self.stalls and not self.retreated:
            self.learn(self.descend_on(most) < most)
            if self.fast:
                return self.certify()
        # What tracing has solved exactly needs no descent, unless its gap shows that rounding got in the way.
        if self.retreated or not self.trace(&self.pen, self.max_iter) or self.stalls:
            most = self.max_iter - self.epochs
            if self.has_room():
                crawl = self.crawl()
                most = min(most, crawl)
            if self.descend_on(most) == crawl:
                self.insist()
        return self.certify()

    cdef index_t descend_on(self, index_t most) except -1 nogil:
        # Descent on the working set itself, with fresh gradients afterwards; return the epochs.
        cdef index_t epochs = self.descend(&self.pen, self.inner_target, self.zero_level(self.gap_target), most)
        if epochs:
            self.form.refresh(&self.target[0])
        return epochs

    cdef bint conclude(self) except -1 nogil:
        # Whether this alpha is done; if not, the working set has grown or the next round is more accurate.
        self.measure(self.zero_level(self.gap_target), True)
        self.see()
        if self.exhausted():
            if self.gap > self.gap_target:
                self.measure(self.zero_level(self.gap_target), False)
                self.see()
            if self.is_lost():
                # From there descent leads to something better.
                self.retreated, self.epochs, self.stalls = True, 0, 0
                with gil:
                    self.retreat()
                return False
            return True
        self.refine(self.joined + self.grow())
        self.joined = 0
        return False

    cdef int see(self) except -1 nogil:
        # Look at the residual of X itself where the gap may not be what it seems to be.
        if self.span is None and not self.has_drifted(DRIFTED):
            return 0
        with gil:
            coefs = np.array(self.outside[:self.n_features])
            coefs[np.asarray(self.form.feature)[:self.form.count]] = np.asarray(self.form.beta)[:self.form.count]
            u = self.full_target - self.design.predictions(coefs)[0]
            if self.span is None:
                self.gap = max(self.gap, self.gap_anew(coefs, u))
            else:
                # What it has in the span of unpenalized columns that no Gram matrix tells apart.
                rest = self.span @ u
                self.gap += 0.5 * float(rest @ rest)
        return 0

    def gap_anew(self, coefs, u):
        """Return the gap of coefficients (n_features,) with the residual u, by the correlations of all features."""
        z, parts = self.design.correlations(u)[0], dict(zip(("l1", "l2", "lower", "upper"), self.keep, strict=True))
        level = self.zero_level(self.gap_target)
        return gap_of(parts, self.pen.a1, self.pen.a2, coefs, z, self.design.norm, float(u @ u), level)

    cdef bint has_drifted(self, double beyond) noexcept nogil:
        # Whether some column makes more than so many times the target: columns depend on each other, and no penalty
        # holds them.
        cdef double size = 0.0
        cdef index_t i
        if self.form.weights is not None:
            return False
        for i in range(self.form.count):
            size = max(size, fabs(self.form.beta[i]) * self.norm[self.form.feature[i]])
        return size > beyond * sqrt(self.target2)

    cdef bint is_lost(self) noexcept nogil:
        # Whether rounding has led to where zero coefficients are better, as it can where hardly any penalty is left and
        # columns depend on each other: their gap is at most the null loss. (Other losses never rise.)
        if self.retreated or self.form.weights is not None:
            return False
        return not self.gap <= 0.5 * self.target2 * WORSE or (self.gap > self.gap_target and self.has_drifted(LOST))

    cdef bint exhausted(self) noexcept nogil:
        # Whether the gap is small enough, or nothing is to be hoped for.
        return self.gap <= self.gap_target or self.epochs >= self.max_iter or self.stalls == MAX_STALLS

    cdef void refine(self, index_t grown) noexcept nogil:
        # How accurate the next round is to be, after W has grown by so many features.
        if grown == 0:
            self.inner_target = 0.1 * min(self.inner_target, INNER_FRACTION * self.gap_target)
            self.stalls += 1
        else:
            # What is still missing from W will undo the last digits of a solution without it.
            self.inner_target = max(INNER_FRACTION * self.gap_target, EARLY_FRACTION * self.gap)

    cdef int approach(self, double here, double a1, double a2, index_t max_iter) except -1 nogil:
        # From an easy scale to the neighborhood of a small a1 in coarse steps, one round each: the working set that
        # grows on the way is a good one, while one chosen by the correlations of the null model is not.
        cdef double ahead
        cdef index_t before, used
        while True:
            ahead = self.next_scale(here)
            if ahead <= a1:
                break
            before, used = self.form.count, self.support()
            self.prepare(here, ahead)
            self.begin(ahead, a2, COARSE * max(2.0 * self.loss_value(), LEFT * self.target2), max_iter)
            self.resolve(self.advance())
            self.keep_pace(self.form.count - before, used)
            here = ahead
        self.prepare(here, a1)
        self.pace = MIN_GROWTH
        return 0

    cdef bint is_dear(self) noexcept nogil:
        # Whether small steps are worth their passes. Under an l2 part that is where descent has failed (the Gram form
        # has no better way then) and most of W is not in the support.
        cdef double support = self.support()
        if self.smooth and not (self.slow_descent and self.form.kind == 0 and support < USED * self.form.count):
            return False
        return self.slim and DEAR * support * (support + self.form.count) > self.entries

    cdef double next_scale(self, double here) noexcept nogil:
        # Where the next step of an approach leads.
        cdef double ratio = APPROACH
        if self.is_dear():
            self.creeping = True
            while ratio < FINEST and self.entering(here, ratio * here) > SHARE * self.most_ahead():
                ratio = sqrt(ratio)
        return ratio * here
