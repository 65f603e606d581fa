"""Other losses than squared loss: proximal Newton on the working set, certified like everything else.

At the predictors eta a loss is modeled by least squares with the weights w_i h_i of its curvatures (Lee, Sun & Saunders
2014), and the model on the working set is solved by the same subproblem kernels: exactly, where there is a Gram matrix.
With H = sum_i w_i h_i, the model of features centered at their means under these weights is

    (Q b)'b / 2 - c'b + (P(b) with a1 / H, a2 / H),      Q = V' diag(w h / H) V,      c = V'(w u) / H + Q b_now.

The step is taken along a line search on the predictors (``RowPoint``), which reads no column of X again, and the
intercept is then put where the weighted sum of u vanishes, as the dual point needs it.

Along a path curvatures change little: the model keeps those of an earlier point, and with them its Gram matrix and its
factor, as long as every step divides the gap by ten. The gap itself is always that of the true loss.
"""

import numpy as np

from libc.math cimport fabs

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot
from fastreg.loss.base cimport Loss
from fastreg.penalty.elastic_net cimport penalty_value, threshold
from fastreg.runtime.interrupt cimport poll
from fastreg.solver.newton_point cimport NewtonPoint
from fastreg.solver.secant cimport Secant
from fastreg.solver.working_problem cimport RUSH
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gram cimport GramForm

# A step that leaves more of the gap than this asks for new curvatures.
cdef double CONTRACTION = 0.1
# Where the model is not solved exactly, it is solved to this fraction of the gap.
cdef double MODEL_FRACTION = 0.05
# ... or to that of the model's own gap, unless this is less than so much of the gap asked for.
cdef double LEAST_FRACTION = 1e-3
# Epochs of coordinate descent on one model at most: then it is said to crawl, and the step is what it has come to.
cdef index_t MODEL_CRAWL = 300
# A step must lower the objective by this fraction of what its slope promises (Armijo). Where that is rounding, it must
# not end on a slope that rises more steeply than this fraction of the one on which it began (Hager & Zhang 2005).
cdef double ARMIJO = 1e-4
cdef double ROUNDING = 1e-12
cdef double STEEPER = 0.9
# Where the slope is rounding too the step is taken blindly, so many times without the gap falling by half.
cdef double BLIND = 1e-15
cdef int MAX_BLIND = 4
cdef double SHORTEST = 1e-10
cdef int MAX_STEPS = 200
# An unpenalized column's curvature is never below this fraction of what it is where all rows have the same: else, where
# it vanishes, rounding makes a step of any length, and reaching that far leaves nothing to the others.
cdef double FLAT = 1e-13


