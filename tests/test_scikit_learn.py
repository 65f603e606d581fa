"""The estimators among scikit-learn's: its own checks, its own answers, its tools."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn
import sklearn.linear_model as peers
from designs import make_data
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, TimeSeriesSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg

A, Y = make_data(60, 12, seed=61)
W = np.random.default_rng(0).random(60)
TIGHT = {"tol": 1e-13, "max_iter": 10**6}
PEER = {"tol": 1e-14, "max_iter": 10**6}


# The checks compare fits with each other to 1e-7 or so, on data as small as five rows: tight tol, few folds.
@parametrize_with_checks(
    [
        fastreg.Lasso(tol=1e-12),
        fastreg.ElasticNet(tol=1e-12),
        fastreg.Ridge(tol=1e-12),
        fastreg.LassoCV(tol=1e-12, cv=3, alphas=20),
        fastreg.ElasticNetCV(tol=1e-12, cv=3, alphas=20),
        fastreg.RidgeCV(tol=1e-12),
        fastreg.RidgeCV(tol=1e-12, cv=3),
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


GRID = [
    {"fit_intercept": intercept, "positive": positive, "weights": weights, "kind": kind}
    for intercept in (True, False)
    for positive in (True, False)
    for weights in (False, True)
    for kind in ("dense", "sparse", "float32", "several")
]


@pytest.mark.parametrize("case", GRID, ids=lambda case: "-".join(str(value) for value in case.values()))
def test_drop_in(case):
    X = {"sparse": sp.csc_matrix(A), "float32": A.astype(np.float32)}.get(case["kind"], A)
    y = np.c_[Y, A[:, 0] - Y] if case["kind"] == "several" else Y
    shared = {"fit_intercept": case["fit_intercept"], "positive": case["positive"]}
    weights = W if case["weights"] else None
    for name, options in (("Lasso", {"alpha": 0.1}), ("ElasticNet", {"alpha": 0.1, "l1_ratio": 0.3}), ("Ridge", {})):
        mine = getattr(fastreg, name)(**shared, **options, **TIGHT).fit(X, y, sample_weight=weights)
        settings = PEER if name != "Ridge" or case["positive"] or sp.issparse(X) else {}
        # scikit-learn works in float32 where it gets that, and refuses weights for some; the same numbers in float64.
        peer = getattr(peers, name)(**shared, **options, **settings)
        data = X.astype(np.float64)
        if case["positive"] and name == "Ridge" and sp.issparse(data):
            data = data.toarray()
        if y.ndim == 2 and name != "Ridge":
            coef = np.stack([clone(peer).fit(data, y[:, k], sample_weight=weights).coef_ for k in range(2)])
        else:
            coef = peer.fit(data, y, sample_weight=weights).coef_
        np.testing.assert_allclose(mine.coef_, coef, rtol=0, atol=1e-6)


@pytest.mark.parametrize("weights", [None, W])
@pytest.mark.parametrize("intercept", [True, False])
def test_lasso_cv_is_scikit_learns(intercept, weights):
    mine = fastreg.LassoCV(fit_intercept=intercept, tol=1e-12).fit(A, Y, sample_weight=weights)
    peer = peers.LassoCV(fit_intercept=intercept, alphas=mine.alphas_, tol=1e-10, max_iter=10**6)
    peer.fit(A, Y, sample_weight=weights)
    np.testing.assert_allclose(mine.mse_path_, peer.mse_path_, rtol=1e-6)
    assert mine.alpha_ == peer.alpha_
    np.testing.assert_allclose(mine.coef_, peer.coef_, rtol=0, atol=1e-6)
    assert mine.intercept_ == pytest.approx(peer.intercept_, abs=2e-6)
    grid = peers.LassoCV(fit_intercept=intercept).fit(A, Y, sample_weight=weights).alphas_
    np.testing.assert_allclose(mine.alphas_, grid, rtol=1e-10)


def test_elastic_net_cv_is_scikit_learns():
    ratios = [0.2, 0.9]
    mine = fastreg.ElasticNetCV(l1_ratio=ratios, cv=4, alphas=30, tol=1e-12).fit(A, Y)
    peer = peers.ElasticNetCV(l1_ratio=ratios, cv=4, alphas=30, tol=1e-10, max_iter=10**6).fit(A, Y)
    np.testing.assert_allclose(mine.alphas_, peer.alphas_, rtol=1e-10)
    np.testing.assert_allclose(mine.mse_path_, peer.mse_path_, rtol=1e-6)
    assert mine.l1_ratio_ == peer.l1_ratio_
    np.testing.assert_allclose(mine.coef_, peer.coef_, rtol=0, atol=1e-6)


@pytest.mark.parametrize("shape", [(60, 12), (25, 40)])
@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("targets", [1, 2])
def test_ridge_cv_leaves_one_out_as_scikit_learn_does(shape, weights, intercept, targets):
    X, y = make_data(shape[0], shape[1], seed=3)
    y = np.c_[y, X[:, 1] - y] if targets == 2 else y
    weights = np.random.default_rng(1).random(shape[0]) if weights else None
    alphas = np.geomspace(0.01, 1000, 11)
    mine = fastreg.RidgeCV(alphas=alphas, fit_intercept=intercept).fit(X, y, sample_weight=weights)
    peer = peers.RidgeCV(alphas=alphas, fit_intercept=intercept).fit(X, y, sample_weight=weights)
    assert mine.alpha_ == pytest.approx(peer.alpha_)
    np.testing.assert_allclose(mine.coef_, peer.coef_, atol=1e-8)
    # The errors are those of fits without each row, at the same penalty on the sum of squares.
    if targets == 1 and weights is None:
        rows = [np.delete(np.arange(shape[0]), i) for i in range(shape[0])]
        fits = [fastreg.Ridge(alphas[4], fit_intercept=intercept).fit(X[keep], y[keep]) for keep in rows]
        errors = [(y[i] - fit.predict(X[[i]])[0]) ** 2 for i, fit in enumerate(fits)]
        assert mine.mse_path_[-5, 0] == pytest.approx(np.mean(errors), rel=1e-6)


def test_ridge_cv_with_folds():
    alphas = np.geomspace(0.01, 1000, 11)
    mine = fastreg.RidgeCV(alphas=alphas, cv=4).fit(A, Y)
    peer = peers.RidgeCV(alphas=alphas, cv=4, scoring="neg_mean_squared_error").fit(A, Y)
    assert mine.alpha_ == pytest.approx(peer.alpha_)
    np.testing.assert_allclose(mine.coef_, peer.coef_, atol=1e-8)
    scores = [-cross_val_score(peers.Ridge(a), A, Y, cv=KFold(4), scoring="neg_mean_squared_error") for a in alphas]
    np.testing.assert_allclose(mine.mse_path_[::-1], scores, rtol=1e-8)


def test_leave_one_out_with_unpenalized_features():
    for shape in ((40, 6), (12, 20)):
        X, y = make_data(shape[0], shape[1], seed=4)
        factors = np.r_[0.0, 0.0, np.ones(shape[1] - 2)]
        model = fastreg.RidgeCV(alphas=[2.0], penalty_factors=factors).fit(X, y)
        errors = []
        for i in range(shape[0]):
            keep = np.delete(np.arange(shape[0]), i)
            fit = fastreg.Ridge(2.0, penalty_factors=factors).fit(X[keep], y[keep])
            errors.append((y[i] - fit.predict(X[[i]])[0]) ** 2)
        assert model.mse_path_[0, 0] == pytest.approx(np.mean(errors), rel=1e-6)


def test_one_standard_error_is_sparser():
    best = fastreg.LassoCV().fit(A, Y)
    careful = fastreg.LassoCV(choice="1se").fit(A, Y)
    assert careful.alpha_ == best.cv_result_.alpha_1se >= best.alpha_
    assert (careful.coef_ != 0).sum() <= (best.coef_ != 0).sum()


def test_tools_of_scikit_learn():
    search = GridSearchCV(fastreg.ElasticNet(), {"alpha": [0.01, 0.1, 1.0], "l1_ratio": [0.5, 1.0]}, cv=3).fit(A, Y)
    assert search.best_score_ > 0.5
    pipeline = make_pipeline(StandardScaler(), fastreg.LassoCV(cv=3, alphas=20)).fit(A, Y)
    assert pipeline.score(A, Y) > 0.5
    for model in (fastreg.LassoCV(cv=3), fastreg.RidgeCV(), fastreg.ElasticNetCV(cv=TimeSeriesSplit(3))):
        fitted = clone(model).fit(A, Y, sample_weight=W)
        again = pickle.loads(pickle.dumps(fitted))
        np.testing.assert_array_equal(again.predict(A), fitted.predict(A))
        assert fitted.score(A, Y, sample_weight=W) != fitted.score(A, Y)
        assert clone(fitted).get_params().keys() == model.get_params().keys()


def test_metadata_routing():
    groups = np.repeat(np.arange(6), 10)
    with sklearn.config_context(enable_metadata_routing=True):
        model = fastreg.LassoCV(cv=GroupKFold(3), alphas=20).set_fit_request(sample_weight=True, groups=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), model)
        pipeline.fit(A, Y, sample_weight=W, groups=groups)
    X = StandardScaler().fit_transform(A)
    direct = fastreg.LassoCV(cv=GroupKFold(3), alphas=20).fit(X, Y, sample_weight=W, groups=groups)
    np.testing.assert_allclose(pipeline[-1].coef_, direct.coef_)
    for train, test in direct.cv_result_.splits:
        assert not set(groups[train]) & set(groups[test])


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_keep_their_names(library):
    frames = pytest.importorskip(library)
    names = [f"gene {j}" for j in range(12)]
    frame = frames.DataFrame(dict(zip(names, A.T, strict=True)))
    for model in (fastreg.Lasso(0.1), fastreg.LassoCV(cv=3, alphas=10), fastreg.RidgeCV()):
        fitted = model.fit(frame, Y)
        assert list(fitted.feature_names_in_) == names
        np.testing.assert_allclose(fitted.predict(frame), clone(model).fit(A, Y).predict(A), rtol=1e-9)
        with pytest.raises(ValueError, match=r"feature names|columns"):
            clone(model).fit(frame, Y).predict(frame[names[::-1]])


def test_errors_of_the_choice():
    with pytest.raises(ValueError, match="choice: expected 'best' or '1se'"):
        fastreg.LassoCV(choice="worst").fit(A, Y)
    with pytest.raises(ValueError, match=r"cv: expected splits where groups or choice='1se'"):
        fastreg.RidgeCV(choice="1se").fit(A, Y)
    with pytest.raises(ValueError, match="cv: expected splits for coefficients with bounds"):
        fastreg.RidgeCV(positive=True).fit(A, Y)
    with pytest.raises(ValueError, match="alphas: expected an integer >= 1"):
        fastreg.LassoCV(alphas=0).fit(A, Y)
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        fastreg.RidgeCV().fit(A, None)
