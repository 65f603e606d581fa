"""Where the working-set solver stands, for other losses than squared loss: predictors that hold all coefficients.

What is certified is the true loss at these predictors (``RowPoint``), never a model of it.
"""

import numpy as np

from libc.math cimport fabs, sqrt
from libc.string cimport memset

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.loss.base cimport Loss
from fastreg.penalty.elastic_net cimport penalty_value
from fastreg.solver.certified cimport CertifiedPoint
from fastreg.solver.row_point cimport RowPoint
from fastreg.solver.working_set cimport WorkingSetSolver
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gap cimport Evidence, dual_gap
from fastreg.subproblem.gram cimport GramForm
from fastreg.subproblem.weights cimport RowWeights

# Predictors are computed anew from coefficients where these are larger than so many standard deviations of y's scale.
cdef double FAR = 1e3
cdef double ZERO = 1e-12
# The mean of losses is known to this fraction of its size.
cdef double HIDDEN = 1e-14
# The sum of u counts as 0 where what it can change of the gap is less than this fraction of the target.
cdef double NEGLIGIBLE = 1e-4


cdef class NewtonPoint(WorkingSetSolver):
    """Coefficients on W, predictors, and the gap of both; see ``WorkingSetSolver`` for the other parameters.

    Parameters
    ----------
    loss : Loss
    """

    def __init__(self, ScaledDesign design, Form form, penalty, free, start, budget, Loss loss):
        self.point, self.weights = RowPoint(design, loss), RowWeights(design.n_rows)
        self.start, self.held = np.empty(design.n_rows), np.empty(0)
        self.renew_weights()
        form.weights = self.weights
        if isinstance(form, GramForm) and form.columns is not None:
            form.columns.weights = self.weights
        # Unpenalized features are coordinates like others here: their Newton steps are those of the outer method.
        super().__init__(design, form, penalty, np.empty(0, dtype=np.intp), np.concatenate([free, start]), budget)
        self.rows.loss, self.rows.n, self.rows.n_threads = <void*> loss, design.n_rows, design.raw.n_threads
        self.rows.y, self.rows.weight, self.rows.eta = &self.point.y[0], &self.point.weight[0], &self.point.eta[0]

    def begin_at(self, const double[::1] y, const double[::1] eta, double best):
        """Begin with y (n_rows,) at the null model, whose predictors are eta; ``best`` is the least loss of all."""
        self.point.y[:], self.start[:], self.best = y, eta, best
        self.move_to(np.zeros(self.n_features))
        self.null_value = self.point.value

    def move_to(self, coefficients):
        """Put the predictors where the coefficients (n_features,) of the form have them."""
        line = self.design.unweighted(self.design.predictions(coefficients)[0])
        np.add(self.start, line, out=np.asarray(self.point.eta))
        self.intercept, self.stale = 0.0, True
        self.accept(self.point.assess())

    def set_coefficients(self, features, values):
        """Set the coefficients of some features and put them into the working set; to 0 if that is a better start."""
        super().set_coefficients(features, values)
        coefficients = np.zeros(self.n_features)
        coefficients[features] = values
        with np.errstate(over="ignore", invalid="ignore"):
            self.move_to(coefficients)
        if not self.point.value <= self.null_value + 1e-9 * abs(self.null_value):
            super().set_coefficients(features, np.zeros(len(values)))
            self.move_to(np.zeros(self.n_features))

    def admit(self, features):
        """Add features to the working set."""
        self.known = False
        super().admit(features)

    def leave_outside(self, coefficients):
        """Nothing to do: the predictors hold all coefficients."""

    cdef int reserve(self) except -1 nogil:
        if self.held.shape[0] < self.form.count:
            with gil:
                self.held = np.empty(max(self.form.capacity, self.form.count))
        return 0

    cdef bint far(self) noexcept nogil:
        # Whether the coefficients are so large that sums of their steps may have drifted away from the predictors.
        cdef double size = 0.0
        cdef index_t i
        for i in range(self.form.count):
            size += fabs(self.form.beta[i]) * self.norm[self.form.feature[i]]
        return size > FAR and self.n_outside == 0

    cdef int draw(self, const double* coef, double shift) except -1 nogil:
        # The line of coefficients on W and a shift of the intercept.
        memset(&self.point.line[0], 0, self.design.n_rows * sizeof(double))
        self.form.predict(coef, &self.point.line[0])
        self.point.finish_line(shift)
        return 0

    cdef int straighten(self) except -1 nogil:
        # Compute the predictors anew from the coefficients and the intercept.
        cdef index_t i
        if not self.far():
            return 0
        self.draw(&self.form.beta[0], self.intercept)
        for i in range(self.design.n_rows):
            self.point.eta[i] = self.start[i] + self.point.line[i]
        return self.accept(self.point.assess())

    cdef double zero_level(self, double target) noexcept nogil:
        # Nothing makes unpenalized correlations vanish but Newton's method, which goes as far as one likes, or as
        # rounding lets it: where that stops the solver, what is left counts as it does for squared loss.
        cdef double level = CertifiedPoint.zero_level(self, target)
        return level if self.stalls else min(level, ZERO * sqrt(self.target2))

    cdef double bounded_gap(self, const Evidence* evidence) noexcept nogil:
        # At s = 0 the gap is the loss above its least value, with what rounding may hide of the difference, and the
        # penalty. Far from the solution bounds on the loss part (``gap.lost``) are much larger than that.
        cdef double whole = self.loss_value() + HIDDEN * (fabs(self.point.value) + fabs(self.best))
        cdef double scale
        cdef index_t i
        for i in range(evidence.count):
            whole += penalty_value(&self.pen, evidence.feature[i], evidence.beta[i])
        # With an intercept only u that sums to 0 proves anything, or the scale 0.
        if self.design.centered and not self.point.balanced:
            return whole
        return min(dual_gap(&self.pen, evidence, &scale), whole)

    cdef double held_gap(self) noexcept nogil:
        # The duality gap of the problem restricted to W.
        cdef Evidence evidence
        evidence.feature, evidence.beta, evidence.z = &self.form.feature[0], &self.form.beta[0], &self.held[0]
        evidence.count, evidence.norm, evidence.rows = self.form.count, &self.norm[0], self.rows
        evidence.residual2, evidence.zero_level = self.residual2, self.zero_level(self.gap_target)
        evidence.enough, evidence.tilt = self.inner_target, self.tilt
        evidence.rough = True
        return self.bounded_gap(&evidence)

    cdef void renew_weights(self) noexcept nogil:
        # Weights w h of the rows with the curvatures of this point, and H.
        cdef const double* own = &self.point.design._root[0]
        self.total = self.weights.assign(&self.point.weight[0], &self.point.curvature[0], own)

    cdef int accept(self, double value) except -1 nogil:
        # Stay at the trial point, but for the intercept, which is moved to where the sum of u vanishes.
        cdef double reach = 1.0
        cdef double least = 0.0
        cdef index_t i
        # A correlation z_j would move by the sum of u times what column j's mean moves under the curvatures.
        for i in range(self.form.count):
            reach += fabs(self.form.moved[i] * self.form.beta[i])
        if self.gap_target < self.point.value:
            least = NEGLIGIBLE * self.gap_target / reach
        self.point.stay(value)
        self.intercept += self.point.balance(least)
        return self.look()

    cdef int look(self) except -1 nogil:
        # The residual in the solver's units, and its correlations with W.
        self.fresh = False
        self.point.residual(&self.u[0])
        self.residual2, self.tilt = self.point.sums.steep, self.point.sums.tilt
        return self.hold()

    cdef int hold(self) except -1 nogil:
        # Correlate the features of W with u.
        self.reserve()
        self.known = True
        return self.form.correlate(&self.u[0], &self.held[0])

    cdef double loss_value(self) noexcept nogil:
        return max(self.point.value - self.best, 0.0)

    cdef int renew(self) except -1 nogil:
        cdef index_t i
        self.reserve()
        for i in range(self.form.count):
            self.scratch[i] = self.held[i]
        return 0
