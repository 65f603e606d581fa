"""What a path fit returns."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastreg.design.convert import as_design, check_entries, check_names
from fastreg.loss.losses import LOSSES
from fastreg.path.source import Source
from fastreg.path.table import Table, import_pandas
from fastreg.problem.coefficients import Coefficients
from fastreg.runtime.once import once


def listed(coefs: Any) -> list[sp.csc_array]:
    """Return the coefficients of every target."""
    return coefs if isinstance(coefs, list) else [coefs]


@dataclass(frozen=True, eq=False)
class PathResult:
    """Coefficients, intercepts and certificates along a path of penalties.

    For y of shape (n_samples, k) every attribute marked * has a second axis of length k, and ``coefs`` is a list.

    Attributes
    ----------
    alphas : ndarray (n_alphas,)
        Penalties, descending.
    coefs : csc_array (n_features, n_alphas)
        Coefficients on the original scale of X, one column an alpha.
    coefficients : list of the same for every target, before a matrix is made of them
    intercepts : ndarray (n_alphas,) *
    dual_gaps : ndarray (n_alphas,) *
        Certified duality gaps, in units of the objective: the objective at these coefficients exceeds its minimum
        by no more than that.
    null_loss : float or ndarray (k,)
        Objective at zero coefficients with the best intercept.
    converged : ndarray of bool (n_alphas,) *
        Whether the gap is at most ``tol * null_loss`` (plus a rounding floor).
    n_iter : ndarray of int (n_alphas,) *
        Events of exact tracing plus epochs of coordinate descent; for ridge 1 (a factorization) or iterations of
        conjugate gradients.
    df : ndarray of int (n_alphas,) *
        Number of nonzero coefficients.
    deviance_ratio : ndarray (n_alphas,) *
        Fraction of the null loss that is explained: 1 - loss / null_loss, 0 where the null loss is 0.
    n_passes : float
        Entries of X read after validation over entries of X.
    tol, l1_ratio, loss : what the path was fitted with
    feature_names : None or ndarray (n_features,) of str
    n_samples : int, rows of positive weight
    stopped : None or str
        Why the path ended before its grid did (``dfmax``, ``validation``).
    validation_deviance : None or ndarray (n_alphas,)
        Mean deviance of the rows given as ``validation``.
    source : Source
        The options and y of the call; X as long as it is alive elsewhere. For ``relax`` and ``information_criteria``.
    """

    alphas: np.ndarray
    coefficients: list[Coefficients]
    intercepts: np.ndarray
    dual_gaps: np.ndarray
    null_loss: Any
    converged: np.ndarray
    n_iter: np.ndarray
    df: np.ndarray
    deviance_ratio: np.ndarray
    n_passes: float
    tol: float
    l1_ratio: float
    loss: str
    feature_names: Any = None
    n_samples: int = 0
    stopped: str | None = None
    validation_deviance: np.ndarray | None = None
    source: Source | None = None

    def __getstate__(self) -> dict[str, Any]:
        """A pickle holds the fields alone, not what another thread may be making of them just now."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def without_source(self) -> "PathResult":
        """Return the same result without the data it was made of."""
        kept = object.__new__(type(self))
        vars(kept).update(vars(self), source=None)
        return kept

    @once
    def coefs(self) -> Any:
        """Coefficients of the path, a list of those of every target where there are several."""
        return [part.matrix for part in self.coefficients] if self.several else self.coefficients[0].matrix

    @property
    def several(self) -> bool:
        """Whether there are several targets, or classes."""
        return self.intercepts.ndim == 2

    @property
    def relative_gaps(self) -> np.ndarray:
        """Duality gaps over the null loss, shaped like ``dual_gaps``; 0 where there is nothing to explain."""
        null = np.asarray(self.null_loss)
        return self.dual_gaps / np.where(null > 0, null, 1.0)

    @property
    def alpha_validated(self) -> float:
        """The penalty of the smallest ``validation_deviance``."""
        if self.validation_deviance is None:
            raise ValueError("alpha_validated: the path was fitted without validation=(X, y).")
        return float(self.alphas[np.argmin(self.validation_deviance)])

    def __repr__(self) -> str:
        """Return one line: what was fitted and how well."""
        targets = f", {len(self.coefficients)} targets" if self.several else ""
        stopped = "" if self.stopped is None else f"; stopped: {self.stopped}"
        return (
            f"PathResult({self.coefficients[0].n_columns} features{targets}, {len(self.alphas)} alphas from "
            f"{self.alphas[0]:.4g} to {self.alphas[-1]:.4g}, up to {self.df.max()} nonzero, worst relative gap "
            f"{self.relative_gaps.max():.1e}{stopped})"
        )

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def summary(self, rows: int = 10) -> Table:
        """Return a small table: how many coefficients are nonzero at some of the alphas, how much they explain.

        Examples
        --------
        >>> import numpy as np, fastreg
        >>> path = fastreg.fit_path(np.eye(3) + 1.0, np.array([1.0, 2.0, 4.0]), alphas=[0.4, 0.1])
        >>> path.summary()
        PathResult(3 features, 2 alphas from 0.4 to 0.1, up to 2 nonzero, worst relative gap ...)
        alpha  nonzero  explained  relative gap  iterations
        0.4          1       0.43  ...           1
        0.1          2     0.9614  ...           1
        """
        chosen = np.unique(np.linspace(0, len(self.alphas) - 1, min(rows, len(self.alphas))).round().astype(int))
        heads = ["alpha", "nonzero", "explained", "relative gap", "iterations"]
        columns = [self.df, self.deviance_ratio, self.relative_gaps, self.n_iter]
        if self.validation_deviance is not None:
            heads.append("held-out deviance")
            columns.append(self.validation_deviance)
        if self.several:
            # One row an alpha all the same: the largest support, the worst fit.
            columns = [c if c.ndim == 1 else c.min(axis=1) if k == 1 else c.max(axis=1) for k, c in enumerate(columns)]
        table = [(float(self.alphas[i]), *(column[i].item() for column in columns)) for i in chosen]
        return Table(repr(self), heads, table)

    def to_frame(self, coefs: bool = False) -> Any:
        """Return a pandas DataFrame with one row an alpha; with ``coefs`` also a column for every feature ever used.

        Raises
        ------
        ImportError
            If pandas is not installed.
        ValueError
            For several targets.
        """
        pd = import_pandas()
        if self.several:
            raise ValueError("to_frame: expected a path of one target, got several. Take their columns one by one.")
        columns = {
            "df": self.df, "deviance_ratio": self.deviance_ratio, "intercept": self.intercepts,
            "dual_gap": self.dual_gaps, "converged": self.converged, "n_iter": self.n_iter,
        }  # fmt: skip
        if self.validation_deviance is not None:
            columns["validation_deviance"] = self.validation_deviance
        frame = pd.DataFrame(columns, index=pd.Index(self.alphas, name="alpha"))
        if not coefs:
            return frame
        used = np.unique(self.coefs.indices)
        names = [f"x{j}" for j in used] if self.feature_names is None else self.feature_names[used]
        values = self.coefs[used].toarray().T
        return pd.concat([frame, pd.DataFrame(values, index=frame.index, columns=names)], axis=1)

    def coef(self, alpha: float) -> np.ndarray:
        """Return the coefficients at one penalty, (n_features,) or (k, n_features).

        Between grid points they are interpolated linearly in alpha; such values carry no certificate.

        Raises
        ------
        ValueError
            If alpha is outside the grid.
        """
        weights = self._weights(alpha)
        lines = [part.mixture(weights) for part in self.coefficients]
        return np.stack(lines) if self.several else lines[0]

    def intercept(self, alpha: float) -> Any:
        """Return the intercept at one penalty, a float or (k,), interpolated like ``coef``."""
        value = self._weights(alpha) @ self.intercepts
        return value if value.ndim else float(value)

    def predict(
        self, X: Any, alpha: float | None = None, offset: Any = None, predictor: bool = False
    ) -> np.ndarray:  # fmt: skip
        """Return predicted means of y for new rows; probabilities of 1 for the logistic loss.

        Parameters
        ----------
        X : matrix (m, n_features), of any kind that ``fit_path`` takes
        alpha : None or float
            None: predictions for the whole path.
        offset : None, float or (m,) or (m, k), added to the linear predictor
        predictor : bool
            Return the linear predictor eta itself, not the mean of y that goes with it.

        Returns
        -------
        ndarray
            (m, n_alphas) or (m, n_alphas, k) for the whole path; (m,) or (m, k) at one alpha.
        """
        coefs = listed(self.coefs)
        check_names(X, self.feature_names, "X: expected the columns the path was fitted on")
        design, _ = as_design(X)
        if design.n_cols != coefs[0].shape[0]:
            raise ValueError(f"X: expected {coefs[0].shape[0]} features as in the fit, got {design.n_cols}.")
        check_entries(design)
        weights = None if alpha is None else self._weights(alpha)
        chosen = [c if weights is None else sp.csc_array(c @ weights[:, None]) for c in coefs]
        out = np.stack([design.product(c) for c in chosen], axis=-1)
        out += self.intercepts.reshape(1, len(self.alphas), -1) if weights is None else self._at(weights)
        if offset is not None:
            out += self._offset(offset, out.shape)
        if weights is not None:
            out = out[:, 0]
        if not predictor:
            out = LOSSES[self.loss].mean(out)
        return out if self.several else out[..., 0]

    def _at(self, weights: np.ndarray) -> np.ndarray:
        return (weights @ self.intercepts.reshape(len(self.alphas), -1))[None, None]

    @staticmethod
    def _offset(offset: Any, shape: tuple[int, ...]) -> np.ndarray:
        array = np.asarray(offset)
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            raise ValueError("offset: expected finite numbers.")
        array = array.astype(float)
        if array.ndim == 0:
            return array
        if array.shape[0] != shape[0] or array.ndim > 2 or (array.ndim == 2 and array.shape[1] != shape[2]):
            raise ValueError(f"offset: expected a scalar or one value for each of {shape[0]} rows, got {array.shape}.")
        return array.reshape(shape[0], 1, -1)

    def _weights(self, alpha: float) -> np.ndarray:
        """Interpolation weights (n_alphas,) of one alpha."""
        if not np.isscalar(alpha) or isinstance(alpha, (str, bytes, complex)):
            raise ValueError(f"alpha: expected a number, got {alpha!r}.")
        ascending = self.alphas[::-1]
        slack = 1e-12 * ascending[-1]
        if not ascending[0] - slack <= alpha <= ascending[-1] + slack:
            raise ValueError(
                f"alpha: expected a value on the path, from {ascending[0]:.6g} to {ascending[-1]:.6g}, got {alpha!r}. "
                "Fit again with this alpha in `alphas`."
            )
        right = min(int(ascending.searchsorted(alpha)), len(ascending) - 1)
        weights = np.zeros(len(ascending))
        left = max(right - 1, 0)
        width = ascending[right] - ascending[left]
        share = 1.0 if width <= 0 else min(max((alpha - ascending[left]) / width, 0.0), 1.0)
        weights[left] += 1.0 - share
        weights[right] += share
        return weights[::-1]
