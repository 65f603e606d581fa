"""Many more dense columns than rows under an l2 part: Newton's method on the dual, alone and through the public API."""

import numpy as np
import pytest
import scipy.sparse as sp
from designs import make_data
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_kernels import scaled_design
from test_tracing import KINDS, degenerate, relative_gap

import fastreg
from fastreg import reference
from fastreg.subproblem.columns import DenseColumns
from fastreg.subproblem.dual_newton import DualNewton

BOUNDS = {"none": (-np.inf, np.inf), "positive": (0.0, np.inf), "tight": (-0.02, 0.03)}


def wide(n, p, correlation=0.0, seed=0):
    rng = np.random.default_rng(seed)
    X = np.sqrt(1 - correlation) * rng.standard_normal((n, p)) + np.sqrt(correlation) * rng.standard_normal((n, 1))
    return X, X[:, :5].sum(axis=1) + rng.standard_normal(n)


@pytest.mark.parametrize("bounds", sorted(BOUNDS))
@pytest.mark.parametrize("ratio", [0.9, 0.5, 0.01])
@pytest.mark.parametrize("shape", [(1, 5), (3, 20), (20, 90), (65, 200), (70, 300), (131, 300)])
def test_twin(shape, ratio, bounds):
    X, y = wide(*shape, seed=sum(shape))
    low, high = BOUNDS[bounds]
    path = fastreg.fit_path(
        X, y, l1_ratio=ratio, alpha_min_ratio=0.01, n_alphas=6, tol=1e-13, lower_bounds=low, upper_bounds=high
    )
    form = reference.standard_form(X, y, l1_ratio=ratio, lower_bounds=low, upper_bounds=high)
    for k, alpha in enumerate(path.alphas):
        twin = reference.dual_newton(form, alpha)
        assert reference.dual_gap(form, twin, alpha) <= 1e-12 * form.null_loss
        np.testing.assert_allclose(path.coefs[:, [k]].toarray()[:, 0], twin, atol=1e-7 * np.abs(twin).max() + 1e-300)


