"""Several classes: block coordinate descent over the classes, each by the Newton solver of the logistic loss.

With the predictors of the other classes fixed, class k has the logistic loss with the predictor eta_k - c,
c = log sum_{l != k} exp(eta_l). The penalty is separable over the classes, so what is best for every class is best
(Tseng 2001). Every class has its own working set, model and references; one reading of X serves all of them.

Going from class to class crawls where a change of all of them together is what is missing: where classes are nearly
separated, and along eta_k + c_i for all k, which changes nothing. So every few turns comes a leap: Newton's method for
all classes at once on the coefficients that are not zero, as long as they keep their signs (``leap``).
"""

import numpy as np

from fastreg.design.base cimport index_t
from fastreg.loss.rows cimport log_sum_others
from fastreg.solver.leap import Group, KeptColumns, Leap
from fastreg.solver.newton cimport NewtonSolver
from fastreg.solver.shared_pass cimport SharedPass
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gap cimport Evidence, dual_gap, gap_at

# Columns that any class asks for are read alone up to this fraction of X; beyond it a full pass serves all.
cdef double SHARED_FRACTION = 0.2
# A Newton step of a class that leaves more of its gap asks for new curvatures.
cdef double CONTRACTION = 0.25
# Sweeps over the classes in one round, and how many of them come before a leap.
cdef int MAX_SWEEPS = 300
cdef int SWEEPS_TO_LEAP = 4


