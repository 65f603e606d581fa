"""The folds of one cross-validation, fitted in the way that suits the shape of X."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastreg.path.run import PathFit
from fastreg.problem.build import Inputs, check_inputs, problem_of
from fastreg.problem.problem import Options, Problem
from fastreg.runtime.pool import run_parallel
from fastreg.runtime.threads import blas_threads
from fastreg.selection.fold_grams import ClassSums, sharing_pays
from fastreg.selection.folds import Data, FoldFit, Settings, fit_fold, fold_grid, fold_weights, judge
from fastreg.selection.lockstep import fold_problems, lockstep_fits, run_together
from fastreg.selection.splits import Split


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
    n_passes : float, what the folds have read together, over the entries of X
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
        if not sharing_pays(whole, self.classes[0], n_alphas):
            return inputs, whole, None
        sums = ClassSums(whole, inputs, self.data.matrix, self.classes)
        self.n_passes += sums.n_passes
        return inputs, whole, sums

    def fit_folds(
        self, begun: tuple[Inputs, Problem, ClassSums | None], alphas: np.ndarray, options: Options, report: Any
    ) -> list[FoldFit]:
        """Fit and judge every fold: from shared Gram matrices, in lockstep, or each by itself."""
        inputs, whole, sums = begun
        workers = min(self.threads, len(self.splits))
        inner = replace(options, n_threads=1 if workers > 1 else options.n_threads)
        settings = Settings(
            inner, alphas, self.fold_alphas, self.gammas, self.score, self.tol, self.max_iter
        )  # fmt: skip
        steps = options.l1_ratio > 0 and alphas[-1] > 0 and whole.design.n_features > 0
        with blas_threads(1 if workers > 1 else None):
            if sums is None and steps and lockstep_fits(whole, len(self.splits)):
                return self._in_lockstep(inputs, whole, settings, report)
            jobs = list(enumerate(self.splits))
            return run_parallel(
                lambda job: fit_fold(self.data, settings, job[1], sums, job[0], report), jobs, workers
            )  # fmt: skip

    def _in_lockstep(self, inputs: Inputs, whole: Problem, settings: Settings, report: Any) -> list[FoldFit]:
        raw = whole.design.raw
        before = raw.entries_read
        weights = np.stack([fold_weights(self.data, split) for split in self.splits])
        totals = weights.sum(axis=1)
        problems, shared = fold_problems(whole, inputs, self.data.matrix, weights / totals[:, None])
        fits = [PathFit(p, settings.options.l1_ratio, settings.tol, settings.max_iter, None) for p in problems]
        grids = [fold_grid(settings, fit, float(total)) for fit, total in zip(fits, totals, strict=True)]
        # A fold in which no column is left, or none varies, has nothing to go down in step with.
        together = [k for k, fit in enumerate(fits) if not fit.is_ridge]
        found = run_together([fits[k] for k in together], [grids[k] for k in together], shared, self.threads, report)
        solved = dict(zip(together, found, strict=True))
        self.n_passes += (raw.entries_read - before) / raw.n_entries

        def finish(k: int) -> FoldFit:
            if k not in solved:
                return fit_fold(self.data, settings, self.splits[k], None, k, report)
            return judge(self.data, settings, self.splits[k], fits[k], grids[k], solved[k])

        return run_parallel(finish, range(len(fits)), min(self.threads, len(fits)))
