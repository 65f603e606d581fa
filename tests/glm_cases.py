"""Data and options that the tests of generalized linear models run over."""

import numpy as np
from designs import make_data, option_sets

GLM_LOSSES = ("logistic", "poisson", "gamma", "huber")


def respond(loss, eta, rng):
    """Return y drawn for the predictors eta: labels of both classes, counts, positive numbers, or heavy tails."""
    if loss == "logistic":
        y = (rng.random(len(eta)) < 1 / (1 + np.exp(-eta))).astype(float)
        y[np.argmax(eta)], y[np.argmin(eta)] = 1.0, 0.0
        return y
    if loss == "poisson":
        y = rng.poisson(np.exp(eta)).astype(float)
        y[np.argmin(eta)] = 0.0
        return y
    if loss == "gamma":
        return np.exp(eta) * rng.gamma(2.0, 0.5, len(eta))
    return eta + rng.standard_t(1.5, len(eta))


def make_glm_data(n, p, loss, *, kind="plain", seed=0):
    """Return A and y: the design of ``make_data``, and y drawn at predictors of mean 0.3 and standard deviation 1."""
    A, signal = make_data(n, p, kind=kind, seed=seed)
    eta = 0.3 + (signal - signal.mean()) / signal.std()
    return A, respond(loss, eta, np.random.default_rng(seed + 1))


def glm_option_sets(n, p, seed=1):
    """Return named keyword arguments of fit_path; `p` features, `n` samples.

    Those of squared loss, and what only other losses tell apart: an offset cannot be subtracted from y, and without
    an intercept not even the null model is a mean.
    """
    rng = np.random.default_rng(seed + 1)
    offset = 0.7 * rng.standard_normal(n)
    weights = rng.uniform(0.2, 3.0, n)
    return option_sets(n, p, seed) | {
        "offset": {"offset": offset},
        "offset-no-intercept": {"offset": offset, "fit_intercept": False},
        "offset-weights": {"offset": offset, "sample_weight": weights, "l1_ratio": 0.5},
        "free-bounded": {"penalty_factors": np.r_[0.0, 0.0, np.ones(p - 2)], "lower_bounds": 0.0, "l1_ratio": 0.5},
        "standardize-no-intercept": {"standardize": True, "fit_intercept": False, "l1_ratio": 0.5},
    }
