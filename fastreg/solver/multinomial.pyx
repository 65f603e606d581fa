"""Several classes: block coordinate descent over the classes, each by the Newton solver of the logistic loss.

With the predictors of the other classes fixed, class k has the logistic loss with the predictor eta_k - c,
c = log sum_{l != k} exp(eta_l). The penalty is separable over the classes, so what is best for every class is best
(Tseng 2001). Every class has its own working set, model and references; one reading of X serves all of them.

Going from class to class crawls where a change of all of them together is what is missing: where classes are nearly
separated, and along eta_k + c_i for all k, which changes nothing. So every few turns comes a leap: Newton's method for
all classes at once on the coefficients that are not zero, as long as they keep their signs.
"""

import numpy as np

from fastreg.design.base cimport index_t
from fastreg.loss.rows cimport log_sum_others
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
# Coefficients that leap together at most, and steps of Newton's method in a leap.
cdef index_t LEAPING = 600
cdef double LEAPING_ENTRIES = 2 ** 23
cdef int MAX_STEPS = 60
# What makes a Hessian definite that is singular along changes common to all classes.
cdef double DEFINITE = 1e-10
cdef double SHORTEST = 1e-4
# A step moves predictors by so much at most; below this fraction of the objective slopes decide.
cdef double REACH = 20.0
cdef double ROUNDING = 1e-12


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
        self.paid, self.columns = np.zeros(self.count), {}
        self.weights = solvers[0].design.root ** 2
        for k, solver in enumerate(solvers):
            self._part(k)
            solver.begin_at(np.ascontiguousarray(labels[k]), np.array(self.apart), 0.0)

    def set_coefficients(self, coefs):
        """Start from coefficients (n_classes, n_features)."""
        cdef NewtonSolver solver
        for k, solver in enumerate(self.solvers):
            solver.set_coefficients(np.flatnonzero(coefs[k]), coefs[k][coefs[k] != 0])
            np.asarray(self.eta)[k] += np.asarray(solver.eta) - np.asarray(solver.start)

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
        group = Leap(self)
        if not self.may_leap(group.size):
            return
        for _ in range(MAX_STEPS):
            if not group.step():
                break
        if group.moved:
            self.take(group)

    def may_leap(self, size):
        """Whether so many coefficients may leap."""
        return 0 < size <= LEAPING and size * self.n_rows <= LEAPING_ENTRIES

    def columns_of(self, features):
        """Return the unweighted columns (m, n_rows) of some features, those of the last call without reading X."""
        design, known = self.solvers[0].design, self.columns
        new = np.array([j for j in features if j not in known], dtype=np.intp)
        if len(new):
            known = known | dict(zip(new, design.unweighted(design.packed(new))))
        self.columns = {j: known[j] for j in features}
        return np.stack([known[j] for j in features])

    def take(self, group):
        """Take over coefficients and predictors of a leap."""
        cdef NewtonSolver solver
        cdef Form form
        np.asarray(self.eta)[:] = group.eta
        for k, solver in enumerate(self.solvers):
            form = solver.form
            mine = group.owner == k
            np.asarray(form.beta)[group.place[mine]] = group.beta[mine]
            solver.intercept += group.shift[k]
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
            self.eta[k, i] = solver.eta[i] + self.others[i]
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


