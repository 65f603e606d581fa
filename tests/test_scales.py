"""Scales from 1e-150 to 1e+150, means up to a million deviations."""

import numpy as np
import pytest
import scipy.sparse as sp
from designs import make_data

import fastreg
from fastreg import reference

FACTOR = 2.0**498
RATIOS = [1.0, 0.5, 0.0]


def fit(X, y, ratio, alphas, **options):
    return fastreg.fit_path(X, y, l1_ratio=ratio, alphas=alphas, tol=1e-10, max_iter=10**5, **options)


@pytest.mark.parametrize("make", [np.asarray, sp.csc_array])
@pytest.mark.parametrize("shape", [(40, 15), (30, 300)])
@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("factor", [FACTOR, 1 / FACTOR])
def test_one_of_x_y_w_scaled(factor, ratio, shape, make):
    A, y = make_data(*shape, seed=21)
    weights = np.random.default_rng(0).random(len(y)) + 0.1
    alphas = np.array([0.5, 0.05])
    base = fit(make(A), y, ratio, alphas, sample_weight=weights)
    reference_coefs = base.coefs.toarray()
    close = {"rtol": 1e-10, "atol": 1e-10 * np.abs(reference_coefs).max()}
    w = fit(make(A), y, ratio, alphas, sample_weight=weights * factor)
    np.testing.assert_allclose(w.coefs.toarray(), reference_coefs, **close)
    # y times f: coefficients times f, l1 penalty times f, l2 penalty the same (one alpha for both: not for a mixture).
    if ratio != 0.5:
        scaled = fit(make(A), y * factor, ratio, alphas * (factor if ratio else 1.0), sample_weight=weights)
        np.testing.assert_allclose(scaled.coefs.toarray() / factor, reference_coefs, **close)
        np.testing.assert_allclose(scaled.dual_gaps / factor / factor, base.dual_gaps, rtol=1e-6, atol=1e-20)
    # X times f: coefficients divided by f, l1 penalty times f, l2 penalty times f^2 (in range for the lasso alone).
    if ratio == 1.0:
        scaled = fit(make(A * factor), y, ratio, alphas * factor, sample_weight=weights)
        np.testing.assert_allclose(scaled.coefs.toarray() * factor, reference_coefs, **close)
        np.testing.assert_allclose(scaled.dual_gaps, base.dual_gaps, atol=1e-12 * base.null_loss)
    if ratio == 0.0:
        scaled = fit(make(A * factor), y, ratio, alphas * factor**2, sample_weight=weights)
        np.testing.assert_allclose(scaled.coefs.toarray() * factor, reference_coefs, **close)


@pytest.mark.parametrize("size", [1e-150, 1e150])
@pytest.mark.parametrize("ratio", RATIOS)
def test_default_grid_at_extreme_scales(size, ratio):
    A, y = make_data(40, 15, seed=22)
    base = fastreg.fit_path(A, y, l1_ratio=ratio, n_alphas=10)
    for X, target, unit in ((A * size, y, 1 / size), (A, y * size, size)):
        path = fastreg.fit_path(X, target, l1_ratio=ratio, n_alphas=10)
        assert path.converged.all()
        if ratio != 0.5:  # an elastic net's mixture is not invariant to scale
            np.testing.assert_allclose(path.deviance_ratio, base.deviance_ratio, atol=2e-5)
            np.testing.assert_allclose(path.coefs.toarray() / unit, base.coefs.toarray(), atol=1e-2)


def test_columns_of_all_scales_at_once():
    A, y = make_data(40, 12, seed=23)
    factors = 10.0 ** np.linspace(-150, 150, 12)
    plain = fastreg.fit_path(A, y, n_alphas=8, standardize=True, tol=1e-10)
    wild = fastreg.fit_path(A * factors, y, n_alphas=8, standardize=True, tol=1e-10)
    np.testing.assert_allclose(wild.alphas, plain.alphas, rtol=1e-9)
    np.testing.assert_allclose(wild.coefs.toarray() * factors[:, None], plain.coefs.toarray(), atol=1e-6)
    # Without standardization only the largest columns can enter; nothing overflows.
    assert fastreg.fit_path(A * factors, y, n_alphas=8).converged.all()


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csc_array])
@pytest.mark.parametrize("shape", [(60, 12), (40, 400)])
@pytest.mark.parametrize("shift", [1e3, 1e6])
def test_means_of_a_million_deviations(shift, shape, make):
    A, y = make_data(*shape, seed=24)
    A = A + shift * np.linspace(0.5, 1.0, shape[1])
    form = reference.standard_form(A, y)
    path = fastreg.fit_path(make(A), y + shift, n_alphas=8, alpha_min_ratio=0.02)
    assert path.converged.all()
    for k, alpha in enumerate(path.alphas):
        gap = reference.dual_gap(form, path.coefs[:, [k]].toarray()[:, 0], alpha)
        assert gap <= 1e-6 * form.null_loss * 1.01
        assert gap == pytest.approx(path.dual_gaps[k], rel=1e-2, abs=1e-7 * form.null_loss)


@pytest.mark.parametrize("shape", [(60, 12), (12, 60)])
def test_ridge_with_means_of_a_million_deviations(shape):
    A, y = make_data(*shape, seed=25)
    shifted = A + 1e6 * np.linspace(0.5, 1.0, shape[1])
    path = fastreg.fit_path(A, y, l1_ratio=0.0, n_alphas=5, alpha_min_ratio=1e-3)
    moved = fastreg.fit_path(shifted, y, l1_ratio=0.0, alphas=path.alphas)
    np.testing.assert_allclose(moved.coefs.toarray(), path.coefs.toarray(), atol=1e-6)


def test_huge_entries_do_not_hang():
    X = np.array([[1e50, -1e50], [-1e50, 1e50], [3e50, 2e50]])
    path = fastreg.fit_path(X, np.array([1.0, 2.0, 3.0]), n_alphas=5)
    assert path.converged.all()


def test_float32_data_get_float64_answers():
    A, y = make_data(40, 300, seed=26)
    single = A.astype(np.float32)
    path = fastreg.fit_path(single, y, n_alphas=6, alpha_min_ratio=0.1, tol=1e-12, max_iter=10**5)
    double = fastreg.fit_path(single.astype(float), y, n_alphas=6, alpha_min_ratio=0.1, tol=1e-12, max_iter=10**5)
    np.testing.assert_allclose(path.coefs.toarray(), double.coefs.toarray(), atol=1e-10)
