"""Several paths over the same X in step: the targets of one problem, the folds of a cross-validation."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastreg.path.fits import Fits
from fastreg.path.lockstep import run_paths
from fastreg.solver.shared_pass import SharedPass


def run_in_step(
    paths: list[Any],
    grids: list[np.ndarray],
    shared: SharedPass,
    n_threads: int,
    report: Callable[[float, int, float], None] | None,
) -> list[list[Fits]]:
    """Return the fits of every path and target.

    Parameters
    ----------
    paths : list of PathFit, each with the same number of targets
    grids : list of ndarray, penalties of the paths, of the same length
    shared : SharedPass over the columns of all of them
    n_threads : int
        For the solvers between passes; 1 where a path has several targets, whose solvers share scratch.
    report : None or callable(alpha, n_nonzero, gap)
    """
    count = len(paths[0].problem.targets)
    owners = [k for k in range(len(paths)) for _ in range(count)]
    solvers = []
    for place, k in enumerate(owners):
        solver = paths[k].new_solver(len(grids[k]))
        paths[k].begin(solver, place % count)
        solvers.append(solver)
    scales = [path.problem.penalty_scales(grid) for path, grid in zip(paths, grids, strict=True)]
    a1, a2 = (np.stack([scales[k][part] for k in owners]) for part in (0, 1))
    goals = np.array([float(target) for path in paths for target in path.targets])

    def callback(place: int, i: int, nonzero: int, gap: float) -> None:
        k = owners[place]
        report(grids[k][i], nonzero, gap * paths[k].problem.y_scale ** 2)

    shown = None if report is None else callback
    traces = run_paths(solvers, a1, a2, goals, paths[0].max_iter, shared, n_threads if count == 1 else 1, shown)
    found = [Fits.of_trace(trace, len(grids[k])) for k, trace in zip(owners, traces, strict=True)]
    return [found[k * count : (k + 1) * count] for k in range(len(paths))]
