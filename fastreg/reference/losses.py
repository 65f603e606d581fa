"""The losses l(y, eta) of generalized linear models, each minus its smallest value over eta, so that none is negative.

With u = -dl/deta the convex conjugate l* of l(y, .) satisfies l(y, eta) + l*(-u) + u eta = 0. The duality gap needs
what is added to this when u is replaced by s u: the Bregman divergence

    D(s) = l*(-s u) - l*(-u) - (1 - s) u eta,    0 <= s <= 1,

which is never negative. Since l* is 0 at 0, D(0) is the loss itself.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, logit, xlogy


def excess(t):
    """Return e^t - 1 - t; where the difference would cancel, t^2/2 (1 + t/3 (1 + t/4 (1 + ...)))."""
    t = np.asarray(t, dtype=float)
    small, series = np.where(np.abs(t) < 0.05, t, 0.0), np.ones_like(t)
    for k in range(10, 2, -1):
        series = 1.0 + small / k * series
    with np.errstate(over="ignore"):
        return np.where(np.abs(t) < 0.05, 0.5 * small**2 * series, np.expm1(t) - t)


def relative_entropy(m, mu, log_mu, difference):
    """Return m log(m / mu) - m + mu, which is m (e^-L - 1 + L) with L = log(m / mu); difference is m - mu."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = difference / mu
        L = np.where(np.abs(ratio) < 0.5, np.log1p(ratio), np.log(m) - log_mu)
        return np.where(m == 0, mu, np.where(np.abs(L) < 1, m * excess(-L), m * L - m + mu))


class Loss:
    """What all losses share; a subclass has value, negative_gradient, curvature, divergence, link and mean."""

    def deviance(self, y, eta):
        """Return twice the loss."""
        return 2 * self.value(y, eta)

    def bracket(self, y, weights, offset):
        """Return two numbers between which the best intercept of the null model lies; weights sum to 1."""
        center = self.link(weights @ y)
        return center - np.max(offset), center - np.min(offset)

    def null_intercept(self, y, weights, offset):
        """Return argmin_c sum_i w_i l(y_i, c + offset_i), infinite where there is no minimum, by bisection."""
        offset = np.broadcast_to(offset, np.shape(y))
        low, high = self.bracket(y, weights, offset)
        if np.isinf(low):
            return low
        # The best intercept is bracketed up to rounding of the two ends.
        low, high = low - 1e-12 * (1 + abs(low)), high + 1e-12 * (1 + abs(high))
        while low < (middle := 0.5 * (low + high)) < high:
            # The sum of the negative gradients decreases in c.
            low, high = (middle, high) if weights @ self.negative_gradient(y, middle + offset) > 0 else (low, middle)
        return middle


class Logistic(Loss):
    """log(1 + e^eta) - y eta, y in [0, 1], minus the entropy of y: the divergence of Bernoulli(y) from the mean's."""

    def value(self, y, eta):
        """Return the loss."""
        zero, one = np.logaddexp(0.0, eta), np.logaddexp(0.0, -eta)
        with np.errstate(invalid="ignore"):
            cross = np.where(y > 0, y * one, 0.0) + np.where(y < 1, (1 - y) * zero, 0.0)
        return np.maximum(cross + xlogy(y, y) + xlogy(1 - y, 1 - y), 0.0)

    def negative_gradient(self, y, eta):
        """Return y - mean, without cancellation where the mean is next to 1."""
        return y * expit(-eta) - (1 - y) * expit(eta)

    def curvature(self, y, eta):
        """Return mean (1 - mean)."""
        return np.broadcast_to(expit(eta) * expit(-eta), np.shape(y))

    def divergence(self, y, eta, s):
        """Return the divergence of Bernoulli(y - s u) from Bernoulli(y - u)."""
        step = (1 - s) * self.negative_gradient(y, eta)
        mean, rest = expit(eta), expit(-eta)
        one = relative_entropy((1 - s) * y + s * mean, mean, -np.logaddexp(0.0, -eta), step)
        zero = relative_entropy((1 - s) * (1 - y) + s * rest, rest, -np.logaddexp(0.0, eta), -step)
        return one + zero

    def link(self, mean):
        """Return log(mean / (1 - mean))."""
        return logit(mean)

    def mean(self, eta):
        """Return 1 / (1 + e^-eta)."""
        return expit(eta)


class LogLink(Loss):
    """A loss whose mean is e^eta."""

    def link(self, mean):
        """Return log(mean)."""
        with np.errstate(divide="ignore"):
            return np.log(mean)

    def mean(self, eta):
        """Return e^eta."""
        with np.errstate(over="ignore"):
            return np.exp(eta)


