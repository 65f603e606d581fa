"""The one yardstick for everybody's coefficients, in plain NumPy and SciPy; X is neither copied nor made dense.

The intercept is profiled out: whatever a package says, the best one for its coefficients is used. Every gap is a sum of
nonnegative terms, as in ``fastreg.reference.dual_gap``, so that small gaps are not lost in rounding. The losses are in
``benchmarks/losses.py``.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.losses import Loss, Squared, root

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
    """X (array or csc_array of float64), y, the loss, column means and the null model's loss and correlations."""

    def __init__(self, X: Any, y: np.ndarray, loss: type[Loss] = Squared) -> None:
        self.X, self.n, self.loss = X, len(y), loss
        self.means = np.asarray(X.mean(axis=0)).ravel()
        self.y = loss.target(y)
        null = loss(self.y, np.zeros(self.n))
        self.null_loss = null.divergence(0.0)
        self.null_correlations = self.correlations(null.u[:, None])[:, 0]

    def correlations(self, U: np.ndarray) -> np.ndarray:
        """Return (X - mean)'U / n for columns U."""
        return (self.X.T @ U - np.outer(self.means, U.sum(axis=0))) / self.n

    def fits(self, coefs: sp.csc_array) -> list[Loss]:
        """Return the loss of every column of coefficients."""
        used = np.unique(coefs.indices)
        predictions = self.X[:, used] @ coefs[used].toarray()
        return [self.loss(self.y, column) for column in predictions.T]

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
        gaps, violations = [], []
        step = max(1, BLOCK // max(self.data.X.shape))
        for first in range(0, len(alphas), step):
            fits = self.data.fits(coefs[:, first : first + step])
            correlations = self.data.correlations(np.stack([fit.u for fit in fits], axis=1))
            for k, (fit, z) in enumerate(zip(fits, correlations.T, strict=True), first):
                part = slice(coefs.indptr[k], coefs.indptr[k + 1])
                support, b = coefs.indices[part], coefs.data[part]
                t, q = alphas[k] * self.l1_ratio, alphas[k] * (1 - self.l1_ratio)
                gaps.append(dual_gap(fit, z, support, b, t, q))
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
        (fit,) = self.data.fits(sp.csc_array(coefs))
        z = self.data.correlations(fit.u[:, None])[:, 0]
        return np.flatnonzero(np.abs(z) >= alpha * self.l1_ratio * (1 - MARGIN))


def dual_gap(fit: Loss, z: np.ndarray, support: np.ndarray, b: np.ndarray, t: float, q: float) -> float:
    """Return primal minus dual objective, the dual maximized over multiples s u of the fit's u, 0 <= s <= 1.

    z are the correlations X'u / n, b the nonzero coefficients, those of ``support``; the penalty is t |b| + q/2 b^2.
    With c = s z clipped to [-t, t] and e = s z - c the gap is the sum of the loss's divergence, t |b| - c b and
    (e - q b)^2 / (2 q). Coefficients at which that overflows have an infinite gap.
    """
    s = scale(fit, z, float(z[support] @ b), t, q)
    if q == 0:
        penalty = np.sum(np.maximum(t * np.abs(b) - s * z[support] * b, 0.0))
    else:
        clipped = np.clip(s * z, -t, t)
        excess = s * z - clipped
        linear = t * np.abs(b) - clipped[support] * b
        excess[support] -= q * b
        penalty = linear.sum() + excess @ excess / (2 * q)
    gap = fit.divergence(s) + penalty
    return float(gap) if np.isfinite(gap) else np.inf


def scale(fit: Loss, z: np.ndarray, inner: float, t: float, q: float) -> float:
    """Return the best s for the dual point s u; without an l2 part no |s z| may be larger than t."""
    size = np.abs(z[np.abs(z) > t])
    highest = 1.0 if q > 0 else t / size.max(initial=t)

    def slopes(s: float) -> tuple[float, float]:
        first, second = fit.slopes(s)
        if q == 0:
            return first - inner, second
        beyond = size[s * size > t]
        return first - inner + (s * beyond - t) @ beyond / q, second + beyond @ beyond / q

    return root(slopes, 0.0, highest, highest)


def violation(z: np.ndarray, support: np.ndarray, b: np.ndarray, t: float, q: float) -> float:
    """Return the largest distance of z - q b from the subdifferential of t |b|."""
    distance = np.maximum(np.abs(z) - t, 0.0)
    distance[support] = np.abs(z[support] - q * b - t * np.sign(b))
    return float(distance.max(initial=0.0))
