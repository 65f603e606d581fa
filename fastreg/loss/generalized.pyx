"""Losses of generalized linear models: l(y, eta) of a target y and a predictor eta.

For one row, with everything the solver and its certificate ask for (McCullagh & Nelder 1989; Huber 1964):

========= ======================== ===================== ============ =========================
loss      l(y, eta)                u = -dl/deta          curvature h  divergence D(s)
========= ======================== ===================== ============ =========================
logistic  log(1 + e^eta) - y eta   y - p                 p (1 - p)    KL of Bernoulli y - s u, p
poisson   e^eta - y eta            y - mu                mu           KL of Poisson y - s u, mu
gamma     y e^-eta + eta           y e^-eta - 1          1 + u        a log(a / (1+u)) - a + 1+u
huber     r^2/2 or d |r| - d^2/2   r cut off at +-d      1 or 0       (1-s) u (r-u) + (1-s)^2 u^2/2
========= ======================== ===================== ============ =========================

with p = 1/(1 + e^-eta), mu = e^eta, r = y - eta, a = 1 + s u. D(s) is the Bregman divergence of the conjugate l* from
-u to -s u: what the dual objective loses when u is shrunk to s u, which stays inside the domain of l* for every s in
[0, 1]. It is a sum of terms that are small where they should be, so that the duality gap suffers no cancellation.

It is at most (1 - s)^2 / (2 s^2) times the weighted sum of u^2/h, the steepness of the dual, which costs no logarithm:
along the way to -s u the curvature of l* is 1/h at a point that is at least s times the present one. (The edge of
the domain of Huber's l* adds a tilt, 1 - s times the sum of u (r - u).)

A row far on the wrong side has a curvature of almost 0, and Newton's method would leap; so h is kept above a hundredth
of |u| (of d / |r| for huber), which leaves the last steps as they are.
"""

import numpy as np

from cython cimport final
from libc.math cimport exp, fabs, log, log1p

from fastreg.design.base cimport ceil_div, index_t
from fastreg.loss.base cimport Loss, Sums
from fastreg.loss.rows cimport (
    diverge_gamma, diverge_logistic, diverge_poisson, sweep_gamma, sweep_huber, sweep_logistic, sweep_poisson,
)

cdef double LARGEST = 1e100
# Rows whose divergences are computed together, and predictors within whose reach that may be by vectors.
cdef double REACH = 300.0
cdef enum:
    BLOCK = 256


cdef inline double share(double q, double p, double difference, double log_p) noexcept nogil:
    # q log(q / p) for q = p + difference, 0 where q is.
    if q <= 0.0:
        return 0.0
    return q * (log1p(difference / p) if fabs(difference) < 0.5 * p else log(q) - log_p)


@final
cdef class Logistic(Loss):
    """y in [0, 1]: labels 0 and 1, or proportions."""

    name = "logistic"

    cdef inline double between(self, double y, double eta, double s) noexcept nogil:
        cdef double e = exp(-fabs(eta))
        cdef double p = (1.0 if eta > 0.0 else e) / (1.0 + e)
        cdef double complement = (e if eta > 0.0 else 1.0) / (1.0 + e)
        cdef double q = (1.0 - s) * y + s * p
        cdef double rest = (1.0 - s) * (1.0 - y) + s * complement
        cdef double difference = (1.0 - s) * ((1.0 - y) * -p + y * complement)
        # log p = -log(1 + e^-eta), that of 1 - p is less by eta.
        cdef double log_p = (0.0 if eta > 0.0 else eta) - log1p(e)
        return share(q, p, difference, log_p) + share(rest, complement, -difference, log_p - eta)

    cdef void evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, Sums* sums
    ) noexcept nogil:
        sweep_logistic(y, weight, eta, n, 0.0, u, h, <double*> sums)

    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil:
        return divergence_rows(self, y, weight, eta, n, s)

    def check_domain(self, y):
        """Refuse targets that are no probabilities."""
        if y.min() < 0 or y.max() > 1:
            raise ValueError(
                f"y: expected labels 0 and 1 (or proportions between them) for the logistic loss, got values from "
                f"{y.min():g} to {y.max():g}. Code the classes as 0 and 1, or use fastreg.LogisticRegression."
            )

    def check_null(self, y):
        """Refuse targets of one class only: their best intercept is infinite."""
        if (y.max(axis=1) == 0).any() or (y.min(axis=1) == 1).any():
            raise ValueError("y: expected two classes for the logistic loss, got one. Take another y.")

    def link(self, mean):
        """Return the predictor of a mean."""
        return np.log(mean / (1.0 - mean))

    def mean(self, eta):
        """Return the mean of y, a probability, for a predictor."""
        e = np.exp(-np.abs(eta))
        return np.where(eta >= 0, 1.0, e) / (1.0 + e)

    def saturated(self, y, weights):
        """Return the least loss of all."""
        inside = (y > 0) & (y < 1)
        q = y[inside]
        return -float(weights[inside] @ (q * np.log(q) + (1.0 - q) * np.log1p(-q)))


