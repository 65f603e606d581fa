"""What is fitted on every data set."""

from dataclasses import dataclass

import numpy as np

from benchmarks.objective import Objective
from benchmarks.problem import Problem

N_ALPHAS = 100
PENALTIES = {"lasso": 1.0, "elastic net": 0.5, "ridge": 0.0}
# Ridge has no alpha_max: from ten times the largest eigenvalue of X'X / n down to a millionth of that.
RIDGE_TOP = 10.0
# Nobody's decomposition of a matrix larger than that, on its shorter side, is worth waiting for.
RIDGE_LIMIT = 4000


@dataclass(frozen=True)
class Job:
    """A loss, a penalty and either a path down to ``ratio`` times the largest alpha or one fit there."""

    name: str
    penalty: str
    n_alphas: int
    ratio: float
    loss: str = "squared"

    @property
    def l1_ratio(self) -> float:
        """Return 1 for the lasso, 0 for ridge."""
        return PENALTIES[self.penalty]

    def suits(self, n: int, p: int) -> bool:
        """Whether the job makes sense for n rows and p columns."""
        if self.penalty == "ridge":
            return min(n, p) <= RIDGE_LIMIT
        return self.n_alphas == 1 or self.ratio >= 1e-2 or n > p

    def problem(self, objective: Objective, threads: int) -> Problem:
        """Return the alphas, the same floating-point numbers for everybody, and what goes with them."""
        data = objective.data
        ridge = self.penalty == "ridge"
        top = RIDGE_TOP * data.largest_eigenvalue() if ridge else objective.alpha_max()
        single = self.n_alphas == 1
        alphas = np.array([top * self.ratio]) if single else top * np.geomspace(1.0, self.ratio, self.n_alphas)
        is_sparse = not isinstance(data.X, np.ndarray)
        return Problem(alphas, self.l1_ratio, top, data.X.shape, is_sparse, threads, self.loss)


def sparse_jobs(penalty: str, short: str) -> list[Job]:
    """Return the jobs of the lasso or the elastic net."""
    return [
        Job(f"{short}-path", penalty, N_ALPHAS, 1e-2),
        Job(f"{short}-deep-path", penalty, N_ALPHAS, 1e-3),
        Job(f"{short}-tenth", penalty, 1, 0.1),
        Job(f"{short}-fiftieth", penalty, 1, 0.02),
    ]


def other_jobs(loss: str) -> list[Job]:
    """Return the jobs of a loss that is not squared."""
    return [
        Job(f"{name}-{kind}", penalty, n_alphas, ratio, loss)
        for penalty, name in (("lasso", loss), ("elastic net", f"{loss}-enet"))
        for kind, n_alphas, ratio in (("path", N_ALPHAS, 1e-2), ("tenth", 1, 0.1), ("fiftieth", 1, 0.02))
    ]


JOBS = [
    *sparse_jobs("lasso", "lasso"),
    *sparse_jobs("elastic net", "enet"),
    Job("ridge-path", "ridge", N_ALPHAS, 1e-6),
    Job("ridge-one", "ridge", 1, 1e-3),
    *other_jobs("logistic"),
    *other_jobs("poisson"),
    *other_jobs("multinomial"),
    *other_jobs("multinomial-grouped"),
]
QUICK = [
    "lasso-path", "lasso-tenth", "enet-path", "ridge-path", "logistic-path", "logistic-tenth", "poisson-path",
    "multinomial-path",
]  # fmt: skip
