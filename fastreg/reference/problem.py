"""The problem with intercept, weights, offset and standardization worked into the data."""

from dataclasses import dataclass

import numpy as np


@dataclass
class StandardForm:
    """Minimize ||y - X b||^2 / 2 + alpha sum_j (l1_j |b_j| + l2_j/2 b_j^2) over lower <= b <= upper.

    X and y are centered where an intercept is fitted and their rows multiplied by sqrt(w / W); coefficients are on
    the original scale and the intercept is y_mean - x_mean'b.
    """

    X: np.ndarray
    y: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    x_mean: np.ndarray
    y_mean: float
    weights: np.ndarray

    @property
    def null_loss(self):
        """The objective at zero coefficients."""
        return 0.5 * self.y @ self.y

    def objective(self, b, alpha):
        """Return the objective at b."""
        residual = self.y - self.X @ b
        return 0.5 * residual @ residual + alpha * np.sum(self.l1 * np.abs(b) + 0.5 * self.l2 * b**2)

    def intercept(self, b):
        """Return the best intercept for b."""
        return self.y_mean - self.x_mean @ b


def standard_form(
    X,
    y,
    *,
    l1_ratio=1.0,
    sample_weight=None,
    offset=0.0,
    penalty_factors=None,
    lower_bounds=-np.inf,
    upper_bounds=np.inf,
    fit_intercept=True,
    standardize=False,
):
    """Return the standard form of the problem of ``fastreg.fit_path``; y is one vector."""
    X = np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=float)
    n, p = X.shape
    w = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    w = w / w.sum()
    y = np.asarray(y, dtype=float) - (0.0 if offset is None else offset)
    mean = w @ X
    # The mean again, of what is left: a mean of 1e6 deviations would be off by more than the deviation's rounding.
    mean = mean + w @ (X - mean)
    deviation = np.sqrt(w @ (X - mean) ** 2)
    constant = deviation <= 1e-14 * np.abs(mean)
    x_mean, y_mean = (mean, w @ y) if fit_intercept else (np.zeros(p), 0.0)
    v = np.ones(p) if penalty_factors is None else np.asarray(penalty_factors, dtype=float)
    out = np.isinf(v) | (constant & (fit_intercept or (mean == 0)))
    size = np.where(constant, 1.0, deviation) if standardize else np.ones(p)
    v = np.where(out, 0.0, v)
    root = np.sqrt(w)[:, None]
    return StandardForm(
        (X - x_mean) * root,
        (y - y_mean) * root[:, 0],
        l1_ratio * v * size,
        (1 - l1_ratio) * v * size**2,
        np.where(out, 0.0, np.broadcast_to(-np.inf if lower_bounds is None else lower_bounds, p)),
        np.where(out, 0.0, np.broadcast_to(np.inf if upper_bounds is None else upper_bounds, p)),
        x_mean,
        y_mean,
        w,
    )
