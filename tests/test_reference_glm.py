"""The oracles of generalized linear models: against general optimizers, scikit-learn, each other."""

import numpy as np
import pytest
from glm_cases import DELTA, GLM_LOSSES, PLAIN, SATURATED, conjugate, glm_option_sets, glm_problems, make_glm_data
from hypothesis import given, settings
from scipy.optimize import minimize
from sklearn.linear_model import GammaRegressor, LogisticRegression, PoissonRegressor

from fastreg import reference


def general_optimum(name, A, y, alpha, options):
    """Coefficients, intercept and objective of L-BFGS-B on b = plus - minus; intercept and l2 part as they are."""
    n, p = A.shape
    w = np.asarray(options.get("sample_weight", np.ones(n)), dtype=float)
    w, ratio = w / w.sum(), options.get("l1_ratio", 1.0)
    size = np.sqrt(w @ (A - w @ A) ** 2) if options.get("standardize") else np.ones(p)
    v = np.asarray(options.get("penalty_factors", np.ones(p)))
    out = np.isinf(v)
    v, offset = alpha * np.where(out, 0.0, v), options.get("offset", 0.0)
    loss = reference.LOSSES[name]()

    def objective(theta):
        plus, minus = theta[:p], theta[p:-1]
        b = plus - minus
        eta = A @ b + theta[-1] + offset
        u = w * loss.negative_gradient(y, eta)
        l1, l2 = v * ratio * size, v * (1 - ratio) * size**2
        value = w @ (PLAIN[name](y, eta) - SATURATED[name](y)) + l1 @ (plus + minus) + 0.5 * l2 @ b**2
        slope = l2 * b - A.T @ u
        return value, np.r_[slope + l1, l1 - slope, -u.sum()]

    lower = np.where(out, 0.0, np.broadcast_to(options.get("lower_bounds", -np.inf), p))
    upper = np.where(out, 0.0, np.broadcast_to(options.get("upper_bounds", np.inf), p))
    ends = [(0, end) for end in upper] + [(0, -end) for end in lower]
    ends.append((None, None) if options.get("fit_intercept", True) else (0, 0))
    found = minimize(
        objective,
        np.zeros(2 * p + 1),
        jac=True,
        method="L-BFGS-B",
        bounds=ends,
        options={"maxiter": 20_000, "maxfun": 50_000, "ftol": 1e-14, "gtol": 1e-8},
    )
    return found.x[:p] - found.x[p:-1], found.x[-1], found.fun


@pytest.mark.parametrize("name", GLM_LOSSES)
@pytest.mark.parametrize("case", glm_option_sets(40, 15))
def test_fit_is_the_optimum(case, name):
    A, y = make_glm_data(40, 15, name)
    options = glm_option_sets(40, 15)[case]
    form = reference.glm_form(A, y, name, **options)
    alpha = 0.05
    b, intercept = reference.glm_fit(form, alpha)
    gap = reference.glm_dual_gap(form, b, intercept, alpha)
    assert 0 <= gap <= 1e-11 * form.null_loss
    assert reference.glm_kkt_violation(form, b, intercept, alpha).max() <= 1e-9
    peer, peer_intercept, peer_value = general_optimum(name, A, y, alpha, options)
    value = reference.glm_objective(form, b, intercept, alpha)
    assert value <= peer_value + 1e-13
    assert value == pytest.approx(peer_value, abs=1e-9)
    np.testing.assert_allclose(b, peer, atol=2e-4)
    # The objective is the plain one, and the gap of other coefficients bounds what they lose.
    assert reference.glm_objective(form, peer, peer_intercept, alpha) == pytest.approx(peer_value, rel=1e-12)
    rng = np.random.default_rng(0)
    for spread in (0.3, 1e-3):
        other = np.clip(b + spread * rng.standard_normal(15), form.lower, form.upper)
        shifted = intercept + (spread * rng.standard_normal() if form.fit_intercept else 0.0)
        excess = reference.glm_objective(form, other, shifted, alpha) - value
        bound = reference.glm_dual_gap(form, other, shifted, alpha)
        assert excess <= bound + 1e-14
        # The dual is 0 at u = 0.
        assert bound <= reference.glm_objective(form, other, shifted, alpha) * (1 + 1e-14)