class Poisson(LogLink):
    """e^eta - y eta - (y - y log y), y >= 0."""

    def value(self, y, eta):
        """Return y (e^t - 1 - t), t = eta - log y."""
        with np.errstate(invalid="ignore"):
            return np.where(y > 0, y * excess(eta - self.link(y)), self.mean(eta))

    def negative_gradient(self, y, eta):
        """Return y - mean."""
        return y - self.mean(eta)

    def curvature(self, y, eta):
        """Return the mean."""
        return np.broadcast_to(self.mean(eta), np.shape(y))

    def divergence(self, y, eta, s):
        """Return m log(m / mean) - m + mean, m = y - s u."""
        mean = self.mean(eta)
        return relative_entropy((1 - s) * y + s * mean, mean, eta, (1 - s) * (y - mean))


class Gamma(LogLink):
    """y e^-eta + eta - (1 + log y), y > 0: the deviance of gamma with a log link, halved."""

    def value(self, y, eta):
        """Return e^t - 1 - t, t = log y - eta."""
        return excess(np.log(y) - eta)

    def negative_gradient(self, y, eta):
        """Return y / mean - 1."""
        with np.errstate(over="ignore"):
            return np.expm1(np.log(y) - eta)

    def curvature(self, y, eta):
        """Return y / mean."""
        return self.mean(np.log(y) - eta)

    def divergence(self, y, eta, s):
        """Return a_s log(a_s / a) - a_s + a, a = 1 + u, a_s = 1 + s u."""
        a = self.curvature(y, eta)
        return relative_entropy((1 - s) + s * a, a, np.log(y) - eta, -(1 - s) * self.negative_gradient(y, eta))


@dataclass
class Huber(Loss):
    """r^2 / 2 where |r| <= delta, else delta |r| - delta^2 / 2; r = y - eta."""

    delta: float = 1.35

    def value(self, y, eta):
        """Return the loss: u r - u^2 / 2."""
        u = self.negative_gradient(y, eta)
        return u * (y - eta) - 0.5 * u**2

    def negative_gradient(self, y, eta):
        """Return r, cut off at delta."""
        return np.clip(y - eta, -self.delta, self.delta)

    def curvature(self, y, eta):
        """Return 1 where |r| <= delta, else 0."""
        return (np.abs(y - eta) <= self.delta).astype(float)

    def divergence(self, y, eta, s):
        """Return (1 - s)^2 u^2 / 2 + (1 - s) u (r - u).

        The second term is 0 unless u is cut off. There u is at the end of the domain of l*(-u) = u^2 / 2 - u y, where
        the slope of l* is not eta but y - u.
        """
        u = self.negative_gradient(y, eta)
        return 0.5 * (1 - s) ** 2 * u**2 + (1 - s) * u * (y - eta - u)

    def bracket(self, y, weights, offset):
        """Return the smallest and the largest residual of intercept 0."""
        return np.min(y - offset), np.max(y - offset)

    def link(self, mean):
        """Return the mean itself."""
        return mean

    def mean(self, eta):
        """Return eta itself."""
        return eta


def center(y, weights):
    """Return the weighted means (k,) of targets (k, n) and what they leave; a constant target leaves 0."""
    means = y @ weights
    left = y - means[:, None]
    means = means + left @ weights
    left = y - means[:, None]
    inside = weights > 0
    constant = np.abs(left[:, inside]).max(axis=1) <= 1e-14 * np.abs(y[:, inside]).max(axis=1)
    return means, np.where(constant[:, None], 0.0, left)


def class_point(y, weights, eta):
    """Return the weighted mean cross-entropy of one-hot y (K, n) at predictors eta, and their probabilities."""
    below = eta - eta.max(axis=0)
    chosen, e = (y * below).sum(axis=0), np.exp(below)
    # Where the class is on top the loss is small, and the sum of the others has all its digits.
    losses = np.where(chosen == 0, np.log1p(((1 - y) * e).sum(axis=0)), np.log(e.sum(axis=0)) - chosen)
    return weights @ losses, e / e.sum(axis=0)


def class_divergence(y, weights, p, s):
    """Return the weighted mean of KL(q || p), q = (1 - s) y + s p, all (K, n)."""
    q = (1 - s) * y + s * p
    # q - p sums to 0 over the classes; without it no term is negative.
    return weights @ (np.where(q > 0, q * np.log(np.where(q > 0, q, 1.0) / p), 0.0) - (1 - s) * (y - p)).sum(axis=0)


def class_bend(change, p, weights):
    """Return (K, n): w (diag(p) - p p') d of every row d of changes (K, n) of predictors; p (K, n) probabilities."""
    rows = [w * (np.diag(q) - np.outer(q, q)) @ d for d, q, w in zip(change.T, p.T, weights, strict=True)]
    return np.array(rows).T


LOSSES = {"logistic": Logistic, "poisson": Poisson, "gamma": Gamma, "huber": Huber}
