"""One call of ``fit_path``: from the problem through the solvers to the result."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from fastreg.path.classes import run_multinomial
from fastreg.path.fits import Fits, GridRequest
from fastreg.path.grid import default_min_ratio, log_grid
from fastreg.path.loop import run_path
from fastreg.path.result import PathResult
from fastreg.path.solvers import Solvers
from fastreg.path.source import Source
from fastreg.path.together import run_in_step
from fastreg.path.watch import Watcher
from fastreg.runtime.exceptions import ConvergenceWarning
from fastreg.solver.cost_model import (
    complete_pays,
    fit_in_step,
)
from fastreg.solver.least_squares import bounded_least_squares
from fastreg.solver.ridge import PACK_ENTRIES
from fastreg.solver.shared_pass import SharedPass
from fastreg.subproblem.gap import gap_of


class PathFit(Solvers):
    """One call: the way from the solvers over a problem and their traces to a result."""

    def grid(self, request: GridRequest) -> np.ndarray:
        """Return the penalties that were given, or the default grid."""
        if request.alphas is not None:
            return request.alphas
        problem = self.problem
        ridge = self.is_ridge and not self.bounded
        ratio = request.min_ratio or default_min_ratio(problem.design.n_rows, problem.n_columns, ridge)
        return log_grid(self.grid_top(), ratio, request.n_alphas)

    def run(self, grid: np.ndarray, watcher: Watcher) -> list[Fits]:
        """Return the fits of every target, up to where the watcher ends the path."""
        if self.problem.joint:
            return self._run_classes(grid, watcher)
        if self._in_step(grid):
            shared = SharedPass(self.problem.design.raw, self.problem.design.columns)
            return run_in_step([self], [grid], shared, 1, watcher.report)[0]
        return [Fits.joined(list(self._run_target(k, grid, watcher))) for k in range(len(self.problem.targets))]

    def _run_classes(self, grid: np.ndarray, watcher: Watcher) -> list[Fits]:
        problem = self.problem
        start = None if self.start is None else np.stack([problem.feature_coefficients(row) for row in self.start])

        def watch(i: int, fits: list[Fits]) -> bool:
            return watcher.classes(grid[i], fits)

        fits = run_multinomial(self, grid, start, None if watcher.idle else watch)
        return fits if watcher.stopped is None else [part.first(watcher.kept) for part in fits]

    def _in_step(self, grid: np.ndarray) -> bool:
        """Whether several targets go down their paths together: where each would read X for itself."""
        problem = self.problem
        if len(problem.targets) == 1 or self.is_ridge or grid[-1] == 0 or problem.gram is not None:
            return False
        if problem.rows is not None:
            return fit_in_step(problem.design, len(problem.targets))
        alone = complete_pays(problem.design, len(grid), self.smooth)
        return not alone and fit_in_step(problem.design, len(problem.targets))

    def _run_target(self, k: int, grid: np.ndarray, watcher: Watcher) -> Iterator[Fits]:
        if self.is_ridge and not self.bounded:
            yield from self._run_ridge(k, grid, watcher, self.problem.penalty["l2"])
            return
        design = self.problem.design
        if self.bounded and self.problem.rows is not None:
            yield self._run_working_set(k, grid, watcher)
            return
        # At alpha = 0 there is no penalty left to make a working set: least squares.
        few = design.n_rows * design.n_features <= PACK_ENTRIES
        positive = grid[grid > 0] if few or not self.bounded else grid
        if len(positive):
            yield self._run_working_set(k, positive, watcher)
        if len(positive) == len(grid) or watcher.stopped is not None:
            return
        zeros = grid[len(positive) :]
        if self.bounded:
            yield self._watched(watcher, zeros, self._bounded_least_squares(k, len(zeros)))
        else:
            yield from self._run_ridge(k, zeros, watcher, np.ones(design.n_features))

    def _bounded_least_squares(self, k: int, count: int) -> Fits:
        problem = self.problem
        packed = problem.design.packed()
        beta = bounded_least_squares(packed, problem.targets[k], problem.penalty["lower"], problem.penalty["upper"])
        residual = problem.targets[k] - beta @ packed
        loss = 0.5 * float(residual @ residual)
        level = 1e-9 * float(np.sqrt(2 * problem.null_losses[k]))
        gap = gap_of(problem.penalty, 0.0, 0.0, beta, packed @ residual, problem.design.norm, 2 * loss, level)
        ones = np.ones(count)
        return Fits.of_rows(np.repeat(beta[None], count, axis=0), gap * ones, loss * ones, 1)

    def _run_working_set(self, k: int, grid: np.ndarray, watcher: Watcher) -> Fits:
        problem, solver = self.problem, self.solver(len(grid))
        self.begin(solver, k)
        a1, a2 = problem.penalty_scales(grid)
        callback = None if watcher.idle else lambda i, *fit: watcher(grid[i], *fit)
        trace = run_path(solver, a1, a2, float(self.targets[k]), self.max_iter, callback)
        return Fits.of_trace(trace, len(grid) if watcher.stopped is None else watcher.kept)

    def _run_ridge(self, k: int, grid: np.ndarray, watcher: Watcher, l2: np.ndarray) -> Iterator[Fits]:
        problem = self.problem
        _, a2 = problem.penalty_scales(grid)
        start = None if self.start is None else problem.feature_coefficients(self.start[k])
        target = float(self.targets[k])
        if problem.rows is None:
            solved = self.ridge(l2).path(problem.targets[k], problem.correlations[k], a2, target, start)
            parts = (Fits.of_rows(*part) for part in solved)
        else:
            parts = self.generalized_ridge(l2).path(k, a2, target, start)
        at = 0
        for part in parts:
            fits = self._watched(watcher, grid[at:], part)
            at += len(fits.gaps)
            yield fits
            if watcher.stopped is not None:
                return

    @staticmethod
    def _watched(watcher: Watcher, grid: np.ndarray, fits: Fits) -> Fits:
        """Return those fits that the watcher keeps."""
        before = watcher.kept
        for i in range(0 if watcher.idle else len(fits.gaps)):
            part = slice(fits.starts[i], fits.starts[i + 1])
            if watcher(grid[i], fits.features[part], fits.beta[part], fits.gaps[i], fits.moved[i], fits.losses[i]):
                return fits.first(watcher.kept - before)
        return fits

    def _gap(self, gap: Any) -> Any:
        return gap * self.problem.y_scale**2

    def result(self, grid: np.ndarray, fits: list[Fits], watcher: Watcher, source: Source | None) -> PathResult:
        """Put the fits back on the user's scale."""
        problem = self.problem
        stopped = watcher.stopped if len(fits[0].gaps) < len(grid) else None
        grid = grid[: len(fits[0].gaps)]
        unit = problem.y_scale**2
        null = problem.null_losses * unit
        coefs = [problem.user_coefficients(*target.points) for target in fits]
        table = [(*self._columns(k, target), coefs[k].sizes()) for k, target in enumerate(fits)]
        columns = table[0] if problem.single else [np.stack(column, axis=1) for column in zip(*table, strict=True)]
        if problem.joint:
            # One problem: what is said of it is the same for every class.
            intercepts, gaps, converged, n_iter, explained, df = columns
            columns = [intercepts, gaps[:, 0], converged[:, 0], n_iter.sum(axis=1), explained[:, 0], df]
            null = null[:1]
            if problem.fit_intercept:
                # Determined up to a constant.
                intercepts -= intercepts.mean(axis=1, keepdims=True)
        intercepts, gaps, converged, n_iter, explained, df = columns
        alone = problem.single or problem.joint
        return PathResult(
            grid, coefs, intercepts, gaps, float(null[0]) if alone else null,
            converged, n_iter, df, explained, problem.design.n_passes, self.tol, self.l1_ratio, problem.loss.name,
            problem.names, int(np.count_nonzero(problem.design.root)), stopped,
            np.array(watcher.deviances) if watcher.held_out is not None else None, source,
        )  # fmt: skip

    def _columns(self, k: int, fits: Fits) -> tuple[np.ndarray, ...]:
        """Return intercepts, gaps, whether they are small enough, iterations and deviance ratios of target k."""
        problem = self.problem
        null = problem.null_losses[k]
        explained = np.maximum(1.0 - fits.losses / null, 0.0) if null > 0 else np.zeros(len(fits.losses))
        intercepts = problem.user_intercepts(k, *fits.intercepts)
        return intercepts, self._gap(fits.gaps), fits.gaps <= self.targets[k], fits.iterations, explained

    def warn(self, result: PathResult, level: int = 3) -> None:
        """Warn the caller of the public function, so many calls away, where a gap stayed large."""
        if result.converged.all():
            return
        targets = np.atleast_1d(self._gap(self.targets))[: 1 if self.problem.joint else None]
        gaps, converged, n_iter = (
            part.reshape(len(result.alphas), -1) for part in (result.dual_gaps, result.converged, result.n_iter)
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = gaps / targets
        i, k = np.unravel_index(np.argmax(np.where(converged, -1, ratio)), gaps.shape)
        # A solver that had iterations left was stopped by rounding.
        remedy = (
            f"Raise max_iter (now {self.max_iter}) or tol, or scale the columns of X."
            if n_iter[i, k] >= self.max_iter
            else "Rounding stopped the solver: unpenalized columns may depend on each other, or scales be far apart. "
            "Drop or scale such columns, or raise tol."
        )
        warnings.warn(
            f"{(~converged).sum()} of {gaps.size} fits did not reach tol={self.tol:g}: at alpha={result.alphas[i]:.6g} "
            f"the duality gap is {gaps[i, k]:.3g}, the target {targets[k]:.3g}. The gaps are certified all the same. "
            + remedy,
            ConvergenceWarning,
            stacklevel=level,
        )
