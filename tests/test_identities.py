"""Identities that hold between problems: each test solves two that must have one solution."""

import numpy as np
import pytest
import scipy.sparse as sp
from designs import REPRESENTATIONS, make_data, option_sets
from hypothesis import given
from hypothesis import strategies as st

import fastreg

TIGHT = {"tol": 1e-13, "max_iter": 500_000}


def coefs(result):
    return result.coefs.toarray()


@pytest.fixture
def data():
    return make_data(50, 20, seed=11)


def test_elastic_net_is_a_lasso_on_augmented_rows(represent, data):
    A, y = data
    n, p = A.shape
    alpha, ratio = 0.2, 0.6
    net = fastreg.fit_path(represent(A), y, alphas=alpha, l1_ratio=ratio, fit_intercept=False, **TIGHT)
    # (1/2n)||y - Xb||^2 + alpha (1-r)/2 ||b||^2 = (n+p)/n * (1/2(n+p)) ||aug||^2
    augmented = np.vstack([A, np.sqrt(n * alpha * (1 - ratio)) * np.eye(p)])
    lasso = fastreg.fit_path(
        augmented, np.r_[y, np.zeros(p)], alphas=alpha * ratio * n / (n + p), fit_intercept=False, **TIGHT
    )
    np.testing.assert_allclose(coefs(net), coefs(lasso), atol=1e-7)


def test_weights_are_repetition(represent, data):
    A, y = data
    weights = np.random.default_rng(0).integers(1, 4, len(y))
    for options in ({}, {"l1_ratio": 0.5, "standardize": True}, {"l1_ratio": 0.0}, {"fit_intercept": False}):
        alphas = [0.5, 0.05]
        weighted = fastreg.fit_path(represent(A), y, alphas=alphas, sample_weight=weights, **options, **TIGHT)
        repeated = fastreg.fit_path(
            np.repeat(A, weights, axis=0), np.repeat(y, weights), alphas=alphas, **options, **TIGHT
        )
        np.testing.assert_allclose(coefs(weighted), coefs(repeated), atol=2e-7)
        np.testing.assert_allclose(weighted.intercepts, repeated.intercepts, atol=1e-6)
        np.testing.assert_allclose(weighted.null_loss, repeated.null_loss, rtol=1e-12)


def test_weight_zero_is_removal(represent, data):
    A, y = data
    weights = np.ones(50)
    weights[[3, 17, 40]] = 0.0
    kept = weights > 0
    spoiled = y.copy()
    spoiled[~kept] = 1e6
    for options in ({}, {"l1_ratio": 0.3, "standardize": True}, {"l1_ratio": 0.0}):
        zero = fastreg.fit_path(represent(A), spoiled, sample_weight=weights, n_alphas=5, **options, **TIGHT)
        gone = fastreg.fit_path(A[kept], y[kept], n_alphas=5, **options, **TIGHT)
        np.testing.assert_allclose(zero.alphas, gone.alphas, rtol=1e-10)
        np.testing.assert_allclose(coefs(zero), coefs(gone), atol=2e-7)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
def test_factor_inf_is_removal_of_the_column(represent, data, ratio):
    A, y = data
    factors = np.ones(20)
    factors[[2, 9]] = np.inf
    kept = np.isfinite(factors)
    without = fastreg.fit_path(A[:, kept], y, n_alphas=6, l1_ratio=ratio, **TIGHT)
    never = fastreg.fit_path(represent(A), y, n_alphas=6, l1_ratio=ratio, penalty_factors=factors, **TIGHT)
    np.testing.assert_allclose(never.alphas, without.alphas, rtol=1e-12)
    assert not coefs(never)[~kept].any()
    np.testing.assert_allclose(coefs(never)[kept], coefs(without), atol=2e-7)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
def test_factor_zero_is_never_penalized(represent, data, ratio):
    A, y = data
    factors = np.ones(20)
    factors[[0, 6]] = 0.0
    path = fastreg.fit_path(represent(A), y, l1_ratio=ratio, penalty_factors=factors, n_alphas=5, **TIGHT)
    # At the top of the grid only they are there, at their least-squares values; below, their correlations are 0.
    if ratio > 0:
        F = np.c_[np.ones(50), A[:, [0, 6]]]
        fitted = np.linalg.lstsq(F, y, rcond=None)[0]
        np.testing.assert_allclose(path.coefs[[0, 6], 0:1].toarray()[:, 0], fitted[1:], rtol=1e-8)
        assert path.intercepts[0] == pytest.approx(fitted[0], rel=1e-8)
        assert path.df[0] == 2
    residual = y[:, None] - A @ coefs(path) - path.intercepts
    assert np.abs(A[:, [0, 6]].T @ residual).max() < 1e-7 * np.abs(A[:, [0, 6]]).sum()


