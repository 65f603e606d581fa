"""Ill-posed problems, each by its name."""

import numpy as np
import pytest
import scipy.sparse as sp
from designs import REPRESENTATIONS, make_data

import fastreg
from fastreg import reference

BOTH = pytest.mark.parametrize("make", [np.asarray, sp.csc_array])


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
@BOTH
def test_constant_y(make, ratio):
    A, _ = make_data(20, 9)
    for level in (0.0, 3.7, 0.1, 1e150):
        path = fastreg.fit_path(make(A), np.full(20, level), l1_ratio=ratio, n_alphas=4)
        assert path.converged.all()
        assert path.coefs.nnz == 0 or np.abs(path.coefs.toarray()).max() <= 1e-12 * level
        np.testing.assert_allclose(path.intercepts, level, rtol=1e-14)
        assert path.null_loss == 0
        assert not path.deviance_ratio.any()
        if ratio > 0:
            assert path.alphas[0] == 1.0


@BOTH
def test_all_zero_y_without_intercept(make):
    A, _ = make_data(20, 9)
    path = fastreg.fit_path(make(A), np.zeros(20), fit_intercept=False)
    assert path.coefs.nnz == 0
    assert path.converged.all()


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
@BOTH
def test_one_sample(make, ratio):
    X, y = np.array([[1.0, 2.0, -1.0]]), np.array([4.0])
    path = fastreg.fit_path(make(X), y, l1_ratio=ratio)
    assert path.coefs.nnz == 0
    assert path.intercepts == pytest.approx(4.0)
    bare = fastreg.fit_path(make(X), y, l1_ratio=ratio, fit_intercept=False, alphas=[1.0, 0.0])
    np.testing.assert_allclose(X @ bare.coef(0.0), y, rtol=1e-6)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
@BOTH
def test_one_feature_has_a_formula(make, ratio):
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(30), rng.standard_normal(30)
    xc, yc = x - x.mean(), y - y.mean()
    for alpha in (0.001, 0.1, 10.0):
        z, h = xc @ yc / 30, xc @ xc / 30
        expected = reference.soft_threshold(z, alpha * ratio) / (h + alpha * (1 - ratio))
        path = fastreg.fit_path(make(x[:, None]), y, l1_ratio=ratio, alphas=alpha, tol=1e-14)
        assert path.coef(alpha)[0] == pytest.approx(expected, rel=1e-10, abs=1e-15)


def test_one_sample_one_feature():
    path = fastreg.fit_path([[2.0]], [3.0], alphas=[1.0], fit_intercept=False)
    assert path.coef(1.0)[0] == pytest.approx((6.0 - 1.0) / 4.0)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
@BOTH
def test_nothing_but_constant_columns(make, ratio):
    X = np.tile([0.0, 1.0, 0.1, -7.3], (12, 1))
    path = fastreg.fit_path(make(X), np.arange(12.0), l1_ratio=ratio, n_alphas=3)
    assert path.coefs.nnz == 0
    np.testing.assert_allclose(path.intercepts, 5.5)
    assert path.converged.all()
    assert fastreg.duality_gap(make(X), np.arange(12.0), np.zeros(4), 5.5, 0.1, l1_ratio=ratio) == pytest.approx(0)


@BOTH
def test_constant_column_without_intercept_acts_as_one(make):
    A, y = make_data(30, 6)
    X = np.c_[A, np.ones(30)]
    path = fastreg.fit_path(make(X), y, alphas=1e-3, fit_intercept=False, tol=1e-10)
    form = reference.standard_form(X, y, fit_intercept=False)
    assert reference.kkt_violation(form, path.coef(1e-3), 1e-3).max() < 1e-4
    assert path.coef(1e-3)[-1] != 0


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
@pytest.mark.parametrize("p", [30, 400])
@BOTH
def test_duplicate_columns(make, p, ratio):
    """Twice the columns: the fit is that of one copy, and with an l2 part the copies share evenly."""
    A, y = make_data(25, p, seed=31)
    options = {"l1_ratio": ratio, "tol": 1e-12, "max_iter": 10**6}
    double = fastreg.fit_path(make(np.hstack([A, A])), y, alphas=[0.4, 0.1], **options)
    b = double.coefs.toarray()
    merged = b[:p] + b[p:]
    form = reference.standard_form(A, y, l1_ratio=ratio)
    for k, alpha in enumerate((0.4, 0.1)):
        if ratio == 1.0:
            assert reference.dual_gap(form, merged[:, k], alpha) <= 1e-10 * form.null_loss
        else:
            np.testing.assert_allclose(b[:p, k], b[p:, k], atol=1e-5)
        gap = fastreg.duality_gap(make(np.hstack([A, A])), y, b[:, k], double.intercepts[k], alpha, l1_ratio=ratio)
        assert gap <= 1e-11 * form.null_loss