@final
cdef class Poisson(Loss):
    """y >= 0, counts or rates; the logarithm of the mean is linear."""

    name = "poisson"

    cdef inline double between(self, double y, double eta, double s) noexcept nogil:
        cdef double mu = exp(eta)
        cdef double m = (1.0 - s) * y + s * mu
        return share(m, mu, (1.0 - s) * (y - mu), eta) + (1.0 - s) * (mu - y)

    cdef void evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, Sums* sums
    ) noexcept nogil:
        sweep_poisson(y, weight, eta, n, 0.0, u, h, <double*> sums)

    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil:
        return divergence_rows(self, y, weight, eta, n, s)

    def check_domain(self, y):
        """Refuse negative targets, and those whose squares would leave the range of numbers."""
        if y.min() < 0 or y.max() > LARGEST:
            raise ValueError(
                f"y: expected values from 0 to {LARGEST:g} for the Poisson loss, got values from {y.min():g} to "
                f"{y.max():g}. Drop or rescale them."
            )

    def check_null(self, y):
        """Refuse targets that are all 0: their best intercept is infinite."""
        if not y.any(axis=1).all():
            raise ValueError("y: expected a positive mean for the Poisson loss, got all zeros. Take another y.")

    def link(self, mean):
        """Return the predictor of a mean."""
        return np.log(mean)

    def mean(self, eta):
        """Return the mean of y for a predictor."""
        return np.exp(eta)

    def saturated(self, y, weights):
        """Return the least loss of all."""
        positive = y > 0
        return float(weights @ y - weights[positive] @ (y[positive] * np.log(y[positive])))


@final
cdef class Gamma(Loss):
    """y > 0; the logarithm of the mean is linear."""

    name = "gamma"

    cdef inline double between(self, double y, double eta, double s) noexcept nogil:
        cdef double ratio = y * exp(-eta)
        cdef double a = (1.0 - s) + s * ratio
        return share(a, ratio, (1.0 - s) * (1.0 - ratio), log(y) - eta) + (1.0 - s) * (ratio - 1.0)

    cdef void evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, Sums* sums
    ) noexcept nogil:
        sweep_gamma(y, weight, eta, n, 0.0, u, h, <double*> sums)

    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil:
        return divergence_rows(self, y, weight, eta, n, s)

    def unit(self, y):
        """Return the size of y against which rounding of u is measured: u has no unit."""
        return 1.0

    def check_domain(self, y):
        """Refuse targets that are not positive."""
        if y.min() <= 0:
            raise ValueError(f"y: expected values > 0 for the gamma loss, got {y.min():g}. Drop or shift them.")

    def link(self, mean):
        """Return the predictor of a mean."""
        return np.log(mean)

    def mean(self, eta):
        """Return the mean of y for a predictor."""
        return np.exp(eta)

    def saturated(self, y, weights):
        """Return the least loss of all."""
        return float(1.0 + weights @ np.log(y))


@final
cdef class Huber(Loss):
    """Squared loss up to residuals of size delta, in units of y, and linear beyond.

    Parameters
    ----------
    delta : float > 0

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 1.0, 2.0, 90.0])
    >>> fastreg.fit_path(X, y, loss=fastreg.Huber(0.5), alphas=0.01).coef(0.01).round(2)
    array([1.92])
    """

    cdef readonly double delta

    name = "huber"

    def __init__(self, double delta=1.35):
        if not 0 < delta < np.inf:
            raise ValueError(f"delta: expected a finite number > 0, got {delta!r}.")
        self.delta, self.reach = delta, np.inf

    def __repr__(self):
        return f"Huber({self.delta!r})"

    def __reduce__(self):
        return Huber, (self.delta,)

    cdef inline double between(self, double y, double eta, double s) noexcept nogil:
        cdef double size = fabs(y - eta)
        cdef double u = min(size, self.delta)
        return (1.0 - s) * u * (size - u + 0.5 * (1.0 - s) * u)

    cdef void evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, Sums* sums
    ) noexcept nogil:
        sweep_huber(y, weight, eta, n, self.delta, u, h, <double*> sums)

    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil:
        return divergence_rows(self, y, weight, eta, n, s)

    def check_domain(self, y):
        """Any finite target will do."""

    def link(self, mean):
        """Return the predictor of a mean."""
        return mean

    def mean(self, eta):
        """Return the prediction of y for a predictor."""
        return eta

    def saturated(self, y, weights):
        """Return the least loss of all."""
        return 0.0


ctypedef fused Kind:
    Logistic
    Poisson
    Gamma
    Huber


cdef bint moderate(const double* y, index_t n) noexcept nogil:
    # Whether targets are so near to 1 that neither they nor their ratios to means leave the range of numbers.
    cdef double least = 1.0
    cdef double most = 1.0
    cdef index_t i
    for i in range(n):
        least, most = min(least, y[i]), max(most, y[i])
    return 1.0 / LARGEST <= least and most <= LARGEST


cdef double divergence_rows(
    Kind loss, const double* y, const double* weight, const double* eta, index_t n, double s
) noexcept nogil:
    # Block by block: by vectors where there is such a kernel and predictors are in its range, or row by row.
    cdef double total = 0.0
    cdef double part, largest
    cdef index_t block, first, size, i
    for block in range(ceil_div(n, BLOCK)):
        first = block * BLOCK
        size = min(<index_t> BLOCK, n - first)
        largest = 0.0
        for i in range(first, first + size):
            largest = max(largest, fabs(eta[i]))
        if Kind is Logistic and largest <= REACH:
            part = diverge_logistic(y + first, weight + first, eta + first, size, s)
        elif Kind is Poisson and largest <= REACH:
            part = diverge_poisson(y + first, weight + first, eta + first, size, s)
        elif Kind is Gamma and largest <= REACH and moderate(y + first, size):
            part = diverge_gamma(y + first, weight + first, eta + first, size, s)
        else:
            part = 0.0
            for i in range(first, first + size):
                if weight[i] != 0.0:
                    part += weight[i] * loss.between(y[i], eta[i], s)
        total += part
    return total