cdef class NewtonSolver(NewtonPoint):
    """Solver of one target and a loss over one design; see ``WorkingSetSolver`` for the other parameters.

    Parameters
    ----------
    loss : Loss
    """

    def __init__(self, ScaledDesign design, Form form, penalty, free, start, budget, Loss loss):
        self.before, self.delta = np.empty(0), np.empty(0)
        self.secant, self.last, self.first, self.told = Secant(design.n_features), -1.0, False, False
        super().__init__(design, form, penalty, free, start, budget, loss)

    def move_to(self, coefficients):
        """Put the predictors where the coefficients (n_features,) of the form have them."""
        self.secant.here, self.last, self.first = -1.0, -1.0, False
        super().move_to(coefficients)

    cdef int set_off(self, double before, double a1, double a2, index_t max_iter) except -1 nogil:
        NewtonPoint.set_off(self, before, a1, a2, max_iter)
        self.last, self.first, self.told = before, True, False
        return 0

    cdef int reserve(self) except -1 nogil:
        NewtonPoint.reserve(self)
        if self.before.shape[0] < self.held.shape[0]:
            with gil:
                self.before, self.delta = np.empty(self.held.shape[0]), np.empty(self.held.shape[0])
        return 0

    cdef double advance(self) except -1 nogil:
        # Newton steps until the gap on W is small enough; then a look at the others, as always.
        cdef double before = -1.0
        cdef double gap
        cdef int blind = 0
        cdef int _
        self.blind = False
        self.reconsider()
        if not self.known:
            self.hold()
        for _ in range(MAX_STEPS):
            gap = self.held_gap()
            if gap <= self.inner_target or self.epochs >= self.max_iter:
                break
            if before >= 0.0 and not gap <= CONTRACTION * before:
                self.stale = True
            blind = blind + 1 if self.blind and before >= 0.0 and not gap <= 0.5 * before else 0
            if blind == MAX_BLIND or not self.step(gap):
                break
            before = gap
        self.straighten()
        return self.certify()

    cdef bint step(self, double gap) except -1 nogil:
        # One Newton step; False where even new curvatures lead nowhere.
        cdef index_t i
        cdef bint slowly = False
        cdef bint solved
        self.epochs += 1
        self.reconsider()
        if self.stale:
            self.reweigh()
        while True:
            poll()
            for i in range(self.form.count):
                self.before[i] = self.form.beta[i]
            self.pose()
            solved = not slowly and not self.stalls and self.is_crowded(&self.model) and self.pass_crowd(gap)
            if not solved and (slowly or not self.trace(&self.model, self.max_iter) or self.stalls):
                if self.descend_model(gap, MODEL_CRAWL) == MODEL_CRAWL:
                    self.insist()
            if self.move():
                self.first = False
                return True
            for i in range(self.form.count):
                self.form.beta[i] = self.before[i]
            self.tracer.forget()
            if slowly:
                return False
            # With new curvatures, or where they are new, by descent alone: every epoch of it lowers the model.
            slowly = self.fresh
            if not self.fresh:
                self.reweigh()

    cdef bint pass_crowd(self, double gap) except -1 nogil:
        # Whether tracing gets through a crowd with few events, or descent on the model with few epochs.
        if self.trace_crowd(&self.model, self.max_iter) or self.descend_model(gap, RUSH) < RUSH:
            return True
        self.slow_descent = True
        return False

    cdef index_t descend_model(self, double gap, index_t most) except -1 nogil:
        # Epochs of coordinate descent on the model, to a fraction of the gap, or where the model's own gap is less than
        # that to a fraction of its own: what the model can gain may be little beside what the gap allows.
        cdef double zero_level = 0.1 * self.zero_level(self.gap_target)
        cdef index_t epochs
        most = min(most, self.max_iter - self.epochs)
        epochs = self.descend(&self.model, MODEL_FRACTION * gap / self.total, zero_level, most)
        if epochs == 0 and self.inner.gap > LEAST_FRACTION * self.inner_target / self.total:
            epochs = self.descend(&self.model, MODEL_FRACTION * self.inner.gap, zero_level, most)
        return epochs

    cdef int reweigh(self) except -1 nogil:
        # A model with the curvatures of this point.
        self.renew_weights()
        self.form.weigh(0)
        self.stiffen()
        self.tracer.forget()
        self.stale, self.fresh = False, True
        self.secant.curved = self.last if self.first else self.pen.a1
        return 0

    cdef int reconsider(self) except -1 nogil:
        cdef int kind = self.form.kind
        NewtonPoint.reconsider(self)
        if self.form.kind != kind:
            self.stiffen()
        return 0

    cdef void stiffen(self) noexcept nogil:
        # Add to the curvatures of unpenalized columns in the model what rounding cannot make steps of.
        cdef double least
        cdef index_t i, j
        for i in range(self.form.count):
            j = self.form.feature[i]
            if threshold(&self.pen, j) == 0.0 and self.pen.a2 * self.pen.l2[j] == 0.0:
                least = FLAT * self.norm[j] * self.norm[j]
                self.form.curvature[i] += least
                if self.form.kind == 0:
                    (<GramForm> self.form).Q[i, i] += least

    cdef int pose(self) except -1 nogil:
        # The model at this point: penalty, and either c (with the gradients that go with it) or the residual u / h.
        cdef double* residual = &self.point.trial[0]
        cdef double ratio
        cdef index_t i
        self.model = self.pen
        self.model.a1, self.model.a2 = self.pen.a1 / self.total, self.pen.a2 / self.total
        if self.form.kind == 0:
            self.secant.reserve(<GramForm> self.form)
            set_gradients(self, <GramForm> self.form)
            return 0
        for i in range(self.design.n_rows):
            ratio = self.weights.ratio[i]
            residual[i] = self.u[i] / (ratio * self.total) if ratio > 0.0 else 0.0
        if self.design.centered:
            axpy(-self.point.imbalance / self.total, &self.weights.root[0], residual, self.design.n_rows)
        self.form.load(residual)
        return 0

    cdef bint move(self) except -1 nogil:
        # Along the line from the coefficients before the step to those of the form, to where the objective has fallen
        # enough; False if that is nowhere, or (with old curvatures) not at the end of the step.
        cdef double shift = 0.0
        cdef double slope = 0.0
        cdef double old = 0.0
        cdef double length, value, new, change
        cdef index_t i, j
        for i in range(self.form.count):
            j = self.form.feature[i]
            self.delta[i] = self.form.beta[i] - self.before[i]
            slope += penalty_value(&self.pen, j, self.form.beta[i]) - self.held[i] * self.delta[i]
            old += penalty_value(&self.pen, j, self.before[i])
            shift -= self.delta[i] * self.form.moved[i]
        slope -= old
        # What the penalty changes along the whole step.
        change = slope + dot(&self.held[0], &self.delta[0], self.form.count)
        if self.design.centered:
            shift += self.point.imbalance / self.total
        slope = min(slope - self.point.imbalance * shift, 0.0)
        self.draw(&self.delta[0], shift)
        length = self.point.reach_along()
        while length > SHORTEST:
            value = self.point.evaluate(length)
            new = value
            for i in range(self.form.count):
                self.form.beta[i] = self.before[i] + length * self.delta[i] if length < 1.0 else self.form.beta[i]
                new += penalty_value(&self.pen, self.form.feature[i], self.form.beta[i])
            new -= self.point.value + old
            self.blind = -slope <= BLIND * (fabs(self.point.value) + old)
            if new <= ARMIJO * length * slope or new <= ROUNDING * (fabs(self.point.value) + old) and (
                self.blind or self.point.slope_along() + change <= -STEEPER * slope
            ):
                self.intercept += length * shift
                if length < 1.0:
                    self.stale = True
                    self.tracer.forget()
                self.accept(value)
                return True
            if not self.fresh:
                break
            length *= 0.5
        # Back to where u and h belong.
        self.point.assess()
        return False


cdef void set_gradients(NewtonSolver self, GramForm form) noexcept nogil:
    # Target, c and g of the model; c is where the form looks for the correlations of its target. The squared norm of
    # the residual u / h is the steepness (for curvatures as they are here): it scales the gap of the model, no more.
    cdef index_t i
    form.correlation, form.target2 = &self.correlation[0], self.point.sums.steep / self.total
    for i in range(form.count):
        form.g[i] = (self.held[i] - form.moved[i] * self.point.imbalance) / self.total
    if self.first and not self.told:
        self.secant.correct(form, &self.held[0], self.total, self.last, self.pen.a1)
        self.secant.keep(form, &self.held[0], self.last)
        self.told = True
    for i in range(form.count):
        self.correlation[form.feature[i]] = form.g[i] + dot(&form.Q[i, 0], &form.beta[0], form.count)
        # The squared norm of the target u / h + V b, of which u / h is the residual.
        form.target2 += form.beta[i] * (self.correlation[form.feature[i]] + form.g[i])
