"""LogisticRegressionCV, PoissonRegressorCV and GammaRegressorCV, and scikit-learn's tools around them all."""

import pickle

import numpy as np
import pytest
import sklearn
import sklearn.linear_model as peers
from glm_cases import make_glm_data
from sklearn.base import clone
from sklearn.metrics import average_precision_score, mean_gamma_deviance, mean_poisson_deviance
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    StratifiedKFold,
    StratifiedShuffleSplit,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastreg

A, Y = make_glm_data(60, 12, "logistic", seed=61)
LABELS = np.where(Y == 1, "yes", "no")
W = np.random.default_rng(0).random(60)
DATA = {name: make_glm_data(60, 12, name, seed=62) for name in ("poisson", "gamma")}
CS = [0.01, 1.0, 0.1]
# Where some coefficients are not zero: with all at zero, saga stops before the intercept is where it belongs.
SPARSE_CS = [1.0, 0.5, 4.0]


def peer_cv(scoring, weights=None, ratios=(0.0,), Cs=CS, **options):
    """Return scikit-learn's fit, with the attributes that it has from 1.10 on."""
    solver = {"solver": "newton-cholesky"} if ratios == (0.0,) else {"solver": "saga", "max_iter": 100_000}
    peer = peers.LogisticRegressionCV(
        Cs=sorted(Cs), l1_ratios=ratios, cv=4, scoring=scoring, tol=1e-10, **solver, **options
    )
    if "use_legacy_attributes" in peer.get_params():
        peer.set_params(use_legacy_attributes=False)
    return peer.fit(A, LABELS, sample_weight=weights)


@pytest.mark.parametrize("weights", [None, W])
@pytest.mark.parametrize("scoring", ["deviance", "accuracy", "roc_auc"])
def test_logistic_cv_is_scikit_learns(scoring, weights):
    mine = fastreg.LogisticRegressionCV(Cs=CS, cv=4, scoring=scoring, tol=1e-13).fit(A, LABELS, sample_weight=weights)
    peer = peer_cv({"deviance": "neg_log_loss"}.get(scoring, scoring), weights)
    # The path descends in alpha, which is to ascend in C. The deviance is twice the log loss, and small where good.
    unit = -2.0 if scoring == "deviance" else 1.0
    np.testing.assert_allclose(mine.scores_, unit * np.reshape(peer.scores_, (4, 3)), rtol=1e-5)
    assert mine.cv_result_.greater_is_better == (scoring != "deviance")
    np.testing.assert_array_equal(mine.Cs_, sorted(CS))
    assert mine.C_ == peer.C_
    total = 60 if weights is None else weights.sum()
    assert mine.alpha_ == pytest.approx(1 / (mine.C_ * total))
    np.testing.assert_allclose(mine.alphas_, 1 / (mine.Cs_ * total))
    np.testing.assert_allclose(mine.coef_, peer.coef_, atol=1e-5)
    np.testing.assert_allclose(mine.intercept_, peer.intercept_, atol=1e-5)
    np.testing.assert_array_equal(mine.predict(A), peer.predict(A))


def test_l1_ratios_and_class_weights():
    ratios = (0.2, 1.0)
    mine = fastreg.LogisticRegressionCV(Cs=SPARSE_CS, l1_ratio=list(ratios), cv=4, tol=1e-13).fit(A, LABELS)
    peer = peer_cv("neg_log_loss", ratios=ratios, Cs=SPARSE_CS)
    np.testing.assert_allclose(mine.scores_, -2 * np.asarray(peer.scores_), rtol=1e-5)
    assert mine.scores_.shape == (4, 2, 3)
    assert (mine.C_, mine.l1_ratio_) == (peer.C_, peer.l1_ratio_)
    np.testing.assert_allclose(mine.coef_, peer.coef_, atol=1e-5)
    balanced = fastreg.LogisticRegressionCV(Cs=CS, cv=4, tol=1e-13, class_weight="balanced", scoring="roc_auc")
    balanced.fit(A, LABELS)
    peer = peer_cv("roc_auc", class_weight="balanced")
    np.testing.assert_allclose(balanced.scores_, np.reshape(peer.scores_, (4, 3)), rtol=1e-8)
    np.testing.assert_allclose(balanced.coef_, peer.coef_, atol=1e-5)


