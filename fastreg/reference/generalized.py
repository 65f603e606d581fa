"""Generalized linear models: the problem, its certificate, and a slow but sure solver.

Minimize  sum_i w_i l(y_i, eta_i) + alpha sum_j (l1_j |b_j| + l2_j/2 b_j^2)  over lower <= b <= upper and, where there
is one, the intercept;  eta_i = intercept + x_i'b + offset_i and the weights sum to 1.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from fastreg.reference.certificate import least_gap
from fastreg.reference.losses import LOSSES, Loss
from fastreg.reference.newton import proximal_newton
from fastreg.reference.penalty import conjugate, penalty_value
from fastreg.reference.problem import standard_form


@dataclass
class GeneralizedForm:
    """The problem with standardization worked into l1 and l2; coefficients are on the original scale.

    Rows of weight 0 are gone. The columns of X are centered where an intercept is fitted, which changes the intercept
    alone: by x_mean'b.
    """

    loss: Loss
    X: np.ndarray
    y: np.ndarray
    offset: np.ndarray
    weights: np.ndarray
    l1: np.ndarray
    l2: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    x_mean: np.ndarray
    fit_intercept: bool

    def predictor(self, b, intercept):
        """Return eta; the intercept is that of columns that are not centered."""
        return self.X @ b + (intercept + self.x_mean @ b) + self.offset

    @cached_property
    def null_intercept(self):
        """The best intercept for zero coefficients."""
        return self.loss.null_intercept(self.y, self.weights, self.offset) if self.fit_intercept else 0.0

    @cached_property
    def null_loss(self):
        """The objective at zero coefficients and the best intercept for them."""
        return self.weights @ self.loss.value(self.y, self.null_intercept + self.offset)

    @property
    def column_norms(self):
        """The weighted norms of the columns."""
        return np.sqrt(self.weights @ self.X**2)


def glm_form(X, y, loss, *, offset=None, sample_weight=None, fit_intercept=True, **options):
    """Return the problem of ``fastreg.fit_path`` with this loss: its name, or a ``Loss``; y is one vector."""
    X = np.asarray(X.toarray() if hasattr(X, "toarray") else X, dtype=float)
    n = len(X)
    weights = np.ones(n) if sample_weight is None else np.asarray(sample_weight, dtype=float)
    # What squared loss makes of penalty, bounds and standardization does not depend on the loss.
    form = standard_form(X, np.zeros(n), sample_weight=weights, fit_intercept=fit_intercept, **options)
    kept = weights > 0
    return GeneralizedForm(
        LOSSES[loss]() if isinstance(loss, str) else loss,
        (X - form.x_mean)[kept],
        np.asarray(y, dtype=float)[kept],
        np.broadcast_to(0.0 if offset is None else offset, n)[kept].astype(float),
        weights[kept] / weights.sum(),
        form.l1,
        form.l2,
        form.lower,
        form.upper,
        form.x_mean,
        fit_intercept,
    )


def glm_objective(form, b, intercept, alpha):
    """Return the objective; infinite where a bound is broken."""
    # A coefficient next to its bound may have been rounded across it.
    slack = 1e-12 * np.abs(b)
    if np.any(b < form.lower - slack) or np.any(b > form.upper + slack) or not (form.fit_intercept or intercept == 0):
        return np.inf
    with np.errstate(over="ignore"):
        losses = form.loss.value(form.y, form.predictor(b, intercept))
    return form.weights @ losses + np.sum(penalty_value(b, alpha * form.l1, alpha * form.l2))


def _minimize(form, b, intercept, alpha, features, **limits):
    """Return coefficients and intercept after minimizing over these features and the intercept."""
    t, q = alpha * form.l1[features], alpha * form.l2[features]
    lower, upper, start = form.lower[features], form.upper[features], b[features]
    A = form.X[:, features]
    # The intercept is one more column, without penalty or bounds.
    if form.fit_intercept:
        A = np.c_[A, np.ones(len(A))]
        t, q, lower, upper = np.r_[t, 0.0], np.r_[q, 0.0], np.r_[lower, -np.inf], np.r_[upper, np.inf]
        start = np.r_[start, intercept + form.x_mean @ b]
    rest = np.where(features, 0.0, b)
    theta = proximal_newton(
        form.loss, form.y, form.weights, A, form.offset + form.X @ rest, t, q, lower, upper, start, **limits
    )
    rest[features] = theta[: np.count_nonzero(features)]
    return rest, theta[-1] - form.x_mean @ rest if form.fit_intercept else 0.0


def _unpenalized(form, alpha):
    return (alpha * form.l1 == 0) & (alpha * form.l2 == 0) & (form.lower < form.upper)


def glm_dual_gap(form, b, intercept, alpha, zero_level=1e-9):
    """Return primal minus dual objective, the dual maximized over multiples s u, 0 <= s <= 1, of u = -dl/deta.

    With z_j = sum_i w_i u_i x_ij the gap at (b, intercept) and s u is a sum of terms that are not negative:

        G(s) = sum_i w_i D_i(s) + sum_j [P_j(b_j) - s z_j b_j + h_j*(s z_j)],

    D the Bregman divergence of the loss's conjugate from -u to -s u, if sum_i w_i u_i = 0 where there is an intercept.
    That and z_j = 0 for columns without penalty hold after minimizing over these and the intercept alone; what this
    gains is added to G of the coefficients so polished. A z_j below zero_level ||x_j|| ||u|| of the null model counts
    as 0.
    """
    primal = glm_objective(form, b, intercept, alpha)
    if not np.isfinite(primal) or form.null_loss == 0:
        return primal
    t, q = alpha * form.l1, alpha * form.l2
    free = _unpenalized(form, alpha)
    if free.any() or form.fit_intercept:
        b, intercept = _minimize(form, b, intercept, alpha, free)
    gain = primal - glm_objective(form, b, intercept, alpha)
    eta = form.predictor(b, intercept)
    u = form.loss.negative_gradient(form.y, eta)
    z = form.X.T @ (form.weights * u)
    u_null = form.loss.negative_gradient(form.y, form.null_intercept + form.offset)
    rounding = zero_level * np.sqrt(form.weights @ u_null**2)
    z = np.where(free & (np.abs(z) <= rounding * form.column_norms), 0.0, z)
    unbalanced = form.fit_intercept and abs(form.weights @ u) > rounding

    def gap(s):
        terms = penalty_value(b, t, q) - s * z * b + conjugate(s * z, t, q, form.lower, form.upper)
        return form.weights @ form.loss.divergence(form.y, eta, s) + terms.sum()

    # Where there is no minimum over intercept and free columns, only u = 0 may be left.
    return max(gain, 0.0) + (gap(0.0) if unbalanced else least_gap(gap, z, t, q, form.lower, form.upper))


def glm_kkt_violation(form, b, intercept, alpha):
    """Return for every coefficient the distance of z_j - q b_j from the subdifferential of the rest, over ||x_j||.

    As ``kkt_violation``; one more entry, the last, is |sum_i w_i u_i|, or 0 without an intercept.
    """
    t, q = alpha * form.l1, alpha * form.l2
    u = form.weights * form.loss.negative_gradient(form.y, form.predictor(b, intercept))
    slope = form.X.T @ u - q * b
    above = slope - np.where(b < 0, -t, t)
    below = np.where(b > 0, t, -t) - slope
    above = np.where(b >= form.upper, 0.0, np.maximum(above, 0.0))
    below = np.where(b <= form.lower, 0.0, np.maximum(below, 0.0))
    norms = form.column_norms
    violation = np.maximum(above, below) / np.where(norms > 0, norms, 1.0)
    return np.append(violation, abs(u.sum()) if form.fit_intercept else 0.0)


def glm_fit(form, alpha, *, init=None, **limits):
    """Return coefficients and intercept at the minimum, by proximal Newton steps.

    ``init`` is a pair (b, intercept) to start from; ``limits`` are those of ``proximal_newton``. Where one class or
    zeros are all there is, the intercept is infinite.
    """
    if np.isinf(form.null_intercept):
        return np.zeros(form.X.shape[1]), form.null_intercept
    b, intercept = (np.zeros(form.X.shape[1]), form.null_intercept) if init is None else init
    movable = form.lower < form.upper
    return _minimize(form, np.where(movable, b, 0.0), intercept, alpha, movable, **limits)


def glm_alpha_max(form):
    """Return the smallest alpha at which every penalized coefficient is 0; infinite for ridge."""
    if np.isinf(form.null_intercept):
        return 0.0
    free = _unpenalized(form, 1.0)
    b, intercept = _minimize(form, np.zeros(form.X.shape[1]), form.null_intercept, 1.0, free)
    z = form.X.T @ (form.weights * form.loss.negative_gradient(form.y, form.predictor(b, intercept)))
    pulled = ~free & np.where(z > 0, form.upper > 0, form.lower < 0) & (z != 0)
    with np.errstate(divide="ignore"):
        return np.max(np.abs(z[pulled]) / form.l1[pulled], initial=0.0)
