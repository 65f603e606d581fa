"""The multinomial loss with a group penalty, and with options that only several classes have, checked in NumPy."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
from designs import REPRESENTATIONS, make_data
from glm_cases import check_glmnet_classes, class_problem, glmnet_fits, make_classes
from scipy.special import log_softmax, softmax, xlogy
from test_multinomial import NAMES, SHAPES

import fastreg
from fastreg import reference

GROUPED = fastreg.Multinomial(grouped=True)
GLMNET = {name: fit for name, fit in glmnet_fits().items() if fit["loss"] == "multinomial" and fit["grouped"]}


def norms(B):
    return np.linalg.norm(B, axis=1, keepdims=True)


class Classes:
    """The problem in the standard form of squared loss, by NumPy alone: B is (p, K)."""

    def __init__(self, A, y, options, grouped, offset=0.0):
        self.form = reference.glm_form(A, np.ones(len(y)), "logistic", **options)
        kept = np.asarray(options.get("sample_weight", np.ones(len(y)))) > 0
        self.labels = (y[kept, None] == np.arange(y.max() + 1)).astype(float)
        self.grouped, self.offset = grouped, np.broadcast_to(offset, (len(y), y.max() + 1))[kept]

    def state(self, B, intercepts):
        form = self.form
        log_p = log_softmax(form.X @ B + intercepts + form.x_mean @ B + self.offset, axis=1)
        z = form.X.T @ (form.weights[:, None] * (self.labels - np.exp(log_p)))
        return log_p, z

    def objective(self, B, intercepts, alpha):
        log_p, _ = self.state(B, intercepts)
        size = norms(B)[:, 0] if self.grouped else np.abs(B).sum(axis=1)
        penalty = alpha * (self.form.l1 @ size + 0.5 * self.form.l2 @ (B * B).sum(axis=1))
        return -(self.form.weights @ (self.labels * log_p).sum(axis=1)) + penalty

    def violation(self, B, intercepts, alpha):
        """How far the KKT conditions are from being met, in units of the columns' norms."""
        form = self.form
        log_p, z = self.state(B, intercepts)
        t, q, lower, upper = (v[:, None] for v in (alpha * form.l1, alpha * form.l2, form.lower, form.upper))
        size = norms(B) if self.grouped else np.abs(B)
        signs = np.divide(B, size, out=np.zeros_like(B), where=size > 0)
        rest = z - q * B - t * signs
        # At a bound the rest may push outward.
        pushed = (upper - B <= 0) & (rest > 0) | (B - lower <= 0) & (rest < 0)
        rest = np.where(pushed, 0.0, rest)
        pull = np.where(np.where(z > 0, upper > 0, lower < 0), z, 0.0)
        excess = np.maximum((norms(pull) if self.grouped else np.abs(pull)) - t, 0.0)
        scale = np.where(form.column_norms > 0, form.column_norms, 1.0)[:, None]
        worst = np.abs(np.where((size > 0) | (t == 0), rest, excess) / scale)[(form.lower < form.upper)].max()
        u = form.weights @ (self.labels - np.exp(log_p))
        return max(worst, np.abs(u).max() if form.fit_intercept else 0.0)


def coefficients(path, k):
    return np.stack([c[:, [k]].toarray()[:, 0] for c in path.coefs], axis=1)