def test_grids():
    default = fastreg.LogisticRegressionCV(cv=3).fit(A, LABELS)
    np.testing.assert_allclose(default.Cs_, np.logspace(-4, 4, 10))
    assert default.l1_ratio_ == 0
    lasso = fastreg.LogisticRegressionCV(cv=3, alphas=20, eps=0.01, l1_ratio=1.0).fit(A, LABELS)
    assert lasso.alphas_.shape == lasso.Cs_.shape == (20,)
    assert lasso.alphas_[0] == pytest.approx(fastreg.alpha_max(A, Y, loss="logistic"))
    assert lasso.alphas_[-1] == pytest.approx(0.01 * lasso.alphas_[0])
    np.testing.assert_allclose(lasso.Cs_, 1 / (60 * lasso.alphas_))
    assert lasso.C_ * 60 * lasso.alpha_ == pytest.approx(1)
    same = fastreg.cross_validate_path(A, Y, loss="logistic", cv=StratifiedKFold(3), alphas=lasso.alphas_)
    np.testing.assert_allclose(same.fold_scores, lasso.scores_, rtol=1e-5)
    careful = clone(lasso).set_params(choice="1se").fit(A, LABELS)
    assert careful.alpha_ == lasso.cv_result_.alpha_1se >= lasso.alpha_
    free = fastreg.LogisticRegressionCV(cv=3, Cs=[1.0, np.inf]).fit(A, LABELS)
    assert free.alphas_[1] == 0
    assert np.isinf(free.Cs_[1])


def test_callables_get_labels_and_probabilities():
    seen = []

    def precision(y_true, y_pred, sample_weight):
        seen.append((set(y_true), y_pred.shape == y_true.shape == sample_weight.shape))
        return average_precision_score(y_true, y_pred, sample_weight=sample_weight, pos_label="yes")

    mine = fastreg.LogisticRegressionCV(Cs=CS, cv=4, scoring=precision, tol=1e-12).fit(A, LABELS)
    assert seen == [({"yes", "no"}, True)] * 12
    for k, C in enumerate(mine.Cs_):
        model = fastreg.LogisticRegression(C=C, tol=1e-12)
        expected = cross_val_score(model, A, Y, cv=StratifiedKFold(4), scoring="average_precision")
        # C times the sum of losses: the same in a fold as for all rows.
        np.testing.assert_allclose(mine.scores_[:, k], expected)
    assert pickle.loads(pickle.dumps(clone(mine).set_params(scoring="roc_auc").fit(A, LABELS))).C_ in CS


@pytest.mark.parametrize("name", ["poisson", "gamma"])
def test_regressors_choose_by_held_out_deviance(name):
    X, y = DATA[name]
    deviance = {"poisson": mean_poisson_deviance, "gamma": mean_gamma_deviance}[name]
    single = getattr(fastreg, f"{name.title()}Regressor")
    chosen = getattr(fastreg, f"{name.title()}RegressorCV")(alphas=[1.0, 0.1, 0.01], cv=4, tol=1e-12).fit(X, y, W)
    for k, (train, test) in enumerate(KFold(4).split(X)):
        for i, alpha in enumerate(chosen.alphas_):
            fit = single(alpha=alpha, tol=1e-12).fit(X[train], y[train], sample_weight=W[train])
            expected = deviance(y[test], fit.predict(X[test]), sample_weight=W[test])
            assert chosen.scores_[k, i] == pytest.approx(expected, rel=1e-5)
    assert chosen.alpha_ == chosen.alphas_[np.argmin(chosen.scores_.mean(axis=0))]
    again = single(alpha=chosen.alpha_, tol=1e-12).fit(X, y, sample_weight=W)
    np.testing.assert_allclose(chosen.coef_, again.coef_, atol=1e-5)
    assert chosen.score(X, y) == pytest.approx(again.score(X, y), abs=1e-6)
    both = clone(chosen).set_params(l1_ratio=[0.0, 1.0], alphas=10, eps=0.01).fit(X, y)
    assert both.scores_.shape == (4, 2, 10)
    assert both.alphas_.shape == (2, 10)
    assert both.l1_ratio_ in (0.0, 1.0)


MODELS = [
    (fastreg.LogisticRegression(), LABELS),
    (fastreg.LogisticRegressionCV(cv=3), LABELS),
    (fastreg.PoissonRegressor(alpha=0.1), DATA["poisson"][1]),
    (fastreg.PoissonRegressorCV(cv=3, alphas=10), DATA["poisson"][1]),
    (fastreg.GammaRegressor(alpha=0.1), DATA["gamma"][1]),
    (fastreg.GammaRegressorCV(cv=3, alphas=10), DATA["gamma"][1]),
]
MODELS = [pytest.param(model, y, id=type(model).__name__) for model, y in MODELS]


