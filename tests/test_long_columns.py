"""Few, long working columns of many rows: bounds come from coefficients, and what is open joins the working set."""

import numpy as np
import pytest
import scipy.sparse as sp

import fastreg
from fastreg import reference


def table(n=3000, seed=0):
    """A design as of a table: three numbers and three factors of 5, 40 and 300 levels, one column a level."""
    rng = np.random.default_rng(seed)
    columns = [sp.csc_array(rng.standard_normal((n, 3)) + 2.0)]
    effects = [rng.standard_normal(3)]
    for levels in (5, 40, 300):
        level = np.minimum(rng.geometric(4.0 / levels, n) - 1, levels - 1)
        columns.append(sp.csc_array((np.ones(n), (np.arange(n), level)), shape=(n, levels)))
        effects.append(rng.standard_normal(levels) * (rng.random(levels) < 0.3))
    X = sp.csc_array(sp.hstack(columns))
    return X, X @ np.concatenate(effects) + rng.standard_normal(n)


@pytest.mark.parametrize("ratio", [1.0, 0.5])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_gaps_recomputed_on_dense_columns(ratio, standardize, intercept):
    X, y = table()
    options = {"l1_ratio": ratio, "standardize": standardize, "fit_intercept": intercept}
    path = fastreg.fit_path(X, y, n_alphas=30, alpha_min_ratio=1e-3, tol=1e-10, **options)
    assert path.converged.all()
    form = reference.standard_form(X.toarray(), y, **options)
    dense = fastreg.fit_path(X.toarray(), y, alphas=path.alphas, tol=1e-10, **options)
    for k, alpha in enumerate(path.alphas):
        gap = fastreg.duality_gap(X, y, path.coef(alpha), path.intercept(alpha), alpha, **options)
        assert gap <= 1.1e-10 * path.null_loss
        assert path.deviance_ratio[k] == pytest.approx(dense.deviance_ratio[k], abs=1e-6)
    assert form.null_loss == pytest.approx(path.null_loss)


def test_reads_little():
    X, y = table(20_000, seed=1)
    path = fastreg.fit_path(X, y, n_alphas=50, alpha_min_ratio=1e-2)
    assert path.converged.all()
    assert path.n_passes < 8
    cold = fastreg.fit_path(X, y, alphas=path.alphas[-1:])
    np.testing.assert_allclose(cold.coefs.toarray()[:, 0], path.coefs.toarray()[:, -1], atol=1e-2)


def test_threads_agree_bitwise():
    X, y = table(20_000, seed=2)
    one, two = (fastreg.fit_path(X, y, n_alphas=20, alpha_min_ratio=1e-2, n_threads=k) for k in (1, 2))
    np.testing.assert_array_equal(one.coefs.toarray(), two.coefs.toarray())
    np.testing.assert_array_equal(one.dual_gaps, two.dual_gaps)


def test_folds_and_several_targets():
    X, y = table(4000, seed=3)
    cv = fastreg.cross_validate_path(X, y, cv=3, n_alphas=12, alpha_min_ratio=1e-2, tol=1e-10)
    dense = fastreg.cross_validate_path(X.toarray(), y, cv=3, n_alphas=12, alpha_min_ratio=1e-2, tol=1e-10)
    np.testing.assert_allclose(cv.mean, dense.mean, rtol=1e-6)
    both = fastreg.fit_path(X, np.c_[y, -2 * y], n_alphas=12, alpha_min_ratio=1e-2, tol=1e-10)
    alone = fastreg.fit_path(X, y, alphas=both.alphas / 2, tol=1e-10)
    np.testing.assert_allclose(both.deviance_ratio[:, 1], alone.deviance_ratio, atol=1e-6)


def test_unpenalized_bounds_and_weights():
    X, y = table(3000, seed=4)
    rng = np.random.default_rng(0)
    factors = rng.choice([0.0, 0.5, 1.0], X.shape[1], p=[0.05, 0.15, 0.8])
    weights = rng.choice([0.0, 1.0, 2.0], 3000)
    options = {"penalty_factors": factors, "sample_weight": weights, "lower_bounds": -0.2}
    path = fastreg.fit_path(X, y, n_alphas=15, alpha_min_ratio=1e-2, tol=1e-9, **options)
    for alpha in path.alphas:
        gap = fastreg.duality_gap(X, y, path.coef(alpha), path.intercept(alpha), alpha, **options)
        assert gap <= 1.1e-9 * path.null_loss