def check(X, A, y, options, *, grouped=True, offset=None, **grid):
    """Fit a path; its KKT conditions hold, and its gaps bound what a much tighter fit gains."""
    loss = fastreg.Multinomial(grouped=grouped)
    shared = dict(loss=loss, offset=offset, max_iter=100_000, **options)
    path = fastreg.fit_path(X, y, tol=1e-11, **shared, **grid)
    rough = fastreg.fit_path(X, y, tol=1e-3, **shared, alphas=path.alphas)
    problem = Classes(A, y, options, grouped, 0.0 if offset is None else offset)
    assert path.converged.all()
    assert rough.converged.all()
    for k, alpha in enumerate(path.alphas):
        B = coefficients(path, k)
        assert problem.violation(B, path.intercepts[k], alpha) <= 2e-5 * max(np.sqrt(path.null_loss), 1e-3)
        best = problem.objective(B, path.intercepts[k], alpha)
        excess = problem.objective(coefficients(rough, k), rough.intercepts[k], alpha) - best
        assert -1e-11 * path.null_loss <= excess <= rough.dual_gaps[k] + 1e-11 * path.null_loss
        assert np.all(problem.form.lower[:, None] - 1e-15 <= B)
        assert np.all(problem.form.upper[:, None] + 1e-15 - B >= 0)
    return path


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_every_option(name, shape):
    A, y, options = class_problem(*SHAPES[shape], name)
    path = check(A, A, y, options, n_alphas=6, alpha_min_ratio=0.05)
    if "bounds" not in "".join(options) and "penalty_factors" not in options:
        # All classes or none.
        supports = [c.toarray() != 0 for c in path.coefs]
        assert all((support == supports[0]).all() for support in supports)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.5, "fit_intercept": False}, {"l1_ratio": 0.0}])
def test_offset_of_every_class(shape, options, grouped):
    A, y = make_classes(*SHAPES[shape], kind="pathological")
    offset = np.random.default_rng(5).standard_normal((len(y), 3))
    grid = {"alphas": [1.0, 0.1]} if options.get("l1_ratio") == 0.0 else {"n_alphas": 4, "alpha_min_ratio": 0.1}
    path = check(A, A, y, options, grouped=grouped, offset=offset, **grid)
    shifted = fastreg.fit_path(
        A, y, loss=fastreg.Multinomial(grouped), offset=offset + 3.0, alphas=path.alphas, tol=1e-11, **options
    )
    # What all classes have in common changes nothing.
    np.testing.assert_allclose(A @ coefficients(shifted, -1), A @ coefficients(path, -1), atol=1e-5)


@pytest.mark.parametrize("name", REPRESENTATIONS)
def test_every_design(name):
    A, y = make_classes(*SHAPES["wide"], kind="pathological")
    dense = fastreg.fit_path(A, y, loss=GROUPED, n_alphas=5, alpha_min_ratio=0.1, tol=1e-10)
    X = REPRESENTATIONS[name](A)
    path = fastreg.fit_path(X, y, loss=GROUPED, alphas=dense.alphas, tol=1e-10)
    assert path.converged.all()
    # Of columns that are each other's negatives any mixture is as good.
    for ours, theirs in zip(path.coefs, dense.coefs, strict=True):
        np.testing.assert_allclose(A @ ours.toarray(), A @ theirs.toarray(), atol=1e-5)


@pytest.mark.parametrize("make", [np.asfortranarray, sp.csc_array])
def test_many_columns(make):
    A, y = make_classes(50, 600, 4, kind="pathological", seed=2)
    path = check(make(A), A, y, {}, n_alphas=8, alpha_min_ratio=0.1)
    assert path.n_passes < 25


@pytest.mark.parametrize("name", GLMNET)
def test_is_glmnet(name):
    check_glmnet_classes(GLMNET[name], GROUPED, 1e-11)


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_two_classes_are_logistic(grouped, l1_ratio):
    # b_1 = -b_2 = b/2 under groups: ||b_j|| = |b|/sqrt(2) and ||b_j||^2 = b^2/2; one by one |b_1| + |b_2| = |b|.
    A, _ = make_data(60, 20, seed=3)
    y = (A[:, 0] - A[:, 4] + np.random.default_rng(0).logistic(size=60) > 0).astype(float)
    if l1_ratio == 1.0:
        alpha = 0.02
        two = fastreg.fit_path(A, y, loss=fastreg.Multinomial(grouped), alphas=alpha, tol=1e-12)
        one = fastreg.fit_path(A, y, loss="logistic", alphas=alpha / np.sqrt(2) if grouped else alpha, tol=1e-12)
    else:
        # alpha (r sqrt(2) c + (1 - r) c^2) under groups, alpha (2 r c + (1 - r) c^2) one by one, with c = |b|/2.
        alpha, factor = 0.05, np.sqrt(0.5) if grouped else 1.0
        l1, l2 = 0.5 * alpha * factor, 0.25 * alpha
        two = fastreg.fit_path(A, y, loss=fastreg.Multinomial(grouped), alphas=alpha, l1_ratio=0.5, tol=1e-12)
        if not grouped:
            pytest.skip("one of the two is 0 then, by the l1 part, or the l2 part splits b: neither is a logistic fit")
        one = fastreg.fit_path(A, y, loss="logistic", alphas=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-12)
    B = coefficients(two, 0)
    assert (B != 0).any()
    np.testing.assert_allclose(B[:, 1] - B[:, 0], one.coefs.toarray()[:, 0], atol=1e-6)


