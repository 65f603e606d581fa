"""The folds of one cross-validation, fitted in the way that suits the shape of X."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.path.fits import Fits, GridRequest
from fastreg.path.result import PathResult
from fastreg.path.run import PathFit
from fastreg.path.source import Source
from fastreg.path.together import run_in_step
from fastreg.path.watch import Stops, Watcher
from fastreg.problem.build import Inputs, check_inputs, problem_of
from fastreg.problem.problem import Options, Problem
from fastreg.runtime.pool import run_parallel
from fastreg.runtime.threads import blas_threads
from fastreg.selection.fold_grams import ClassSums, sharing_pays
from fastreg.selection.folds import Data, FoldFit, Settings, fit_fold, fold_grid, fold_weights, judge
from fastreg.selection.lockstep import fold_problems
from fastreg.selection.splits import Split
from fastreg.solver.cost_model import fit_in_step


@dataclass
class Study:
    """What all l1_ratios of a cross-validation share.

    Attributes
    ----------
    data, splits : the rows and how they are divided
    classes : which rows are trained on by the same folds, see ``fold_grams.classes_of``
    gammas, score, fold_alphas : see ``folds.Settings``
    tol, max_iter : as in ``fit_path``
    threads : int
    n_passes : float
        What sums for all folds have read, over the entries of X. Passes that are shared in lockstep count with the path
        on all rows.
    """

    data: Data
    splits: list[Split]
    classes: tuple[np.ndarray, np.ndarray]
    gammas: np.ndarray | None
    score: Callable[..., float] | None
    fold_alphas: str
    tol: float
    max_iter: int
    threads: int
    n_passes: float = 0.0

    def begin(self, y: Any, options: Options, n_alphas: int) -> tuple[Inputs, Problem, ClassSums | None]:
        """Return the problem on all rows; where one Gram matrix serves all folds, it and its parts are there too."""
        inputs = check_inputs(self.data.matrix, y, options)
        whole = problem_of(inputs)
        # A Gram matrix is that of squared loss; others weigh the rows anew in every step.
        if whole.rows is not None or not sharing_pays(whole, self.classes[0], n_alphas):
            return inputs, whole, None
        sums = ClassSums(whole, inputs, self.data.matrix, self.classes)
        self.n_passes += sums.n_passes
        return inputs, whole, sums

    def fit(
        self, begun: tuple[Inputs, Problem, ClassSums | None], asked: GridRequest, source: Source, report: Any
    ) -> tuple[PathResult, list[FoldFit]]:
        """Fit all rows and every fold, and judge the folds: from shared Gram matrices, in lockstep, or one by one."""
        _, whole, sums = begun
        options = source.options
        fit = self._path_fit(whole, options.l1_ratio)
        with blas_threads(options.n_threads if fit.is_ridge or whole.joint else None):
            grid = fit.grid(asked)
            count = (len(self.splits) + 1) * len(whole.targets)
            stepping = (
                sums is None
                and not whole.joint
                and not fit.is_ridge
                and grid[-1] > 0
                and fit_in_step(whole.design, count)
            )
            watcher = Watcher(whole, report, Stops())
            if not stepping:
                path = fit.result(grid, fit.run(grid, watcher), watcher, source)
        workers = min(self.threads, len(self.splits))
        inner = options._replace(n_threads=1 if workers > 1 else options.n_threads)
        settings = Settings(inner, grid, self.fold_alphas, self.gammas, self.score, self.tol, self.max_iter)
        with blas_threads(1 if workers > 1 else None):
            if stepping:
                fits, folds = self._in_lockstep(begun, fit, settings, report)
                path = fit.result(grid, fits, watcher, source)
            else:
                jobs = list(enumerate(self.splits))
                folds = run_parallel(
                    lambda job: fit_fold(self.data, settings, job[1], sums, job[0], report), jobs, workers
                )  # fmt: skip
        fit.warn(path, 4)
        return path, folds

    def _path_fit(self, problem: Problem, l1_ratio: float) -> PathFit:
        return PathFit(problem, l1_ratio, self.tol, self.max_iter, None)

    def _in_lockstep(
        self, begun: tuple[Inputs, Problem, ClassSums | None], fit: PathFit, settings: Settings, report: Any
    ) -> tuple[list[Fits], list[FoldFit]]:
        """Return the fits to all rows, and those of the folds."""
        inputs, whole, _ = begun
        ratio = settings.options.l1_ratio
        weights = np.stack([fold_weights(self.data, split) for split in self.splits])
        totals = weights.sum(axis=1)
        problems, shared = fold_problems(whole, inputs, weights / totals[:, None])
        fits = [self._path_fit(problem, ratio) for problem in problems]
        grids = [fold_grid(settings, one, float(total)) for one, total in zip(fits, totals, strict=True)]
        # A fold in which no column is left, or none varies, has nothing to go down in step with.
        together = [k for k, one in enumerate(fits) if not one.is_ridge]
        found = run_in_step(
            [fit, *(fits[k] for k in together)], [settings.alphas, *(grids[k] for k in together)], shared,
            self.threads, report,
        )  # fmt: skip
        solved = dict(zip(together, found[1:], strict=True))

        def finish(k: int) -> FoldFit:
            if k not in solved:
                return fit_fold(self.data, settings, self.splits[k], None, k, report)
            return judge(self.data, settings, self.splits[k], fits[k], grids[k], solved[k])

        return found[0], run_parallel(finish, range(len(fits)), min(self.threads, len(fits)))
