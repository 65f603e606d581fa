"""One call of ``fit_path``: from the problem through the solvers to the result."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from fastreg.loss.squared import SquaredLoss
from fastreg.path.loop import run_path
from fastreg.path.result import PathResult
from fastreg.problem.problem import Problem
from fastreg.runtime.exceptions import ConvergenceWarning
from fastreg.solver.cost_model import choose_budget, choose_form, complete_pays
from fastreg.solver.ridge import RidgeSolver
from fastreg.solver.working_set import WorkingSetSolver

# alpha_max must give all zeros in spite of rounding.
ABOVE = 1.0 + 8 * np.finfo(float).eps
# A ridge grid starts where every coefficient is less than a tenth of its least-squares value.
RIDGE_TOP = 10.0


class Piece(NamedTuple):
    """The fit of one target at one alpha, in the solver's units."""

    features: np.ndarray
    beta: np.ndarray
    gap: float
    loss: float
    iterations: int


class PathFit:
    """One call: the solvers over a problem, and the way from their traces to a result."""

    def __init__(self, problem: Problem, l1_ratio: float, tol: float, max_iter: int, start: np.ndarray | None) -> None:
        self.problem, self.l1_ratio, self.start = problem, l1_ratio, start
        self.tol, self.max_iter = tol, max_iter
        self.bounded = not problem.unbounded.all()
        # Without any column left there is nothing to work on, whatever the penalty.
        self.is_ridge = l1_ratio == 0 or problem.design.n_features == 0
        self._solver: WorkingSetSolver | None = None
        self._ridge: RidgeSolver | None = None

    def solver(self, n_alphas: int = 100) -> WorkingSetSolver:
        """Return the working-set solver, made when first asked for."""
        if self._solver is None:
            design, penalty = self.problem.design, self.problem.penalty
            loose = self.problem.unpenalized()
            free = loose & self.problem.unbounded
            # Where the Gram matrix of everything is cheap the working set begins with everything.
            first = ~free if complete_pays(design, n_alphas) else loose & ~free
            form = choose_form(design, n_alphas)
            self._solver = WorkingSetSolver(
                design, form, penalty, np.flatnonzero(free), np.flatnonzero(first), choose_budget(design, form)
            )
        return self._solver

    def ridge(self, l2: np.ndarray) -> RidgeSolver:
        """Return the ridge solver, made when first asked for."""
        if self._ridge is None:
            self._ridge = RidgeSolver(self.problem.design, l2)
        return self._ridge

    def grid_top(self) -> float:
        """Return where the default grid starts."""
        if not self.is_ridge:
            return self.alpha_max()
        largest = self.ridge(self.problem.penalty["l2"]).largest_eigenvalue()
        _, scale = self.problem.penalty_scales(np.ones(1))
        return RIDGE_TOP * largest / float(scale[0])

    def alpha_max(self) -> float:
        """Return the largest |z_j| / (r v_j) over targets and features, z at the null model."""
        penalty = self.problem.penalty
        top = 0.0
        for k in range(len(self.problem.targets)):
            z = self._null_correlations(k)
            pull = np.where(z > 0, np.where(penalty["upper"] > 0, z, 0), np.where(penalty["lower"] < 0, -z, 0))
            held = penalty["l1"] > 0
            top = max(top, float(np.max(pull[held] / penalty["l1"][held], initial=0.0)))
        scale, _ = self.problem.penalty_scales(np.ones(1))
        return float(ABOVE * top / scale[0])

    def _null_correlations(self, k: int) -> np.ndarray:
        problem = self.problem
        if not problem.unpenalized().any():
            return problem.correlations[k]
        solver = self.solver()
        solver.set_target(problem.targets[k], problem.correlations[k])
        # The null model is wanted to rounding: its correlations are the top of the grid.
        return solver.null_correlations(0.0, self.max_iter).copy()

    def run(self, grid: np.ndarray, report: Any) -> list[list[Piece]]:
        """Return the pieces of every target, one an alpha."""
        return [self._run_target(k, grid, report) for k in range(len(self.problem.targets))]

    def _run_target(self, k: int, grid: np.ndarray, report: Any) -> list[Piece]:
        if self.is_ridge and not self.bounded:
            return self._run_ridge(k, grid, report, self.problem.penalty["l2"])
        # At alpha = 0 there is no penalty left to make a working set: least squares.
        positive = grid[grid > 0] if not self.bounded else grid
        pieces = self._run_working_set(k, positive, report) if len(positive) else []
        if len(positive) < len(grid):
            ones = np.ones(self.problem.design.n_features)
            pieces += self._run_ridge(k, grid[len(positive) :], report, ones)
        return pieces

    def _run_working_set(self, k: int, grid: np.ndarray, report: Any) -> list[Piece]:
        problem, solver = self.problem, self.solver(len(grid))
        solver.set_target(problem.targets[k], problem.correlations[k])
        if self.start is not None:
            beta = problem.feature_coefficients(self.start[k])
            solver.set_coefficients(np.flatnonzero(beta), beta[beta != 0])
        a1, a2 = problem.penalty_scales(grid)
        callback = None if report is None else lambda i, nonzero, gap: report(grid[i], nonzero, self._gap(gap))
        trace = run_path(solver, a1, a2, float(problem.gap_targets(self.tol)[k]), self.max_iter, callback)
        parts = [slice(trace.starts[i], trace.starts[i + 1]) for i in range(len(grid))]
        return [
            Piece(trace.features[part], trace.values[part], trace.gaps[i], trace.losses[i], trace.iterations[i])
            for i, part in enumerate(parts)
        ]

    def _run_ridge(self, k: int, grid: np.ndarray, report: Any, l2: np.ndarray) -> list[Piece]:
        problem = self.problem
        _, a2 = problem.penalty_scales(grid)
        start = None if self.start is None else problem.feature_coefficients(self.start[k])
        target = float(problem.gap_targets(self.tol)[k])
        pieces = []
        solved = self.ridge(l2).path(problem.targets[k], problem.correlations[k], a2, target, start)
        for alpha, (beta, gap, loss, iterations) in zip(grid, solved, strict=True):
            support = np.flatnonzero(beta)
            pieces.append(Piece(support, beta[support], gap, loss, iterations))
            if report is not None:
                report(alpha, len(support), self._gap(gap))
        return pieces

    def _gap(self, gap: float) -> float:
        return gap * self.problem.y_scale**2

    def result(self, grid: np.ndarray, pieces: list[list[Piece]]) -> PathResult:
        """Put the pieces back on the user's scale, warn where a gap stayed large."""
        problem = self.problem
        unit = problem.y_scale**2
        table = np.array([[piece[2:] for piece in target] for target in pieces], dtype=float)
        gaps, losses, n_iter = table[..., 0].T, table[..., 1].T, table[..., 2].T.astype(int)
        null = problem.null_losses
        converged = gaps <= problem.gap_targets(self.tol)
        if not converged.all():
            self._warn(grid, gaps, converged)
        explained = SquaredLoss.deviance_ratio(losses, null)
        shifts = [[problem.intercept_shift(piece.features, piece.beta).sum() for piece in target] for target in pieces]
        coefs = [self._coefs(target) for target in pieces]
        df = np.stack([np.diff(c.indptr) for c in coefs], axis=1)
        columns = [problem.y_means - np.array(shifts).T, gaps * unit, converged, n_iter, df, explained]
        if problem.single:
            columns = [column[:, 0].copy() for column in columns]
        return PathResult(
            grid, coefs[0] if problem.single else coefs, columns[0], columns[1],
            float(null[0] * unit) if problem.single else null * unit, *columns[2:],
            problem.design.n_passes, self.tol, self.l1_ratio, "squared", problem.names,
        )  # fmt: skip

    def _coefs(self, target: list[Piece]) -> sp.csc_array:
        problem = self.problem
        ends = np.cumsum([0] + [len(piece.features) for piece in target])
        features = np.concatenate([piece.features for piece in target])
        rows, values = problem.columns_of(features, np.concatenate([piece.beta for piece in target]))
        inside = np.ones(len(rows), dtype=bool)
        inside[ends[:-1][np.diff(ends) > 0]] = False
        if np.any(np.diff(rows)[inside[1:]] < 0):
            order = np.lexsort((rows, np.repeat(np.arange(len(target)), np.diff(ends))))
            values, rows = values[order], rows[order]
        coefs = sp.csc_array((values, rows, ends), shape=(problem.n_columns, len(target)))
        if problem.members is not None and (problem.multiplicity > 1).any():
            inside = np.flatnonzero(problem.members >= 0)
            leaders = problem.design.columns[problem.members[inside]]
            share = 1.0 / problem.multiplicity[problem.members[inside]]
            spread = sp.csc_array((share, (inside, leaders)), shape=(problem.n_columns, problem.n_columns))
            coefs = sp.csc_array(spread @ coefs)
            coefs.sort_indices()
        return coefs

    def _warn(self, grid: np.ndarray, gaps: np.ndarray, converged: np.ndarray) -> None:
        problem = self.problem
        unit = problem.y_scale**2
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = gaps / problem.gap_targets(self.tol)
        i, k = np.unravel_index(np.argmax(np.where(converged, -1, ratio)), gaps.shape)
        warnings.warn(
            f"{(~converged).sum()} of {gaps.size} fits did not reach tol={self.tol:g}: at alpha={grid[i]:.6g} the "
            f"duality gap is {gaps[i, k] * unit:.3g}, the target {problem.gap_targets(self.tol)[k] * unit:.3g}. The "
            f"gaps are certified all the same. Raise max_iter (now {self.max_iter}) or tol, or scale the columns of X.",
            ConvergenceWarning,
            stacklevel=4,
        )
