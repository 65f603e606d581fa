"""What happens after every alpha: progress is shown, and the path may end early."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastreg.design.convert import as_design, check_entries, check_names
from fastreg.path.fits import Fits
from fastreg.problem.problem import Problem
from fastreg.problem.validate import check_count, check_offset, check_scalar, check_weights, check_y

Report = Callable[[float, int, float], None]


class HeldOut:
    """Rows that the fit does not see, and the deviance of predictions for them; ``count`` predictors a row."""

    def __init__(self, count: int, X: Any, y: Any, sample_weight: Any = None, offset: Any = None) -> None:
        self.design, _ = as_design(X)
        check_entries(self.design)
        self.y, _ = check_y(y, self.design.n_rows)
        shape = (count, self.design.n_rows)
        self.offset = np.broadcast_to(check_offset(offset, shape), shape)
        self.weights = check_weights(sample_weight, self.design.n_rows)

    def deviance(self, problem: Problem, fits: list[tuple[np.ndarray, ...]]) -> float:
        """Return the weighted mean deviance of the fit (starts, features, beta, moved) of every class, or of one."""
        predictors = []
        for k, (*points, moved) in enumerate(fits):
            line = self.design.product(problem.user_coefficients(*points).matrix)[:, 0]
            predictors.append(line + (problem.user_intercepts(k, *points, moved)[0] + self.offset[k]))
        predictor = np.stack(predictors, axis=-1) if problem.joint else predictors[0]
        return float(problem.loss.deviance(self.y[0], predictor, self.weights))


class Stops(NamedTuple):
    """What may end a path before its grid does.

    Attributes
    ----------
    dfmax : None or int, the largest support wanted
    explained : None or float, the deviance ratio after which there is nothing left to explain
    held_out : None or HeldOut
    patience : int, alphas without improvement of the held-out deviance before the path ends
    """

    dfmax: int | None = None
    explained: float | None = None
    held_out: HeldOut | None = None
    patience: int = 1


def check_stops(problem: Problem, dfmax: Any, max_explained: Any, validation: Any, patience: Any) -> Stops:
    """Return the checked settings that may end a path early."""
    patience = check_count(patience, "patience")
    if dfmax is None and validation is None and max_explained is None:
        return Stops(patience=patience)
    if not problem.single and not problem.joint:
        raise ValueError(
            "dfmax, max_explained, validation: expected y of shape (n_samples,), got several targets. "
            "Fit one at a time."
        )
    limit = None if dfmax is None else check_count(dfmax, "dfmax")
    explained = None if max_explained is None else check_scalar(max_explained, "max_explained", 0.0, 1.0)
    if validation is None:
        return Stops(limit, explained, None, patience)
    if not isinstance(validation, (tuple, list)) or not 2 <= len(validation) <= 4:
        raise ValueError(
            "validation: expected (X, y), (X, y, sample_weight) or (X, y, sample_weight, offset), "
            f"got {type(validation).__name__}."
        )
    held_out = HeldOut(len(problem.targets), *validation)
    problem.loss.check_domain(held_out.y)
    if problem.joint and held_out.y.max() >= len(problem.targets):
        raise ValueError(
            f"validation: expected classes 0 to {len(problem.targets) - 1} as in y, got {held_out.y.max():g}. "
            "Leave such rows out."
        )
    check_names(validation[0], problem.names, "validation: expected the columns of X")
    if held_out.design.n_cols != problem.n_columns or len(held_out.y) != 1:
        raise ValueError(
            f"validation: expected {problem.n_columns} features and one target as in X and y, "
            f"got {held_out.design.n_cols} and {len(held_out.y)}."
        )
    return Stops(limit, explained, held_out, patience)


class Watcher:
    """Called after every alpha; says whether the path ends there.

    Parameters
    ----------
    problem : Problem
    report : None or callable(alpha, n_nonzero, gap), the progress bar
    stops : Stops

    Attributes
    ----------
    deviances : list of float, of the held-out rows at every alpha
    kept : int, how many alphas belong to the result
    stopped : None or str, why the path ended before the grid did
    """

    def __init__(self, problem: Problem, report: Report | None, stops: Stops) -> None:
        self.problem, self.report, self.stops, self.held_out = problem, report, stops, stops.held_out
        self.deviances: list[float] = []
        self.alphas: list[float] = []
        self.kept = 0
        self.stopped: str | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing needs to be called."""
        return self.report is None and self.stops[:3] == (None, None, None)

    def classes(self, alpha: float, fits: list[Fits]) -> bool:
        """Take note of the fits of all classes at one alpha; return whether the path ends."""
        features = np.unique(np.concatenate([part.features for part in fits]))
        return self._note(alpha, features, fits[0].gaps[0], fits[0].losses[0], [part.intercepts for part in fits])

    def __call__(
        self, alpha: float, features: np.ndarray, beta: np.ndarray, gap: float, moved: float, loss: float
    ) -> bool:  # fmt: skip
        """Take note of the fit at one alpha, in the solver's units; return whether the path ends."""
        return self._note(alpha, features, gap, loss, [(np.array([0, len(features)]), features, beta, moved)])

    def _note(
        self, alpha: float, features: np.ndarray, gap: float, loss: float, fits: list[tuple[np.ndarray, ...]]
    ) -> bool:  # fmt: skip
        if self.report is not None:
            self.report(alpha, len(features), gap * self.problem.y_scale**2)
        if self.stops.dfmax is not None:
            size = int(self.problem.multiplicity[features].sum())
            if size > self.stops.dfmax:
                self.stopped = f"{size} coefficients at alpha={alpha:.6g}, more than dfmax={self.stops.dfmax}"
                self.kept = max(self.kept, 1)
                return True
        self.kept += 1
        null = self.problem.null_losses[0]
        if self.stops.explained is not None and loss <= (1.0 - self.stops.explained) * null:
            ratio = 1.0 - loss / null if null > 0 else 1.0
            self.stopped = f"{ratio:.4g} of the deviance is explained at alpha={alpha:.6g}"
            return True
        if self.held_out is None:
            return False
        self.deviances.append(self.held_out.deviance(self.problem, fits))
        self.alphas.append(alpha)
        best = int(np.argmin(self.deviances))
        if len(self.deviances) - 1 - best < self.stops.patience:
            return False
        self.stopped = f"the held-out deviance has not improved on that at alpha={self.alphas[best]:.6g}"
        return True