def test_duality_gap_and_alpha_max():
    A, y = make_classes(40, 20, seed=3)
    top = fastreg.alpha_max(A, y, loss=GROUPED)
    problem = Classes(A, y, {}, True)
    share = problem.form.weights @ problem.labels
    _, z = problem.state(np.zeros((20, 3)), np.log(share))
    assert top == pytest.approx(norms(z).max(), rel=1e-12)
    path = fastreg.fit_path(A, y, loss=GROUPED, alphas=[top, 0.98 * top, 0.1 * top], tol=1e-9)
    assert path.df[0].sum() == 0 < path.df[1].sum()
    for k, alpha in enumerate(path.alphas):
        B = coefficients(path, k)
        assert fastreg.duality_gap(A, y, B.T, path.intercepts[k], alpha, loss=GROUPED) <= 1e-9 * path.null_loss
        wrong = B + np.random.default_rng(k).normal(0, 0.1, B.shape)
        gap = fastreg.duality_gap(A, y, wrong.T, path.intercepts[k], alpha, loss=GROUPED)
        least = problem.objective(wrong, path.intercepts[k], alpha) - problem.objective(B, path.intercepts[k], alpha)
        assert least * (1 - 1e-9) <= gap
        # Primal less dual objective, the dual one at the largest multiple of u that is feasible.
        eta = A @ wrong + path.intercepts[k]
        eta += fastreg.loss.multinomial.Multinomial().balance(problem.labels.T, problem.form.weights, eta.T)[0]
        p = softmax(eta, axis=1)
        s = min(1.0, alpha / norms(problem.form.X.T @ (problem.form.weights[:, None] * (problem.labels - p))).max())
        q = problem.labels - s * (problem.labels - p)
        dual = -(problem.form.weights @ xlogy(q, q).sum(axis=1))
        assert gap <= problem.objective(wrong, path.intercepts[k], alpha) - dual + 1e-9


@pytest.mark.parametrize("grouped", [True, False])
def test_alpha_max_with_unpenalized_columns(grouped):
    # The null model has them: what enters first is what pulls hardest there.
    A, y = make_classes(70, 10, seed=8)
    options = {"loss": fastreg.Multinomial(grouped), "penalty_factors": np.r_[0.0, 0.0, np.ones(8)]}
    top = fastreg.alpha_max(A, y, **options)
    path = fastreg.fit_path(A, y, alphas=[top, 0.99 * top], tol=1e-11, **options)
    assert (coefficients(path, 0)[2:] == 0).all()
    assert (coefficients(path, 1)[2:] != 0).any()
    # They are determined up to what all classes have in common.
    np.testing.assert_allclose(coefficients(path, 1)[:2].sum(axis=1), 0.0, atol=1e-10)


def test_weights_are_repetition_and_warm_starts_agree():
    A, y = make_classes(40, 60, seed=4)
    weights = np.random.default_rng(0).integers(1, 4, 40)
    rows = np.repeat(np.arange(40), weights)
    weighted = fastreg.fit_path(A, y, loss=GROUPED, sample_weight=weights, n_alphas=5, alpha_min_ratio=0.1, tol=1e-11)
    repeated = fastreg.fit_path(A[rows], y[rows], loss=GROUPED, alphas=weighted.alphas, tol=1e-11)
    init = (1.1 * coefficients(weighted, 2).T, weighted.intercepts[2])
    warm = fastreg.fit_path(A, y, loss=GROUPED, sample_weight=weights, alphas=weighted.alphas[2:], tol=1e-11, init=init)
    for a, b, c in zip(weighted.coefs, repeated.coefs, warm.coefs, strict=True):
        np.testing.assert_allclose(a.toarray(), b.toarray(), atol=1e-6)
        np.testing.assert_allclose(a.toarray()[:, 2:], c.toarray(), atol=1e-6)


