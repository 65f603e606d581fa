"""What a cross-validation returns."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.path.result import PathResult
from fastreg.path.table import Table, import_pandas
from fastreg.selection.relaxed import RelaxedPath


@dataclass(frozen=True, eq=False)
class CVResult:
    """Scores of every fold at every candidate, the choice among them, and the path on all rows.

    Candidates have the axes (l1_ratios, gammas, alphas); where a single l1_ratio or no gammas were given, that axis is
    left out.

    Attributes
    ----------
    alphas : ndarray (n_alphas,) or (n_l1_ratios, n_alphas)
        Penalties of the path on all rows, descending. Where no grid was given, each fold has one of its own with the
        same ratios to its largest penalty.
    l1_ratios : ndarray (n_l1_ratios,)
    gammas : None or ndarray (n_gammas,)
        Mixing parameters of relaxed fits.
    mean, std_error : ndarray of candidates
        Mean score over folds, each counted once, and its standard error.
    fold_scores : ndarray (n_folds, candidates)
    greater_is_better : bool, whether a large score is good; False for deviances
    best : tuple of int
        Indices of the best candidate, in all three axes.
    one_se : int
        Index of the largest alpha whose score is within one standard error of the best, at the best l1_ratio and gamma.
    path : PathResult, fitted on all rows at the best l1_ratio
    relaxed : None or RelaxedPath of ``path``
    out_of_fold : ndarray (n_samples,) or (n_samples, n_targets)
        Predictions at the best candidate by folds that have not seen the row; NaN for rows never held out, the mean for
        rows held out several times.
    splits : list of (train, test), row numbers
    n_passes : float
        Entries of X that all fits read, over entries of X.
    converged : bool, whether every fit of every fold reached ``tol``
    largest_gap : float, the largest relative duality gap among them
    scored : bool, whether a scoring function was given
    folds : None or list (n_l1_ratios) of lists (n_folds) of PathResult, on request
    """

    alphas: np.ndarray
    l1_ratios: np.ndarray
    gammas: np.ndarray | None
    mean: np.ndarray
    std_error: np.ndarray
    fold_scores: np.ndarray
    greater_is_better: bool
    best: tuple[int, int, int]
    one_se: int
    path: PathResult
    relaxed: RelaxedPath | None
    out_of_fold: np.ndarray
    splits: list[Any]
    n_passes: float
    converged: bool
    largest_gap: float
    scored: bool
    folds: list[list[PathResult]] | None

    @property
    def alpha_best(self) -> float:
        """The penalty with the best mean score."""
        return float(self.path.alphas[self.best[2]])

    @property
    def alpha_1se(self) -> float:
        """The largest penalty whose mean score is within one standard error of the best."""
        return float(self.path.alphas[self.one_se])

    @property
    def l1_ratio_best(self) -> float:
        """The l1_ratio with the best mean score."""
        return float(self.l1_ratios[self.best[0]])

    @property
    def gamma_best(self) -> float:
        """The mixing parameter with the best mean score; 1 without relaxed fits."""
        return 1.0 if self.gammas is None else float(self.gammas[self.best[1]])

    @property
    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard error (n_alphas,) at the best l1_ratio and gamma."""
        shape = (len(self.l1_ratios), 1 if self.gammas is None else len(self.gammas), -1)
        r, g, _ = self.best
        return self.mean.reshape(shape)[r, g], self.std_error.reshape(shape)[r, g]

    def _alpha(self, which: Any) -> float:
        if isinstance(which, str):
            if which not in ("best", "1se"):
                raise ValueError(f"alpha: expected 'best', '1se' or a number, got {which!r}.")
            return self.alpha_best if which == "best" else self.alpha_1se
        return which

    def _fits(self) -> PathResult:
        return self.path if self.relaxed is None else self.relaxed.mixed(self.gamma_best)

    def coef(self, alpha: Any = "best") -> np.ndarray:
        """Return coefficients fitted on all rows, at "best", "1se" or any penalty on the path."""
        return self._fits().coef(self._alpha(alpha))

    def intercept(self, alpha: Any = "best") -> Any:
        """Return the intercept that belongs to ``coef``."""
        return self._fits().intercept(self._alpha(alpha))

    def predict(self, X: Any, alpha: Any = "best", offset: Any = None) -> np.ndarray:
        """Return predictions (m,) or (m, n_targets) for new rows, at "best", "1se" or any penalty on the path."""
        return self._fits().predict(X, self._alpha(alpha), offset)

    def __repr__(self) -> str:
        """Return one line: the choice, its score, and how well the folds were fitted."""
        ratio = "" if len(self.l1_ratios) == 1 else f", l1_ratio {self.l1_ratio_best:g}"
        gamma = "" if self.gammas is None else f", gamma {self.gamma_best:g}"
        mean, error = self.curve
        best = self.best[2]
        return (
            f"CVResult({len(self.fold_scores)} folds, {mean.size} alphas, "
            f"best at alpha={self.alpha_best:.4g}{ratio}{gamma}: "
            f"{mean[best]:.4g} +- {error[best]:.2g}, worst relative gap {self.largest_gap:.1e})"
        )

    def summary(self) -> Table:
        """Return a small table of the best penalty and of the sparsest one within one standard error."""
        mean, error = self.curve
        df = self.path.df if self.path.df.ndim == 1 else self.path.df.max(axis=1)
        rows = [
            (name, float(self.path.alphas[k]), float(mean[k]), float(error[k]), int(df[k]))
            for name, k in (("best", self.best[2]), ("1 standard error", self.one_se))
        ]
        return Table(repr(self), ["choice", "alpha", "mean score", "standard error", "nonzero"], rows)

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def to_frame(self) -> Any:
        """Return a pandas DataFrame with one row a candidate: l1_ratio, gamma, alpha, mean and standard error.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pd = import_pandas()
        gammas = np.ones(1) if self.gammas is None else self.gammas
        alphas = self.alphas.reshape(len(self.l1_ratios), 1, -1)
        shape = (len(self.l1_ratios), len(gammas), alphas.shape[-1])
        columns = {"l1_ratio": self.l1_ratios[:, None, None], "gamma": gammas[None, :, None], "alpha": alphas}
        frame = {name: np.broadcast_to(column, shape).ravel() for name, column in columns.items()}
        return pd.DataFrame(frame | {"mean": self.mean.ravel(), "std_error": self.std_error.ravel()})
