"""The multinomial loss: several classes, certified by NumPy."""

import numpy as np
import pytest
import scipy.sparse as sp
from glm_cases import check_glmnet_classes, class_problem, glmnet_fits, make_classes
from scipy.special import log_softmax, softmax, xlogy

import fastreg
from fastreg import reference
from fastreg.reference.penalty import conjugate, penalty_value

SHAPES = {"wide": (30, 45), "tall": (80, 14)}
NAMES = ["lasso", "elastic-net", "no-intercept", "weights", "standardize", "factors", "bounds", "positive", "together"]
MULTINOMIAL = {name: fit for name, fit in glmnet_fits().items() if fit["loss"] == "multinomial" and not fit["grouped"]}


def dual_gap(form, y, B, intercepts, alpha):
    """The gap of B (p, K), sum over the classes, from the standard form of squared loss: X, weights, penalty."""
    X, w = form.X, form.weights
    labels = (y[:, None] == np.arange(B.shape[1])).astype(float)
    eta = X @ B + intercepts + form.x_mean @ B
    log_p = log_softmax(eta, axis=1)
    p = np.exp(log_p)
    z = X.T @ (w[:, None] * (labels - p))
    assert not form.fit_intercept or np.abs(w @ (labels - p)).max() <= 1e-7
    t, q = alpha * form.l1[:, None], alpha * form.l2[:, None]
    lower, upper = form.lower[:, None], form.upper[:, None]
    free = (t == 0) & (q == 0) & np.isinf(lower) & np.isinf(upper)
    z = np.where(free & (np.abs(z) < 1e-7), 0.0, z)

    def gap(s):
        mixed = (1 - s) * labels + s * p
        loss = w @ (xlogy(mixed, mixed) - mixed * log_p).sum(axis=1)
        return loss + (penalty_value(B, t, q) - s * z * B + conjugate(s * z, t, q, lower, upper)).sum()

    infinite = (np.abs(z) > t) & (q == 0) & np.isinf(np.where(z > 0, upper, lower))
    high = min(1.0, np.min((t / np.where(z == 0, 1, np.abs(z)))[infinite], initial=1.0)) * (1 - 1e-15)
    return min(gap(s) for s in [high, 0.0, *(high * (1 - np.geomspace(1e-12, 1, 60)))])


def check_path(X, A, y, options, *, tol=1e-7, **path):
    result = fastreg.fit_path(X, y, loss="multinomial", tol=tol, max_iter=100_000, **options, **path)
    form = reference.glm_form(A, np.ones(len(y)), "logistic", **options)
    kept = np.asarray(options.get("sample_weight", np.ones(len(y)))) > 0
    y = y[kept]
    assert result.converged.all()
    assert result.dual_gaps.shape == result.alphas.shape
    labels = (y[:, None] == np.arange(len(result.coefs))).astype(float)
    share = form.weights @ labels
    if form.fit_intercept:
        assert result.null_loss == pytest.approx(-np.sum(share * np.log(share)), rel=1e-9)
    for k, alpha in enumerate(result.alphas):
        B = np.stack([c[:, [k]].toarray()[:, 0] for c in result.coefs], axis=1)
        assert np.all((form.lower[:, None] - 1e-15 <= B) & (form.upper[:, None] + 1e-15 >= B))
        gap = dual_gap(form, y, B, result.intercepts[k], alpha)
        assert gap <= 1.05 * tol * result.null_loss
        assert result.dual_gaps[k] >= gap - 1e-2 * tol * result.null_loss
    return result


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_option(name, shape):
    A, y, options = class_problem(*SHAPES[shape], name)
    check_path(A, A, y, options, n_alphas=6, alpha_min_ratio=0.05)


@pytest.mark.parametrize("make", [np.asfortranarray, np.float32, sp.csc_array, sp.csr_array])
def test_designs_and_many_columns(make):
    A, y = make_classes(50, 600, 4, kind="pathological", seed=2)
    result = check_path(make(A), A, y, {}, n_alphas=8, alpha_min_ratio=0.1)
    assert result.n_passes < 20


