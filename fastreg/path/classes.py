"""Paths of the multinomial loss: all classes together."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg.loss.generalized import Logistic
from fastreg.path.fits import Fits
from fastreg.path.loop import run_classes
from fastreg.path.newton_ridge import GeneralizedRidge
from fastreg.solver.multinomial import MultinomialSolver
from fastreg.solver.shared_pass import SharedPass

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
    watch : None or callable(i, fits so far) -> whether the path ends there
    """
    problem = fit.problem
    few = _few_columns(fit)
    solvers = [fit.newton_solver() if few is None else few.new_solver(Logistic()) for _ in problem.targets]
    for k, solver in enumerate(solvers):
        if few is None:
            solver.set_target(problem.targets[k], problem.correlations[k])
        else:
            few.set_target(solver, k)
    design = solvers[0].design
    classes = MultinomialSolver(
        solvers, problem.loss, problem.rows.y, problem.rows.start, SharedPass(design.raw, design.columns)
    )
    if few is not None:
        start = np.stack([few.beginning(None if start is None else start[k]) for k in range(len(solvers))])
    coarse = np.empty(0)
    if start is not None:
        classes.set_coefficients(start)
    elif not fit.is_ridge and grid[0] > 0:
        top = fit.alpha_max()
        coarse = top * APPROACH ** np.arange(1, max(1, np.ceil(np.log(grid[0] / top) / np.log(APPROACH))))
    scales = problem.penalty_scales(np.concatenate([coarse, grid]))
    targets = np.full(len(coarse) + len(grid), float(fit.targets[0]))
    targets[: len(coarse)] = COARSE * problem.null_losses[0]

    solved = 0

    def callback(i: int, traces: list[Any], gap: float) -> bool:
        nonlocal solved
        at = i - len(coarse)
        solved = at + 1
        return at >= 0 and watch is not None and watch(at, [_after(trace, len(coarse), at + 1) for trace in traces])

    traces = run_classes(classes, *scales, targets, fit.max_iter, callback)
    fits = [_after(trace, len(coarse), solved) for trace in traces]
    return fits if few is None else [few.expanded(one) for one in fits]


def _few_columns(fit: Any) -> GeneralizedRidge | None:
    """Return ridge over few columns, where that is what is asked for and there is a way."""
    if not fit.is_ridge or fit.bounded or fit.problem.design.n_features == 0:
        return None
    ridge = GeneralizedRidge(fit.problem, fit.problem.penalty["l2"], fit.max_iter)
    return None if ridge.route == "krylov" else ridge


def _after(trace: Any, skipped: int, count: int) -> Fits:
    """Return so many fits of a trace without the first ones."""
    fits = Fits.of_trace(trace, skipped + count)
    begin = fits.starts[skipped]
    columns = (column[skipped:] for column in (fits.gaps, fits.losses, fits.iterations, fits.moved))
    return Fits(fits.starts[skipped:] - begin, fits.features[begin:], fits.beta[begin:], *columns)