@settings(max_examples=50)
@given(glm_problems())
def test_random_problems_are_solved(problem):
    A, y, loss, options, _ = problem
    form = reference.glm_form(A, y, loss, **options)
    for alpha in (0.3 * reference.glm_alpha_max(form), 0.01):
        b, intercept = reference.glm_fit(form, alpha)
        assert np.all((b >= form.lower) & (b <= form.upper))
        # Columns of mean 1000, without an intercept to take it: rounding alone leaves 1e-9 of the null loss.
        floor = 1e-24 * (1 + np.max(np.abs(y))) ** 2
        assert reference.glm_dual_gap(form, b, intercept, alpha) <= 1e-8 * form.null_loss + floor


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_gap_is_primal_minus_the_best_dual(name):
    A, y = make_glm_data(30, 14, name, kind="pathological", seed=3)
    offset = np.linspace(-1, 1, 30)
    rng = np.random.default_rng(5)
    alpha, w = 0.05, np.full(30, 1 / 30)
    for ratio, upper in ((1.0, np.inf), (0.5, 0.3), (0.0, 0.1)):
        options = {"l1_ratio": ratio, "offset": offset, "upper_bounds": upper, "fit_intercept": False}
        form = reference.glm_form(A, y, name, **options)
        b = np.minimum(0.1 * rng.standard_normal(14) * (rng.random(14) < 0.5), upper) * (form.upper > 0)
        u = form.loss.negative_gradient(y, A @ b + offset)

        def dual(s, form=form, u=u):
            # l* is of eta with its offset; the offset is not the coefficients' doing.
            h = reference.conjugate(s * (A.T @ (w * u)), alpha * form.l1, alpha * form.l2, form.lower, form.upper)
            return -(w @ (conjugate(name, y, -s * u) + s * u * offset)) - h.sum()

        best = max(dual(s) for s in np.linspace(0, 1, 4001))
        gap = reference.glm_objective(form, b, 0.0, alpha) - best
        assert gap * (1 - 1e-2) - 1e-12 <= reference.glm_dual_gap(form, b, 0.0, alpha) <= gap + 1e-12


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_gap_sees_a_wrong_intercept_and_broken_bounds(name):
    A, y = make_glm_data(40, 15, name)
    form = reference.glm_form(A, y, name, upper_bounds=0.1)
    b, intercept = reference.glm_fit(form, 0.05)
    lost = reference.glm_objective(form, b, intercept + 0.5, 0.05) - reference.glm_objective(form, b, intercept, 0.05)
    assert lost > 0.01 * form.null_loss
    assert reference.glm_dual_gap(form, b, intercept + 0.5, 0.05) == pytest.approx(lost, rel=1e-8)
    assert reference.glm_dual_gap(form, b + 0.2, intercept, 0.05) == np.inf
    never = reference.glm_form(A, y, name, penalty_factors=np.full(15, np.inf))
    assert reference.glm_dual_gap(never, b, intercept, 0.05) == np.inf
    # The violation of the intercept is the weighted mean of u.
    u = form.loss.negative_gradient(y, A @ b + intercept + 0.5)
    assert reference.glm_kkt_violation(form, b, intercept + 0.5, 0.05)[-1] == pytest.approx(abs(u.mean()))


@pytest.mark.parametrize("name", GLM_LOSSES)
@pytest.mark.parametrize("case", ["lasso", "no-intercept", "standardize", "factors", "positive", "offset-weights"])
def test_alpha_max_is_the_edge(case, name):
    A, y = make_glm_data(40, 15, name)
    options = glm_option_sets(40, 15)[case]
    form = reference.glm_form(A, y, name, **options)
    held = form.l1 > 0
    top = reference.glm_alpha_max(form)
    assert not reference.glm_fit(form, top * (1 + 1e-9))[0][held].any()
    assert reference.glm_fit(form, top * 0.999)[0][held].any()


def assert_same(one, two, factor=1.0):
    np.testing.assert_allclose(one[0], factor * two[0], atol=1e-9)
    assert one[1] == pytest.approx(factor * two[1], abs=1e-9)


@pytest.mark.parametrize("name", GLM_LOSSES)
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5, "standardize": True}, {"l1_ratio": 0.0}])
def test_weights_are_repetition(name, options):
    A, y = make_glm_data(40, 15, name)
    weights = np.random.default_rng(0).integers(0, 4, 40)
    once = reference.glm_form(A, np.where(weights > 0, y, np.nan), name, sample_weight=weights, **options)
    repeated = reference.glm_form(np.repeat(A, weights, axis=0), np.repeat(y, weights), name, **options)
    assert once.null_loss == pytest.approx(repeated.null_loss, rel=1e-12)
    assert_same(reference.glm_fit(once, 0.03), reference.glm_fit(repeated, 0.03))


