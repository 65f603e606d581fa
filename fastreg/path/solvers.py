"""The solvers over one problem, and the largest penalty that is of any use."""

import numpy as np

from fastreg.loss.generalized import Logistic
from fastreg.path.newton_ridge import GeneralizedRidge
from fastreg.penalty.class_kinds import penalty_kind
from fastreg.problem.problem import Problem
from fastreg.solver.active_features import ClassRows
from fastreg.solver.cost_model import (
    choose_budget,
    choose_form,
    choose_newton_form,
    complete_pays,
    newton_begins_with_all,
)
from fastreg.solver.multinomial import MultinomialSolver
from fastreg.solver.newton import NewtonSolver
from fastreg.solver.ridge import RidgeSolver
from fastreg.solver.working_set import WorkingSetSolver
from fastreg.subproblem.gram import GramForm

# alpha_max must give all zeros in spite of rounding.
ABOVE = 1.0 + 8 * np.finfo(float).eps
# Where columns without penalty leave less than this fraction of a target, that is rounding, and nothing to explain.
EXPLAINED = 1e-11
# The gap of a null model with unpenalized features may be this part of the target.
NULL_FRACTION = 1e-3
# A ridge grid starts where every coefficient is less than a tenth of its least-squares value.
RIDGE_TOP = 10.0


