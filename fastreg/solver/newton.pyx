"""Other losses than squared loss: proximal Newton on the working set, certified like everything else.

At the predictors eta a loss is modeled by least squares with the weights w_i h_i of its curvatures (Lee, Sun & Saunders
2014), and the model on the working set is solved by the same subproblem kernels: exactly, where there is a Gram matrix.
With H = sum_i w_i h_i, the model of features centered at their means under these weights is

    (Q b)'b / 2 - c'b + (P(b) with a1 / H, a2 / H),      Q = V' diag(w h / H) V,      c = V'(w u) / H + Q b_now.

The step is taken along a line search on the predictors, which reads no column of X again, and the intercept is then
put where the weighted sum of u vanishes, as the dual point needs it.

Along a path curvatures change little: the model keeps those of an earlier point, and with them its Gram matrix and its
factor, as long as every step divides the gap by ten. The gap itself is always that of the true loss.
"""

import numpy as np

from libc.math cimport fabs, sqrt
from libc.string cimport memcpy

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot
from fastreg.loss.generalized cimport Loss
from fastreg.penalty.elastic_net cimport penalty_value
from fastreg.runtime.interrupt cimport poll
from fastreg.solver.certified cimport CertifiedPoint
from fastreg.solver.working_set cimport WorkingSetSolver
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gap cimport Evidence, dual_gap
from fastreg.subproblem.gram cimport GramForm
from fastreg.subproblem.weights cimport RowWeights

# A step that leaves more of the gap than this asks for new curvatures.
cdef double CONTRACTION = 0.1
# Where the model is not solved exactly, it is solved to this fraction of the gap.
cdef double MODEL_FRACTION = 0.05
# Epochs of coordinate descent on one model at most: then it is said to crawl, and the step is what it has come to.
cdef index_t CRAWL = 300
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
# Predictors are computed anew from coefficients where these are larger than so many standard deviations of y's scale.
cdef double FAR = 1e3
cdef double ZERO = 1e-12
# The sum of u counts as 0 below the first fraction of the sum of |u|, or where what it can change of the gap is less
# than the second fraction of the target; and it is brought there in so many steps at most.
cdef double BALANCED = 1e-13
cdef double NEGLIGIBLE = 1e-4
cdef int MAX_BALANCING = 20


