"""l1_ratio = 0 with other losses than squared loss: Newton's method, by the route that suits the shape of X.

* Few columns: the working-set solver with all of them.
* Few rows: b = L2^-1 X'theta for some theta, so that n numbers are enough. With K = X L2^-1 X' = E L E' (n x n) the
  predictors are B c, B = E sqrt(L), and the penalty is a2/2 ||c||^2: the problem above with the n columns of B, whose
  dual, and gap, is that of the whole. Unpenalized columns stand beside B as they are.
* Else Newton's method with conjugate gradients: every step is a ridge problem with the weights w_i h_i.
"""

from collections.abc import Iterator

import numpy as np

from fastreg.design.convert import as_design, check_entries
from fastreg.design.scaled import ScaledDesign
from fastreg.loss.base import Loss
from fastreg.path.fits import Fits
from fastreg.path.loop import run_path
from fastreg.problem.problem import Problem
from fastreg.solver.cost_model import choose_budget, choose_newton_form, newton_ridge_route
from fastreg.solver.line_search import fallen_enough, halvings
from fastreg.solver.newton import NewtonSolver
from fastreg.solver.ridge import RidgeSolver
from fastreg.solver.ridge_columns import ridge_penalty
from fastreg.solver.ridge_kernel import kernel_matrix
from fastreg.subproblem.gap import gap_of

EPS = np.finfo(float).eps
# Newton steps with conjugate gradients, and how much of the gap each may leave.
MAX_STEPS = 100
LEFT = 0.05
NO_PENALTY = 1e-290
# Tracing takes coefficients in one by one, unless they are there: where all of them will be, all begin with this.
ACTIVE = 1e-150


class GeneralizedRidge:
    """Ridge paths of a problem without bounds, over all its targets.

    Parameters
    ----------
    problem : Problem whose loss is not squared loss
    l2 : ndarray (n_features,), factors of the squared coefficients
    max_iter : int
    """

    def __init__(self, problem: Problem, l2: np.ndarray, max_iter: int) -> None:
        self.problem, self.l2, self.max_iter = problem, l2, max_iter
        self.route = newton_ridge_route(problem.design)
        if self.route == "reduced":
            self._reduce()
        elif self.route == "direct":
            self.design, self.small_l2 = problem.design, l2
        self.solver: NewtonSolver | None = None

    def _reduce(self) -> None:
        """Make a design of so few columns that has the same predictors."""
        design = self.problem.design
        self.free, self.rest = np.flatnonzero(self.l2 == 0), np.flatnonzero(self.l2 > 0)
        kernel = kernel_matrix(design, self.rest, np.sqrt(self.l2[self.rest]))
        values, vectors = np.linalg.eigh(kernel)
        real = values > EPS * max(design.n_rows, design.n_features) * values.max(initial=0.0)
        self.values, self.vectors = values[real], vectors[:, real]
        columns = np.vstack([design.packed(self.free), (self.vectors * np.sqrt(self.values)).T])
        raw, _ = as_design(design.unweighted(columns).T, design.raw.n_threads)
        weights = design.root**2
        largest, moments, _ = check_entries(raw, weights)
        self.design = ScaledDesign(raw, largest, weights, self.problem.fit_intercept, moments)
        self.small_l2 = np.r_[np.zeros(len(self.free)), self.design.scale[len(self.free) :] ** 2]

    def path(self, k: int, a2: np.ndarray, target: float, start: np.ndarray | None) -> Iterator[Fits]:
        """Yield the fits of target k, in order, from the coefficients ``start`` (n_features,) on or from 0."""
        problem = self.problem
        if self.route == "krylov":
            yield from self._krylov_path(k, a2, target, start)
            return
        if self.solver is None:
            self.solver = self.new_solver(problem.rows.loss)
        solver = self.solver
        self.set_target(solver, k)
        solver.begin_at(problem.rows.y[k], problem.rows.start[k], problem.rows.best[k])
        begin = self.beginning(start)
        solver.set_coefficients(np.arange(len(begin)), begin)
        yield self.expanded(Fits.of_trace(run_path(solver, np.zeros(len(a2)), a2, target, self.max_iter), len(a2)))

    def expanded(self, fits: Fits) -> Fits:
        """Return fits over few columns as fits of the problem."""
        if self.route == "direct":
            return fits
        design, count = self.problem.design, len(fits.gaps)
        small = np.zeros((count, self.design.n_features))
        rows = np.repeat(np.arange(count), np.diff(fits.starts))
        small[rows, fits.features] = fits.beta * self.design.scale[fits.features]
        coefs = np.zeros((count, design.n_features))
        theta = (small[:, len(self.free) :] / np.sqrt(self.values)) @ self.vectors.T
        coefs[:, self.rest] = design.correlations(theta, self.rest) / self.l2[self.rest]
        coefs[:, self.free] = small[:, : len(self.free)]
        return Fits.of_rows(coefs, fits.gaps, fits.losses, fits.iterations, fits.moved)

    def beginning(self, start: np.ndarray | None) -> np.ndarray:
        """Return coefficients over few columns that have the predictors of these; without these none that is 0."""
        if start is None:
            return np.full(self.design.n_features, ACTIVE)
        if self.route == "direct":
            return start
        eta = self.problem.design.predictions(start[self.rest], self.rest)[0]
        small = np.r_[start[self.free], (self.vectors.T @ eta) / np.sqrt(self.values)]
        return small / self.design.scale

    @property
    def penalty(self) -> dict[str, np.ndarray]:
        """The penalty of the few columns."""
        return ridge_penalty(self.small_l2)

    def new_solver(self, loss: Loss) -> NewtonSolver:
        """Return a solver over few columns."""
        design, size = self.design, self.design.n_features
        form, nothing = choose_newton_form(design), np.empty(0, dtype=np.intp)
        return NewtonSolver(
            design, form, self.penalty, nothing, np.arange(size), choose_budget(design, form, models=True), loss
        )

    def set_target(self, solver: NewtonSolver, k: int) -> None:
        """Put a solver at the null model of target k."""
        target = self.problem.targets[k]
        solver.set_target(target, self.design.correlations(target)[0])

    def _krylov_path(self, k: int, a2: np.ndarray, target: float, begin: np.ndarray | None) -> Iterator[Fits]:
        problem = self.problem
        loss, y, start, best = problem.rows.loss, problem.rows.y[k], problem.rows.start[k], problem.rows.best[k]
        point = _Point(problem, self.l2, loss, y, start)
        if begin is not None:
            point.move(begin)
        for a in a2:
            gap, steps = point.minimize(max(float(a), NO_PENALTY), target)
            yield Fits.of_rows(point.beta[None], np.array([gap]), np.array([point.value - best]), steps, point.moved)


