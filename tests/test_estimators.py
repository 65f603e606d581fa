"""Lasso, ElasticNet and Ridge beside scikit-learn's."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model as peers
from designs import make_data
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastreg

A, Y = make_data(60, 12, seed=61)
WEIGHTS = np.random.default_rng(0).random(60)
TIGHT = {"tol": 1e-13, "max_iter": 10**6}


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("alpha", [0.01, 0.3])
def test_same_coefficients_as_scikit_learn(alpha, positive, intercept, weights):
    pairs = [
        (fastreg.Lasso, peers.Lasso, {}, {"tol": 1e-14, "max_iter": 10**6}),
        (fastreg.ElasticNet, peers.ElasticNet, {"l1_ratio": 0.3}, {"tol": 1e-14, "max_iter": 10**6}),
        (fastreg.Ridge, peers.Ridge, {}, {"tol": 1e-14, "max_iter": 10**6} if positive else {}),
    ]
    for ours, theirs, options, settings in pairs:
        options = {"alpha": alpha, "fit_intercept": intercept, "positive": positive, **options}
        mine = ours(**options, **TIGHT).fit(A, Y, sample_weight=weights)
        peer = theirs(**options, **settings).fit(A, Y, sample_weight=weights)
        np.testing.assert_allclose(mine.coef_, peer.coef_, atol=2e-6)
        assert mine.intercept_ == pytest.approx(peer.intercept_, abs=2e-6)
        np.testing.assert_allclose(mine.predict(A), peer.predict(A), atol=1e-5)
        assert mine.score(A, Y) == pytest.approx(peer.score(A, Y), abs=1e-6)


def test_attributes():
    model = fastreg.Lasso(alpha=0.1).fit(A, Y)
    assert model.coef_.shape == (12,)
    assert model.n_features_in_ == 12
    assert isinstance(model.intercept_, float)
    assert isinstance(model.n_iter_, int)
    np.testing.assert_array_equal(model.sparse_coef_.toarray(), model.coef_[None])
    gap = fastreg.duality_gap(A, Y, model.coef_, model.intercept_, 0.1)
    assert gap == pytest.approx(model.dual_gap_, rel=1e-6, abs=1e-12)
    assert not hasattr(model, "feature_names_in_")


def test_several_targets_and_sparse():
    Y2 = np.c_[Y, -Y, A[:, 0]]
    for model in (fastreg.Lasso(0.1), fastreg.ElasticNet(0.1), fastreg.Ridge(1.0)):
        fitted = clone(model).fit(sp.csr_array(A), Y2)
        assert fitted.coef_.shape == (3, 12)
        assert fitted.intercept_.shape == fitted.dual_gap_.shape == (3,)
        assert fitted.predict(sp.csr_array(A)).shape == (60, 3)
        for k in range(3):
            np.testing.assert_allclose(clone(model).fit(A, Y2[:, k]).coef_, fitted.coef_[k], atol=1e-3)


def test_bounds_factors_and_standardize_reach_the_solver():
    factors = np.r_[0.0, np.inf, np.ones(10)]
    model = fastreg.ElasticNet(
        0.05, penalty_factors=factors, lower_bounds=-0.2, upper_bounds=0.3, standardize=True, n_threads=1
    ).fit(A, Y)
    path = fastreg.fit_path(
        A,
        Y,
        alphas=0.05,
        l1_ratio=0.5,
        penalty_factors=factors,
        lower_bounds=-0.2,
        upper_bounds=0.3,
        standardize=True,
    )
    np.testing.assert_array_equal(model.coef_, path.coef(0.05))
    assert model.coef_[1] == 0
    positive = fastreg.Lasso(0.01, positive=True, lower_bounds=-1.0).fit(A, Y)
    assert positive.coef_.min() == 0


def test_warm_start_continues():
    cold = fastreg.Lasso(0.01, warm_start=True, tol=1e-10).fit(A, Y)
    assert cold.n_iter_ > 1
    first = cold.coef_.copy()
    again = cold.fit(A, Y)
    assert again.n_iter_ <= 1
    np.testing.assert_allclose(again.coef_, first, atol=1e-6)
    # Another number of features or targets is another problem: a cold start.
    assert cold.fit(A[:, :5], Y).coef_.shape == (5,)
    assert cold.fit(A[:, :5], np.c_[Y, Y]).coef_.shape == (2, 5)


def test_parameters_clone_and_pickle():
    model = fastreg.Lasso(0.3, positive=True, tol=1e-8)
    parameters = model.get_params()
    assert parameters["alpha"] == 0.3
    assert "l1_ratio" not in parameters
    assert clone(model).get_params() == parameters
    fitted = model.fit(A, Y)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(A), fitted.predict(A))
    pipeline = make_pipeline(StandardScaler(), fastreg.Ridge()).fit(A, Y)
    assert pipeline.score(A, Y) > 0.5


def test_feature_names():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(A, columns=[f"x{j}" for j in range(12)])
    model = fastreg.Lasso(0.1).fit(frame, Y)
    assert list(model.feature_names_in_) == list(frame.columns)
    assert not hasattr(model.fit(A, Y), "feature_names_in_")


def test_errors():
    with pytest.raises(NotFittedError):
        fastreg.Lasso().predict(A)
    with pytest.raises(ValueError, match="alpha: expected a finite number >= 0"):
        fastreg.Ridge(alpha=-1.0).fit(A, Y)
    with pytest.raises(ValueError, match="sample_weight: expected at least one positive"):
        fastreg.Ridge().fit(A, Y, sample_weight=np.zeros(60))
    for model in (fastreg.Ridge(), fastreg.Lasso()):
        with pytest.raises((ValueError, TypeError), match="X: expected"):
            model.fit(None, Y)
    with pytest.raises(ValueError, match="positive: expected True or False"):
        fastreg.Lasso(positive="no").fit(A, Y)
    with pytest.raises(ValueError, match="X has 3 features, but Lasso is expecting 12 features"):
        fastreg.Lasso(0.1).fit(A, Y).predict(A[:, :3])