@pytest.mark.parametrize(("model", "y"), MODELS)
def test_tools_of_scikit_learn(model, y):
    fitted = clone(model).fit(A, y, sample_weight=W)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(A), fitted.predict(A))
    assert fitted.score(A, y, sample_weight=W) != fitted.score(A, y)
    assert clone(fitted).get_params().keys() == model.get_params().keys()
    pipeline = make_pipeline(StandardScaler(), clone(model)).fit(A, y)
    assert pipeline[-1].n_features_in_ == 12
    search = GridSearchCV(model, {"l1_ratio": [0.0, 1.0], "standardize": [True]}, cv=3).fit(A, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize(("model", "y"), MODELS)
def test_frames_keep_their_names(model, y):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(A, columns=[f"gene {j}" for j in range(12)])
    fitted = clone(model).fit(frame, pandas.Series(y, index=np.arange(60) + 7))
    assert list(fitted.feature_names_in_) == list(frame.columns)
    plain = clone(model).fit(A, y)
    np.testing.assert_allclose(fitted.coef_, plain.coef_, rtol=1e-9)
    assert fitted.score(frame, y) == pytest.approx(plain.score(A, y))
    with pytest.raises(ValueError, match=r"feature names|columns"):
        fitted.predict(frame[frame.columns[::-1]])


@pytest.mark.parametrize(("model", "y"), MODELS[1::2])
def test_metadata_routing(model, y):
    groups = np.arange(60) % 6
    with sklearn.config_context(enable_metadata_routing=True):
        routed = clone(model).set_params(cv=GroupKFold(3)).set_fit_request(sample_weight=True, groups=True)
        routed.set_score_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), routed)
        pipeline.fit(A, y, sample_weight=W, groups=groups)
        assert np.isfinite(pipeline.score(A, y, sample_weight=W))
    direct = clone(model).fit(StandardScaler().fit_transform(A), y, sample_weight=W, groups=groups)
    np.testing.assert_allclose(pipeline[-1].coef_, direct.coef_)
    for train, test in direct.cv_result_.splits:
        assert not set(groups[train]) & set(groups[test])


def test_folds_are_stratified():
    order = np.argsort(Y)
    model = fastreg.LogisticRegressionCV(cv=3).fit(A[order], LABELS[order])
    for _, test in model.cv_result_.splits:
        assert Y[order][test].sum() in (Y.sum() // 3, -(-Y.sum() // 3))
    splitter = StratifiedShuffleSplit(2, random_state=0)
    drawn = fastreg.LogisticRegressionCV(cv=splitter).fit(A, LABELS)
    for ours, theirs in zip(drawn.cv_result_.splits, splitter.split(A, LABELS), strict=True):
        np.testing.assert_array_equal(ours.test, theirs[1])


def test_errors_of_the_choice():
    for options, message in (
        ({"Cs": [1.0], "alphas": 10}, r"Cs, alphas: expected one of them, got Cs=\[1.0\] and alphas=10"),
        ({"Cs": 0}, "Cs: expected an integer >= 1"),
        ({"Cs": [0.0, 1.0]}, "C, total_weight: expected positive numbers"),
        ({"alphas": 0}, "alphas: expected an integer >= 1"),
        ({"scoring": "r2"}, "scoring: expected 'deviance', 'accuracy', 'roc_auc' or a callable"),
        ({"scoring": None}, "scoring: expected 'deviance', 'accuracy', 'roc_auc' or a callable"),
        ({"choice": "worst"}, "choice: expected 'best' or '1se'"),
        ({"cv": 1}, "cv|n_splits"),
        ({"cv": KFold(2)}, "cv: training rows of fold 0: y: expected two classes"),
    ):
        rows = np.argsort(Y) if "cv" in options else np.arange(60)
        with pytest.raises(ValueError, match=message):
            fastreg.LogisticRegressionCV(**options).fit(A[rows], LABELS[rows])
    with pytest.raises(ValueError, match="choice: expected 'best' or '1se'"):
        fastreg.PoissonRegressorCV(choice="worst").fit(*DATA["poisson"])


@pytest.mark.parametrize("scoring", ["deviance", "accuracy", "roc_auc"])
def test_several_classes(scoring):
    y = np.array(["c", "a", "b"])[(A[:, 0] > 0).astype(int) + (Y == 1)]
    mine = fastreg.LogisticRegressionCV(Cs=CS, cv=4, scoring=scoring, tol=1e-12).fit(A, y)
    name = {"deviance": "neg_log_loss", "roc_auc": "roc_auc_ovr"}.get(scoring, scoring)
    unit = -2.0 if scoring == "deviance" else 1.0
    for k, C in enumerate(mine.Cs_):
        model = fastreg.LogisticRegression(C=C, tol=1e-12)
        expected = cross_val_score(model, A, y, cv=StratifiedKFold(4), scoring=name)
        np.testing.assert_allclose(mine.scores_[:, k], unit * expected, rtol=1e-5)
    assert mine.coef_.shape == (3, 12)
