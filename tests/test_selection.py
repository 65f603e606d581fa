"""Relaxed fits, information criteria, adaptive factors, and paths that end early."""

import gc
import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from designs import make_data
from scipy.optimize import lsq_linear
from scipy.special import comb

import fastreg

A, Y = make_data(60, 12, seed=81)
W = np.random.default_rng(0).random(60)


def least_squares(X, y, weights=None, intercept=True):
    root = np.sqrt(np.ones(len(y)) if weights is None else weights)
    Z = np.c_[np.ones(len(y)), X] if intercept else X
    return np.linalg.lstsq(Z * root[:, None], y * root, rcond=None)[0]


@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
@pytest.mark.parametrize("options", [{}, {"sample_weight": W}, {"fit_intercept": False}, {"standardize": True}])
@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_relaxed_fits_are_least_squares_on_the_support(options, storage, ratio):
    X = storage(A)
    path = fastreg.fit_path(X, Y, n_alphas=15, alpha_min_ratio=0.02, l1_ratio=ratio, **options)
    relaxed = fastreg.relax(path)
    intercept = options.get("fit_intercept", True)
    for i in range(15):
        support = np.flatnonzero(path.coefs.toarray()[:, i])
        best = least_squares(A[:, support], Y, options.get("sample_weight"), intercept)
        np.testing.assert_allclose(relaxed.coefs.toarray()[support, i], best[1:] if intercept else best, atol=1e-9)
        assert relaxed.coefs.toarray()[np.delete(np.arange(12), support), i].any() == False  # noqa: E712
        assert relaxed.intercepts[i] == pytest.approx(best[0] if intercept else 0.0, abs=1e-9)
    half = relaxed.mixed(0.5)
    np.testing.assert_allclose(half.coefs.toarray(), (path.coefs.toarray() + relaxed.coefs.toarray()) / 2)
    np.testing.assert_allclose(relaxed.predict(A, gamma=1.0), path.predict(A))
    alpha = path.alphas[7]
    np.testing.assert_allclose(relaxed.predict(A, alpha), A @ relaxed.coef(alpha) + relaxed.intercepts[7])
    # A relaxed fit minimizes nothing, so that it has no certificate.
    assert np.isinf(half.dual_gaps).all()
    np.testing.assert_array_equal(relaxed.mixed(1.0).dual_gaps, path.dual_gaps)


def test_relaxed_fits_stay_within_bounds():
    path = fastreg.fit_path(A, Y, n_alphas=8, alpha_min_ratio=0.05, lower_bounds=-0.3, upper_bounds=0.4)
    relaxed = fastreg.relax(path).coefs.toarray()
    assert relaxed.min() >= -0.3
    assert relaxed.max() <= 0.4
    support = np.flatnonzero(path.coefs.toarray()[:, -1])
    centered = A[:, support] - A[:, support].mean(axis=0)
    best = lsq_linear(centered, Y - Y.mean(), (-0.3, 0.4), method="bvls").x
    np.testing.assert_allclose(relaxed[support, -1], best, atol=1e-9)


def test_relaxed_fits_of_dependent_columns_and_several_targets():
    X = np.c_[A, A[:, 0], A[:, 1] + A[:, 2], np.zeros(60)]
    path = fastreg.fit_path(X, np.c_[Y, -Y], n_alphas=10, alpha_min_ratio=1e-4)
    relaxed = fastreg.relax(path)
    for k, sign in ((0, 1.0), (1, -1.0)):
        residual = sign * Y - X @ relaxed.coefs[k].toarray()[:, -1] - relaxed.intercepts[-1, k]
        support = np.flatnonzero(path.coefs[k].toarray()[:, -1])
        best = least_squares(X[:, support], sign * Y)
        np.testing.assert_allclose(residual, sign * Y - np.c_[np.ones(60), X[:, support]] @ best, atol=1e-8)


def test_a_result_does_not_keep_x_alive():
    X = A.copy()
    path = fastreg.fit_path(X, Y, n_alphas=5)
    again = pickle.loads(pickle.dumps(path))
    np.testing.assert_array_equal(again.coefs.toarray(), path.coefs.toarray())
    with pytest.raises(ValueError, match="Pass it again"):
        fastreg.relax(again)
    expected = fastreg.relax(path).coefs.toarray()
    np.testing.assert_array_equal(fastreg.relax(again, X).coefs.toarray(), expected)
    with pytest.raises(ValueError, match="expected 12 features as in the fit"):
        fastreg.relax(again, X[:, :5])
    del X
    gc.collect()
    with pytest.raises(ValueError, match="Pass it again"):
        fastreg.relax(path)
    fastreg.relax(fastreg.fit_path(A.tolist(), Y, n_alphas=5), A)


