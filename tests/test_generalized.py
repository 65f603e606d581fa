"""Other losses than squared loss: every fit certified by NumPy, over all options, designs and shapes."""

import warnings

import numpy as np
import pytest
from designs import REPRESENTATIONS
from glm_cases import GLM_LOSSES, glm_option_sets, make_glm_data

import fastreg
from fastreg import reference

SHAPES = {"wide": (25, 40), "tall": (60, 18)}


def check_path(X, A, y, loss, options, *, tol=1e-8, **path):
    """Fit and compare objective, gap, KKT conditions, intercepts and deviance with NumPy's at every alpha."""
    result = fastreg.fit_path(X, y, loss=loss, tol=tol, max_iter=100_000, **options, **path)
    form = reference.glm_form(A, y, loss, **options)
    scale = form.null_loss
    assert result.converged.all()
    assert result.null_loss == pytest.approx(scale, rel=1e-9)
    for k, alpha in enumerate(result.alphas):
        b, intercept = result.coefs[:, [k]].toarray()[:, 0], result.intercepts[k]
        assert np.all(b >= form.lower - 1e-15)
        assert np.all(b <= form.upper + 1e-15)
        gap = reference.glm_dual_gap(form, b, intercept, alpha, max(5e-4 * tol, 1e-13))
        assert gap <= 1.1 * tol * scale + 1e-13 * scale
        # What is reported is a bound. (Golden section does not find every smallest gap to the last digit.)
        gap = min(gap, fastreg.duality_gap(X, y, b, intercept, alpha, loss=loss, **options))
        assert result.dual_gaps[k] >= gap - 1e-2 * tol * scale
        loss_value = form.weights @ form.loss.value(form.y, form.predictor(b, intercept))
        assert result.deviance_ratio[k] == pytest.approx(max(1 - loss_value / scale, 0), abs=1e-9)
    return result


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("loss", GLM_LOSSES)
@pytest.mark.parametrize("name", glm_option_sets(25, 40))
def test_every_option(name, loss, shape):
    n, p = SHAPES[shape]
    A, y = make_glm_data(n, p, loss, kind="pathological")
    check_path(A, A, y, loss, glm_option_sets(n, p)[name], n_alphas=8, alpha_min_ratio=5e-2)


@pytest.mark.parametrize("name", ["lasso", "ridge", "together"])
@pytest.mark.parametrize("storage", REPRESENTATIONS)
def test_every_design(name, storage):
    A, y = make_glm_data(30, 22, "logistic", kind="pathological", seed=3)
    check_path(REPRESENTATIONS[storage](A), A, y, "logistic", glm_option_sets(30, 22)[name], n_alphas=5,
               alpha_min_ratio=1e-1)  # fmt: skip