class _Point:
    """Coefficients, predictors and loss on the way of Newton's method with conjugate gradients."""

    def __init__(self, problem: Problem, l2: np.ndarray, loss: object, y: np.ndarray, start: np.ndarray) -> None:
        self.problem, self.design, self.l2, self.loss, self.y = problem, problem.design, l2, loss, y
        self.weights = self.design.root**2
        self.beta, self.moved, self.eta = np.zeros(self.design.n_features), 0.0, start.copy()
        self.value, self.u, self.h = loss.point(y, self.weights, self.eta)

    def move(self, beta: np.ndarray) -> None:
        """Go to other coefficients."""
        self.beta = beta.copy()
        self.eta = self.eta + self.design.unweighted(self.design.predictions(beta)[0])
        self.value, self.u, self.h = self.loss.point(self.y, self.weights, self.eta)
        self._balance()

    def minimize(self, a2: float, target: float) -> tuple[float, int]:
        """Go to the minimum for one penalty; return its gap and how many steps it took."""
        for step in range(MAX_STEPS):
            gap = self._gap(a2, target)
            if gap <= target or not self._step(a2, max(LEFT * gap, LEFT * target)):
                return gap, step
        return self._gap(a2, target), MAX_STEPS

    def _gap(self, a2: float, enough: float) -> float:
        """Return the gap, or a bound on it where that is at most ``enough``."""
        design = self.design
        z = design.correlations(design.root * self.u)[0]
        level = 1e-9 * float(np.sqrt(self.weights @ self.u**2))
        rows = np.stack([self.y, self.weights, self.eta])
        return gap_of(ridge_penalty(self.l2), 0.0, a2, self.beta, z, design.norm, 0.0, level, self.loss, rows, enough)

    def _step(self, a2: float, left: float) -> bool:
        """Take one Newton step, solved up to a gap of ``left``; return whether the objective fell."""
        design, problem = self.design, self.problem
        curvature = self.weights * self.h
        total = float(curvature.sum())
        model = ScaledDesign(design.raw, design.largest, curvature / total, problem.fit_intercept)
        if design.columns is not None:
            model.restrict(design.columns)
        # The model's target: the step's residual u / h and what the present coefficients explain.
        response = np.divide(self.u, self.h, out=np.zeros_like(self.u), where=self.h > 0)
        response = response - (curvature / total) @ response if problem.fit_intercept else response
        target = model.root * response + model.predictions(self.beta)[0]
        ridge = RidgeSolver(model, self.l2, route="krylov")
        correlation = model.correlations(target)[0]
        ((coefs, *_),) = ridge.path(target, correlation, np.array([a2 / total]), left / total, self.beta[None][0])
        return self._search(coefs[0] - self.beta, a2, curvature)

    def _search(self, direction: np.ndarray, a2: float, curvature: np.ndarray) -> bool:
        """Go along a direction until the objective has fallen enough; the intercept follows the predictors."""
        line = self.design.unweighted(self.design.predictions(direction)[0])
        shift = 0.0
        if self.problem.fit_intercept:
            shift = (self.weights @ self.u - curvature @ line) / curvature.sum()
        line += shift
        penalty = 0.5 * a2 * float(self.l2 @ self.beta**2)
        slope = a2 * float((self.l2 * self.beta) @ direction) - float((self.weights * self.u) @ line)
        for length in halvings():
            beta, eta = self.beta + length * direction, self.eta + length * line
            value, u, h = self.loss.point(self.y, self.weights, eta)
            new = value + 0.5 * a2 * float(self.l2 @ beta**2)
            if fallen_enough(new, self.value + penalty, length * slope, 8 * EPS * abs(self.value)):
                self.beta, self.eta, self.moved = beta, eta, self.moved + length * shift
                self.value, self.u, self.h = value, u, h
                self._balance()
                return True
        return False

    def _balance(self) -> None:
        """Put the intercept where the weighted sum of u vanishes."""
        if not self.problem.fit_intercept:
            return
        shift = self.loss.best_intercept(self.y, self.weights, self.eta, 0.0)
        self.eta, self.moved = self.eta + shift, self.moved + shift
        self.value, self.u, self.h = self.loss.point(self.y, self.weights, self.eta)
