"""What the estimators have in common: scikit-learn's conventions around fits of a path."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from fastreg.path.fit import fit_path
from fastreg.path.result import PathResult
from fastreg.problem.validate import check_flag, real_array


def as_matrix(X: Any) -> Any:
    """Return X, lists and arrays of objects as numbers; NumPy's own words where that cannot be."""
    if sp.issparse(X) or hasattr(X, "columns"):
        return X
    array = X if isinstance(X, np.ndarray) else np.asarray(X)
    return array.astype(float) if array.dtype == object else array


def total_weight(y: np.ndarray, sample_weight: Any) -> float:
    """Return the sum of the weights of all rows, 1 where they do not fit: ``fit_path`` refuses those."""
    if sample_weight is None:
        return float(max(1, len(y))) if y.ndim else 1.0
    weights = real_array(sample_weight, "sample_weight")
    total = float(np.sum(weights)) if weights.ndim else float(weights) * len(y)
    return total if total > 0 else 1.0


def as_targets(y: Any) -> np.ndarray:
    """Return y as an array, objects as numbers."""
    y = np.asarray(y)
    return y.astype(float) if y.dtype == object else y


class LinearModel(BaseEstimator):
    """A linear model whose coefficients come from one alpha of a path.

    ``loss`` is that of ``fit_path``; ``l1_ratio`` is a parameter or belongs to the class.
    """

    loss = "squared"

    def _store(self, arguments: dict[str, Any]) -> None:
        """Keep the arguments of the constructor, its ``locals()``, as they are, each under its name."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _require(self, y: Any) -> None:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is None: expected one value for "
                "each row of X."
            )

    def _penalty(self) -> dict[str, Any]:
        """Arguments of ``fit_path`` that every estimator has under the same name."""
        lower = self.lower_bounds
        if check_flag(self.positive, "positive"):
            # lower_bounds are at most 0, so that positive is the tighter of the two; fit_path sees wrong ones all the
            # same.
            lower = 0.0 if lower is None else np.maximum(np.asarray(lower, dtype=float), 0.0)
        return {
            "penalty_factors": self.penalty_factors,
            "lower_bounds": lower,
            "upper_bounds": self.upper_bounds,
            "fit_intercept": self.fit_intercept,
            "standardize": self.standardize,
            "tol": self.tol,
            "max_iter": self.max_iter,
            "n_threads": self.n_threads,
        }

    def _fit_at(self, X: Any, matrix: Any, y: np.ndarray, alpha: float, sample_weight: Any, outputs: Any) -> None:
        """Fit one alpha, with ``coef`` of shape (*outputs, n_features)."""
        result = fit_path(
            matrix,
            y,
            loss=self.loss,
            alphas=alpha,
            l1_ratio=self.l1_ratio,
            sample_weight=sample_weight,
            init=self._start((*outputs, matrix.shape[-1])) if self.warm_start else None,
            **self._penalty(),
        )
        self._take(X, result, 0)

    def _start(self, shape: tuple[int, ...]) -> Any:
        # Coefficients of another shape are those of another problem: a cold start.
        if not hasattr(self, "_result"):
            return None
        coef, intercept = self._result.coef(self._alpha), self._result.intercept(self._alpha)
        return (coef, intercept) if coef.shape == shape else None

    def _take(self, X: Any, result: PathResult, index: int) -> None:
        """Set the fitted attributes from the fit at one alpha."""
        lines = [part.line(index) for part in result.coefficients]
        self._remember_columns(X, len(lines[0]))
        self.coef_ = np.stack(lines) if result.several else lines[0]
        self.intercept_ = result.intercepts[index] if result.several else float(result.intercepts[index])
        # Classes have one gap together, targets one each.
        gap, n_iter = result.dual_gaps[index], result.n_iter[index]
        self.dual_gap_ = gap if gap.ndim else float(gap)
        self.n_iter_ = n_iter if n_iter.ndim else int(n_iter)
        # What predicts does not need the data it was fitted on.
        self._result = result.without_source()
        self._alpha = float(result.alphas[index])

    def _remember_columns(self, X: Any, count: int) -> None:
        """Set ``n_features_in_`` and, where columns have names, ``feature_names_in_``."""
        if not isinstance(X, np.ndarray) and not sp.issparse(X):
            validate_data(self, X, reset=True, skip_check_array=True)
            return
        # What it does for a matrix without names, without trying all kinds of data frames first.
        self.n_features_in_ = count
        if hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    @property
    def sparse_coef_(self) -> Any:
        """Coefficients as a sparse array with one row a target."""
        return sp.csr_array(np.atleast_2d(self.coef_))

    def _predicted(self, X: Any, predictor: bool = False) -> np.ndarray:
        """Return predicted means, or linear predictors, for the rows of X."""
        check_is_fitted(self)
        matrix = as_matrix(X)
        if np.ndim(matrix) == 2 or hasattr(matrix, "columns"):
            validate_data(self, X if hasattr(X, "columns") else matrix, reset=False, skip_check_array=True)
        return self._result.predict(matrix, alpha=self._alpha, predictor=predictor)


class Regressor(RegressorMixin, LinearModel):
    """A linear model of one or several targets that are numbers."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def _checked(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        """Return X and y as ``fit_path`` takes them."""
        self._require(y)
        return as_matrix(X), as_targets(y)

    def predict(self, X: Any) -> np.ndarray:
        """Return predicted means (m,) or (m, n_targets) for the rows of X (m, n_features)."""
        return self._predicted(X)
