"""The oracles of single losses, against their definitions."""

import numpy as np
import pytest
from glm_cases import GLM_LOSSES, PLAIN, SATURATED, conjugate, respond
from scipy.optimize import minimize_scalar

from fastreg import reference


def some(name, n=200, seed=0):
    """The loss, and y and eta all over its domain."""
    rng = np.random.default_rng(seed)
    y = respond(name, rng.standard_normal(n), rng)
    if name == "logistic":
        y[::3] = rng.random(len(y[::3]))
    return reference.LOSSES[name](), y, 2 * rng.standard_normal(n)


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_value_gradient_and_curvature(name):
    loss, y, eta = some(name)
    np.testing.assert_allclose(loss.value(y, eta), PLAIN[name](y, eta) - SATURATED[name](y), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(loss.deviance(y, eta), 2 * loss.value(y, eta))
    step = 1e-5
    slope = (PLAIN[name](y, eta + step) - PLAIN[name](y, eta - step)) / (2 * step)
    np.testing.assert_allclose(loss.negative_gradient(y, eta), -slope, rtol=1e-7, atol=1e-8)
    # The two places where Huber's gradient has a kink are not among these.
    bend = (loss.negative_gradient(y, eta - step) - loss.negative_gradient(y, eta + step)) / (2 * step)
    np.testing.assert_allclose(loss.curvature(y, eta), bend, rtol=1e-7, atol=1e-8)
    # A fit is perfect where the mean is y.
    np.testing.assert_allclose(loss.link(loss.mean(eta)), eta, rtol=1e-9)
    np.testing.assert_allclose(loss.negative_gradient(loss.mean(eta), eta), 0.0, atol=1e-14)
    np.testing.assert_allclose(loss.value(loss.mean(eta), eta), 0.0, atol=1e-14)


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_conjugate_and_divergence(name):
    loss, y, eta = some(name)
    u = loss.negative_gradient(y, eta)
    # The conjugate is what it is called: the maximum of v eta - l(y, eta).
    for i in range(0, 200, 20):
        best = minimize_scalar(
            lambda e, i=i: 0.6 * u[i] * e + loss.value(y[i], e),
            bounds=(-40, 40),
            method="bounded",
            options={"xatol": 1e-10},
        )
        assert -best.fun == pytest.approx(conjugate(name, y[i], -0.6 * u[i]), abs=1e-9)
    # Fenchel's equality at u, and the divergence as the excess of Fenchel's inequality at s u.
    np.testing.assert_allclose(loss.value(y, eta) + conjugate(name, y, -u) + u * eta, 0.0, atol=1e-12)
    for s in (0.0, 0.3, 0.9, 1.0):
        excess = loss.value(y, eta) + conjugate(name, y, -s * u) + s * u * eta
        np.testing.assert_allclose(loss.divergence(y, eta, s), excess, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(loss.divergence(y, eta, 0.0), loss.value(y, eta), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_divergence_next_to_one_does_not_cancel(name):
    loss, y, eta = some(name)
    h, u = loss.curvature(y, eta), loss.negative_gradient(y, eta)
    smooth = h > 1e-3
    far = 1e-7
    # l* has the curvature 1/h: D(s) is (1 - s)^2 u^2 / (2 h) plus what is of third order.
    quadratic = 0.5 * far**2 * u**2 / np.where(smooth, h, 1.0)
    np.testing.assert_allclose(loss.divergence(y, eta, 1 - far)[smooth], quadratic[smooth], rtol=1e-4)


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_values_at_the_ends(name):
    loss = reference.LOSSES[name]()
    y = {"logistic": [0.0, 1.0, 0.0, 1.0], "poisson": [0.0, 3.0, 0.0, 1e6]}.get(name, [1e-3, 1.0, 5.0, 1e6])
    y, eta = np.array(y), np.array([-600.0, 300.0, 600.0, -300.0])
    for s in (0.0, 0.5, 1.0):
        for values in (loss.value(y, eta), loss.divergence(y, eta, s)):
            assert np.all(values >= 0)
            assert np.all(np.isfinite(values))


def test_a_fit_next_to_perfect_keeps_its_digits():
    near, one, far = np.log(1e6) + 1e-8, np.array(1.0), np.array(40.0)
    for got, expected in (
        (reference.Poisson().value(np.array(1e6), near), 1e6 * 0.5e-16),
        (reference.Gamma().value(np.array(1e6), near), 0.5e-16),
        (reference.Logistic().value(one, far), np.exp(-40.0)),
        (reference.Logistic().negative_gradient(one, far), np.exp(-40.0)),
    ):
        assert got == pytest.approx(expected, rel=1e-6, abs=0)


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_null_intercept(name):
    rng = np.random.default_rng(3)
    loss, y, offset = some(name, 40, seed=2)
    weights = rng.random(40) / 20
    weights /= weights.sum()
    best = minimize_scalar(
        lambda c: weights @ PLAIN[name](y, c + offset), bounds=(-20, 20), method="bounded", options={"xatol": 1e-9}
    ).x
    assert loss.null_intercept(y, weights, offset) == pytest.approx(best, abs=1e-6)
    assert abs(weights @ loss.negative_gradient(y, loss.null_intercept(y, weights, offset) + offset)) < 1e-14
    if name != "huber":
        assert loss.null_intercept(y, weights, 0.0) == pytest.approx(loss.link(weights @ y), rel=1e-12)


def test_null_intercept_without_a_minimum():
    weights = np.full(3, 1 / 3)
    for name, y, end in (("logistic", 0.0, -np.inf), ("logistic", 1.0, np.inf), ("poisson", 0.0, -np.inf)):
        form = reference.glm_form(np.eye(3), np.full(3, y), name)
        assert reference.LOSSES[name]().null_intercept(form.y, weights, np.zeros(3)) == end
        assert form.null_loss == 0
        b, intercept = reference.glm_fit(form, 0.1)
        assert reference.glm_dual_gap(form, b, intercept, 0.1) == reference.glm_alpha_max(form) == 0