class Solvers:
    """Solvers, made when first asked for.

    Parameters
    ----------
    problem : Problem
    l1_ratio, tol : float
    max_iter : int
    start : None or ndarray (n_targets, n_columns), coefficients to start from
    """

    def __init__(self, problem: Problem, l1_ratio: float, tol: float, max_iter: int, start: np.ndarray | None) -> None:
        self.problem, self.l1_ratio, self.start = problem, l1_ratio, start
        self.tol, self.max_iter, self.targets = tol, max_iter, problem.gap_targets(tol)
        self.bounded = not problem.unbounded.all()
        # Whether every feature bears an l2 part.
        self.smooth = l1_ratio < 1 and bool((problem.penalty["l2"] > 0).all())
        # Without any column left there is nothing to work on, whatever the penalty.
        self.is_ridge = l1_ratio == 0 or problem.design.n_features == 0
        self._solver: WorkingSetSolver | None = None
        self._ridge: RidgeSolver | None = None
        self._generalized: GeneralizedRidge | None = None

    def solver(self, n_alphas: int = 100) -> WorkingSetSolver:
        """Return the working-set solver, made when first asked for."""
        if self._solver is None:
            self._solver = self.new_solver(n_alphas)
        return self._solver

    def new_solver(self, n_alphas: int) -> WorkingSetSolver:
        """Return another working-set solver."""
        design, penalty, known = self.problem.design, self.problem.penalty, self.problem.gram
        if self.problem.rows is not None:
            return self.newton_solver()
        # Where the Gram matrix of everything is cheap the working set begins with everything.
        chosen = self._first_features(known is not None or complete_pays(design, n_alphas, self.smooth))
        form = choose_form(design, n_alphas, self.smooth) if known is None else GramForm(design, known=known)
        return WorkingSetSolver(design, form, penalty, *chosen, choose_budget(design, form))

    def _first_features(self, everything: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the features without penalty and bound, and those with which the working set begins besides."""
        problem = self.problem
        if not np.count_nonzero(problem.unpenalized):
            none = np.empty(0, dtype=np.intp)
            return none, np.arange(problem.design.n_features) if everything else none
        free = problem.unpenalized & problem.unbounded
        first = ~free if everything else problem.unpenalized & ~free
        return np.flatnonzero(free), np.flatnonzero(first)

    def newton_solver(self) -> NewtonSolver:
        """Return another solver for losses other than squared loss."""
        design, penalty = self.problem.design, self.problem.penalty
        chosen = self._first_features(newton_begins_with_all(design) or self.is_ridge)
        form = choose_newton_form(design)
        return NewtonSolver(
            design, form, penalty, *chosen, choose_budget(design, form, models=True), self.problem.rows.loss
        )

    def begin(self, solver: WorkingSetSolver, k: int) -> None:
        """Put a solver at the start of the path of target k."""
        problem = self.problem
        self._set_target(solver, k)
        if problem.rows is not None and self.start is None and problem.unpenalized.any():
            # The path begins where only what bears no penalty is fitted.
            solver.null_correlations(NULL_FRACTION * float(self.targets[k]), self.max_iter)
        if self.start is not None:
            beta = problem.feature_coefficients(self.start[k])
            solver.set_coefficients(np.flatnonzero(beta), beta[beta != 0])

    def _set_target(self, solver: WorkingSetSolver, k: int) -> None:
        problem = self.problem
        solver.set_target(problem.targets[k], problem.correlations[k])
        if problem.rows is not None:
            solver.begin_at(problem.rows.y[k], problem.rows.start[k], problem.rows.best[k])

    def ridge(self, l2: np.ndarray) -> RidgeSolver:
        """Return the ridge solver, made when first asked for."""
        if self._ridge is None:
            self._ridge = RidgeSolver(self.problem.design, l2, self.problem.gram)
        return self._ridge

    def generalized_ridge(self, l2: np.ndarray) -> GeneralizedRidge:
        """Return the ridge solver of other losses; the targets share its few columns."""
        if self._generalized is None or not np.array_equal(self._generalized.l2, l2):
            self._generalized = GeneralizedRidge(self.problem, l2, self.max_iter)
        return self._generalized

    def multinomial_solver(self) -> MultinomialSolver:
        """Return a solver of all classes, at the null model."""
        problem, design = self.problem, self.problem.design
        rows = ClassRows(problem.loss, problem.rows.y, design.root**2, problem.fit_intercept)
        return MultinomialSolver(design, problem.penalty, rows, problem.rows.start, problem.correlations)

    def grid_top(self) -> float:
        """Return where the default grid starts."""
        if not self.is_ridge:
            return self.alpha_max()
        largest = self.ridge(self.problem.penalty["l2"]).largest_eigenvalue()
        if self.problem.rows is not None:
            loss, y, start, _ = self.problem.rows
            weights = self.problem.design.root**2
            curved = Logistic() if self.problem.joint else loss
            largest *= max(float(weights @ curved.point(y[k], weights, start[k])[2]) for k in range(len(y)))
        _, scale = self.problem.penalty_scales(np.ones(1))
        return RIDGE_TOP * largest / float(scale[0])

    def alpha_max(self) -> float:
        """Return the largest |z_j| / (r v_j) over targets and features, z at the null model.

        Raises
        ------
        ValueError
            If that is beyond the range of numbers.
        """
        penalty = self.problem.penalty
        held = penalty["l1"] > 0
        z = self._null_correlations()[:, held]
        room = np.where(z > 0, penalty["upper"][held] > 0, penalty["lower"][held] < 0)
        pull = np.where(room, np.abs(z), 0.0)
        if self.problem.joint:
            pull = penalty_kind(self.problem.loss.grouped).size(pull)
        scale, _ = self.problem.penalty_scales(np.ones(1))
        with np.errstate(over="ignore"):
            largest = float(ABOVE * np.max(pull / penalty["l1"][held], initial=0.0) / scale[0])
        if not np.isfinite(largest):
            raise ValueError(
                f"l1_ratio, penalty_factors: expected such that a finite alpha makes all coefficients 0, got l1_ratio="
                f"{self.l1_ratio:g}. Pass l1_ratio=0 for ridge, or larger penalty factors."
            )
        return largest

    def _null_correlations(self) -> np.ndarray:
        """Return the correlations (n_targets, n_features) where only what bears no penalty is fitted."""
        problem = self.problem
        if not problem.unpenalized.any():
            return problem.correlations
        # The null model is wanted to rounding: its correlations are the top of the grid.
        if problem.joint:
            found = self.multinomial_solver().null_correlations(self.max_iter)
        else:
            solver, found = self.solver(), np.empty_like(problem.correlations)
            for k in range(len(problem.targets)):
                self._set_target(solver, k)
                found[k] = solver.null_correlations(0.0, self.max_iter)
        least = EXPLAINED * problem.design.norm * np.linalg.norm(problem.targets, axis=1, keepdims=True)
        return np.where(np.abs(found) > least, found, 0.0)