@pytest.mark.parametrize("variance", [None, 0.7])
def test_information_criteria_of_the_lasso(variance):
    path = fastreg.fit_path(A, Y, n_alphas=20, alpha_min_ratio=0.01, tol=1e-12)
    criteria = fastreg.information_criteria(path, noise_variance=variance, ebic_gamma=0.5)
    for i, alpha in enumerate(path.alphas):
        coef = path.coef(alpha)
        error = np.mean((Y - path.predict(A, alpha)) ** 2)
        df = np.sum(coef != 0) + 1
        sigma2 = error if variance is None else variance
        fit = 60 * np.log(2 * np.pi * sigma2) + 60 * error / sigma2
        assert criteria.df[i] == df
        assert criteria.aic[i] == pytest.approx(fit + 2 * df)
        assert criteria.aicc[i] == pytest.approx(fit + 2 * df + 2 * df * (df + 1) / (60 - df - 1))
        assert criteria.bic[i] == pytest.approx(fit + np.log(60) * df)
        assert criteria.ebic[i] == pytest.approx(criteria.bic[i] + np.log(comb(12, df - 1)))
    assert criteria.best("aic") == path.alphas[np.argmin(criteria.aic)]
    assert "EBIC" in str(criteria)


@pytest.mark.parametrize(
    ("ratio", "shape", "options"),
    [
        (0.5, (60, 12), {}),
        (0.5, (60, 12), {"sample_weight": W, "penalty_factors": np.r_[0.0, np.arange(1.0, 12.0)]}),
        (0.0, (60, 12), {"standardize": True}),
        (0.0, (60, 12), {"penalty_factors": np.r_[0.0, np.ones(11)], "fit_intercept": False}),
        (0.0, (20, 40), {}),
    ],
)
def test_degrees_of_freedom_are_the_trace_of_the_smoother(ratio, shape, options):
    X, y = make_data(*shape, seed=2)
    path = fastreg.fit_path(X, y, l1_ratio=ratio, alphas=[0.5, 0.05], tol=1e-13, **options)
    df = fastreg.information_criteria(path, X).df
    # d fitted_i / d y_i by finite differences, the support held fixed: fits are linear in y then.
    for i, alpha in enumerate(path.alphas):
        support = path.coefs.toarray()[:, i] != 0
        factors = np.where(support, options.get("penalty_factors", np.ones(shape[1])), np.inf)
        rest = {name: value for name, value in options.items() if name != "penalty_factors"}
        smooth = {"l1_ratio": 0.0, "alphas": alpha * (1 - ratio), "penalty_factors": factors, **rest}
        trace = 0.0
        base = fastreg.fit_path(X, y, **smooth)
        for k in range(shape[0]):
            moved = y.copy()
            moved[k] += 1.0
            trace += fastreg.fit_path(X, moved, **smooth).predict(X)[k, 0] - base.predict(X)[k, 0]
        assert df[i] == pytest.approx(trace, abs=1e-6)


def test_information_criteria_refuse():
    path = fastreg.fit_path(A, np.c_[Y, Y], n_alphas=3)
    with pytest.raises(ValueError, match="one target"):
        fastreg.information_criteria(path)
    enet = fastreg.fit_path(A.copy(), Y, n_alphas=3, l1_ratio=0.5)
    with pytest.raises(ValueError, match="Pass it again"):
        fastreg.information_criteria(enet)
    single = fastreg.fit_path(A, Y, n_alphas=3)
    with pytest.raises(ValueError, match="criterion: expected"):
        fastreg.information_criteria(single).best("cp")
    with pytest.raises(ValueError, match="noise_variance"):
        fastreg.information_criteria(single, noise_variance=0.0)


def test_a_saturated_fit_has_finite_or_infinite_criteria():
    X, y = make_data(10, 30, seed=1)
    path = fastreg.fit_path(X, y, alpha_min_ratio=1e-8)
    criteria = fastreg.information_criteria(path)
    assert not np.isnan(np.c_[criteria.aic, criteria.aicc, criteria.bic, criteria.ebic]).any()
    assert np.isinf(criteria.aicc[-1])