@pytest.mark.parametrize("loss", GLM_LOSSES)
@pytest.mark.parametrize("storage", ["dense-C-f64", "dense-F-f32", "csc-f64-i32"])
def test_wide_designs_through_working_sets(loss, storage):
    A, y = make_glm_data(60, 900, loss, kind="pathological", seed=4)
    result = check_path(REPRESENTATIONS[storage](A), A, y, loss, {"l1_ratio": 0.9}, n_alphas=10, alpha_min_ratio=0.1)
    assert result.n_passes < 25


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_same_answer_dense_and_sparse_tall_and_streamed(loss):
    A, y = make_glm_data(3000, 40, loss, seed=5)
    paths = [
        fastreg.fit_path(make(A), y, loss=loss, n_alphas=10, alpha_min_ratio=1e-2, tol=1e-11)
        for make in (REPRESENTATIONS[name] for name in ("dense-C-f64", "dense-F-f64", "csc-f64-i32"))
    ]
    for path in paths[1:]:
        np.testing.assert_allclose(path.coefs.toarray(), paths[0].coefs.toarray(), rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(path.intercepts, paths[0].intercepts, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_weights_are_repetitions(loss):
    A, y = make_glm_data(40, 25, loss, seed=6)
    times = np.random.default_rng(0).integers(0, 4, 40)
    times[[np.argmin(y), np.argmax(y)]] = 1
    alphas = fastreg.alpha_max(A, y, loss=loss, sample_weight=times) * np.array([0.5, 0.1, 0.02])
    weighted = fastreg.fit_path(A, y, loss=loss, sample_weight=times, alphas=alphas, tol=1e-12)
    repeated = fastreg.fit_path(np.repeat(A, times, axis=0), np.repeat(y, times), loss=loss, alphas=alphas, tol=1e-12)
    np.testing.assert_allclose(weighted.coefs.toarray(), repeated.coefs.toarray(), rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(weighted.null_loss, repeated.null_loss, rtol=1e-10)


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_alpha_max_is_the_edge(loss):
    for name in ("lasso", "together", "offset-weights"):
        A, y = make_glm_data(30, 22, loss, seed=7)
        options = glm_option_sets(30, 22)[name]
        top = fastreg.alpha_max(A, y, loss=loss, **options)
        assert top == pytest.approx(reference.glm_alpha_max(reference.glm_form(A, y, loss, **options)), rel=1e-6)
        path = fastreg.fit_path(A, y, loss=loss, alphas=[top, 0.99 * top], tol=1e-10, **options)
        free = np.asarray(options.get("penalty_factors", np.ones(22))) == 0
        assert not path.coefs[:, [0]].toarray()[~free].any()
        assert path.coefs[:, [1]].toarray()[~free].any()


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_duality_gap_of_any_coefficients(loss):
    A, y = make_glm_data(30, 22, loss, kind="pathological", seed=5)
    rng = np.random.default_rng(0)
    for options in glm_option_sets(30, 22).values():
        form = reference.glm_form(A, y, loss, **options)
        b = 0.3 * np.clip(rng.standard_normal(22) * (rng.random(22) < 0.4), form.lower, form.upper)
        intercept = 0.2 if form.fit_intercept else 0.0
        for alpha in (0.01, 0.3):
            expected = reference.glm_dual_gap(form, b, intercept, alpha)
            got = fastreg.duality_gap(A, y, b, intercept, alpha, loss=loss, **options)
            assert got >= expected * (1 - 1e-6)
            if not (form.l1 == 0).any() or np.isinf(form.lower).all():
                # NumPy's twin lets unpenalized features move within bounds first, fastreg only those without.
                assert got == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", GLM_LOSSES)
@pytest.mark.parametrize("shape", [(60, 12), (15, 40)])
def test_ridge_and_no_penalty(loss, shape):
    A, y = make_glm_data(*shape, loss, seed=8)
    result = check_path(A, A, y, loss, {"l1_ratio": 0.0}, alphas=[10.0, 1.0, 0.1, 0.01], tol=1e-8)
    assert (result.df == shape[1]).all()
    if shape[0] > shape[1]:
        free = fastreg.fit_path(A, y, loss=loss, alphas=0.0, tol=1e-10)
        form = reference.glm_form(A, y, loss)
        b, intercept = reference.glm_fit(form, 0.0)
        gap = reference.glm_objective(form, free.coef(0.0), free.intercept(0.0), 0.0)
        assert gap <= reference.glm_objective(form, b, intercept, 0.0) + 1e-9 * form.null_loss


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_ridge_by_conjugate_gradients(loss, monkeypatch):
    from fastreg.solver import cost_model

    monkeypatch.setattr(cost_model, "FACTOR_SIZE", 5)
    A, y = make_glm_data(40, 30, loss, seed=9)
    for options in ({}, {"sample_weight": np.r_[0.0, np.ones(39)], "offset": 0.1 * A[:, 0]},
                    {"fit_intercept": False}, {"penalty_factors": np.r_[0.0, np.ones(29)]}):  # fmt: skip
        check_path(A, A, y, loss, {"l1_ratio": 0.0} | options, alphas=[1.0, 0.1], tol=1e-7)


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_offset_moves_the_intercept(loss):
    A, y = make_glm_data(40, 10, loss, seed=10)
    plain = fastreg.fit_path(A, y, loss=loss, alphas=0.05, tol=1e-11)
    moved = fastreg.fit_path(A, y, loss=loss, alphas=0.05, tol=1e-11, offset=0.7)
    np.testing.assert_allclose(moved.coef(0.05), plain.coef(0.05), atol=1e-6)
    assert moved.intercept(0.05) == pytest.approx(plain.intercept(0.05) - 0.7, abs=1e-6)


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_warm_start_gives_the_same(loss):
    A, y = make_glm_data(40, 60, loss, seed=11)
    for ratio in (1.0, 0.0):
        cold = fastreg.fit_path(A, y, loss=loss, l1_ratio=ratio, alphas=0.05, tol=1e-10)
        near = cold.coef(0.05) * 1.1
        warm = fastreg.fit_path(A, y, loss=loss, l1_ratio=ratio, alphas=0.05, tol=1e-10, init=(near, 0.0))
        np.testing.assert_allclose(warm.coef(0.05), cold.coef(0.05), atol=1e-4)
        assert warm.converged.all()


def test_several_targets():
    A, _ = make_glm_data(50, 300, "logistic", seed=12)
    rng = np.random.default_rng(0)
    Y = np.stack([(A[:, j] + rng.standard_normal(50) > 0).astype(float) for j in range(3)], axis=1)
    together = fastreg.fit_path(A, Y, loss="logistic", n_alphas=10, tol=1e-10)
    for k in range(3):
        alone = fastreg.fit_path(A, Y[:, k], loss="logistic", alphas=together.alphas, tol=1e-10)
        np.testing.assert_allclose(together.coefs[k].toarray(), alone.coefs.toarray(), atol=1e-4)
        np.testing.assert_allclose(together.intercepts[:, k], alone.intercepts, atol=1e-4)


@pytest.mark.parametrize("shape", [(60, 12), (30, 80)])
def test_several_targets_of_ridge(shape):
    A, _ = make_glm_data(*shape, "logistic", seed=12)
    rng = np.random.default_rng(0)
    Y = np.stack([(A[:, j] + rng.standard_normal(shape[0]) > 0).astype(float) for j in range(3)], axis=1)
    alphas = [1.0, 0.1, 0.0] if shape[0] > shape[1] else [1.0, 0.1]
    together = fastreg.fit_path(A, Y, loss="logistic", l1_ratio=0.0, alphas=alphas, tol=1e-10)
    for k in range(3):
        alone = fastreg.fit_path(A, Y[:, k], loss="logistic", l1_ratio=0.0, alphas=alphas, tol=1e-10)
        np.testing.assert_allclose(together.coefs[k].toarray(), alone.coefs.toarray(), rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(together.intercepts[:, k], alone.intercepts, rtol=1e-3, atol=1e-4)


def test_predictions_are_means():
    for loss in GLM_LOSSES:
        A, y = make_glm_data(50, 10, loss, seed=13)
        path = fastreg.fit_path(A, y, loss=loss, n_alphas=5)
        eta = path.predict(A, predictor=True)
        np.testing.assert_allclose(eta, A @ path.coefs.toarray() + path.intercepts, atol=1e-12)
        np.testing.assert_allclose(path.predict(A), reference.LOSSES[loss]().mean(eta), rtol=1e-12)


BAD = {
    "logistic": [np.r_[2.0, np.zeros(9)], np.ones(10), np.zeros(10)],
    "poisson": [np.r_[-1.0, np.ones(9)], np.zeros(10)],
    "gamma": [np.r_[0.0, np.ones(9)]],
}


@pytest.mark.parametrize("loss", BAD)
def test_targets_outside_the_domain(loss):
    A = np.random.default_rng(0).standard_normal((10, 3))
    for y in BAD[loss]:
        with pytest.raises(ValueError, match="y: expected"):
            fastreg.fit_path(A, y, loss=loss)


def test_unknown_loss():
    with pytest.raises(ValueError, match=r"'multinomial' or fastreg\.Huber"):
        fastreg.fit_path(np.eye(3), np.ones(3), loss="hinge")


def test_separable_data_stop_certified():
    rng = np.random.default_rng(1)
    A = rng.standard_normal((40, 5))
    y = (A[:, 0] > 0).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = fastreg.fit_path(A, y, loss="logistic", alpha_min_ratio=1e-8, n_alphas=30)
        free = fastreg.fit_path(A, y, loss="logistic", alphas=0.0)
    for one in (path, free):
        assert np.isfinite(one.coefs.data).all()
        assert np.isfinite(one.intercepts).all()
    form = reference.glm_form(A, y, "logistic")
    for k, alpha in enumerate(path.alphas):
        b = path.coefs[:, [k]].toarray()[:, 0]
        gap = reference.glm_dual_gap(form, b, path.intercepts[k], alpha)
        assert gap <= path.dual_gaps[k] + 1e-2 * 1e-6 * path.null_loss
    assert path.converged.all()


def test_path_ends_where_the_deviance_is_explained():
    rng = np.random.default_rng(1)
    A = rng.standard_normal((40, 5))
    options = {"alpha_min_ratio": 1e-6, "n_alphas": 30}
    labels = (A[:, 0] > 0).astype(float)
    for loss, y in (("logistic", labels), ("multinomial", labels), ("squared", A[:, 0])):
        whole = fastreg.fit_path(A, y, loss=loss, **options)
        path = fastreg.fit_path(A, y, loss=loss, max_explained=0.95, **options)
        count = int(np.argmax(whole.deviance_ratio >= 0.95)) + 1
        assert len(path.alphas) == count < 30
        np.testing.assert_allclose(path.deviance_ratio, whole.deviance_ratio[:count])
        assert "explained" in path.stopped
        assert whole.stopped is None


@pytest.mark.parametrize("scale", [1e-150, 1e-6, 1e6, 1e150])
def test_scales_of_columns(scale):
    A, y = make_glm_data(40, 20, "logistic", seed=14)
    alphas = fastreg.alpha_max(A, y, loss="logistic") * np.array([0.3, 0.05])
    plain = fastreg.fit_path(A, y, loss="logistic", alphas=alphas, tol=1e-10)
    scaled = fastreg.fit_path(A * scale, y, loss="logistic", alphas=alphas * scale, tol=1e-10)
    assert scaled.converged.all()
    np.testing.assert_allclose(scaled.coefs.toarray() * scale, plain.coefs.toarray(), rtol=1e-5, atol=1e-8)


def test_huge_counts_and_rare_classes():
    rng = np.random.default_rng(2)
    A = rng.standard_normal((200, 30))
    counts = rng.poisson(1e6 * np.exp(A[:, 0] - A[:, 1])).astype(float)
    path = check_path(A, A, counts, "poisson", {}, n_alphas=10, alpha_min_ratio=1e-3)
    assert path.deviance_ratio[-1] > 0.9
    rare = np.zeros(200)
    rare[3] = 1.0
    check_path(A, A, rare, "logistic", {}, n_alphas=8, alpha_min_ratio=0.1)
    check_path(A, A, rare, "logistic", {"sample_weight": np.where(rare, 1e-9, 1.0)}, n_alphas=8, alpha_min_ratio=0.1)


def test_huber_delta():
    A, y = make_glm_data(60, 10, "huber", seed=15)
    loss = fastreg.Huber(0.5)
    path = fastreg.fit_path(A, y, loss=loss, alphas=0.01, tol=1e-10)
    form = reference.glm_form(A, y, reference.LOSSES["huber"](0.5))
    assert reference.glm_dual_gap(form, path.coef(0.01), path.intercept(0.01), 0.01) <= 1.1e-10 * form.null_loss
    wide = fastreg.fit_path(A, y, loss=fastreg.Huber(1e6), alphas=0.01, tol=1e-11)
    squared = fastreg.fit_path(A, y, alphas=0.01, tol=1e-11)
    np.testing.assert_allclose(wide.coef(0.01), squared.coef(0.01), atol=1e-5)
    with pytest.raises(ValueError, match="delta"):
        fastreg.Huber(0.0)


@pytest.mark.parametrize("loss", GLM_LOSSES)
@pytest.mark.parametrize("name", ["lasso", "together", "ridge", "offset-weights"])
@pytest.mark.parametrize(("shape", "make"), [((40, 60), np.asarray), ((60, 16), np.asfortranarray),
                                             ((40, 60), REPRESENTATIONS["csc-f64-i32"])])  # fmt: skip
def test_folds_are_fits_of_their_training_rows(loss, name, shape, make):
    A, y = make_glm_data(*shape, loss, kind="pathological", seed=20)
    options = glm_option_sets(*shape)[name]
    folds = np.arange(shape[0]) % 4
    splits = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(4)]
    cv = fastreg.cross_validate_path(make(A), y, loss=loss, cv=splits, n_alphas=6, alpha_min_ratio=0.05, tol=1e-8,
                                     keep_folds=True, **options)  # fmt: skip
    weights = np.asarray(options.get("sample_weight", np.ones(shape[0])), dtype=float)
    offset = np.broadcast_to(options.get("offset", 0.0), shape[0])
    for k, (train, test) in enumerate(splits):
        per_row = {key: np.asarray(value)[train] if key in ("sample_weight", "offset") else value
                   for key, value in options.items()}  # fmt: skip
        fold = cv.folds[0][k]
        form = reference.glm_form(A[train], y[train], loss, **per_row)
        for i, alpha in enumerate(fold.alphas):
            b = fold.coefs[:, [i]].toarray()[:, 0]
            gap = reference.glm_dual_gap(form, b, fold.intercepts[i], alpha, 1e-11)
            assert gap <= 1.2e-8 * form.null_loss
            eta = A[test] @ b + fold.intercepts[i] + offset[test]
            deviance = np.average(form.loss.deviance(y[test], eta), weights=weights[test])
            assert cv.fold_scores[k, i] == pytest.approx(deviance, rel=1e-9, abs=1e-12)
    scored = fastreg.cross_validate_path(make(A), y, loss=loss, cv=splits, n_alphas=4, alpha_min_ratio=0.2,
                                         scoring=mean_of_predictions, **options)  # fmt: skip
    assert scored.fold_scores.shape == (4, 4)
    if loss != "huber":
        assert (scored.fold_scores > 0).all()


def mean_of_predictions(y_true, y_pred, sample_weight):
    """A score that tells means from linear predictors."""
    return float(np.average(y_pred, weights=sample_weight))


def test_a_fold_of_one_class_is_named():
    A, _ = make_glm_data(20, 5, "logistic", seed=21)
    y = np.r_[np.zeros(19), 1.0]
    with pytest.raises(ValueError, match=r"fold 3.*Stratify"):
        fastreg.cross_validate_path(A, y, loss="logistic", cv=4)
