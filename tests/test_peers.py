"""The numbers of R glmnet and of scikit-learn."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import ElasticNet, Lasso, Ridge

import fastreg

ROOT = Path(__file__).parent.parent
GLMNET = json.loads((Path(__file__).parent / "data" / "glmnet_numbers.json").read_text())["fits"]


@pytest.fixture(scope="module")
def leukemia():
    sys.path.insert(0, str(ROOT / "examples"))
    try:
        from data import load_leukemia
    finally:
        sys.path.pop(0)
    return load_leukemia()


@pytest.fixture(scope="module")
def diabetes():
    return datasets.load_diabetes(return_X_y=True)


def check_glmnet(name, X, y, alphas, **options):
    for fit, alpha in zip(GLMNET[name], alphas, strict=True):
        path = fastreg.fit_path(X, y, alphas=alpha, tol=1e-13, max_iter=10**6, **options)
        expected = np.zeros(X.shape[1])
        expected[fit["features"]] = fit["coefficients"]
        scale = np.abs(expected).max()
        # Even at thresh = 1e-14 glmnet leaves relative gaps of up to 2e-7; ours is the smaller one.
        np.testing.assert_allclose(path.coef(alpha), expected, atol=1e-4 * scale)
        theirs = fastreg.duality_gap(X, y, expected, fit["intercept"], alpha, **options)
        assert path.dual_gaps[0] <= theirs <= 1e-6 * path.null_loss
        assert path.intercept(alpha) == pytest.approx(fit["intercept"], rel=2e-5)


def lambdas(name):
    return [fit["lambda"] for fit in GLMNET[name]]


def test_glmnet_lasso(diabetes):
    X, y = diabetes
    for name, standardize in (
        ("diabetes lasso standardize=FALSE", False),
        ("diabetes lasso standardize=TRUE", True),
    ):
        check_glmnet(name, X, y, lambdas(name), standardize=standardize)


def test_glmnet_elastic_net(diabetes):
    # glmnet divides the l2 part by the standard deviation of y: a = lambda (r + (1 - r)/sd).
    X, y = diabetes
    name = "diabetes enet alpha=.5 standardize=TRUE"
    deviation = y.std()
    for k, lam in enumerate(lambdas(name)):
        l1, l2 = 0.5 * lam, 0.5 * lam / deviation
        fit = GLMNET[name][k]
        path = fastreg.fit_path(
            X, y, alphas=l1 + l2, l1_ratio=l1 / (l1 + l2), standardize=True, tol=1e-13, max_iter=10**6
        )
        got = path.coefs.toarray()[fit["features"], 0]
        np.testing.assert_allclose(got, fit["coefficients"], atol=1e-4 * np.abs(got).max())
        assert path.df[0] == len(fit["features"])


def test_glmnet_weights_and_limits(diabetes):
    X, y = diabetes
    name = "diabetes weights lasso lower 0"
    weights = np.resize([1.0, 2.0, 3.0], 442)
    check_glmnet(name, X, y, lambdas(name), standardize=True, sample_weight=weights, lower_bounds=0.0)


def test_glmnet_penalty_factors(diabetes):
    # glmnet rescales the factors to sum to p; these do already.
    X, y = diabetes
    factors = np.r_[0.0, np.ones(8), 2.0]
    name = "diabetes factors lasso"
    check_glmnet(name, X, y, lambdas(name), standardize=True, penalty_factors=factors)


def test_glmnet_leukemia(leukemia):
    name = "leukemia lasso standardize=TRUE"
    check_glmnet(name, *leukemia, lambdas(name), standardize=True)


def test_scikit_learn_leukemia(leukemia):
    X, y = leukemia
    X = X.astype(float) / X.std(axis=0)
    top = fastreg.alpha_max(X, y)
    for alpha in (0.5 * top, 0.1 * top):
        peer = Lasso(alpha=alpha, tol=1e-10, max_iter=10**6).fit(X, y)
        ours = fastreg.fit_path(X, y, alphas=alpha, tol=1e-10)
        np.testing.assert_allclose(ours.coef(alpha), peer.coef_, atol=1e-5)
        assert fastreg.duality_gap(X, y, peer.coef_, peer.intercept_, alpha) <= 1e-9


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer", "wine", "iris", "digits", "linnerud"])
def test_scikit_learn_bundled_sets(name):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    X, y = X.astype(float), y.astype(float)
    if y.ndim == 2:
        y = y[:, 0]
    X = (X - X.mean(axis=0)) / np.where(X.std(axis=0) > 0, X.std(axis=0), 1.0)
    top = fastreg.alpha_max(X, y)
    for ratio in (1.0, 0.5):
        alpha = 0.05 * top
        peer = ElasticNet(alpha=alpha, l1_ratio=ratio, tol=1e-12, max_iter=10**6).fit(X, y)
        ours = fastreg.fit_path(X, y, alphas=alpha, l1_ratio=ratio, tol=1e-12, max_iter=10**6)
        np.testing.assert_allclose(ours.coef(alpha), peer.coef_, atol=1e-5 * np.abs(peer.coef_).max())
    peer = Ridge(alpha=3.0).fit(X, y)
    ours = fastreg.fit_path(X, y, alphas=3.0 / len(y), l1_ratio=0.0)
    np.testing.assert_allclose(ours.coef(3.0 / len(y)), peer.coef_, atol=1e-9 * np.abs(peer.coef_).max())
