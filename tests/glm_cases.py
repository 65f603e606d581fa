"""Data and options that the tests of generalized linear models run over."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from designs import make_data, option_sets
from hypothesis import strategies as st
from scipy.special import xlogy
from test_random_problems import problems

import fastreg

GLM_LOSSES = ("logistic", "poisson", "gamma", "huber")
DELTA = 1.35
# The losses as the textbook has them, up to a constant in eta; their smallest values; their conjugates at v.
PLAIN = {
    "logistic": lambda y, eta: np.logaddexp(0, eta) - y * eta,
    "poisson": lambda y, eta: np.exp(eta) - y * eta,
    "gamma": lambda y, eta: y * np.exp(-eta) + eta,
    "huber": lambda y, eta: np.where(
        np.abs(y - eta) <= DELTA, 0.5 * (y - eta) ** 2, DELTA * np.abs(y - eta) - 0.5 * DELTA**2
    ),
}
SATURATED = {
    "logistic": lambda y: -xlogy(y, y) - xlogy(1 - y, 1 - y),
    "poisson": lambda y: y - xlogy(y, y),
    "gamma": lambda y: 1 + np.log(y),
    "huber": lambda y: 0.0 * y,
}
CONJUGATE = {
    "logistic": lambda y, v: xlogy(v + y, v + y) + xlogy(1 - v - y, 1 - v - y),
    "poisson": lambda y, v: xlogy(v + y, v + y) - (v + y),
    "gamma": lambda y, v: xlogy(1 - v, (1 - v) / y) - (1 - v),
    "huber": lambda y, v: 0.5 * v**2 + v * y,
}


def conjugate(name, y, v):
    """The conjugate of the loss minus its smallest value."""
    return CONJUGATE[name](y, v) + SATURATED[name](y)


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


def make_classes(n, p, n_classes=3, *, kind="plain", seed=0):
    """Return A and codes drawn at predictors of the first features; every class is there."""
    A, _ = make_data(n, p, kind=kind, seed=seed)
    rng = np.random.default_rng(seed + 1)
    eta = 1.5 * A[:, [1, 4, 6, 8][:n_classes]] + 0.3 * rng.standard_normal((n, n_classes))
    y = np.argmax(eta + rng.gumbel(size=eta.shape), axis=1)
    y[:n_classes] = np.arange(n_classes)
    return A, y


def class_problem(n, p, name):
    """Return A, codes of three classes and the named options of fit_path; every class has a row of positive weight."""
    A, y = make_classes(n, p, kind="pathological")
    options = {key: value for key, value in option_sets(n, p)[name].items() if key != "offset"}
    if "sample_weight" in options:
        options["sample_weight"] = np.maximum(options["sample_weight"], np.arange(n) < 3)
    return A, y, options


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


@st.composite
def glm_problems(draw):
    """Draw A, y, loss, options of fit_path and storage: the problems of ``test_random_problems`` with another y."""
    A, signal, options, storage = draw(problems())
    loss = draw(st.sampled_from(GLM_LOSSES))
    eta = (signal - signal.mean()) / (signal.std() or 1.0)
    return A, respond(loss, eta, np.random.default_rng(draw(st.integers(0, 2**32 - 1)))), loss, options, storage


GLMNET = json.loads((Path(__file__).parent / "data" / "glmnet_glm_numbers.json").read_text())


def glmnet_fits():
    """Return glmnet's fits by name: data, loss, options, and per lambda intercept, features and coefficients."""
    return {
        "-".join([fit["data"], *["grouped"] * fit.get("grouped", False), *fit["options"]]): fit
        for fit in GLMNET["fits"]
    }


def glmnet_data(fit):
    """Return X, y and the options of fit_path for one of these; skip the test where its data are not there."""
    if fit["data"] in GLMNET["data"]:
        X, y = np.array(GLMNET["data"]["x"]), np.array(GLMNET["data"][fit["data"]], dtype=float)
    else:
        path = Path(os.environ.get("FASTREG_DATA", "")) / f"{fit['data']}.npz"
        if "FASTREG_DATA" not in os.environ or not path.exists():
            pytest.skip(f"no {path.name} in a folder FASTREG_DATA")
        with np.load(path) as file:
            X, y = file["X"], file["y"]
    stored = {"sample_weight": "weights", "offset": "offset"}
    return (
        X,
        y,
        {
            name: np.array(GLMNET["data"][stored[name]]) if name in stored else value
            for name, value in fit["options"].items()
        },
    )


def glmnet_coefficients(part, p):
    """Return the coefficients (p,) of one of glmnet's fits, or (K, p) where it has classes."""
    if "classes" in part:
        return np.stack([glmnet_coefficients(one, p) for one in part["classes"]])
    coef = np.zeros(p)
    coef[part["features"]] = part["coefficients"]
    return coef


def check_glmnet_classes(fit, loss, tol):
    """Fit one of glmnet's multinomial paths; coefficients and, up to a constant, intercepts are glmnet's."""
    X, y, options = glmnet_data(fit)
    codes, steps = np.unique(y, return_inverse=True)[1], fit["path"]
    path = fastreg.fit_path(X, codes, loss=loss, alphas=[s["lambda"] for s in steps], tol=tol, **options)
    for step in steps:
        expected = glmnet_coefficients(step, X.shape[1])
        np.testing.assert_allclose(path.coef(step["lambda"]), expected, atol=1e-5)
        theirs = np.array([part["intercept"] for part in step["classes"]])
        ours = path.intercept(step["lambda"])
        np.testing.assert_allclose(ours - ours.mean(), theirs - theirs.mean(), atol=1e-5)