@pytest.mark.parametrize("name", MULTINOMIAL)
def test_is_glmnet(name):
    check_glmnet_classes(MULTINOMIAL[name], "multinomial", 1e-10)


def test_predictions_are_probabilities():
    A, y = make_classes(60, 12)
    path = fastreg.fit_path(A, y, loss="multinomial", n_alphas=5)
    p = path.predict(A)
    assert p.shape == (60, 5, 3)
    np.testing.assert_allclose(p.sum(axis=-1), 1.0)
    np.testing.assert_allclose(p, softmax(path.predict(A, predictor=True), axis=-1), rtol=1e-10)
    assert path.summary()._repr_html_()


def test_duality_gap_and_alpha_max():
    A, y = make_classes(40, 20, seed=3)
    top = fastreg.alpha_max(A, y, loss="multinomial")
    path = fastreg.fit_path(A, y, loss="multinomial", alphas=[top, 0.98 * top, 0.1 * top], tol=1e-9)
    assert path.df[0].sum() == 0 < path.df[1].sum()
    form = reference.glm_form(A, np.ones(40), "logistic")
    for k, alpha in enumerate(path.alphas):
        B = path.coef(alpha)
        gap = fastreg.duality_gap(A, y, B, path.intercepts[k], alpha, loss="multinomial")
        assert gap <= 1e-9 * path.null_loss
        wrong = B + 0.1
        other = fastreg.duality_gap(A, y, wrong, path.intercepts[k], alpha, loss="multinomial")
        value = form.weights @ -log_softmax(A @ wrong.T + path.intercepts[k], axis=1)[np.arange(40), y]
        best = form.weights @ -log_softmax(A @ B.T + path.intercepts[k], axis=1)[np.arange(40), y]
        excess = value + alpha * np.abs(wrong).sum() - best - alpha * np.abs(B).sum()
        assert other >= excess * (1 - 1e-9)


def test_cold_fit_and_warm_start():
    A, y = make_classes(50, 300, seed=4)
    alpha = 0.1 * fastreg.alpha_max(A, y, loss="multinomial")
    cold = fastreg.fit_path(A, y, loss="multinomial", alphas=alpha, tol=1e-9)
    assert cold.converged.all()
    init = (cold.coef(alpha) * 1.1, cold.intercept(alpha))
    warm = fastreg.fit_path(A, y, loss="multinomial", alphas=alpha, tol=1e-9, init=init)
    np.testing.assert_allclose(warm.coef(alpha), cold.coef(alpha), atol=1e-4)


@pytest.mark.parametrize("shape", [(80, 12), (30, 200)])
def test_ridge(shape):
    A, y = make_classes(*shape, seed=6)
    check_path(A, A, y, {"l1_ratio": 0.0}, alphas=[10.0, 1.0, 0.1, 0.01])
    check_path(sp.csc_array(A), A, y, {"l1_ratio": 0.0}, alphas=[1.0, 0.1])
    check_path(A, A, y, {"l1_ratio": 0.0, "penalty_factors": np.r_[0.0, np.ones(shape[1] - 1)]}, alphas=[1.0, 0.1])


def test_cross_validation():
    A, y = make_classes(90, 20, seed=5)
    cv = fastreg.cross_validate_path(A, y, loss="multinomial", cv=3, n_alphas=8, keep_folds=True)
    _, test = cv.splits[1]
    fold = cv.folds[0][1]
    eta = fold.predict(A[test], predictor=True)
    losses = -np.take_along_axis(log_softmax(eta, axis=-1), y[test][:, None, None], axis=-1)[..., 0]
    np.testing.assert_allclose(cv.fold_scores[1], 2 * losses.mean(axis=0), rtol=1e-9)
    assert cv.out_of_fold.shape == (90, 3)
    np.testing.assert_allclose(cv.out_of_fold.sum(axis=1), 1.0)


def test_bad_classes():
    A = np.eye(4)
    for y, message in (([0, 1, 2, 4], "class 3"), ([0.5, 1, 2, 0], "class codes"), ([0, 0, 0, 0], "two classes")):
        with pytest.raises(ValueError, match=message):
            fastreg.fit_path(A, np.array(y, dtype=float), loss="multinomial")
