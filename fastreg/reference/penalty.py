"""The elastic-net penalty of one coefficient, P(b) = t |b| + q/2 b^2 on [lower, upper]; all arguments broadcast."""

import numpy as np


def soft_threshold(z, t):
    """Return sign(z) max(|z| - t, 0)."""
    return np.sign(z) * np.maximum(np.abs(z) - t, 0.0)


def penalty_value(b, t, q):
    """Return t |b| + q/2 b^2."""
    return t * np.abs(b) + 0.5 * q * b**2


def proximal_step(z, h, t, q, lower=-np.inf, upper=np.inf):
    """Return argmin_b h/2 b^2 - z b + P(b)."""
    return np.clip(soft_threshold(z, t) / (h + q), lower, upper)


def conjugate_point(z, t, q, lower=-np.inf, upper=np.inf):
    """Return argmax_b z b - P(b); infinite where the conjugate is."""
    s = soft_threshold(z, t)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(s == 0, 0.0, np.clip(s / q, lower, upper))


def conjugate(z, t, q, lower=-np.inf, upper=np.inf):
    """Return max_b z b - P(b)."""
    point = conjugate_point(z, t, q, lower, upper)
    with np.errstate(invalid="ignore"):
        value = np.where(point == 0, 0.0, z * point - penalty_value(point, t, q))
    return np.where(np.isinf(point), np.inf, value)