@settings(max_examples=200)
@given(st.sampled_from(sorted(KINDS)), st.integers(0, 10**6), st.sampled_from(sorted(BOUNDS)))
@example("near-duplicates", 8642, "tight")  # a coefficient jumps from one bound to the other
def test_exact_on_degenerate_problems(kind, seed, bounds):
    """Random problems down a coarse path; half of the columns join late, at an alpha already solved."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(2, 30)), int(rng.integers(2, 150))
    design, y = degenerate(kind, rng, n, p)
    m = design.n_features
    if m < 2 or not y.any():
        return
    low, high = BOUNDS[bounds]
    penalty = {
        "l1": np.ones(m), "l2": rng.choice([0.01, 1.0, 3.0], m), "lower": np.full(m, low), "upper": np.full(m, high),
    }  # fmt: skip
    form, solver, inside = DenseColumns(design), DualNewton(), np.zeros(m, dtype=bool)
    top = np.abs(design.correlations(y)[0]).max()
    for batch in (np.arange(m // 2), np.arange(m // 2, m)):
        form.add_features(batch)
        inside[batch] = True
        for alpha in top * np.array([0.5, 0.1, 0.01]):
            beta = np.zeros(m)
            beta[: inside.sum()], exact = solver.minimize(form, penalty, alpha, alpha, y, 50)
            assert exact
            assert relative_gap(design, penalty, alpha, beta, y, inside) < 1e-13


def test_a_form_that_was_emptied():
    """What is known of columns goes with them."""
    X, y = wide(15, 80)
    design, target = scaled_design(X), (y - y.mean()) / np.sqrt(15)
    far = np.full(80, np.inf)
    penalty = {"l1": np.ones(80), "l2": np.ones(80), "lower": -far, "upper": far}
    alpha = 0.05 * np.abs(design.correlations(target)[0]).max()
    form, solver, found = DenseColumns(design), DualNewton(), np.zeros(80)
    for chosen in (np.arange(80), np.r_[1:80], np.r_[0:40, 60:80]):
        form.clear()
        form.add_features(chosen)
        beta, exact = solver.minimize(form, penalty, alpha, alpha, target, 50)
        assert exact
        found[:], inside = 0.0, np.isin(np.arange(80), chosen)
        found[chosen] = beta
        assert relative_gap(design, penalty, alpha, found, target, inside) < 1e-14


def test_what_it_leaves_to_descent():
    """A column without an l2 part, and too few steps: the coefficients stay as they were."""
    X, y = wide(10, 60)
    design, target, far = scaled_design(X), y / np.sqrt(10), np.full(60, np.inf)
    penalty = {"l1": np.ones(60), "l2": np.ones(60), "lower": -far, "upper": far}
    form = DenseColumns(design)
    form.add_features(np.arange(60))
    beta, exact = DualNewton().minimize(form, penalty, 0.01, 0.01, target, 0)
    assert not exact
    assert not beta.any()
    penalty["l2"][7] = 0.0
    beta, exact = DualNewton().minimize(form, penalty, 0.01, 0.01, target, 50)
    assert not exact
    assert not beta.any()


@pytest.mark.parametrize("correlation", [0.0, 0.6])
@pytest.mark.parametrize("ratio", [0.001, 0.1])
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_nearly_ridge_takes_few_steps(loss, ratio, correlation):
    """Thousands of columns that enter at once: 27 and 57 seconds of tracing and descent before, for squared loss."""
    X, y = wide(40, 2000, correlation, seed=3)
    y = y if loss == "squared" else (y > 0).astype(float)
    path = fastreg.fit_path(X, y, loss=loss, l1_ratio=ratio, alpha_min_ratio=0.01, tol=1e-8)
    assert path.converged.all()
    assert path.df[-1] > 40
    assert np.median(path.n_iter) <= (6 if loss == "squared" else 40)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"fit_intercept": False},
        {"standardize": True},
        {"upper_bounds": 0.05},
        {"penalty_factors": np.linspace(0.5, 2.0, 200)},
        {"penalty_factors": np.r_[0.0, np.inf, np.ones(198)]},
        {"sample_weight": np.arange(1.0, 21.0)},
        {"sample_weight": np.r_[0.0, np.ones(19)]},
    ],
)
@pytest.mark.parametrize("loss", ["squared", "logistic"])
def test_every_option(loss, options):
    X, y = wide(20, 200, 0.3, seed=4)
    X = X * np.logspace(-1, 1, 200)
    if loss == "logistic":
        y = (y > np.median(y)).astype(float)
    path = fastreg.fit_path(X, y, loss=loss, l1_ratio=0.05, alpha_min_ratio=0.02, n_alphas=5, tol=1e-10, **options)
    assert path.converged.all()
    for alpha in path.alphas:
        coef, intercept = path.coef(alpha), path.intercept(alpha)
        gap = fastreg.duality_gap(X, y, coef, intercept, alpha, loss=loss, l1_ratio=0.05, **options)
        assert gap <= 2e-10 * path.null_loss


def test_representations_and_threads_agree():
    X, y = wide(30, 400, 0.2, seed=5)
    settings = {"l1_ratio": 0.02, "alpha_min_ratio": 0.02, "n_alphas": 6, "tol": 1e-12}
    path = fastreg.fit_path(X, y, n_threads=1, **settings)
    np.testing.assert_array_equal(fastreg.fit_path(X, y, n_threads=2, **settings).coefs.data, path.coefs.data)
    for represent in (np.asfortranarray, np.ascontiguousarray, sp.csc_array):
        other = fastreg.fit_path(represent(X), y, **settings)
        # Gaps of 1e-12 leave coefficients six digits; sparse columns are solved another way.
        np.testing.assert_allclose(other.coefs.toarray(), path.coefs.toarray(), atol=1e-6)


def test_is_the_lasso_on_augmented_rows():
    X, y = make_data(15, 120, seed=6)
    X, y = X - X.mean(axis=0), y - y.mean()
    alpha, ratio = 0.05, 0.1
    path = fastreg.fit_path(X, y, alphas=alpha, l1_ratio=ratio, fit_intercept=False, tol=1e-13)
    rows = np.vstack([X, np.sqrt(alpha * (1 - ratio) * 15) * np.eye(120)])
    target, n = np.r_[y, np.zeros(120)], 135
    lasso = fastreg.fit_path(rows, target, alphas=alpha * ratio * 15 / n, fit_intercept=False, tol=1e-13)
    np.testing.assert_allclose(lasso.coefs.toarray(), path.coefs.toarray(), atol=1e-7)


@pytest.mark.parametrize("loss", ["squared", "logistic"])
@pytest.mark.parametrize("ratio", [0.999999, 0.9999, 0.99])
@pytest.mark.parametrize("correlation", [0.0, 0.9, 0.99])
def test_hardly_any_l2_part(correlation, ratio, loss):
    """Where Newton's steps on the dual are too many, tracing takes over; descent alone did not end."""
    X, y = wide(100, 600, correlation)
    y = y if loss == "squared" else (y > np.median(y)).astype(float)
    alpha = fastreg.alpha_max(X, y, loss=loss, l1_ratio=ratio) * (1e-4 if loss == "squared" else 1e-2)
    path = fastreg.fit_path(X, y, loss=loss, l1_ratio=ratio, alphas=alpha)
    assert path.converged.all()
    assert path.n_iter[0] < 3000
    gap = fastreg.duality_gap(X, y, path.coef(alpha), path.intercept(alpha), alpha, loss=loss, l1_ratio=ratio)
    assert gap <= 2e-6 * path.null_loss
