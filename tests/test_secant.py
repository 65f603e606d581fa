"""What old curvatures get wrong between alphas, and what Newton's method gains by knowing it."""

import numpy as np
import pytest
from test_kernels import scaled_design

import fastreg
from fastreg import reference
from fastreg.solver.secant import Secant
from fastreg.subproblem.gram import GramForm


@pytest.mark.parametrize(
    ("curved", "ahead", "error"),
    [
        (1.0, 0.82, True),
        (0.9, 0.82, True),
        (1.3, 0.71, True),
        (0.95, 0.82, False),
        (0.945, 0.82, False),
        (1.0, 0.5, False),
    ],
)
def test_secant_twin(curved, ahead, error):
    rng = np.random.default_rng(3)
    design = scaled_design(rng.standard_normal((40, 9)))
    form, secant = GramForm(design), Secant(9)
    form.add_features(np.array([4, 1, 7]))
    form.bind_target(rng.standard_normal(40), np.zeros(9))
    here, last = 1.0, 0.9
    old, old_z = rng.standard_normal(3), rng.standard_normal(3)
    secant.remember(form, old, old_z, here)
    secant.curved = curved
    # A feature that has joined since has had no coefficient, and nobody knows its correlation then.
    form.add_features(np.array([0]))
    new, z = rng.standard_normal(4), rng.standard_normal(4)
    step, change = new - np.r_[old, 0.0], np.r_[old_z - z[:3], 0.0]
    age, ratio = (curved - last) / (here - last), (last - ahead) / (here - last)
    expected = reference.secant_error(form.gram(), step, change, age, ratio)
    expected[3] = 0.0
    np.testing.assert_allclose(secant.corrected(form, new, z, last, ahead), expected, atol=1e-13)
    assert expected.any() == bool(error)


@pytest.mark.parametrize(("age", "order"), [(0.0, 2.5), (1.0, 2.5), (4.0, 2.5)])
def test_a_corrected_step_is_of_third_order(age, order):
    """Logistic ridge: a step as long as half of another one misses by an eighth of that, whatever the curvatures."""
    rng = np.random.default_rng(5)
    X, loss = rng.standard_normal((300, 4)), reference.Logistic()
    y, weights = (X @ [1.0, -1.0, 0.5, 0.0] + rng.standard_normal(300) > 0).astype(float), np.full(300, 1 / 300)
    ends = np.full(4, -np.inf), np.full(4, np.inf)

    def solution(a):
        return reference.newton.proximal_newton(
            loss, y, weights, X, np.zeros(300), np.zeros(4), np.full(4, a), *ends, np.zeros(4)
        )

    def slope(b):
        return -X.T @ (weights * loss.negative_gradient(y, X @ b))

    def hessian(b):
        return X.T @ (X * (weights * loss.curvature(y, X @ b))[:, None])

    missed = []
    for width in (0.04, 0.02, 0.01):
        old, last, ahead = (solution(a) for a in (0.3 + width, 0.3, 0.3 - width))
        gram = hessian(solution(0.3 + age * width))
        error = reference.secant_error(gram, last - old, slope(last) - slope(old), age, 1.0)
        # The model's minimizer: slope + gram d + error + q (last + d) = 0.
        q = 0.3 - width
        d = np.linalg.solve(gram + q * np.eye(4), -(slope(last) + q * last + error))
        missed.append(np.linalg.norm(last + d - ahead))
    assert np.all(np.log2(np.array(missed[:-1]) / missed[1:]) > order)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "gamma"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_one_step_an_alpha(loss, order):
    """Where the support stays, an alpha takes one step and its certificate."""
    rng = np.random.default_rng(1)
    X = np.asarray(rng.standard_normal((3000, 12)), order=order)
    eta = X @ np.linspace(0.2, 0.5, 12)
    y = {
        "logistic": (eta + rng.logistic(size=3000) > 0).astype(float),
        "poisson": rng.poisson(np.exp(eta)).astype(float),
        "gamma": rng.gamma(2.0, np.exp(eta)) + 1e-3,
    }[loss]
    top = fastreg.alpha_max(X, y, loss=loss, l1_ratio=0.5)
    alphas = top * np.geomspace(0.3, 0.03, 50)
    path = fastreg.fit_path(X, y, loss=loss, l1_ratio=0.5, alphas=alphas)
    assert path.converged.all()
    assert path.df[10:].min() == 12
    assert path.n_iter[12:].mean() <= 1.1
    for i in (20, 49):
        gap = fastreg.duality_gap(
            X, y, path.coef(alphas[i]), path.intercept(alphas[i]), alpha=alphas[i], loss=loss, l1_ratio=0.5
        )
        assert gap <= 1e-6 * path.null_loss * 1.001


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_a_long_way_is_not_foretold_by_a_short_one(loss):
    """A step of a hundred times the last one cost up to 18 times the events."""
    rng = np.random.default_rng(3)
    X = rng.standard_normal((60, 200))
    eta = X[:, :5].sum(axis=1)
    y = (eta + rng.logistic(size=60) > 0) * 1.0 if loss == "logistic" else rng.poisson(np.exp(0.5 * eta)) * 1.0
    top = fastreg.alpha_max(X, y, loss=loss)
    jump = fastreg.fit_path(X, y, loss=loss, alphas=top * np.array([0.1, 0.09, 0.001]))
    plain = fastreg.fit_path(X, y, loss=loss, alphas=top * np.array([0.09, 0.001]))
    assert jump.converged.all()
    assert jump.n_iter[-1] <= 1.5 * plain.n_iter[-1] + 10
