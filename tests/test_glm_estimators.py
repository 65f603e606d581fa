"""LogisticRegression, PoissonRegressor and GammaRegressor beside scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model as peers
from glm_cases import make_classes, make_glm_data
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import d2_tweedie_score, log_loss

import fastreg

TIGHT = {"tol": 1e-14, "max_iter": 10**6}
WEIGHTS = np.random.default_rng(0).integers(0, 4, 60).astype(float)
WEIGHTS[:2] = 1.0
A, Y = make_glm_data(60, 12, "logistic", seed=61)


def stored(X, kind):
    return {"sparse": sp.csc_array, "float32": lambda X: X.astype(np.float32)}.get(kind, np.asarray)(X)


@pytest.mark.parametrize("kind", ["dense", "sparse", "float32"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("alpha", [0.0, 0.01, 1.0])
@pytest.mark.parametrize("name", ["PoissonRegressor", "GammaRegressor"])
def test_drop_in_regressors(name, alpha, intercept, weights, kind):
    X, y = make_glm_data(60, 12, name.removesuffix("Regressor").lower(), seed=3)
    shared = {"alpha": alpha, "fit_intercept": intercept}
    mine = getattr(fastreg, name)(**shared, **TIGHT).fit(stored(X, kind), y, sample_weight=weights)
    # scikit-learn works in float32 where it gets that; the same numbers in float64.
    peer = getattr(peers, name)(**shared, solver="newton-cholesky", tol=1e-12, max_iter=1000)
    peer.fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(mine.coef_, peer.coef_, rtol=0, atol=1e-6)
    assert mine.intercept_ == pytest.approx(peer.intercept_, abs=1e-6)
    np.testing.assert_allclose(mine.predict(stored(X, kind)), peer.predict(X), rtol=1e-5)
    for other in (None, np.random.default_rng(1).random(60)):
        assert mine.score(X, y, sample_weight=other) == pytest.approx(peer.score(X, y, sample_weight=other), abs=1e-6)


@pytest.mark.parametrize("kind", ["dense", "sparse", "float32"])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"b": 0.4}])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5, 1.0])
def test_drop_in_logistic(l1_ratio, class_weight, intercept, weights, kind):
    y = np.where(Y == 1, "b", "a")
    shared = {"l1_ratio": l1_ratio, "class_weight": class_weight, "fit_intercept": intercept}
    for C in (0.3, 3.0) if l1_ratio == 0 else (0.3,):
        mine = fastreg.LogisticRegression(C=C, **shared, **TIGHT).fit(stored(A, kind), y, sample_weight=weights)
        solver = {"solver": "saga", "tol": 1e-12} if l1_ratio else {"solver": "newton-cholesky", "tol": 1e-12}
        peer = peers.LogisticRegression(C=C, **shared, **solver, max_iter=100_000).fit(A, y, sample_weight=weights)
        np.testing.assert_allclose(mine.coef_, peer.coef_, rtol=0, atol=1e-6)
        np.testing.assert_allclose(mine.intercept_, peer.intercept_, rtol=0, atol=1e-6)
        assert mine.coef_.shape == (1, 12)
        assert mine.intercept_.shape == (1,)
        assert mine.classes_.tolist() == ["a", "b"]
        np.testing.assert_allclose(mine.predict_proba(A), peer.predict_proba(A), atol=1e-6)
        np.testing.assert_allclose(mine.predict_log_proba(A), peer.predict_log_proba(A), rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(mine.decision_function(A), peer.decision_function(A), atol=1e-5)
        np.testing.assert_array_equal(mine.predict(A), peer.predict(A))
        assert mine.score(A, y, sample_weight=weights) == peer.score(A, y, sample_weight=weights)


def test_no_penalty_and_alpha():
    free = fastreg.LogisticRegression(C=np.inf, **TIGHT).fit(A, Y)
    peer = peers.LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12).fit(A, Y)
    np.testing.assert_allclose(free.coef_, peer.coef_, rtol=1e-4)
    same = fastreg.LogisticRegression(alpha=1 / (0.3 * 60), l1_ratio=0.5).fit(A, Y)
    np.testing.assert_array_equal(same.coef_, fastreg.LogisticRegression(C=0.3, l1_ratio=0.5).fit(A, Y).coef_)
    path = fastreg.fit_path(A, Y, loss="logistic", alphas=0.02, l1_ratio=0.5, lower_bounds=-0.1, standardize=True,
                            penalty_factors=np.r_[0.0, np.ones(11)])  # fmt: skip
    model = fastreg.LogisticRegression(alpha=0.02, l1_ratio=0.5, lower_bounds=-0.1, standardize=True,
                                       penalty_factors=np.r_[0.0, np.ones(11)]).fit(A, Y)  # fmt: skip
    np.testing.assert_array_equal(model.coef_[0], path.coef(0.02))
    assert fastreg.LogisticRegression(positive=True).fit(A, Y).coef_.min() == 0


def test_class_weights_are_sample_weights():
    rows = np.where(Y == 1, 3.0, 0.5)
    for ratio in (0.0, 1.0):
        by_class = fastreg.LogisticRegression(l1_ratio=ratio, class_weight={0: 0.5, 1: 3.0}, **TIGHT).fit(A, Y)
        by_row = fastreg.LogisticRegression(l1_ratio=ratio, **TIGHT).fit(A, Y, sample_weight=rows)
        np.testing.assert_allclose(by_class.coef_, by_row.coef_, atol=1e-9)
        both = fastreg.LogisticRegression(l1_ratio=ratio, class_weight={1: 2.0}, **TIGHT)
        both.fit(A, Y, sample_weight=WEIGHTS)
        product = fastreg.LogisticRegression(l1_ratio=ratio, **TIGHT)
        product.fit(A, Y, sample_weight=WEIGHTS * np.where(Y == 1, 2.0, 1.0))
        np.testing.assert_allclose(both.coef_, product.coef_, atol=1e-9)
    balanced = fastreg.LogisticRegression(class_weight="balanced", **TIGHT).fit(A, Y, sample_weight=WEIGHTS)
    # The intercept of balanced classes leaves as much of the one as of the other.
    shares = WEIGHTS * np.where(Y == 1, 1 / WEIGHTS[Y == 1].sum(), 1 / WEIGHTS[Y == 0].sum())
    assert shares @ (balanced.predict_proba(A)[:, 1] - Y) == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("labels", [("no", "yes"), (False, True), (-1, 1), (2.0, 7.0)])
def test_labels_of_any_type(labels):
    y = np.array(labels)[Y.astype(int)]
    model = fastreg.LogisticRegression(**TIGHT).fit(A, y)
    plain = fastreg.LogisticRegression(**TIGHT).fit(A, Y)
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    np.testing.assert_array_equal(model.classes_, labels)
    assert model.predict(A).dtype == y.dtype
    assert model.score(A, y) == plain.score(A, Y)


def test_order_of_labels_turns_signs():
    forth = fastreg.LogisticRegression(l1_ratio=1.0, **TIGHT).fit(A, np.where(Y == 1, "b", "a"))
    back = fastreg.LogisticRegression(l1_ratio=1.0, **TIGHT).fit(A, np.where(Y == 1, "a", "b"))
    np.testing.assert_allclose(back.coef_, -forth.coef_, atol=1e-8)
    np.testing.assert_allclose(back.intercept_, -forth.intercept_, atol=1e-8)
    np.testing.assert_allclose(back.predict_proba(A), forth.predict_proba(A)[:, ::-1], atol=1e-8)


def test_probabilities_far_out():
    model = fastreg.LogisticRegression(**TIGHT).fit(A, Y)
    far = 1e4 * A
    probabilities, logs = model.predict_proba(far), model.predict_log_proba(far)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-15)
    assert np.isfinite(logs).all()
    assert logs.min() < -1e3
    np.testing.assert_allclose(logs.min(axis=1), -np.abs(model.decision_function(far)), rtol=1e-12)
    near = model.predict_proba(A)
    np.testing.assert_allclose(np.exp(model.predict_log_proba(A)), near, rtol=1e-12)
    assert log_loss(Y, near) < log_loss(Y, np.full(60, Y.mean()))


def test_attributes_and_warm_start():
    model = fastreg.LogisticRegression(alpha=0.01, l1_ratio=1.0, warm_start=True, tol=1e-10).fit(A, Y)
    gap = fastreg.duality_gap(A, Y, model.coef_[0], model.intercept_[0], 0.01, loss="logistic")
    assert gap == pytest.approx(model.dual_gap_, rel=1e-3, abs=1e-12)
    np.testing.assert_array_equal(model.sparse_coef_.toarray(), model.coef_)
    first, cold = model.coef_.copy(), model.n_iter_
    assert model.fit(A, Y).n_iter_ < cold
    np.testing.assert_allclose(model.coef_, first, atol=1e-4)
    assert model.fit(A[:, :5], Y).coef_.shape == (1, 5)
    with pytest.raises(NotFittedError):
        clone(model).predict_proba(A)


@pytest.mark.parametrize("name", ["PoissonRegressor", "GammaRegressor"])
def test_l1_and_deviance(name):
    loss = name.removesuffix("Regressor").lower()
    X, y = make_glm_data(60, 12, loss, seed=3)
    model = getattr(fastreg, name)(alpha=0.1, l1_ratio=0.7, tol=1e-10).fit(X, y)
    path = fastreg.fit_path(X, y, loss=loss, alphas=0.1, l1_ratio=0.7, tol=1e-10)
    np.testing.assert_array_equal(model.coef_, path.coef(0.1))
    assert (model.coef_ == 0).any()
    assert model.score(X, y) == pytest.approx(path.deviance_ratio[0])
    power = {"poisson": 1, "gamma": 2}[loss]
    for weights in (None, WEIGHTS):
        expected = d2_tweedie_score(y, model.predict(X), sample_weight=weights, power=power)
        assert model.score(X, y, sample_weight=weights) == pytest.approx(expected)
    constant = getattr(fastreg, name)(alpha=1e6, l1_ratio=1.0).fit(X, np.full(60, 2.0))
    assert constant.score(X, np.full(60, 5.0)) == 0
    with pytest.raises(ValueError, match="y: expected values"):
        clone(model).fit(X, -y)
    with pytest.raises(ValueError, match="y: expected values"):
        model.score(X, -y)
    with pytest.raises(ValueError, match="alpha: expected a finite number >= 0"):
        clone(model).set_params(alpha=-1.0).fit(X, y)


def test_errors():
    one = np.zeros(60)
    for model in (fastreg.LogisticRegression(), fastreg.LogisticRegressionCV()):
        with pytest.raises(ValueError, match=r"two classes or more, got one class: \[0.0\]"):
            model.fit(A, one)
        with pytest.raises(ValueError, match="Unknown label type: continuous"):
            model.fit(A, A[:, 0])
        with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
            model.fit(A, None)
        with pytest.raises(ValueError, match="class_weight: expected None, 'balanced' or a dictionary, got 'equal'"):
            clone(model).set_params(class_weight="equal").fit(A, Y)
        with pytest.raises(ValueError, match=r"class_weight: expected classes of y as keys, \[0.0, 1.0\], got \[2\]"):
            clone(model).set_params(class_weight={0: 1, 2: 1}).fit(A, Y)
        with pytest.raises(ValueError, match=r"class_weight\[1.0\]: expected a finite number >= 0"):
            clone(model).set_params(class_weight={1: -1.0}).fit(A, Y)
        with pytest.raises(ValueError, match=r"sample_weight: expected shape \(60,\)"):
            clone(model).set_params(class_weight="balanced").fit(A, Y, sample_weight=np.ones(3))
        with pytest.raises(ValueError, match="sample_weight: expected at least one positive"):
            clone(model).set_params(class_weight={0: 0, 1: 0}).fit(A, Y)
    with pytest.raises(ValueError, match=r"C, alpha: expected one of them, got C=2.0 and alpha=0.1"):
        fastreg.LogisticRegression(C=2.0, alpha=0.1).fit(A, Y)
    with pytest.raises(ValueError, match="C, alpha: expected one of them, got C=None and alpha=None"):
        fastreg.LogisticRegression(C=None).fit(A, Y)
    for C in (0.0, -1.0, np.nan, "1"):
        with pytest.raises(ValueError, match="C"):
            fastreg.LogisticRegression(C=C).fit(A, Y)


@pytest.mark.parametrize("weights", [None, WEIGHTS / WEIGHTS.mean()])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
def test_drop_in_multinomial(l1_ratio, class_weight, intercept, weights):
    y = np.array(["c", "a", "b"])[(A[:, 0] > 0).astype(int) + (Y == 1)]
    shared = {"C": 0.3, "l1_ratio": l1_ratio, "class_weight": class_weight, "fit_intercept": intercept}
    mine = fastreg.LogisticRegression(**shared, **TIGHT).fit(A, y, sample_weight=weights)
    solver = {"solver": "saga", "tol": 1e-12} if l1_ratio else {"solver": "newton-cholesky", "tol": 1e-12}
    peer = peers.LogisticRegression(**shared, **solver, max_iter=100_000).fit(A, y, sample_weight=weights)
    np.testing.assert_allclose(mine.coef_, peer.coef_, rtol=0, atol=1e-5)
    # Intercepts may move together.
    moved = mine.intercept_ - peer.intercept_
    np.testing.assert_allclose(moved, moved.mean(), atol=1e-5)
    np.testing.assert_allclose(mine.predict_proba(A), peer.predict_proba(A), atol=1e-6)
    np.testing.assert_allclose(mine.predict_log_proba(A), peer.predict_log_proba(A), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mine.predict_proba(1e4 * A).sum(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_array_equal(mine.predict(A), peer.predict(A))
    assert mine.coef_.shape == mine.sparse_coef_.shape == (3, 12)
    assert mine.decision_function(A).shape == (60, 3)
    assert isinstance(mine.dual_gap_, float)


def test_groups_over_the_classes_of_a_feature():
    A, y = make_classes(90, 12, seed=9)
    names = np.array(["a", "b", "c"])[y]
    path = fastreg.fit_path(A, y, loss=fastreg.Multinomial(grouped=True), alphas=0.05)
    model = fastreg.LogisticRegression(alpha=0.05, l1_ratio=1.0, grouped=True).fit(A, names)
    np.testing.assert_allclose(model.coef_, path.coef(0.05))
    assert 0 < (model.coef_ != 0).any(axis=0).sum() < 12
    assert ((model.coef_ != 0).any(axis=0) == (model.coef_ != 0).all(axis=0)).all()
    chosen = fastreg.LogisticRegressionCV(alphas=[0.05], l1_ratio=1.0, grouped=True, cv=3).fit(A, names)
    np.testing.assert_allclose(chosen.coef_, model.coef_, atol=1e-3)
    with pytest.raises(ValueError, match="grouped"):
        fastreg.LogisticRegression(grouped=2).fit(A, names)