def test_two_coefficient_offset_profile(data):
    """An unpenalized column equals fitting it by hand: y minus its contribution, the rest unchanged."""
    A, y = data
    factors = np.r_[0.0, np.ones(19)]
    both = fastreg.fit_path(A, y, alphas=0.1, penalty_factors=factors, **TIGHT)
    fixed = y - A[:, 0] * both.coef(0.1)[0]
    rest = fastreg.fit_path(A[:, 1:], fixed, alphas=0.1, **TIGHT)
    np.testing.assert_allclose(both.coef(0.1)[1:], rest.coef(0.1), atol=2e-7)


def test_inactive_bounds_change_nothing_and_active_ones_hold(represent, data):
    A, y = data
    free = fastreg.fit_path(A, y, alphas=[0.3, 0.03], **TIGHT)
    size = np.abs(coefs(free)).max()
    wide = fastreg.fit_path(represent(A), y, alphas=[0.3, 0.03], lower_bounds=-2 * size, upper_bounds=2 * size, **TIGHT)
    np.testing.assert_allclose(coefs(wide), coefs(free), atol=2e-7)
    tight = fastreg.fit_path(represent(A), y, alphas=0.03, lower_bounds=-0.2 * size, upper_bounds=0.2 * size, **TIGHT)
    assert np.abs(coefs(tight)).max() == 0.2 * size


def test_bounds_are_on_the_original_scale_when_standardizing(data):
    A, y = data
    path = fastreg.fit_path(A * 100, y, alphas=0.01, standardize=True, upper_bounds=0.003, **TIGHT)
    assert coefs(path).max() == 0.003


def test_intercept_is_centering(represent, data):
    A, y = data
    path = fastreg.fit_path(represent(A), y, n_alphas=6, **TIGHT)
    centered = fastreg.fit_path(A - A.mean(axis=0), y - y.mean(), n_alphas=6, fit_intercept=False, **TIGHT)
    np.testing.assert_allclose(path.alphas, centered.alphas, rtol=1e-12)
    np.testing.assert_allclose(coefs(path), coefs(centered), atol=2e-7)
    np.testing.assert_allclose(path.intercepts, y.mean() - A.mean(axis=0) @ coefs(path), atol=1e-12)


@pytest.mark.parametrize("ratio", [1.0, 0.4, 0.0])
@pytest.mark.parametrize("intercept", [True, False])
def test_standardize_is_scaling(represent, data, ratio, intercept):
    A, y = data
    A = A * np.geomspace(0.01, 100, 20)
    A = A.astype(np.float32).astype(float)
    deviation = A.std(axis=0)
    path = fastreg.fit_path(
        represent(A), y, n_alphas=6, l1_ratio=ratio, standardize=True, fit_intercept=intercept, **TIGHT
    )
    scaled = fastreg.fit_path(A / deviation, y, n_alphas=6, l1_ratio=ratio, fit_intercept=intercept, **TIGHT)
    np.testing.assert_allclose(path.alphas, scaled.alphas, rtol=1e-10)
    np.testing.assert_allclose(coefs(path) * deviation[:, None], coefs(scaled), atol=2e-7)


def test_standardize_divides_by_the_weighted_deviation(data):
    A, y = data
    weights = np.random.default_rng(3).random(50)
    mean = np.average(A, weights=weights, axis=0)
    deviation = np.sqrt(np.average((A - mean) ** 2, weights=weights, axis=0))
    path = fastreg.fit_path(A, y, alphas=[0.2, 0.02], standardize=True, sample_weight=weights, **TIGHT)
    scaled = fastreg.fit_path((A - mean) / deviation, y, alphas=[0.2, 0.02], sample_weight=weights, **TIGHT)
    np.testing.assert_allclose(coefs(path) * deviation[:, None], coefs(scaled), atol=2e-7)


def test_offset_is_a_shift_of_y(represent, data):
    A, y = data
    offset = np.random.default_rng(1).standard_normal(50) * 3
    for options in ({}, {"l1_ratio": 0.0}, {"fit_intercept": False}):
        one = fastreg.fit_path(represent(A), y, offset=offset, n_alphas=4, **options, **TIGHT)
        two = fastreg.fit_path(A, y - offset, n_alphas=4, **options, **TIGHT)
        np.testing.assert_allclose(coefs(one), coefs(two), atol=2e-7)
        np.testing.assert_allclose(one.intercepts, two.intercepts, atol=1e-7)


