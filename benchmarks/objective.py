"""The one yardstick for everybody's coefficients, in plain NumPy and SciPy; X is neither copied nor made dense.

A loss with a predictor for every class has coefficients (n_classes * n_features, n_alphas), those of one class below
those of another. What the penalty takes together is a column of an array (size of a group, n_groups): where it takes
every coefficient for itself there is one row.

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
        self.n_predictors = loss.n_predictors(self.y)
        null = loss(self.y, np.zeros(self.n_predictors * self.n))
        self.null_loss = null.divergence(0.0)
        self.null_correlations = self.correlations(null.u[:, None])[:, 0]

    def correlations(self, U: np.ndarray) -> np.ndarray:
        """Return (X - mean)'U / n for columns U, each of them a predictor's rows after those of another."""
        rows = U.reshape((self.n, -1), order="F")
        found = (self.X.T @ rows - np.outer(self.means, rows.sum(axis=0))) / self.n
        return found.reshape((-1, U.shape[1]), order="F")

    def fits(self, coefs: sp.csc_array) -> list[Loss]:
        """Return the loss of every column of coefficients."""
        columns = sp.csc_array(coefs.reshape((self.X.shape[1], -1), order="F"))
        used = np.unique(columns.indices)
        predictions = self.X[:, used] @ columns[used].toarray()
        return [self.loss(self.y, column) for column in predictions.reshape((-1, coefs.shape[1]), order="F").T]

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
        self.group_size = data.n_predictors if data.loss.grouped else 1
        self.top = float(norms(self.groups(data.null_correlations)).max())

    def groups(self, values: np.ndarray) -> np.ndarray:
        """Return one number for every coefficient as an array (size of a group, n_groups)."""
        return values.reshape((self.group_size, -1))

    def alpha_max(self) -> float:
        """Return the smallest alpha at which no coefficient enters."""
        return self.top / self.l1_ratio

    def measure(self, coefs: Any, alphas: np.ndarray) -> Measured:
        """Return gap, violation and support of coefficients (n_predictors * n_features, n_alphas)."""
        coefs = sp.csc_array(coefs)
        coefs.eliminate_zeros()
        if not np.isfinite(coefs.data).all():
            return Measured(np.inf, np.inf, 0, np.zeros(0, dtype=int))
        gaps, violations = [], []
        step = max(1, BLOCK // (max(self.data.X.shape) * self.data.n_predictors))
        for first in range(0, len(alphas), step):
            block = coefs[:, first : first + step]
            fits = self.data.fits(block)
            correlations = self.data.correlations(np.stack([fit.u for fit in fits], axis=1))
            for k, (fit, alpha) in enumerate(zip(fits, alphas[first : first + step], strict=True)):
                z, b = self.groups(correlations[:, k]), self.groups(block[:, [k]].toarray())
                t, q = alpha * self.l1_ratio, alpha * (1 - self.l1_ratio)
                # All others are as they have to be, and there may be very many of them.
                matters = b.any(axis=0) | (norms(z) > t)
                z, b = z[:, matters], b[:, matters]
                gaps.append(dual_gap(fit, z, b, t, q))
                violations.append(violation(z, b, t, q))
        return Measured(
            float(max(gaps) / self.data.null_loss),
            float(max(violations) / self.top),
            int(np.diff(coefs.indptr).max()),
            coefs.indices[coefs.indptr[-2] :].copy(),
        )

    def equicorrelated(self, coefs: Any, alpha: float) -> np.ndarray:
        """Return the coefficients whose correlation, at this solution, is at the threshold or beyond it."""
        (fit,) = self.data.fits(sp.csc_array(coefs))
        z = self.groups(self.data.correlations(fit.u[:, None]))
        reached = norms(z) >= alpha * self.l1_ratio * (1 - MARGIN)
        return np.flatnonzero(np.broadcast_to(reached, z.shape))


def norms(values: np.ndarray) -> np.ndarray:
    """Return the Euclidean norms of columns; that of a single number is its size, without rounding."""
    return np.sqrt(np.sum(values * values, axis=0))


def clipped(values: np.ndarray, t: float) -> np.ndarray:
    """Return columns shortened to a norm of at most t."""
    # With t = 0 all of them become 0, and this keeps 0/0 out.
    return values * (t / np.maximum(norms(values), max(t, np.finfo(float).tiny)))


def dual_gap(fit: Loss, z: np.ndarray, b: np.ndarray, t: float, q: float) -> float:
    """Return primal minus dual objective, the dual maximized over multiples s u of the fit's u, 0 <= s <= 1.

    z are the correlations X'u / n and b the coefficients, a group a column; the penalty is the sum over the groups of
    t ||b|| + q/2 ||b||^2. With c = s z clipped to the norm t and e = s z - c the gap is the sum of the loss's
    divergence, t ||b|| - c'b and ||e - q b||^2 / (2 q). Coefficients at which that overflows have an infinite gap.
    """
    s = scale(fit, norms(z), float(np.vdot(z, b)), t, q)
    c = clipped(s * z, t)
    penalty = np.sum(np.maximum(t * norms(b) - np.sum(c * b, axis=0), 0.0))
    if q > 0:
        excess = s * z - c - q * b
        penalty += np.vdot(excess, excess) / (2 * q)
    gap = fit.divergence(s) + penalty
    return float(gap) if np.isfinite(gap) else np.inf


def scale(fit: Loss, size: np.ndarray, inner: float, t: float, q: float) -> float:
    """Return the best s for the dual point s u; without an l2 part no group's s ||z|| may be larger than t."""
    size = size[size > t]
    highest = 1.0 if q > 0 else t / size.max(initial=t)

    def slopes(s: float) -> tuple[float, float]:
        first, second = fit.slopes(s)
        if q == 0:
            return first - inner, second
        beyond = size[s * size > t]
        return first - inner + (s * beyond - t) @ beyond / q, second + beyond @ beyond / q

    return root(slopes, 0.0, highest, highest)


def violation(z: np.ndarray, b: np.ndarray, t: float, q: float) -> float:
    """Return the largest distance of a group's z - q b from the subdifferential of t ||b||."""
    size = norms(b)
    used = size > 0
    direction = b / np.where(used, size, 1.0)
    distance = np.where(used, norms(z - q * b - t * direction), np.maximum(norms(z) - t, 0.0))
    return float(distance.max(initial=0.0))