def test_duplicates_with_different_penalties_or_bounds_stay_apart():
    A, y = make_data(30, 250, seed=32)
    A[:, 1] = A[:, 0]
    A[:, 3] = A[:, 2]
    factors = np.ones(250)
    factors[0] = 3.0
    lower = np.full(250, -np.inf)
    lower[2] = 0.0
    options = {"l1_ratio": 0.8, "penalty_factors": factors, "lower_bounds": lower}
    path = fastreg.fit_path(A, y, n_alphas=8, alpha_min_ratio=0.05, tol=1e-9, max_iter=10**6, **options)
    form = reference.standard_form(A, y, **options)
    for alpha in path.alphas:
        assert reference.dual_gap(form, path.coef(alpha), alpha) <= 1.01e-9 * form.null_loss


def test_many_copies_of_few_columns_are_collapsed():
    rng = np.random.default_rng(0)
    few = rng.integers(0, 2, (40, 12)).astype(float)
    X = sp.csc_array(few[:, rng.integers(0, 12, 3000)])
    y = few @ rng.standard_normal(12) + rng.standard_normal(40)
    path = fastreg.fit_path(X, y, n_alphas=20, alpha_min_ratio=1e-2)
    assert path.df.max() <= 12
    # Moments, correlations and comparisons read everything; after that there are 12 columns.
    assert path.n_passes < 4.5


@BOTH
def test_empty_columns_and_rows(make):
    A, y = make_data(30, 10)
    A[:, [0, 4, 9]] = 0.0
    A[[2, 5]] = 0.0
    path = fastreg.fit_path(make(A), y, n_alphas=5, tol=1e-9)
    assert not path.coefs.toarray()[[0, 4, 9]].any()
    form = reference.standard_form(A, y)
    for alpha in path.alphas:
        assert reference.dual_gap(form, path.coef(alpha), alpha) <= 1.01e-9 * form.null_loss


@pytest.mark.parametrize("epsilon", [1e-5, 1e-10])
def test_near_duplicates(epsilon):
    A, y = make_data(40, 10, seed=33)
    rng = np.random.default_rng(1)
    X = np.hstack([A, A + epsilon * rng.standard_normal(A.shape)])
    path = fastreg.fit_path(X, y, n_alphas=10, alpha_min_ratio=1e-2)
    assert path.converged.all()


def test_integer_input():
    rng = np.random.default_rng(0)
    X, y = rng.integers(-3, 4, (50, 12)), rng.integers(0, 10, 50)
    expected = fastreg.fit_path(X.astype(float), y.astype(float), n_alphas=5)
    for dtype in (np.int8, np.int16, np.int32, np.int64):
        for Z in (X.astype(dtype), sp.csc_array(X.astype(dtype))):
            path = fastreg.fit_path(Z, y, n_alphas=5)
            np.testing.assert_allclose(path.coefs.toarray(), expected.coefs.toarray(), atol=1e-9)


def test_more_features_than_samples_down_to_interpolation():
    A, y = make_data(15, 60, seed=34)
    path = fastreg.fit_path(A, y, alpha_min_ratio=1e-3, max_iter=10**6)
    assert path.converged.all()
    assert path.deviance_ratio[-1] > 0.999


def test_collinear_unpenalized_columns():
    A, y = make_data(30, 8, seed=35)
    X = np.c_[A, A[:, 0] + A[:, 1], np.ones(30)]
    factors = np.ones(10)
    factors[[0, 1, 8, 9]] = 0.0
    for ratio in (1.0, 0.5, 0.0):
        path = fastreg.fit_path(X, y, penalty_factors=factors, l1_ratio=ratio, n_alphas=5)
        assert path.converged.all()
        residual = y[:, None] - X @ path.coefs.toarray() - path.intercepts
        assert np.abs(X[:, [0, 1, 8]].T @ residual).max() < 1e-6


def test_every_column_unpenalized_is_least_squares():
    A, y = make_data(30, 8, seed=36)
    path = fastreg.fit_path(A, y, penalty_factors=0.0, alphas=[1.0])
    expected = np.linalg.lstsq(np.c_[np.ones(30), A], y, rcond=None)[0]
    np.testing.assert_allclose(path.coef(1.0), expected[1:], atol=1e-8)


def test_every_column_shut_out():
    A, y = make_data(30, 8)
    for options in ({"penalty_factors": np.inf}, {"lower_bounds": 0.0, "upper_bounds": 0.0}):
        for ratio in (1.0, 0.0):
            path = fastreg.fit_path(A, y, l1_ratio=ratio, n_alphas=3, **options)
            assert path.coefs.nnz == 0
            assert path.converged.all()