cdef class NewtonSolver(WorkingSetSolver):
    """Solver of one target and a loss over one design; see ``WorkingSetSolver`` for the other parameters.

    Parameters
    ----------
    loss : Loss
    """

    def __init__(self, ScaledDesign design, Form form, penalty, free, start, budget, Loss loss):
        n = design.n_rows
        self.loss = loss
        self.weight = np.ascontiguousarray(design.root**2)
        self.y, self.start = np.empty(n), np.empty(n)
        self.eta, self.force, self.curvature = np.empty(n), np.empty(n), np.ones(n)
        self.trial, self.line = np.empty(n), np.empty(n)
        self.held, self.before, self.delta = np.empty(0), np.empty(0), np.empty(0)
        self.weights = RowWeights(n)
        self.total = self.weights.assign(&self.weight[0], &self.curvature[0], &design._root[0])
        form.weights = self.weights
        if isinstance(form, GramForm) and form.columns is not None:
            form.columns.weights = self.weights
        # Unpenalized features are coordinates like others here: their Newton steps are those of the outer method.
        super().__init__(design, form, penalty, np.empty(0, dtype=np.intp), np.concatenate([free, start]), budget)
        self.rows.loss, self.rows.n = <void*> loss, n
        self.rows.y, self.rows.weight, self.rows.eta = &self.y[0], &self.weight[0], &self.eta[0]

    def begin_at(self, const double[::1] y, const double[::1] eta, double best):
        """Begin with y (n_rows,) at the null model, whose predictors are eta; ``best`` is the least loss of all."""
        self.y[:], self.start[:], self.best = y, eta, best
        self.move_to(np.zeros(self.n_features))
        self.null_value = self.value

    def move_to(self, coefficients):
        """Put the predictors where the coefficients (n_features,) of the form have them."""
        line = self.design.unweighted(self.design.predictions(coefficients)[0])
        np.add(self.start, line, out=np.asarray(self.trial))
        self.intercept, self.stale = 0.0, True
        self.accept(self.assess())

    def set_coefficients(self, features, values):
        """Set the coefficients of some features and put them into the working set; to 0 if that is a better start."""
        super().set_coefficients(features, values)
        coefficients = np.zeros(self.n_features)
        coefficients[features] = values
        with np.errstate(over="ignore", invalid="ignore"):
            self.move_to(coefficients)
        if not self.value <= self.null_value + 1e-9 * abs(self.null_value):
            super().set_coefficients(features, np.zeros(len(values)))
            self.move_to(np.zeros(self.n_features))

    def leave_outside(self, coefficients):
        """Nothing to do: the predictors hold all coefficients."""

    cdef int reserve(self) except -1 nogil:
        if self.held.shape[0] < self.form.count:
            with gil:
                room = max(self.form.capacity, self.form.count)
                self.held, self.before, self.delta = np.empty(room), np.empty(room), np.empty(room)
        return 0

    cdef double advance(self) except -1 nogil:
        # Newton steps until the gap on W is small enough; then a look at the others, as always.
        cdef double before = -1.0
        cdef double gap
        cdef int blind = 0
        cdef int _
        self.blind = False
        self.reconsider()
        self.reserve()
        self.form.correlate(&self.u[0], &self.held[0])
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

    cdef bint far(self) noexcept nogil:
        # Whether the coefficients are so large that sums of their steps may have drifted away from the predictors.
        cdef double size = 0.0
        cdef index_t i
        for i in range(self.form.count):
            size += fabs(self.form.beta[i]) * self.norm[self.form.feature[i]]
        return size > FAR and self.n_outside == 0

    cdef int predictors(self, const double* base, double* out) except -1 nogil:
        # What the coefficients and the intercept make of the predictors `base` of the null model.
        cdef double root
        cdef index_t i
        for i in range(self.design.n_rows):
            self.line[i] = 0.0
        self.form.predict(&self.form.beta[0], &self.line[0])
        for i in range(self.design.n_rows):
            root = self.design._root[i]
            out[i] = base[i] + (self.intercept + (self.line[i] / root if root > 0.0 else 0.0))
        return 0

    cdef int straighten(self) except -1 nogil:
        # Compute the predictors anew.
        if not self.far():
            return 0
        self.predictors(&self.start[0], &self.trial[0])
        return self.accept(self.assess())

    cdef double zero_level(self, double target) noexcept nogil:
        # Nothing makes unpenalized correlations vanish but Newton's method, which goes as far as one likes.
        return min(CertifiedPoint.zero_level(self, target), ZERO * sqrt(self.target2))

    cdef double held_gap(self) noexcept nogil:
        # The duality gap of the problem restricted to W.
        cdef Evidence evidence
        cdef double scale
        evidence.feature, evidence.beta, evidence.z = &self.form.feature[0], &self.form.beta[0], &self.held[0]
        evidence.count, evidence.norm, evidence.rows = self.form.count, &self.norm[0], self.rows
        evidence.residual2, evidence.zero_level = self.residual2, self.zero_level(self.gap_target)
        evidence.enough, evidence.tilt, evidence.burden = self.inner_target, self.tilt, self.burden
        evidence.rough = True
        return dual_gap(&self.pen, &evidence, &scale)

    cdef double held_penalty(self) noexcept nogil:
        # The penalty of the coefficients on W.
        cdef double total = 0.0
        cdef index_t i
        for i in range(self.form.count):
            total += penalty_value(&self.pen, self.form.feature[i], self.form.beta[i])
        return total

    cdef bint step(self, double gap) except -1 nogil:
        # One Newton step; False where even new curvatures lead nowhere.
        cdef index_t i, epochs
        cdef bint slowly = False
        self.epochs += 1
        self.reconsider()
        if self.stale:
            self.reweigh()
        while True:
            poll()
            for i in range(self.form.count):
                self.before[i] = self.form.beta[i]
            self.pose()
            if slowly or not self.trace(&self.model, self.max_iter) or self.stalls:
                epochs = self.descend(
                    &self.model, MODEL_FRACTION * gap / self.total, 0.1 * self.zero_level(self.gap_target),
                    min(CRAWL, self.max_iter - self.epochs),
                )
                if epochs == CRAWL:
                    # From the next step on models of this size are solved exactly, if there is room for that.
                    self.gram_always = max(self.gram_always, 2 * self.form.count)
            if self.move():
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

    cdef int reweigh(self) except -1 nogil:
        # A model with the curvatures of this point.
        self.total = self.weights.assign(&self.weight[0], &self.curvature[0], &self.design._root[0])
        self.form.weigh(0)
        self.tracer.forget()
        self.stale, self.fresh = False, True
        return 0

    cdef void pose(self) noexcept nogil:
        # The model at this point: penalty, and either c (with the gradients that go with it) or the residual u / h.
        cdef double ratio
        cdef index_t i
        self.model = self.pen
        self.model.a1, self.model.a2 = self.pen.a1 / self.total, self.pen.a2 / self.total
        if self.form.kind == 0:
            set_gradients(self, <GramForm> self.form)
            return
        for i in range(self.design.n_rows):
            ratio = self.weights.ratio[i]
            self.trial[i] = self.u[i] / (ratio * self.total) if ratio > 0.0 else 0.0
        if self.design.centered:
            axpy(-self.imbalance / self.total, &self.weights.root[0], &self.trial[0], self.design.n_rows)
        self.form.load(&self.trial[0])

    cdef bint move(self) except -1 nogil:
        # Along the line from the coefficients before the step to those of the form, to where the objective has fallen
        # enough; False if that is nowhere, or (with old curvatures) not at the end of the step.
        cdef double shift = 0.0
        cdef double slope = 0.0
        cdef double old = 0.0
        cdef double length = 1.0
        cdef double value, new, change
        cdef index_t i, j
        for i in range(self.form.count):
            j = self.form.feature[i]
            self.delta[i] = self.form.beta[i] - self.before[i]
            slope += penalty_value(&self.pen, j, self.form.beta[i]) - self.held[i] * self.delta[i]
            old += penalty_value(&self.pen, j, self.before[i])
            shift -= self.delta[i] * self.form.moved[i]
        slope -= old
        change = slope
        for i in range(self.design.n_rows):
            self.line[i] = 0.0
        self.form.predict(&self.delta[0], &self.line[0])
        if self.design.centered:
            shift += self.imbalance / self.total
        for i in range(self.design.n_rows):
            self.line[i] = (self.line[i] / self.design._root[i] if self.design._root[i] > 0.0 else 0.0) + shift
        slope = min(slope - self.imbalance * shift, 0.0)
        # Where curvatures vanish Newton's step is without measure.
        for i in range(self.design.n_rows):
            if fabs(self.line[i]) * length > self.loss.reach:
                length = self.loss.reach / fabs(self.line[i])
        # What the penalty changes along the whole step.
        change += dot(&self.held[0], &self.delta[0], self.form.count)
        while length > SHORTEST:
            value = self.evaluate(length)
            new = value
            for i in range(self.form.count):
                self.form.beta[i] = self.before[i] + length * self.delta[i] if length < 1.0 else self.form.beta[i]
                new += penalty_value(&self.pen, self.form.feature[i], self.form.beta[i])
            new -= self.value + old
            self.blind = -slope <= BLIND * (fabs(self.value) + old)
            if new <= ARMIJO * length * slope or new <= ROUNDING * (fabs(self.value) + old) and (
                self.blind or self.slope_at_trial() + change <= -STEEPER * slope
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
        self.evaluate(0.0)
        return False

    cdef double slope_at_trial(self) noexcept nogil:
        # The slope of the loss along the line at the trial point.
        cdef double total = 0.0
        cdef index_t i
        for i in range(self.design.n_rows):
            total -= self.weight[i] * self.force[i] * self.line[i]
        return total

    cdef double evaluate(self, double length) noexcept nogil:
        # The loss so far along the line, with u and h there; the predictors are in trial.
        cdef index_t i
        for i in range(self.design.n_rows):
            self.trial[i] = self.eta[i] + length * self.line[i]
        return self.assess()

    cdef double assess(self) noexcept nogil:
        # The loss at the predictors in trial, with u and h there.
        return self.loss.evaluate(
            &self.y[0], &self.weight[0], &self.trial[0], self.design.n_rows, &self.force[0], &self.curvature[0],
            &self.slope,
        )

    cdef int accept(self, double value) except -1 nogil:
        # Stay at the trial point, but for the intercept, which is moved to where the sum of u vanishes.
        cdef double size, bend, shift
        cdef double reach = 1.0
        cdef double least
        cdef index_t i
        cdef int step
        # A correlation z_j would move by the sum of u times what column j's mean moves under the curvatures.
        for i in range(self.form.count):
            reach += fabs(self.form.moved[i] * self.form.beta[i])
        least = NEGLIGIBLE * self.gap_target / reach if self.gap_target < self.value else 0.0
        for step in range(MAX_BALANCING):
            memcpy(&self.eta[0], &self.trial[0], self.design.n_rows * sizeof(double))
            self.value, self.fresh = value, False
            self.imbalance = size = bend = 0.0
            for i in range(self.design.n_rows):
                self.imbalance += self.weight[i] * self.force[i]
                size += self.weight[i] * fabs(self.force[i])
                bend += self.weight[i] * self.curvature[i]
            if not self.design.centered or fabs(self.imbalance) <= max(BALANCED * size, least) or bend == 0.0 or (
                step == MAX_BALANCING - 1
            ):
                break
            shift = self.imbalance / bend
            for i in range(self.design.n_rows):
                self.line[i] = 1.0
            value = self.evaluate(shift)
            if not value <= self.value + ROUNDING * fabs(self.value):
                self.evaluate(0.0)
                break
            self.intercept += shift
        return self.look()

    cdef int look(self) except -1 nogil:
        # The residual in the solver's units, and its correlations with W.
        cdef index_t i
        for i in range(self.design.n_rows):
            self.u[i] = self.design._root[i] * self.force[i]
        self.residual2, self.tilt = self.slope.steep, self.slope.tilt
        self.reserve()
        return self.form.correlate(&self.u[0], &self.held[0])

    cdef double enter(self, const double* eta, bint balanced) except -1 nogil:
        # Go to these predictors, and where they are not balanced to the best intercept; return the gap on W there.
        cdef double value
        memcpy(&self.trial[0], eta, self.design.n_rows * sizeof(double))
        value = self.assess()
        if balanced:
            memcpy(&self.eta[0], eta, self.design.n_rows * sizeof(double))
            self.value, self.fresh, self.imbalance = value, False, 0.0
            self.look()
        else:
            self.accept(value)
        return self.held_gap()

    cdef double loss_value(self) noexcept nogil:
        return max(self.value - self.best, 0.0)

    cdef int renew(self) except -1 nogil:
        cdef index_t i
        self.reserve()
        for i in range(self.form.count):
            self.scratch[i] = self.held[i]
        return 0


cdef void set_gradients(NewtonSolver self, GramForm form) noexcept nogil:
    # Target, c and g of the model; c is where the form looks for the correlations of its target. The squared norm of
    # the residual u / h is the steepness (for curvatures as they are here): it scales the gap of the model, no more.
    cdef index_t i
    form.correlation, form.target2 = &self.correlation[0], self.slope.steep / self.total
    for i in range(form.count):
        form.g[i] = (self.held[i] - form.moved[i] * self.imbalance) / self.total
        self.correlation[form.feature[i]] = form.g[i] + dot(&form.Q[i, 0], &form.beta[0], form.count)
        # The squared norm of the target u / h + V b, of which u / h is the residual.
        form.target2 += form.beta[i] * (self.correlation[form.feature[i]] + form.g[i])