@pytest.mark.parametrize("name", [name for name, o in option_sets(50, 20).items() if o.get("l1_ratio", 1) > 0])
def test_alpha_max_is_the_edge(represent, data, name):
    A, y = data
    options = option_sets(50, 20)[name]
    X = represent(A)
    top = fastreg.alpha_max(X, y, **options)
    # Unpenalized coefficients with bounds are only as exact as the fit; then the edge is that sharp.
    above = top * (1 + 1e-4) if name == "together" else top
    path = fastreg.fit_path(X, y, alphas=[above, 0.99 * top], tol=1e-12, **options)
    free = np.asarray(options.get("penalty_factors", np.ones(20))) == 0
    assert not coefs(path)[~free, 0].any()
    assert coefs(path)[~free, 1].any()
    assert fastreg.fit_path(X, y, n_alphas=3, **options).alphas[0] == pytest.approx(top, rel=1e-8)


def test_alpha_max_of_ridge_is_infinite(data):
    assert fastreg.alpha_max(*data, l1_ratio=0.0) == np.inf


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
def test_alpha_zero_is_least_squares(represent, data, ratio, intercept):
    A, y = data
    path = fastreg.fit_path(represent(A), y, alphas=[0.1, 0.0], l1_ratio=ratio, fit_intercept=intercept)
    full = np.c_[np.ones(50), A] if intercept else A
    expected = np.linalg.lstsq(full, y, rcond=None)[0]
    np.testing.assert_allclose(path.coef(0.0), expected[-20:], atol=1e-8)
    assert path.dual_gaps[-1] <= 1e-6 * path.null_loss


def test_alpha_zero_with_more_features_than_samples_interpolates():
    A, y = make_data(12, 30, seed=4)
    path = fastreg.fit_path(A, y, alphas=0.0)
    np.testing.assert_allclose(path.predict(A, alpha=0.0), y, atol=1e-8)
    # ... with the interpolating coefficients of smallest norm.
    expected = np.linalg.pinv(A - A.mean(axis=0)) @ (y - y.mean())
    assert np.linalg.norm(path.coef(0.0)) <= 3 * np.linalg.norm(expected)


def test_alpha_zero_with_bounds_is_nonnegative_least_squares(data):
    from scipy.optimize import nnls

    A, y = data
    path = fastreg.fit_path(A, y, alphas=0.0, lower_bounds=0.0, fit_intercept=False, tol=1e-9, max_iter=200_000)
    np.testing.assert_allclose(path.coef(0.0), nnls(A, y)[0], atol=1e-5)


@pytest.mark.parametrize("name", ["dense-C-f64", "dense-F-f32", "csc-f64-i32"])
def test_column_permutation(name):
    A, y = make_data(60, 300, seed=12)
    order = np.random.default_rng(0).permutation(300)
    for options in ({}, {"l1_ratio": 0.5}, {"l1_ratio": 0.0}):
        one = fastreg.fit_path(REPRESENTATIONS[name](A), y, n_alphas=6, alpha_min_ratio=0.05, **options, **TIGHT)
        two = fastreg.fit_path(REPRESENTATIONS[name](A[:, order]), y, alphas=one.alphas, **options, **TIGHT)
        np.testing.assert_allclose(coefs(one)[order], coefs(two), atol=5e-6)


def test_dense_is_sparse_is_gram():
    """One problem through every form of the subproblem."""
    A, y = make_data(80, 400, kind="pathological", seed=13)
    paths = [
        fastreg.fit_path(X, y, alphas=np.geomspace(0.5, 0.02, 8), l1_ratio=0.9, **TIGHT)
        for X in (A, A.astype(np.float32), sp.csc_array(A), sp.csr_array(A))
    ]
    wide = coefs(paths[0])
    for path in paths[1:]:
        np.testing.assert_allclose(coefs(path), wide, atol=5e-6)
    # Few columns and the complete Gram matrix: the support alone gives the same coefficients.
    support = np.flatnonzero(wide.any(axis=1))
    small = fastreg.fit_path(A[:, support], y, alphas=np.geomspace(0.5, 0.02, 8), l1_ratio=0.9, **TIGHT)
    np.testing.assert_allclose(coefs(small), wide[support], atol=5e-6)


def test_several_targets_are_single_fits(represent):
    A, y = make_data(40, 15, seed=14)
    Y = np.c_[y, -2 * y + A[:, 3], np.ones(40), 1e-3 * A[:, 1]]
    for options in ({}, {"l1_ratio": 0.0}, {"lower_bounds": 0.0}):
        many = fastreg.fit_path(represent(A), Y, n_alphas=6, **options, **TIGHT)
        assert many.intercepts.shape == many.dual_gaps.shape == many.df.shape == (6, 4)
        assert many.null_loss.shape == (4,)
        for k in range(4):
            one = fastreg.fit_path(A, Y[:, k], alphas=many.alphas, **options, **TIGHT)
            np.testing.assert_allclose(many.coefs[k].toarray(), coefs(one), atol=2e-7)
            np.testing.assert_allclose(many.intercepts[:, k], one.intercepts, atol=1e-6)
        tops = [fastreg.alpha_max(A, Y[:, k], **options) for k in range(4)]
        if options.get("l1_ratio", 1) > 0:
            assert many.alphas[0] == pytest.approx(max(tops), rel=1e-12)