def test_csr_and_memmap_of_one_column():
    y = np.arange(6.0)
    for name in ("csr-i64", "memmap-f32", "strided", "csc-unsorted"):
        path = fastreg.fit_path(REPRESENTATIONS[name](np.arange(6.0)[:, None]), y, alphas=0.0)
        assert path.coef(0.0)[0] == pytest.approx(1.0)


def test_badly_conditioned_small_problem_is_honest():
    """However far the fit gets, the gap that it reports is right."""
    t = np.linspace(0, 1, 60)
    X = np.vander(t, 14)
    y = np.sin(6 * t)
    form = reference.standard_form(X, y)
    with pytest.warns(fastreg.ConvergenceWarning):
        path = fastreg.fit_path(X, y, alphas=[1e-6], max_iter=1)
    gap = reference.dual_gap(form, path.coef(1e-6), 1e-6)
    assert gap == pytest.approx(path.dual_gaps[0], rel=1e-6)


@pytest.mark.parametrize("shape", [(30, 8), (8, 30)])
def test_ridge_with_a_vanishing_penalty_on_dependent_columns(shape):
    A, y = make_data(*shape, seed=37)
    X = np.hstack([A, A])
    for alphas in ([1e-30], [1e-18, 1e-3], [0.0]):
        path = fastreg.fit_path(X, y, l1_ratio=0.0, alphas=alphas)
        assert np.isfinite(path.coefs.toarray()).all()
        fitted = path.predict(X, alpha=alphas[0])
        design = np.c_[np.ones(shape[0]), A]
        np.testing.assert_allclose(fitted, design @ np.linalg.lstsq(design, y, rcond=None)[0], atol=1e-5)


@pytest.mark.parametrize("level", [-3.3, 0.1, 1.0, 1e6])
@pytest.mark.parametrize("weighted", [False, True])
def test_full_sparse_columns_are_constant_when_they_are(level, weighted):
    rng = np.random.default_rng(0)
    for n in (10, 30, 61, 10_000):
        X, y = rng.standard_normal((n, 3)), rng.standard_normal(n)
        X[:, 1] = level
        options = {"fit_intercept": False, "standardize": True}
        if weighted:
            options["sample_weight"] = rng.random(n)
        assert fastreg.alpha_max(sp.csc_array(X), y, **options) == pytest.approx(
            fastreg.alpha_max(X, y, **options), rel=1e-9
        )


def test_bounds_hold_to_the_last_digit_on_dependent_columns():
    rng = np.random.default_rng(12)
    for n in (3, 5):
        X = rng.standard_normal((n, 80))[:, rng.integers(0, 80, 250)]
        y, factors = rng.standard_normal(n), rng.choice([0, 1.0, 5], 250)
        path = fastreg.fit_path(
            X, y, l1_ratio=0.0, lower_bounds=0.0, penalty_factors=factors, alphas=[2.0, 0.1], tol=1e-5
        )
        assert path.coefs.toarray().min() >= 0


@pytest.mark.parametrize("noise", [1e-6, 1e-9, 1e-11])
@pytest.mark.parametrize("shape", [(50, 20), (20, 50)])
def test_least_squares_on_columns_of_nearly_deficient_rank(shape, noise):
    rng = np.random.default_rng(0)
    n, p = shape
    X = rng.standard_normal((n, 2)) @ rng.standard_normal((2, p)) + noise * rng.standard_normal(shape)
    y = rng.standard_normal(n)
    path = fastreg.fit_path(X, y, alphas=0.0)
    expected = np.linalg.lstsq(np.c_[np.ones(n), X], y, rcond=None)[0]
    residuals = [y - path.predict(X, alpha=0.0), y - np.c_[np.ones(n), X] @ expected]
    # Coefficients of size 1 / noise make predictions with errors of eps / noise, whoever computes them.
    rounding = 1e-6 + 8 * np.finfo(float).eps / noise
    assert residuals[0] @ residuals[0] <= residuals[1] @ residuals[1] * (1 + rounding) + 1e-8 * (y @ y)
    assert path.converged.all()
    assert fastreg.duality_gap(X, y, path.coef(0.0), path.intercept(0.0), 0.0) <= 2e-6 * path.null_loss


def test_tiny_penalties_of_ridge():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 5))
    y = X[:, 0] + 0.1 * rng.standard_normal(30)
    exact = np.linalg.lstsq(np.c_[np.ones(30), X], y, rcond=None)[0][1:]
    for alpha in (1e-12, 1e-17, 1e-20, 1e-40):
        path = fastreg.fit_path(X, y, l1_ratio=0.0, alphas=alpha)
        np.testing.assert_allclose(path.coef(alpha), exact, atol=1e-9)
