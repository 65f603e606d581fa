"""What certifies an answer: duality gap, KKT conditions, bounds on correlations not computed."""

import numpy as np

from fastreg.reference.penalty import conjugate


def dual_gap(form, b, alpha, zero_level=1e-9):
    """Return primal minus dual objective, the dual maximized over multiples s u, 0 <= s <= 1, of the residual u.

    u is first projected off the columns that have neither penalty nor bound. The dual objective at s u is
    s u'y - s^2 ||u||^2 / 2 - sum_j h_j*(s x_j'u). Where a feature has no penalty but a bound, a correlation below
    zero_level ||x_j|| ||y|| counts as 0.
    """
    t, q = alpha * form.l1, alpha * form.l2
    free = (t == 0) & (q == 0) & np.isinf(form.lower) & np.isinf(form.upper)
    residual = form.y - form.X @ b
    u = residual
    if free.any():
        u = u - form.X[:, free] @ np.linalg.lstsq(form.X[:, free], u, rcond=None)[0]
    lost = residual - u
    z = np.where(free, 0.0, form.X.T @ u)
    # A coefficient without penalty needs z = 0 unless a bound holds it; neither rounding nor an iteration leaves that.
    rounding = zero_level * np.linalg.norm(form.X, axis=0) * np.linalg.norm(form.y)
    z = np.where((t == 0) & (q == 0) & (np.abs(z) <= rounding), 0.0, z)

    def gap(s):
        # The objective minus the dual, as a sum of nonnegative terms: no cancellation.
        terms = t * np.abs(b) + 0.5 * q * b**2 + conjugate(s * z, t, q, form.lower, form.upper) - s * z * b
        return 0.5 * (1 - s) ** 2 * (u @ u) + 0.5 * lost @ lost + terms.sum()

    return least_gap(gap, z, t, q, form.lower, form.upper)


def least_gap(gap, z, t, q, lower, upper):
    """Return the smallest value over 0 <= s <= 1 of the convex function gap(s), which adds h_j*(s z_j) to the rest."""
    # Golden section, up to the largest s at which the conjugates are finite.
    infinite = (np.abs(z) > t) & (q == 0) & np.isinf(np.where(z > 0, upper, lower))
    high = min(1.0, np.min(t[infinite] / np.abs(z[infinite]), initial=1.0))
    while high > 0 and not np.isfinite(gap(high)):
        high = np.nextafter(high, 0.0)
    top, low, ratio = high, 0.0, 0.6180339887498949
    left, right = high - ratio * (high - low), low + ratio * (high - low)
    at_left, at_right = gap(left), gap(right)
    for _ in range(75):
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - ratio * (high - low)
            at_left = gap(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + ratio * (high - low)
            at_right = gap(right)
    # ... and the scale at which every conjugate is 0, where a tiny q makes gap(s) too steep to search.
    flat = min(1.0, np.min(t[np.abs(z) > t] / np.abs(z[np.abs(z) > t]), initial=1.0))
    return max(min(gap(top), gap(0.5 * (low + high)), gap(flat * (1 - 1e-16)), gap(0.0)), 0.0)


def kkt_violation(form, b, alpha):
    """Return for every coefficient the distance of x_j'u - q b_j from the subdifferential of the rest, over ||x_j||.

    t sign(b_j) where b_j is not 0 and inside its bounds, [-t, t] where it is 0; at an upper bound the correlation may
    be larger, at a lower bound smaller.
    """
    t, q = alpha * form.l1, alpha * form.l2
    slope = form.X.T @ (form.y - form.X @ b) - q * b
    above = slope - np.where(b < 0, -t, t)
    below = np.where(b > 0, t, -t) - slope
    above = np.where(b >= form.upper, 0.0, np.maximum(above, 0.0))
    below = np.where(b <= form.lower, 0.0, np.maximum(below, 0.0))
    norm = np.linalg.norm(form.X, axis=0)
    return np.maximum(above, below) / np.where(norm > 0, norm, 1.0)


def lazy_bound(X, U, u):
    """Return estimates of X'u and the radius ||x_j|| ||delta|| of each, from references U (n, m) with known X'U."""
    a = np.linalg.lstsq(U, u, rcond=None)[0]
    return (X.T @ U) @ a, np.linalg.norm(X, axis=0) * np.linalg.norm(u - U @ a)
