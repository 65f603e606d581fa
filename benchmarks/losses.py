"""The losses of the board, with what the yardstick has to know of each; needs NumPy and SciPy alone.

A loss is made from a response y, as its ``target`` returns it, and predictions without an intercept; it adds the best
one. Its smallest value is taken off, so that it is the divergence of its conjugate from y to the mean that is
predicted. Every sum is one of nonnegative terms without cancellation: small gaps are not lost in rounding.

A row has one predictor, or one for every class. Then predictions and u are those of one class after those of another,
n_predictors times as many as there are rows.

target(y) -> the response that packages get: labels, codes of classes, counts or any numbers
sample(eta, rng) -> a random response
n_predictors(y) -> how many predictors a row has
grouped : whether the penalty is on the Euclidean norm of the coefficients that a feature has for all predictors
u : minus the derivative of the loss in the predictions; its sum is 0, for every predictor
divergence(s) -> the mean divergence of the conjugate from y - s u to y - u; that of s = 0 is the loss itself
slopes(s) -> its first and second derivatives in s
"""

from collections.abc import Callable

import numpy as np
from scipy.special import expit, log_expit, logit, logsumexp, xlogy

# Below this relative distance the terms of a relative entropy nearly cancel, and a series takes their place.
NEAR = 0.1
SERIES = np.array([(-1.0) ** k / (k * (k - 1)) for k in range(2, 19)])
MAX_STEPS = 200
# Sums of so many nonnegative terms are known to this fraction at best.
ROUNDING = 4 * np.finfo(float).eps


