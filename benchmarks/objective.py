"""The one yardstick for everybody's coefficients, in plain NumPy and SciPy; X is neither copied nor made dense.

The intercept is profiled out: whatever a package says, the best one for its coefficients is used. Every gap is a sum of
nonnegative terms, as in ``fastreg.reference.dual_gap``, so that small gaps are not lost in rounding.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

# Correlations of this many numbers at a time.
BLOCK = 2**23
# A feature belongs to the equicorrelation set when its correlation is this close to the threshold.
MARGIN = 1e-5


@dataclass
class Measured:
    """What is wrong with the coefficients of a path.

    Attributes
    ----------
    gap : largest duality gap, over the null loss
    kkt : largest violation of the optimality conditions, over the largest correlation of the null model
    support : most nonzero coefficients at any alpha
    final : the features with nonzero coefficients at the last alpha
    """

    gap: float
    kkt: float
    support: int
    final: np.ndarray


class Data:
    """X (array or csc_array of float64), y, and what centering takes: means and the null model's correlations."""

    def __init__(self, X: Any, y: np.ndarray) -> None:
        self.X, self.n = X, len(y)
        self.means = np.asarray(X.mean(axis=0)).ravel()
        self.y = y - y.mean()
        self.null_loss = 0.5 * self.y @ self.y / self.n
        self.null_correlations = self.correlations(self.y[:, None])[:, 0]

    def correlations(self, U: np.ndarray) -> np.ndarray:
        """Return (X - mean)'U / n for columns U."""
        return (self.X.T @ U - np.outer(self.means, U.sum(axis=0))) / self.n

    def residuals(self, coefs: sp.csc_array) -> np.ndarray:
        """Return y - X b for every column b, each with its mean taken out."""
        used = np.unique(coefs.indices)
        fitted = self.X[:, used] @ coefs[used].toarray()
        fitted -= fitted.mean(axis=0)
        residuals = self.y[:, None] - fitted
        residuals -= residuals.mean(axis=0)
        return residuals

    def largest_eigenvalue(self) -> float:
        """Return the largest eigenvalue of the centered X'X / n."""
        X, means, n = self.X, self.means, self.n
        operator = sp.linalg.LinearOperator(
            X.shape,
            matvec=lambda b: X @ b.ravel() - means @ b.ravel(),
            rmatvec=lambda u: X.T @ u.ravel() - means * u.sum(),
            dtype=float,
        )
        start = np.random.default_rng(0).standard_normal(min(X.shape))
        largest = sp.linalg.svds(operator, k=1, v0=start, return_singular_vectors=False)[0]
        return float(largest) ** 2 / n


class Objective:
    """One data set under one penalty: l1_ratio is 1 for the lasso, 0 for ridge."""

    def __init__(self, data: Data, l1_ratio: float) -> None:
        self.data, self.l1_ratio = data, l1_ratio

    def alpha_max(self) -> float:
        """Return the smallest alpha at which no coefficient enters."""
        return float(np.abs(self.data.null_correlations).max()) / self.l1_ratio

    def measure(self, coefs: Any, alphas: np.ndarray) -> Measured:
        """Return gap, violation and support of coefficients (n_features, n_alphas)."""
        coefs = sp.csc_array(coefs)
        coefs.eliminate_zeros()
        if not np.isfinite(coefs.data).all():
            return Measured(np.inf, np.inf, 0, np.zeros(0, dtype=int))
        residuals = self.data.residuals(coefs)
        gaps, violations = [], []
        step = max(1, BLOCK // coefs.shape[0])
        for first in range(0, len(alphas), step):
            U = residuals[:, first : first + step]
            for k, z in enumerate(self.data.correlations(U).T, first):
                part = slice(coefs.indptr[k], coefs.indptr[k + 1])
                support, b = coefs.indices[part], coefs.data[part]
                t, q = alphas[k] * self.l1_ratio, alphas[k] * (1 - self.l1_ratio)
                power = residuals[:, k] @ residuals[:, k] / self.data.n
                gaps.append(dual_gap(power, z, support, b, t, q))
                violations.append(violation(z, support, b, t, q))
        top = np.abs(self.data.null_correlations).max()
        return Measured(
            float(max(gaps) / self.data.null_loss),
            float(max(violations) / top),
            int(np.diff(coefs.indptr).max()),
            coefs.indices[coefs.indptr[-2] :].copy(),
        )

    def equicorrelated(self, coefs: Any, alpha: float) -> np.ndarray:
        """Return the features whose correlation, at this solution, is at the threshold or beyond it."""
        residual = self.data.residuals(sp.csc_array(coefs))
        z = self.data.correlations(residual)[:, 0]
        return np.flatnonzero(np.abs(z) >= alpha * self.l1_ratio * (1 - MARGIN))


def dual_gap(power: float, z: np.ndarray, support: np.ndarray, b: np.ndarray, t: float, q: float) -> float:
    """Return primal minus dual objective, the dual maximized over multiples s u of the residual u, 0 <= s <= 1.

    ``power`` is ||u||^2 / n, z the correlations X'u / n, b the nonzero coefficients, those of ``support``; the penalty
    is t |b| + q/2 b^2. With c = s z clipped to [-t, t] and e = s z - c the gap is the sum of (1 - s)^2/2 power,
    t |b| - c b and (e - q b)^2 / (2 q).
    """
    inner = z[support] @ b
    if q == 0:
        s = scale_of_lasso(power, inner, np.abs(z).max(initial=0.0), t)
        return 0.5 * (1 - s) ** 2 * power + np.sum(np.maximum(t * np.abs(b) - s * z[support] * b, 0.0))
    s = scale_of_elastic_net(power, inner, z, t, q)
    clipped = np.clip(s * z, -t, t)
    excess = s * z - clipped
    linear = t * np.abs(b) - clipped[support] * b
    excess[support] -= q * b
    return 0.5 * (1 - s) ** 2 * power + linear.sum() + excess @ excess / (2 * q)


def scale_of_lasso(power: float, inner: float, largest: float, t: float) -> float:
    """Return the best s: the vertex of a parabola, as far as every |s z| <= t."""
    vertex = 1.0 + inner / power if power > 0 else 1.0
    feasible = t / largest if largest > t else 1.0
    return float(np.clip(min(vertex, feasible), 0.0, 1.0))


def scale_of_elastic_net(power: float, inner: float, z: np.ndarray, t: float, q: float) -> float:
    """Return the best s by Newton's method from s = 1.

    The derivative of the gap is piecewise linear, increasing and convex in s: the steps descend and end exactly.
    """
    size = np.abs(z[np.abs(z) > t])
    s = 1.0
    while True:
        beyond = size[s * size > t]
        slope = power + beyond @ beyond / q
        vertex = (power + inner + t * beyond.sum() / q) / slope if slope > 0 else 1.0
        lower = max(min(s, vertex), 0.0)
        if lower == s or len(beyond) == 0:
            return lower
        s = lower


def violation(z: np.ndarray, support: np.ndarray, b: np.ndarray, t: float, q: float) -> float:
    """Return the largest distance of z - q b from the subdifferential of t |b|."""
    distance = np.maximum(np.abs(z) - t, 0.0)
    distance[support] = np.abs(z[support] - q * b - t * np.sign(b))
    return float(distance.max(initial=0.0))