class Leap:
    """The nonzero coefficients of all classes within their bounds, one after the other, and the predictors.

    Attributes
    ----------
    owner, place, beta : ndarray (m,), the class of a coefficient, its position in the working set, and its value
    columns : ndarray (m, n_rows), the columns of X that go with them
    shift : ndarray (n_classes,), what the intercepts have moved by
    moved : bool
    """

    def __init__(self, MultinomialSolver whole):
        cdef NewtonSolver solver
        cdef Form form
        self.loss, self.labels, self.weights = whole.loss, whole.labels, whole.weights
        self.eta, self.moved, self.shift = np.array(whole.eta), False, np.zeros(whole.count)
        owner, place, feature, beta = [], [], [], []
        for k, solver in enumerate(whole.solvers):
            form, (l1, l2, lower, upper) = solver.form, solver.keep
            values, features = np.asarray(form.beta)[:form.count], np.asarray(form.feature)[:form.count]
            at = np.flatnonzero(values)
            at = at[(values[at] > np.asarray(lower)[features[at]]) & (values[at] < np.asarray(upper)[features[at]])]
            owner.append(np.full(len(at), k))
            place.append(at)
            feature.append(features[at])
            beta.append(values[at])
        self.owner, self.place, self.beta = (np.concatenate(part) for part in (owner, place, beta))
        feature = np.concatenate(feature)
        solver = whole.solvers[0]
        self.centered = solver.design.centered
        self.threshold, self.ridge = solver.pen.a1 * np.asarray(l1)[feature], solver.pen.a2 * np.asarray(l2)[feature]
        self.lower, self.upper = np.asarray(lower)[feature], np.asarray(upper)[feature]
        self.fixed = np.zeros(len(feature), dtype=bool)
        self.size = len(feature)
        if whole.may_leap(self.size):
            used, at = np.unique(feature, return_inverse=True)
            self.columns = whole.columns_of(used)[at]
            self.objective = self.loss.value(self.labels, self.weights, self.eta) + self.penalty(self.beta)

    def penalty(self, beta):
        """Return the penalty of these coefficients."""
        return float(self.threshold @ np.abs(beta) + 0.5 * self.ridge @ beta**2)

    def system(self):
        """Return Hessian and gradient of the objective at fixed signs; after the coefficients come the intercepts."""
        owner, columns, penalty = self.owner, self.columns, self.ridge
        gradient = np.where(self.fixed, 0.0, self.threshold * np.sign(self.beta) + self.ridge * self.beta)
        if self.centered:
            classes = np.arange(len(self.labels))
            owner, columns = np.append(owner, classes), np.vstack([columns, np.ones((len(classes), columns.shape[1]))])
            penalty, gradient = np.append(penalty, np.zeros(len(classes))), np.append(gradient, np.zeros(len(classes)))
        p = self.loss.mean(self.eta.T).T
        gradient -= np.einsum("mi,mi->m", columns, (self.weights * (self.labels - p))[owner])
        pulled = columns * p[owner]
        hessian = -(pulled * self.weights) @ pulled.T
        for k in range(len(p)):
            mine = np.flatnonzero(owner == k)
            hessian[np.ix_(mine, mine)] += (columns[mine] * (self.weights * p[k])) @ columns[mine].T
        hessian.flat[:: len(hessian) + 1] += penalty
        return hessian, gradient

    def step(self):
        """Take one Newton step, as far as no sign changes and no bound is passed; return whether there may be more."""
        hessian, gradient = self.system()
        hessian.flat[:: len(hessian) + 1] += DEFINITE * hessian.diagonal().max()
        move = np.linalg.solve(hessian, -gradient)
        direction, shift = move[: len(self.beta)], move[len(self.beta):]
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(direction > 0, self.upper - self.beta, self.lower - self.beta) / direction
            zero = np.where((self.threshold > 0) & (direction * self.beta < 0), -self.beta / direction, np.inf)
        limit = np.fmin(np.where(direction != 0, room, np.inf), zero)
        line = np.zeros_like(self.eta)
        np.add.at(line, self.owner, self.columns * direction[:, None])
        if self.centered:
            line += shift[:, None]
        length = min(1.0, limit.min(initial=1.0), REACH / max(np.abs(line).max(), 1e-300))
        slope, shortest = float(gradient @ move), SHORTEST * length
        self.cut_short = length < 1.0
        while length > shortest:
            beta = self.beta + length * direction
            beta = np.where(zero <= length, 0.0, np.clip(beta, self.lower, self.upper))
            eta = self.eta + length * line
            objective = self.loss.value(self.labels, self.weights, eta) + self.penalty(beta)
            if objective < self.objective - ROUNDING * abs(self.objective) or (
                objective <= self.objective + ROUNDING * abs(self.objective)
                and abs(self.slope(eta, line, beta, direction)) <= -0.5 * slope
            ):
                return self.accept(beta, eta, objective, length * shift)
            length *= 0.5
        return False

    def slope(self, eta, line, beta, direction):
        """Return the slope of the objective along a line at a point, at fixed signs."""
        u = self.labels - self.loss.mean(eta.T).T
        penalty = (self.threshold * np.sign(self.beta) + self.ridge * beta) @ direction
        return float(penalty - ((u * line) @ self.weights).sum())

    def accept(self, beta, eta, objective, shift):
        """Stay there; coefficients that have become 0 leap no more."""
        gained = self.objective - objective
        self.beta, self.eta, self.objective, self.moved = beta, eta, objective, True
        if self.centered:
            self.shift += shift
        # A coefficient at zero or at a bound waits for its class's turn.
        self.fixed = (beta == 0) | (beta <= self.lower) | (beta >= self.upper)
        self.columns = np.where(self.fixed[:, None], 0.0, self.columns)
        return self.cut_short or gained > 1e-14 * abs(objective)
