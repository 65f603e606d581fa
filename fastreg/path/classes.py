"""Paths of the multinomial loss: all classes together."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg.path.fits import Fits
from fastreg.path.newton_ridge import GeneralizedRidge
from fastreg.problem.problem import Problem
from fastreg.solver.active_features import ClassRows
from fastreg.solver.multinomial import MultinomialSolver

# A cold start goes down to its first alpha in steps of this ratio, each solved to this fraction of the null loss.
APPROACH = 0.6
COARSE = 0.01


def run_multinomial(
    fit: Any, grid: np.ndarray, start: np.ndarray | None, watch: Callable[[int, list[Fits]], bool] | None
) -> list[Fits]:
    """Return the fits of every class.

    Parameters
    ----------
    fit : PathFit
    grid : ndarray, penalties, descending
    start : None or ndarray (n_classes, n_features), coefficients to start from
    watch : None or callable(i, the fits there) -> whether the path ends there
    """
    problem = fit.problem
    few = _few_columns(fit)
    solver = fit.multinomial_solver() if few is None else _few_solver(problem, few)
    coarse = _approach(fit, grid, start)
    scales = problem.penalty_scales(np.concatenate([coarse, grid]))
    if start is not None:
        first = float(scales[0][0]), float(scales[1][0])
        solver.start(start if few is None else np.stack([few.beginning(row) for row in start]), *first)
    kept: list[list[Fits]] = []
    for i, (a1, a2, target) in enumerate(zip(*scales, _targets(fit, coarse, grid), strict=True), -len(coarse)):
        solver.solve(float(a1), float(a2), float(target), fit.max_iter)
        if i >= 0:
            kept.append(_fits_of(solver))
            # What is watched are features of the problem, not the few columns that stand for them.
            if watch is not None and watch(i, kept[-1] if few is None else [few.expanded(one) for one in kept[-1]]):
                break
    fits = [Fits.joined(list(parts)) for parts in zip(*kept, strict=True)]
    return fits if few is None else [few.expanded(one) for one in fits]


def _few_solver(problem: Problem, few: GeneralizedRidge) -> MultinomialSolver:
    """Return a solver of ridge over few columns, at the null model."""
    rows = ClassRows(problem.loss, problem.rows.y, few.design.root**2, problem.fit_intercept)
    correlations = np.stack([few.design.correlations(target)[0] for target in problem.targets])
    return MultinomialSolver(few.design, few.penalty, rows, problem.rows.start, correlations)


def _fits_of(solver: MultinomialSolver) -> list[Fits]:
    """Return the fit of every class where the solver is; its steps, those of all classes, are counted once."""
    point, fits = solver.point, []
    for k, beta in enumerate(point.beta):
        here = np.flatnonzero(beta)
        numbers = (solver.gap, point.value, solver.steps if k == 0 else 0, point.intercepts[k])
        fits.append(
            Fits(np.array([0, len(here)]), point.features[here], beta[here], *(np.array([one]) for one in numbers))
        )
    return fits


def _approach(fit: Any, grid: np.ndarray, start: np.ndarray | None) -> np.ndarray:
    """Return the penalties by which a cold start goes down to the first of the grid."""
    if start is not None or fit.is_ridge or grid[0] == 0:
        return np.empty(0)
    top = fit.alpha_max()
    if top == 0:
        return np.empty(0)
    return top * APPROACH ** np.arange(1, max(1, np.ceil(np.log(grid[0] / top) / np.log(APPROACH))))


def _targets(fit: Any, coarse: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Return the gap to reach at every penalty."""
    rough = np.full(len(coarse), COARSE * fit.problem.null_losses[0])
    return np.concatenate([rough, np.full(len(grid), float(fit.targets[0]))])


def _few_columns(fit: Any) -> GeneralizedRidge | None:
    """Return ridge over few columns, where that is what is asked for and there is a way."""
    if not fit.is_ridge or fit.bounded or fit.problem.design.n_features == 0:
        return None
    ridge = GeneralizedRidge(fit.problem, fit.problem.penalty["l2"], fit.max_iter)
    return None if ridge.route == "krylov" else ridge