@pytest.mark.parametrize("loss", ["multinomial", GROUPED])
def test_separated_classes_and_small_penalties(loss):
    A, y = make_classes(30, 45, seed=1)
    path = fastreg.fit_path(A, y, loss=loss, alpha_min_ratio=1e-6, n_alphas=30)
    assert path.converged.all()
    assert path.deviance_ratio[-1] > 0.999
    cut = fastreg.fit_path(A, y, loss=loss, alpha_min_ratio=1e-6, n_alphas=30, max_explained=0.9)
    assert len(cut.alphas) < 30
    assert cut.deviance_ratio[-1] >= 0.9 > cut.deviance_ratio[-2]


@pytest.mark.parametrize("loss", ["multinomial", GROUPED])
def test_validation_rows_end_the_path(loss):
    A, y = make_classes(120, 30, seed=7)
    offset = np.random.default_rng(1).standard_normal((120, 3))
    fit, held = slice(0, 60), slice(60, 120)
    path = fastreg.fit_path(
        A[fit], y[fit], loss=loss, offset=offset[fit], validation=(A[held], y[held], None, offset[held]), patience=3
    )
    assert path.stopped is not None
    assert len(path.alphas) < 100
    log_p = log_softmax(path.predict(A[held], predictor=True) + offset[held][:, None, :], axis=-1)
    expected = -2 * np.take_along_axis(log_p, y[held][:, None, None], axis=-1)[..., 0].mean(axis=0)
    np.testing.assert_allclose(path.validation_deviance, expected, rtol=1e-9)
    with pytest.raises(ValueError, match="classes 0 to 2"):
        fastreg.fit_path(A[fit], y[fit], loss=loss, validation=(A[held], np.where(y[held] == 0, 3, y[held])))


@pytest.mark.parametrize("loss", ["multinomial", GROUPED])
def test_validation_rows_of_ridge_over_few_columns(loss):
    """Where features outnumber rows, ridge is solved over as many columns as rows; what is watched are features."""
    A, y = make_classes(40, 90, seed=8)
    held = np.arange(40) >= 30
    alphas = [0.5, 0.1, 0.02]
    path = fastreg.fit_path(
        A[~held], y[~held], loss=loss, l1_ratio=0.0, alphas=alphas, validation=(A[held], y[held]), patience=3
    )
    log_p = log_softmax(path.predict(A[held], predictor=True), axis=-1)
    expected = -2 * np.take_along_axis(log_p, y[held][:, None, None], axis=-1)[..., 0].mean(axis=0)
    np.testing.assert_allclose(path.validation_deviance, expected, rtol=1e-9)


def test_cross_validation_with_groups_and_offset():
    A, y = make_classes(90, 20, seed=5)
    offset = np.random.default_rng(1).standard_normal((90, 3))
    cv = fastreg.cross_validate_path(A, y, loss=GROUPED, cv=3, n_alphas=8, offset=offset, keep_folds=True)
    train, test = cv.splits[1]
    fold = cv.folds[0][1]
    alone = fastreg.fit_path(A[train], y[train], loss=GROUPED, alphas=fold.alphas, offset=offset[train])
    np.testing.assert_allclose(fold.coefs[0].toarray(), alone.coefs[0].toarray(), atol=1e-3)
    eta = fold.predict(A[test], predictor=True) + offset[test][:, None, :]
    losses = -np.take_along_axis(log_softmax(eta, axis=-1), y[test][:, None, None], axis=-1)[..., 0]
    np.testing.assert_allclose(cv.fold_scores[1], 2 * losses.mean(axis=0), rtol=1e-9)


def test_the_loss_object():
    assert pickle.loads(pickle.dumps(GROUPED)).grouped
    assert repr(GROUPED) == "Multinomial(grouped=True)"
    with pytest.raises(ValueError, match="True or False"):
        fastreg.Multinomial(grouped="yes")