@given(st.integers(2, 30), st.integers(1, 40), st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 1.0]))
def test_warm_start_does_not_change_the_answer(n, p, seed, ratio):
    rng = np.random.default_rng(seed)
    A, y = rng.standard_normal((n, p)), rng.standard_normal(n)
    alpha = 0.1
    cold = fastreg.fit_path(A, y, alphas=alpha, l1_ratio=ratio, tol=1e-12, max_iter=10**6)
    start = (rng.standard_normal(p), 3.0)
    warm = fastreg.fit_path(A, y, alphas=alpha, l1_ratio=ratio, tol=1e-12, max_iter=10**6, init=start)
    fitted = A @ cold.coef(alpha) + cold.intercept(alpha)
    np.testing.assert_allclose(A @ warm.coef(alpha) + warm.intercept(alpha), fitted, atol=1e-4)
    again = fastreg.fit_path(A, y, alphas=alpha, l1_ratio=ratio, init=(cold.coef(alpha), cold.intercept(alpha)))
    assert again.n_iter[0] <= 1


@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
@pytest.mark.parametrize("name", ["lasso", "elastic-net", "no-intercept", "factors", "bounds", "together"])
def test_targets_of_wide_data_share_their_passes(storage, name):
    n, p = 50, 1500
    X, y = make_data(n, p, seed=31)
    X = np.where(np.random.default_rng(1).random((n, p)) < 0.3, X, 0.0)
    Y = np.c_[y, X[:, 5] - 0.5 * y, np.full(n, 2.0)]
    options = option_sets(n, p)[name]
    alphas = fastreg.alpha_max(X, Y, **options) * np.geomspace(1, 0.05, 12)
    options |= {"alphas": alphas, "tol": 1e-12, "max_iter": 10**6}
    together = fastreg.fit_path(storage(X), Y, **options)
    passes = []
    for k in range(3):
        one = fastreg.fit_path(storage(X), Y[:, k], **options)
        passes.append(one.n_passes)
        np.testing.assert_allclose(together.coefs[k].toarray(), one.coefs.toarray(), atol=1e-5)
        np.testing.assert_allclose(together.intercepts[:, k], one.intercepts, atol=1e-5)
        assert np.all(together.dual_gaps[:, k] <= 1e-12 * together.null_loss[k] + 1e-12)
    assert together.n_passes < 0.9 * sum(passes)
    # Warm starts from anywhere.
    start = (np.stack([coefs.toarray()[:, 5] for coefs in together.coefs]), together.intercepts[5])
    again = fastreg.fit_path(storage(X), Y, **options | {"alphas": alphas[6:]}, init=start)
    for k in range(3):
        np.testing.assert_allclose(again.coefs[k].toarray(), together.coefs[k].toarray()[:, 6:], atol=1e-5)


@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
@pytest.mark.parametrize("loss", ["squared", "multinomial"])
def test_equal_columns_share_what_their_first_would_have(storage, loss):
    """m copies under an l2 part are one column with the part l2/m; along a path, with few of many columns used."""
    rng = np.random.default_rng(4)
    A, copies = rng.standard_normal((40, 150)), rng.integers(1, 4, 150)
    y = A[:, 0] - 2 * A[:, 7] + 0.1 * rng.standard_normal(40)
    y = y if loss == "squared" else (y > 0).astype(float) + (y > 2)
    owner = rng.permutation(np.repeat(np.arange(150), copies))
    path = fastreg.fit_path(
        storage(A[:, owner]), y, loss=loss, l1_ratio=0.5, n_alphas=6, alpha_min_ratio=0.3, tol=1e-12
    )
    # The copies' coefficients b/m: |b| and b^2/m, as of one column with the factor 1 and l2/m.
    found = path.coefs if isinstance(path.coefs, list) else [path.coefs]
    assert 0 < path.df.max() < 0.1 * len(owner)
    for matrix in found:
        dense = matrix.toarray()
        for j in range(150):
            assert (dense[owner == j] == dense[owner == j][0]).all()
    np.testing.assert_array_equal(
        path.df, np.stack([np.diff(matrix.indptr) for matrix in found], -1).reshape(path.df.shape)
    )
    gaps = [
        fastreg.duality_gap(
            A[:, owner], y, matrix[:, [i]].toarray()[:, 0], path.intercepts[i], alpha=path.alphas[i], l1_ratio=0.5
        )
        for matrix in found
        for i in range(6 if loss == "squared" else 0)
    ]
    assert max(gaps, default=0.0) <= 1e-9 * np.max(path.null_loss)