def test_identities_of_single_losses():
    A, y = make_glm_data(40, 15, "huber")
    fit, form = reference.glm_fit, reference.glm_form
    # Huber's loss that cuts off nothing is squared loss.
    squared = reference.standard_form(A, y)
    b = reference.lasso_path(squared, [0.1])[:, 0]
    assert_same(fit(form(A, y, reference.Huber(1e6)), 0.1), (b, squared.intercept(b)))
    # It has a scale: delta, alpha and y together.
    assert_same(fit(form(A, 3 * y, reference.Huber(3 * DELTA)), 0.3), fit(form(A, y, "huber"), 0.1), 3.0)
    # The other class is the other sign; a fraction is both classes, with weights.
    y = make_glm_data(40, 15, "logistic")[1]
    assert_same(fit(form(A, 1 - y, "logistic"), 0.02), fit(form(A, y, "logistic"), 0.02), -1.0)
    part = np.linspace(0.05, 0.95, 40)
    both = form(np.r_[A, A], np.repeat([1.0, 0.0], 40), "logistic", sample_weight=np.r_[part, 1 - part])
    assert_same(fit(form(A, part, "logistic"), 0.005), fit(both, 0.005))
    # Counts over an exposure e are rates with weights e.
    y, e = make_glm_data(40, 15, "poisson")[1], np.linspace(0.5, 2.0, 40)
    rates = form(A, y / e, "poisson", sample_weight=e)
    assert_same(fit(form(A, y, "poisson", offset=np.log(e)), 0.05), fit(rates, 0.05 * 40 / e.sum()))
    # Gamma has no unit.
    y = make_glm_data(40, 15, "gamma")[1]
    b, intercept = fit(form(A, y, "gamma"), 0.05)
    assert_same(fit(form(A, 7 * y, "gamma"), 0.05), (b, intercept + np.log(7)))


@pytest.mark.parametrize("intercept", [True, False])
def test_scikit_learn(intercept):
    weights = np.random.default_rng(1).uniform(0.5, 2.0, 60)
    alpha = 0.02
    tight = {"tol": 1e-11, "max_iter": 100_000, "fit_intercept": intercept}
    for name, peer in (
        ("logistic", LogisticRegression(C=1 / (alpha * weights.sum()), solver="lbfgs", **tight)),
        ("logistic", LogisticRegression(C=1 / (alpha * weights.sum()), solver="newton-cholesky", **tight)),
        ("poisson", PoissonRegressor(alpha=alpha, solver="newton-cholesky", **tight)),
        ("gamma", GammaRegressor(alpha=alpha, solver="newton-cholesky", **tight)),
    ):
        A, y = make_glm_data(60, 15, name)
        peer.fit(A, y, sample_weight=weights)
        options = {"l1_ratio": 0.0, "sample_weight": weights, "fit_intercept": intercept}
        form = reference.glm_form(A, y, name, **options)
        b, c = np.ravel(peer.coef_), float(np.ravel(peer.intercept_)[0]) if intercept else 0.0
        np.testing.assert_allclose(reference.glm_fit(form, alpha)[0], b, atol=1e-6)
        assert reference.glm_fit(form, alpha)[1] == pytest.approx(c, abs=1e-6)
        assert reference.glm_dual_gap(form, b, c, alpha) <= 1e-10 * form.null_loss


@pytest.mark.parametrize("name", GLM_LOSSES)
def test_without_a_penalty(name):
    A, y = make_glm_data(80, 6, name)
    form = reference.glm_form(A, y, name)
    b, intercept = reference.glm_fit(form, 0.0)
    peer, peer_intercept, _ = general_optimum(name, A, y, 0.0, {})
    np.testing.assert_allclose(np.r_[b, intercept], np.r_[peer, peer_intercept], atol=1e-5)
    assert reference.glm_dual_gap(form, b, intercept, 0.0) <= 1e-13
    # Half a solution is no answer, and its gap is what it loses.
    lost = reference.glm_objective(form, b / 2, intercept, 0.0) - reference.glm_objective(form, b, intercept, 0.0)
    assert reference.glm_dual_gap(form, b / 2, intercept, 0.0) == pytest.approx(lost, rel=1e-9)


def test_separated_classes_without_a_penalty():
    # No minimum: the objective sinks to 0 on the way to infinity, and the gap with it.
    X = np.arange(10.0)[:, None]
    form = reference.glm_form(X, (X[:, 0] > 4.5).astype(float), "logistic")
    b, intercept = reference.glm_fit(form, 0.0)
    assert 0 <= reference.glm_dual_gap(form, b, intercept, 0.0) <= 1e-9
    assert b[0] > 20
    assert reference.glm_dual_gap(form, np.ones(1), -4.5, 0.0) == pytest.approx(
        reference.glm_objective(form, np.ones(1), -4.5, 0.0), rel=1e-6
    )
