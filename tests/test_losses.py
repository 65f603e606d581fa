"""The compiled losses beside their NumPy twins, row by row, from saturation to saturation."""

import numpy as np
import pytest
from glm_cases import GLM_LOSSES, respond

import fastreg
from fastreg import reference
from fastreg.loss.losses import LOSSES

ETAS = np.r_[-700.0, -300.0, -50.0, np.linspace(-12, 12, 481), 50.0, 300.0, 700.0]


def rows(loss):
    """Targets and predictors: those that the loss draws itself, and every target with every predictor."""
    etas = ETAS if loss in ("logistic", "huber") else ETAS[np.abs(ETAS) <= 50]
    drawn = respond(loss, np.clip(etas, -3, 3), np.random.default_rng(0))
    some = {"logistic": [0.0, 0.25, 1.0], "poisson": [0.0, 0.5, 7.0], "gamma": [1e-3, 2.0, 1e3], "huber": [-5.0, 0.1]}
    y = np.concatenate([drawn, *(np.full(len(etas), value) for value in some[loss])])
    return y, np.tile(etas, len(y) // len(etas))


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_rows(loss):
    y, eta = rows(loss)
    twin, kernel = reference.LOSSES[loss](), LOSSES[loss]
    one = np.ones(1)
    for target, point in zip(y[:, None], eta[:, None], strict=True):
        value, u, h = kernel.point(target, one, point)
        least = kernel.saturated(target, one)
        size = abs(value) + abs(least) + abs(point[0])
        assert value - least == pytest.approx(twin.value(target, point)[0], rel=1e-12, abs=4e-15 * size)
        # u keeps its digits where it is small, but for what y has lost to mu.
        u_twin = twin.negative_gradient(target, point)[0]
        assert u[0] == pytest.approx(u_twin, rel=1e-13, abs=1e-15 * abs(target[0]))
        scale = 1.0 if loss != "huber" else 1.35 / max(abs(target[0] - point[0]), 1.35) / max(abs(u_twin), 1e-300)
        assert h[0] == pytest.approx(max(twin.curvature(target, point)[0], 0.01 * abs(u_twin) * scale), rel=1e-12)


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_sums_over_rows_of_every_length(loss):
    y, eta = rows(loss)
    keep = np.abs(eta) < 15
    y, eta = y[keep], eta[keep]
    twin, kernel = reference.LOSSES[loss](), LOSSES[loss]
    rng = np.random.default_rng(1)
    for n in (1, 7, 15, 16, 17, 33, len(y)):
        weights = rng.random(n) * (rng.random(n) < 0.8)
        weights[0] = 1.0
        weights /= weights.sum()
        value, u, _ = kernel.point(y[:n], weights, eta[:n])
        expected = weights @ twin.value(y[:n], eta[:n])
        assert value - kernel.saturated(y[:n], weights) == pytest.approx(expected, rel=1e-10, abs=1e-12 * abs(value))
        np.testing.assert_allclose(u, twin.negative_gradient(y[:n], eta[:n]), rtol=1e-12, atol=1e-14 * y.max())
        deviance = kernel.deviance(y[:n], eta[:n, None], weights)
        assert deviance[0] == pytest.approx(2 * expected, rel=1e-10, abs=1e-11 * abs(value))


@pytest.mark.parametrize("loss", GLM_LOSSES)
@pytest.mark.parametrize("s", [0.0, 0.3, 0.9, 0.999999, 1.0])
def test_divergence_and_its_bound(loss, s):
    y, eta = rows(loss)
    keep = np.abs(eta) < 30
    y, eta = y[keep], eta[keep]
    twin, kernel = reference.LOSSES[loss](), LOSSES[loss]
    one = np.ones(1)
    for target, point in zip(y[:, None], eta[:, None], strict=True):
        expected = twin.divergence(target, point, s)[0]
        size = np.exp(point[0]) if loss == "poisson" else target[0] * np.exp(-point[0]) if loss == "gamma" else 1.0
        assert kernel.divergence_at(target, one, point, s) == pytest.approx(expected, rel=1e-7, abs=1e-14 * (1 + size))
        if 0 < s < 1:
            u, h = twin.negative_gradient(target, point)[0], twin.curvature(target, point)[0]
            tilt = 0.0 if loss != "huber" else u * (target[0] - point[0] - u)
            curve = u * u if loss == "huber" else u * u / h
            assert expected <= ((1 - s) * tilt + 0.5 * (1 - s) ** 2 / s**2 * curve) * (1 + 1e-6) + 1e-12 * (1 + size)


@pytest.mark.parametrize("loss", GLM_LOSSES)
@pytest.mark.parametrize("s", [0.0, 0.5, 0.999])
def test_divergence_of_many_rows(loss, s):
    y, eta = rows(loss)
    keep = np.abs(eta) < 30
    y, eta = y[keep], eta[keep]
    weights = np.random.default_rng(2).random(len(y)) / len(y)
    expected = reference.LOSSES[loss]().divergence(y, eta, s)
    size = np.abs(expected).max()
    for n in (1, 5, 255, 257, len(y)):
        found = LOSSES[loss].divergence_at(y[:n], weights[:n], eta[:n], s)
        assert found == pytest.approx(weights[:n] @ expected[:n], rel=1e-9, abs=1e-14 * size)


@pytest.mark.parametrize("y", [1e-300, 1e-120, 1e120, 1e300])
def test_divergence_of_gamma_targets_of_any_size(y):
    y = np.full(20, y)
    eta = np.log(y) + np.linspace(-1, 1, 20)
    weights = np.full(20, 0.05)
    expected = weights @ reference.LOSSES["gamma"]().divergence(y, eta, 0.5)
    assert LOSSES["gamma"].divergence_at(y, weights, eta, 0.5) == pytest.approx(expected, rel=1e-9)


def test_losses_are_what_they_are_called():
    assert {name: loss.name for name, loss in LOSSES.items()} == {name: name for name in LOSSES}
    assert fastreg.Huber(2.0).delta == 2.0