cdef class MultinomialSolver:
    """Solver of one multinomial problem.

    Parameters
    ----------
    solvers : list of NewtonSolver, one a class, each with the logistic loss and at its target
    loss : Multinomial
    labels : ndarray (n_classes, n_rows), one-hot
    eta : ndarray (n_classes, n_rows), predictors of the null model
    shared : SharedPass over the columns of all solvers
    """

    def __init__(self, list solvers, loss, labels, eta, SharedPass shared):
        cdef NewtonSolver solver
        self.solvers, self.loss, self.labels, self.shared = solvers, loss, labels, shared
        self.count, self.n_rows = labels.shape
        self.eta, self.first = np.array(eta), np.array(eta)
        self.others, self.apart = np.empty(self.n_rows), np.empty(self.n_rows)
        self.paid, self.columns = np.zeros(self.count), KeptColumns(solvers[0].design)
        self.weights = solvers[0].design.root ** 2
        for k, solver in enumerate(solvers):
            self._part(k)
            solver.begin_at(np.ascontiguousarray(labels[k]), np.array(self.apart), 0.0)

    def set_coefficients(self, coefs):
        """Start from coefficients (n_classes, n_features)."""
        cdef NewtonSolver solver
        for k, solver in enumerate(self.solvers):
            solver.set_coefficients(np.flatnonzero(coefs[k]), coefs[k][coefs[k] != 0])
            np.asarray(self.eta)[k] += np.asarray(solver.point.eta) - np.asarray(solver.start)

    def _part(self, index_t k):
        log_sum_others(&self.eta[0, 0], self.count, self.n_rows, k, &self.others[0])
        np.subtract(self.eta[k], self.others, out=np.asarray(self.apart))

    def solve(self, double before, double a1, double a2, double target, index_t max_iter):
        """Solve at one pair of penalty scales; ``before`` is the a1 of the last solution, -1 at the start."""
        cdef NewtonSolver solver
        cdef index_t grown
        self.steps = 0
        for solver in self.solvers:
            solver.epochs = solver.events = 0
        level = before if before >= 0 else max([solver.level() for solver in self.solvers])
        for solver in self.solvers:
            solver.prepare(level, a1)
            solver.begin(a1, a2, target, max_iter)
            solver.enough = target / self.count
        while True:
            self.sweep()
            self.settle()
            self.gap = self.measure()
            for solver in self.solvers:
                solver.gap = self.gap
            if any([solver.exhausted() for solver in self.solvers]):
                break
            grown = 0
            for solver in self.solvers:
                grown += solver.grow()
            for solver in self.solvers:
                solver.refine(grown)
        self.loss_value = self.loss.value(self.labels, self.weights, np.asarray(self.eta))

    def sweep(self):
        """Let every class take Newton steps in turn, until none has a gap on its working set worth mentioning."""
        cdef NewtonSolver solver = self.solvers[0]
        cdef double target = solver.inner_target / self.count
        for sweep in range(MAX_SWEEPS):
            worst = max([self.turn(k, target) for k in range(self.count)])
            self.steps += 1
            if worst <= target or self.steps >= solver.max_iter:
                break
            if sweep % SWEEPS_TO_LEAP == SWEEPS_TO_LEAP - 1:
                self.leap()

    def leap(self):
        """Newton steps for the nonzero coefficients of all classes and the intercepts; none is to change its sign."""
        group = self.inside()
        if not group.may_leap(self.n_rows):
            return
        leap = Leap(
            self.loss, self.labels, self.weights, np.asarray(self.eta), group, self.columns.of(group.feature),
            self.solvers[0].design.centered,
        )
        if leap.run():
            self.take(leap)

    def inside(self):
        """Return the coefficients that are neither zero nor at a bound."""
        cdef NewtonSolver solver = self.solvers[0]
        cdef Form form
        l1, l2, lower, upper = solver.keep
        threshold, ridge = solver.pen.a1 * l1, solver.pen.a2 * l2
        parts = []
        for k, solver in enumerate(self.solvers):
            form = solver.form
            features, values = np.asarray(form.feature)[:form.count], np.asarray(form.beta)[:form.count]
            at = np.flatnonzero((values != 0) & (values > lower[features]) & (values < upper[features]))
            parts.append((np.full(len(at), k), at, features[at], values[at]))
        owner, place, feature, beta = (np.concatenate(part) for part in zip(*parts))
        given = (column[feature] for column in (threshold, ridge, lower, upper))
        return Group(owner, place, feature, beta, *given)

    def take(self, leap):
        """Take over coefficients and predictors of a leap."""
        cdef NewtonSolver solver
        cdef Form form
        np.asarray(self.eta)[:] = leap.eta
        for k, solver in enumerate(self.solvers):
            form = solver.form
            mine = leap.group.owner == k
            np.asarray(form.beta)[leap.group.place[mine]] = leap.beta[mine]
            solver.intercept += leap.shift[k]
            solver.stale = True
            solver.tracer.forget()
            self.paid[k] = solver.held_penalty()

    cdef double turn(self, index_t k, double target) except -1:
        # A Newton step of class k, if its gap on W is larger than this; that gap.
        cdef NewtonSolver solver = self.solvers[k]
        cdef index_t i
        cdef double gap, after
        solver.reconsider()
        self._part(k)
        # Classes share the scale s of the dual point: what one needs costs the others (1 - s) times their penalty.
        solver.burden = sum(self.paid) - self.paid[k]
        gap = solver.enter(&self.apart[0], False)
        if gap > target:
            solver.step(gap)
            after = solver.held_gap()
            if not after <= CONTRACTION * gap:
                solver.stale = True
        for i in range(self.n_rows):
            self.eta[k, i] = solver.point.eta[i] + self.others[i]
        self.paid[k] = solver.held_penalty()
        return gap

    cdef int settle(self) except -1:
        # Intercepts at which every u sums to 0; then correlations of all features, exact or proved to be harmless.
        cdef NewtonSolver solver
        for k, solver in enumerate(self.solvers):
            if solver.far():
                solver.predictors(&self.first[k, 0], &self.eta[k, 0])
        if self.solvers[0].design.centered:
            moved = self.loss.balance(self.labels, self.weights, np.asarray(self.eta))
            np.asarray(self.eta)[:] += moved[:, None]
            for k, solver in enumerate(self.solvers):
                solver.intercept += moved[k]
        for k, solver in enumerate(self.solvers):
            self._part(k)
            solver.enter(&self.apart[0], True)
            solver.certify()
        self.shared.resolve(self.solvers, SHARED_FRACTION)
        for solver in self.solvers:
            solver.n_open = 0
        return 0

    cdef double measure(self):
        # The gap: those of the classes at one scale of the dual point add up to a bound (``loss.multinomial``).
        cdef NewtonSolver solver
        cdef Evidence evidence
        cdef double scale = 1.0
        cdef double own
        cdef double total = 0.0
        for solver in self.solvers:
            solver.gather(solver.zero_level(solver.gap_target), &evidence)
            dual_gap(&solver.pen, &evidence, &own)
            scale = min(scale, own)
        for solver in self.solvers:
            solver.gather(solver.zero_level(solver.gap_target), &evidence)
            total += gap_at(&solver.pen, &evidence, scale)
        return total