def test_adaptive_factors():
    first = fastreg.fit_path(A, Y, l1_ratio=0.0, alphas=0.1).coef(0.1)
    factors = fastreg.adaptive_factors(first, exponent=2.0)
    np.testing.assert_allclose(factors, (np.abs(first).max() / np.abs(first)) ** 2)
    path = fastreg.fit_path(A, Y, penalty_factors=factors, n_alphas=20)
    # The lasso on columns times |b|^2 is the same problem.
    weights = 1 / factors
    scaled = fastreg.fit_path(A * weights, Y, alphas=path.alphas)
    np.testing.assert_allclose(path.coefs.toarray(), scaled.coefs.toarray() * weights[:, None], atol=1e-3)
    assert np.isinf(fastreg.adaptive_factors([1.0, 0.0])[1])
    np.testing.assert_array_equal(fastreg.adaptive_factors([1.0, 0.0], floor=1.0), [1.0, 2.0])
    np.testing.assert_array_equal(fastreg.adaptive_factors([3.0, 0.0], exponent=0.0), [1.0, 1.0])
    with pytest.raises(ValueError, match="coef: expected a coefficient other than 0"):
        fastreg.adaptive_factors(np.zeros(3))
    with pytest.raises(ValueError, match="coef: expected shape"):
        fastreg.adaptive_factors(np.ones((2, 2)))


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
def test_the_path_ends_where_held_out_rows_say_so(ratio, storage):
    X, y = make_data(80, 60, seed=6)
    train, test = np.arange(50), np.arange(50, 80)
    options = {"l1_ratio": ratio, "alpha_min_ratio": 1e-4, "tol": 1e-10}
    whole = fastreg.fit_path(X[train], y[train], **options)
    deviances = np.mean((y[test, None] - whole.predict(X[test])) ** 2, axis=0)
    path = fastreg.fit_path(
        storage(X[train]), y[train], validation=(storage(X[test]), y[test]), patience=4, **options
    )  # fmt: skip
    count = len(path.alphas)
    np.testing.assert_allclose(path.validation_deviance, deviances[:count], rtol=1e-6)
    np.testing.assert_allclose(path.coefs.toarray(), whole.coefs.toarray()[:, :count], atol=1e-6)
    best = int(np.argmin(path.validation_deviance))
    assert path.alpha_validated == path.alphas[best]
    assert path.stopped is not None
    assert best == count - 1 - 4
    assert f"alpha={path.alphas[best]:.6g}" in path.stopped
    assert path.stopped in repr(path)
    assert all(len(part) == count for part in (path.dual_gaps, path.df, path.converged, path.intercepts))


def test_held_out_weights_and_offset():
    offset = np.linspace(-1, 1, 60)
    path = fastreg.fit_path(A, Y, offset=offset, validation=(A, Y, W, offset), patience=1000)
    expected = np.average((Y[:, None] - path.predict(A, offset=offset)) ** 2, axis=0, weights=W)
    np.testing.assert_allclose(path.validation_deviance, expected)
    assert path.stopped is None
    assert "held-out deviance" in str(path.summary())


def test_dfmax():
    whole = fastreg.fit_path(A, Y)
    for limit in (1, 4, 12):
        path = fastreg.fit_path(A, Y, dfmax=limit)
        assert path.df.max() <= limit
        count = len(path.alphas)
        np.testing.assert_allclose(path.coefs.toarray(), whole.coefs.toarray()[:, :count], atol=1e-6)
        assert (path.stopped is None) == (count == 100)
        assert count == 100 or whole.df[count] > limit
    # The first fit is kept whatever its size: a path has one alpha at least.
    dense = fastreg.fit_path(A, Y, alphas=[1e-3, 1e-4], dfmax=2)
    assert len(dense.alphas) == 1
    with pytest.warns(fastreg.ConvergenceWarning, match="at alpha"):
        fastreg.fit_path(sp.csc_array(make_data(40, 300, seed=3)[0]), make_data(40, 300, seed=3)[1], dfmax=10**6,
                         alphas=[0.1], max_iter=1, tol=1e-13)  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dfmax": 0}, "dfmax: expected an integer >= 1"),
        ({"patience": 0}, "patience: expected an integer >= 1"),
        ({"validation": A}, "validation: expected"),
        ({"validation": (A,)}, "validation: expected"),
        ({"validation": (A[:, :3], Y)}, "validation: expected 12 features"),
        ({"validation": (A, Y[:5])}, "y: expected shape"),
        ({"validation": (A, np.c_[Y, Y])}, "validation: expected 12 features and one target"),
        ({"validation": (np.full((3, 12), np.nan), Y[:3])}, "X: expected finite numbers"),
    ],
)
def test_stops_that_make_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        fastreg.fit_path(A, Y, **options)


def test_stops_are_for_one_target():
    for options in ({"dfmax": 3}, {"validation": (A, Y)}):
        with pytest.raises(ValueError, match="several targets"):
            fastreg.fit_path(A, np.c_[Y, Y], **options)
    with pytest.raises(ValueError, match="without validation"):
        _ = fastreg.fit_path(A, Y, n_alphas=3).alpha_validated