def chances(eta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the probabilities of a 1 and of a 0; NumPy's exp takes a tenth of the time of SciPy's expit."""
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-eta)), 1.0 / (1.0 + np.exp(eta))


class Loss:
    """What the losses have in common, unless they say otherwise."""

    grouped = False

    @staticmethod
    def n_predictors(y: np.ndarray) -> int:
        return 1


class Squared(Loss):
    """Half the squared distance."""

    def __init__(self, y: np.ndarray, predictions: np.ndarray) -> None:
        # Large means cost no digits that way.
        self.u = (y - y.mean()) - (predictions - predictions.mean())
        self.u -= self.u.mean()
        self.power = float(self.u @ self.u) / len(y)

    @staticmethod
    def target(y: np.ndarray) -> np.ndarray:
        return y

    @staticmethod
    def sample(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return eta + rng.standard_normal(len(eta))

    def divergence(self, s: float) -> float:
        return 0.5 * (1 - s) ** 2 * self.power

    def slopes(self, s: float) -> tuple[float, float]:
        return (s - 1) * self.power, self.power


class Logistic(Loss):
    """The log-likelihood of labels 0 and 1, log(1 + exp(eta)) - y eta."""

    def __init__(self, y: np.ndarray, predictions: np.ndarray) -> None:
        self.y, self.eta = y, predictions + self.intercept(y, predictions)
        # Both probabilities, since one minus the other has no digits left where a prediction is sure.
        self.one, self.zero = chances(self.eta)
        self.u = y * self.zero - (1 - y) * self.one

    @staticmethod
    def target(y: np.ndarray) -> np.ndarray:
        """Return 1 for the larger of two labels, or for what is positive where there are more than two values."""
        low, high = y.min(), y.max()
        labels = np.isin(y, (low, high)).all()
        return np.asarray(y == high if labels else y > 0, dtype=float)

    @staticmethod
    def intercept(y: np.ndarray, predictions: np.ndarray) -> float:
        def excess(b: float) -> tuple[float, float]:
            one, zero = chances(b + predictions)
            above, below = float(np.sum((1 - y) * one)), float(np.sum(y * zero))
            # Below rounding the difference says nothing of where it vanishes.
            settled = abs(above - below) <= ROUNDING * (above + below)
            return 0.0 if settled else above - below, float(np.sum(one * zero))

        middle = float(logit(y.mean()))
        low, high = middle - float(predictions.max()), middle - float(predictions.min())
        return root(excess, low, high, middle - float(predictions.mean()))

    @staticmethod
    def sample(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return (rng.random(len(eta)) < expit(eta)).astype(float)

    def divergence(self, s: float) -> float:
        away = (1 - s) * self.u
        of_ones = relative_entropy(self.one, log_expit(self.eta), away)
        return float(np.mean(of_ones + relative_entropy(self.zero, log_expit(-self.eta), -away)))

    def slopes(self, s: float) -> tuple[float, float]:
        one, zero = s * self.one + (1 - s) * self.y, s * self.zero + (1 - s) * (1 - self.y)
        first = np.mean(self.u * self.eta - xlogy(self.u, one) + xlogy(self.u, zero))
        return float(first), mean_ratio(self.u**2, one * zero)


class Poisson(Loss):
    """The log-likelihood of counts, exp(eta) - y eta."""

    def __init__(self, y: np.ndarray, predictions: np.ndarray) -> None:
        self.y, self.eta = y, predictions + (np.log(y.sum()) - logsumexp(predictions))
        self.mean = np.exp(self.eta)
        self.u = y - self.mean

    @staticmethod
    def target(y: np.ndarray) -> np.ndarray:
        if not np.all(y >= 0):
            raise ValueError("negative counts")
        return np.asarray(y, dtype=float)

    @staticmethod
    def sample(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return rng.poisson(np.exp(eta)).astype(float)

    def divergence(self, s: float) -> float:
        return float(np.mean(relative_entropy(self.mean, self.eta, (1 - s) * self.u)))

    def slopes(self, s: float) -> tuple[float, float]:
        mean = s * self.mean + (1 - s) * self.y
        return float(np.mean(self.u * self.eta - xlogy(self.u, mean))), mean_ratio(self.u**2, mean)


class Multinomial(Loss):
    """The log-likelihood of classes 0, 1, ..., log sum_k exp(eta_k) - eta_y; arrays are (n_classes, n_samples)."""

    def __init__(self, y: np.ndarray, predictions: np.ndarray) -> None:
        self.y = np.asarray(y == np.arange(self.n_predictors(y))[:, None], dtype=float)
        eta = balanced(self.y, predictions.reshape(self.y.shape))
        self.log_p, self.p, self.away = probabilities(self.y, eta)
        self.u = self.away.ravel()

    @staticmethod
    def n_predictors(y: np.ndarray) -> int:
        return int(y.max()) + 1

    @staticmethod
    def target(y: np.ndarray) -> np.ndarray:
        """Return codes: the ranks of the values among all."""
        codes = np.unique(y, return_inverse=True)[1]
        if codes.max() == 0:
            raise ValueError("a single class")
        return codes.astype(float)

    @staticmethod
    def sample(eta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Return codes for predictors (n_classes, n_samples), or for three classes with eta, 0 and -eta."""
        eta = np.outer([1.0, 0.0, -1.0], eta) if eta.ndim == 1 else eta
        return np.argmax(eta + rng.gumbel(size=eta.shape), axis=0).astype(float)

    def divergence(self, s: float) -> float:
        return float(relative_entropy(self.p, self.log_p, (1 - s) * self.away).sum(axis=0).mean())

    def slopes(self, s: float) -> tuple[float, float]:
        q = s * self.p + (1 - s) * self.y
        first = (self.away * self.log_p - xlogy(self.away, q)).sum(axis=0).mean()
        return float(first), len(q) * mean_ratio(self.away**2, q)


class GroupedMultinomial(Multinomial):
    """The same loss; its penalty knows a feature's coefficients for all classes by their norm alone."""

    grouped = True


LOSSES: dict[str, type[Loss]] = {
    "squared": Squared,
    "logistic": Logistic,
    "poisson": Poisson,
    "multinomial": Multinomial,
    "multinomial-grouped": GroupedMultinomial,
}


def probabilities(y: np.ndarray, eta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the logarithms of the classes' probabilities, these, and what one-hot y is beyond them."""
    eta = eta - eta.max(axis=0)
    log_p = eta - np.log(np.exp(eta).sum(axis=0))
    p = np.exp(log_p)
    # One minus a probability near one has no digits left: it is the sum of the others.
    others = (1 - y) * p
    return log_p, p, y * others.sum(axis=0) - others


def balanced(y: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Return eta plus the best intercepts: as much probability for every class as it has rows.

    Newton's method. Where its step does not halve the imbalance, every class in turn gets the best intercept that it
    can have by itself, which is a matter of logistic loss.
    """
    if not np.isfinite(eta).all():
        return eta
    _, p, away = probabilities(y, eta)
    rounding = np.finfo(float).eps * y.shape[1] * max(1.0, float(np.abs(eta).max()))
    for _ in range(MAX_STEPS):
        imbalance = away.sum(axis=1)
        size = np.abs(imbalance).max()
        trial = eta + newton_step(p, imbalance)[:, None]
        state = probabilities(y, trial)
        # Not a number where the step was none.
        if not np.abs(state[2].sum(axis=1)).max() <= 0.5 * size:
            if size <= rounding:
                break
            trial = alternated(y, eta)
            state = probabilities(y, trial)
        eta, (_, p, away) = trial, state
    return eta


def alternated(y: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Return eta after every class in turn has got the best intercept that it can have while the others keep theirs."""
    eta = eta.copy()
    for k, labels in enumerate(y):
        others = logsumexp(np.delete(eta, k, axis=0), axis=0)
        eta[k] += Logistic.intercept(labels, eta[k] - others)
    return eta


def newton_step(p: np.ndarray, imbalance: np.ndarray) -> np.ndarray:
    """Return by what Newton's method moves the intercepts; not a number where it does not know."""
    # The rows of the Hessian add up to 0, so that its diagonal needs no differences.
    shared = p @ p.T
    np.fill_diagonal(shared, 0.0)
    hessian = np.diag(shared.sum(axis=1)) - shared
    # To move all of them by the same changes nothing; this makes it a step of none.
    hessian += np.trace(hessian) / len(p) ** 2
    try:
        return np.linalg.solve(hessian, imbalance)
    except np.linalg.LinAlgError:
        return np.full(len(p), np.nan)


def relative_entropy(mean: np.ndarray, log_mean: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Return m log(m / mean) - m + mean for m = mean + away, without cancellation where m is near the mean."""
    near = np.abs(away) < NEAR * mean
    x = np.divide(away, mean, out=np.zeros_like(mean), where=near)
    series = mean * x**2 * np.polynomial.polynomial.polyval(x, SERIES)
    m = np.maximum(mean + away, 0.0)
    return np.where(near, series, xlogy(m, m) - m * log_mean - away)


def mean_ratio(above: np.ndarray, below: np.ndarray) -> float:
    """Return the mean ratio, 0/0 being 0: such a row fits exactly and does not move."""
    # Infinite where a predicted mean has underflowed: ``root`` then halves its interval.
    with np.errstate(divide="ignore", over="ignore"):
        return float(np.mean(np.divide(above, below, out=np.zeros_like(above), where=above > 0)))


def root(function: Callable[[float], tuple[float, float]], low: float, high: float, start: float) -> float:
    """Return where an increasing function is zero between two points, or the one of them that is nearer to it.

    ``function`` returns value and derivative. Newton's method, halving the interval where it would leave it.
    """
    x = start
    for _ in range(MAX_STEPS):
        value, slope = function(x)
        if value == 0:
            return x
        low, high = (x, high) if value < 0 else (low, x)
        following = x - value / slope if slope > 0 else np.nan
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - x) <= np.finfo(float).eps * max(1.0, abs(x)):
            return following
        x = following
    return x
