"""Cross-validation over paths: every number recomputed from fits on copies of the training rows."""

import numpy as np
import pytest
import scipy.sparse as sp
from designs import make_data, option_sets
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import GroupKFold, KFold, RepeatedKFold, ShuffleSplit, TimeSeriesSplit

import fastreg
from fastreg.selection import folds, study

A, Y = make_data(60, 15, seed=71)
ALPHAS = fastreg.alpha_max(A, Y) * np.geomspace(1, 0.01, 12)
W = np.random.default_rng(2).random(60)


def rows_of(options, rows):
    """The options of fit_path for some of the rows."""
    per_row = {name: options[name][rows] for name in ("sample_weight", "offset") if np.ndim(options.get(name)) > 0}
    return options | per_row


@pytest.fixture(params=["shared", "lockstep", "alone"])
def sharing(request, monkeypatch):
    """Folds whose Gram matrices come from one pass, folds that share passes, and folds that each read X."""
    if request.param != "shared":
        monkeypatch.setattr(study, "sharing_pays", lambda *_: False)
    if request.param == "alone":
        monkeypatch.setattr(study, "fit_in_step", lambda *_: False)
    return request.param


@pytest.mark.parametrize("storage", [np.asfortranarray, sp.csr_array])
@pytest.mark.parametrize("name", sorted(option_sets(60, 15)))
@pytest.mark.parametrize("shape", [(60, 15), (24, 40)])
def test_folds_are_fits_of_their_training_rows(shape, name, storage, sharing):
    X, y = make_data(*shape, seed=5)
    options = option_sets(*shape)[name]
    top = fastreg.alpha_max(X, y, **options)
    alphas = (top if np.isfinite(top) else 1.0) * np.geomspace(1, 0.02, 9)
    cv = fastreg.cross_validate_path(
        storage(X), y, cv=4, alphas=alphas, tol=1e-12, keep_folds=True, n_threads=2, **options
    )  # fmt: skip
    weights = np.broadcast_to(options.get("sample_weight", 1.0), len(y))
    offset = np.broadcast_to(options.get("offset", 0.0), len(y))
    for k, (train, test) in enumerate(KFold(4).split(X)):
        own = fastreg.fit_path(X[train], y[train], alphas=alphas, tol=1e-12, **rows_of(options, train))
        np.testing.assert_allclose(cv.folds[0][k].coefs.toarray(), own.coefs.toarray(), atol=1e-7)
        np.testing.assert_allclose(cv.folds[0][k].intercepts, own.intercepts, atol=1e-7)
        predictions = own.predict(X[test], offset=offset[test])
        errors = np.average((y[test, None] - predictions) ** 2, axis=0, weights=weights[test])
        np.testing.assert_allclose(cv.fold_scores[k], errors, rtol=1e-6)
        np.testing.assert_allclose(cv.out_of_fold[test], predictions[:, cv.best[2]], atol=1e-6)
    np.testing.assert_allclose(cv.mean, cv.fold_scores.mean(axis=0))
    np.testing.assert_allclose(cv.std_error, cv.fold_scores.std(axis=0, ddof=1) / 2)
    whole = fastreg.fit_path(X, y, alphas=alphas, tol=1e-12, **options)
    np.testing.assert_allclose(cv.path.coefs.toarray(), whole.coefs.toarray(), atol=1e-9)
    assert cv.converged
    assert cv.largest_gap <= 1e-11


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("trouble", ["outliers", "drift", "constant", "scales", "duplicates", "far"])
def test_folds_of_ill_posed_data(trouble, ratio, sharing):
    X, y = make_data(60, 10, seed=12)
    if trouble == "outliers":  # one block has nearly all the variance
        X[:15, 3] *= 1e7
    elif trouble == "drift":  # every block has a mean of its own
        X += 1e4 * np.repeat(np.arange(4), 15)[:, None]
    elif trouble == "constant":  # a column varies in one block only, another is constant but for one row
        X[:, 2], X[:15, 2] = 0.1, X[:15, 2]
        X[:, 5], X[3, 5] = 3.0, 4.0
    elif trouble == "scales":
        X *= 10.0 ** np.arange(-75, 75, 15)
    elif trouble == "duplicates":
        X = np.c_[X, X[:, :4], np.zeros((60, 2))]
        X[:20, 10] += 1.0
    else:
        X += 1e5
    options = {"l1_ratio": ratio, "standardize": True, "tol": 1e-10}
    alphas = [0.5, 0.1, 0.02]
    cv = fastreg.cross_validate_path(X, y, cv=4, alphas=alphas, keep_folds=True, **options)
    for k, (train, test) in enumerate(cv.splits):
        own = fastreg.fit_path(X[train], y[train], alphas=alphas, **options)
        errors = np.mean((y[test, None] - own.predict(X[test])) ** 2, axis=0)
        np.testing.assert_allclose(cv.fold_scores[k], errors, rtol=1e-4)
        for i, alpha in enumerate(alphas):
            coef, intercept = cv.folds[0][k].coef(alpha), cv.folds[0][k].intercepts[i]
            gap = fastreg.duality_gap(
                X[train], y[train], coef, intercept, alpha, l1_ratio=ratio, standardize=True
            )  # fmt: skip
            assert gap <= 2e-9 * own.null_loss


def test_folds_of_tall_data_read_it_once():
    X, y = make_data(3000, 90, seed=4)
    single = fastreg.fit_path(X, y, alpha_min_ratio=0.01)
    cv = fastreg.cross_validate_path(X, y, cv=10, alpha_min_ratio=0.01)
    assert cv.n_passes <= 2.5 * single.n_passes
    shuffled = fastreg.cross_validate_path(X, y, cv=KFold(10, shuffle=True, random_state=0), alpha_min_ratio=0.01)
    assert shuffled.n_passes <= 2.5 * single.n_passes


@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
@pytest.mark.parametrize("ratio", [0.5, 1.0])
def test_folds_of_wide_data_share_their_passes(storage, ratio):
    X, y = make_data(80, 3000, seed=4)
    X = storage(np.where(np.random.default_rng(0).random(X.shape) < 0.2, X, 0.0))
    options = {"l1_ratio": ratio, "alpha_min_ratio": 0.02, "n_alphas": 50}
    single = fastreg.fit_path(X, y, **options)
    cv = fastreg.cross_validate_path(X, y, cv=10, keep_folds=True, **options)
    assert cv.n_passes <= 2.5 * single.n_passes
    # Everybody is certified all the same, and the path on all rows is the one without folds.
    assert cv.converged
    np.testing.assert_allclose(cv.path.coefs.toarray(), single.coefs.toarray(), atol=1e-3)
    for k, (train, _) in enumerate(cv.splits):
        fold = cv.folds[0][k]
        for i in (10, 30, 49):
            coef = fold.coefs[:, [i]].toarray()[:, 0]
            gap = fastreg.duality_gap(X[train], y[train], coef, fold.intercepts[i], fold.alphas[i], l1_ratio=ratio)
            assert gap <= 1.01e-6 * fold.null_loss
            assert gap <= fold.dual_gaps[i] + 1e-12 * fold.null_loss


def test_more_folds_than_a_survey_takes_at_once():
    X, y = make_data(40, 2000, seed=8)
    cv = fastreg.cross_validate_path(X, y, cv=40, n_alphas=8, alpha_min_ratio=0.2, tol=1e-10)
    for k in (0, 31, 32, 39):
        train, test = cv.splits[k]
        own = fastreg.fit_path(X[train], y[train], n_alphas=8, alpha_min_ratio=0.2, tol=1e-10)
        np.testing.assert_allclose(cv.fold_scores[k], (y[test] - own.predict(X[test])[0]) ** 2, rtol=1e-5, atol=1e-8)


def test_the_choice_and_the_one_standard_error_rule():
    cv = fastreg.cross_validate_path(A, Y, cv=5)
    assert cv.alpha_best == cv.alphas[np.argmin(cv.mean)]
    limit = cv.mean.min() + cv.std_error[np.argmin(cv.mean)]
    assert cv.alpha_1se == cv.alphas[cv.mean <= limit].max()
    # The larger penalty of the two, and the sparser model.
    assert cv.alpha_1se > cv.alpha_best
    assert (cv.coef("1se") != 0).sum() <= (cv.coef("best") != 0).sum()
    np.testing.assert_array_equal(cv.coef(), cv.path.coef(cv.alpha_best))
    np.testing.assert_allclose(cv.predict(A, "1se"), A @ cv.coef("1se") + cv.intercept("1se"))
    assert "best at alpha" in repr(cv)
    assert "1 standard error" in str(cv.summary())
    assert "<table>" in cv._repr_html_()


def test_a_fold_knows_nothing_of_its_held_out_rows():
    train, test = np.arange(45), np.arange(45, 60)
    changed, spoiled = Y.copy(), A.copy()
    changed[test] += 100.0
    spoiled[test] *= 50.0
    options = {"cv": [(train, test)], "n_alphas": 20, "standardize": True, "keep_folds": True}
    first = fastreg.cross_validate_path(A, Y, **options).folds[0][0]
    second = fastreg.cross_validate_path(spoiled, changed, **options).folds[0][0]
    # Grid, scales and coefficients are those of the training rows; only the ratios of the grid are shared.
    np.testing.assert_allclose(second.alphas, first.alphas, rtol=1e-12)
    np.testing.assert_allclose(second.coefs.toarray(), first.coefs.toarray(), atol=1e-10)
    assert first.alphas[0] == pytest.approx(fastreg.alpha_max(A[train], Y[train], standardize=True))


def test_scoring():
    def rows(cv, measure, **options):
        predictions = [cv.folds[0][k].predict(A[test]) for k, (_, test) in enumerate(cv.splits)]
        return [
            [measure(Y[test], p[:, i], **{name: value[test] for name, value in options.items()}) for i in range(12)]
            for p, (_, test) in zip(predictions, cv.splits, strict=True)
        ]

    options = {"cv": 3, "alphas": ALPHAS, "keep_folds": True}
    good = fastreg.cross_validate_path(A, Y, scoring=r2_score, sample_weight=W, **options)
    np.testing.assert_allclose(good.fold_scores, rows(good, r2_score, sample_weight=W))
    assert good.greater_is_better
    assert good.best[2] == np.argmax(good.mean)
    bad = fastreg.cross_validate_path(A, Y, scoring=mean_absolute_error, greater_is_better=False, **options)
    np.testing.assert_allclose(bad.fold_scores, rows(bad, mean_absolute_error))
    assert bad.best[2] == np.argmin(bad.mean)


def test_several_l1_ratios_and_relaxed_fits():
    cv = fastreg.cross_validate_path(A, Y, cv=4, l1_ratio=[0.5, 1.0], relax=[0.0, 0.5, 1.0], n_alphas=15, tol=1e-10)
    assert cv.mean.shape == cv.std_error.shape == (2, 3, 15)
    assert cv.fold_scores.shape == (4, 2, 3, 15)
    assert cv.alphas.shape == (2, 15)
    r, g, a = cv.best
    assert cv.mean[r, g, a] == cv.mean.min()
    assert (cv.l1_ratio_best, cv.gamma_best, cv.alpha_best) == ([0.5, 1.0][r], [0.0, 0.5, 1.0][g], cv.alphas[r, a])
    single = fastreg.cross_validate_path(A, Y, cv=4, l1_ratio=0.5, n_alphas=15, tol=1e-10)
    np.testing.assert_allclose(cv.mean[0, 2], single.mean, rtol=1e-7)
    for k, (train, test) in enumerate(cv.splits):
        path = fastreg.fit_path(A[train], Y[train], n_alphas=15, tol=1e-10)
        half = fastreg.relax(path, A[train]).predict(A[test], gamma=0.5)
        np.testing.assert_allclose(cv.fold_scores[k, 1, 1], np.mean((Y[test, None] - half) ** 2, axis=0), rtol=1e-6)
    np.testing.assert_allclose(cv.coef(), fastreg.relax(cv.path, A).coef(cv.alpha_best, cv.gamma_best))
    assert len(cv.to_frame()) == cv.mean.size


def test_several_targets():
    both = fastreg.cross_validate_path(A, np.c_[Y, A[:, 0] - Y], cv=4, alphas=ALPHAS, tol=1e-10)
    each = [fastreg.cross_validate_path(A, y, cv=4, alphas=ALPHAS, tol=1e-10) for y in (Y, A[:, 0] - Y)]
    np.testing.assert_allclose(both.fold_scores, (each[0].fold_scores + each[1].fold_scores) / 2, rtol=1e-6)
    assert both.out_of_fold.shape == (60, 2)
    assert both.coef().shape == (2, 15)


@pytest.mark.parametrize(
    ("cv", "groups"),
    [
        (GroupKFold(3), np.arange(60) % 6),
        (3, np.arange(60) % 6),
        (TimeSeriesSplit(4), None),
        (RepeatedKFold(n_splits=3, n_repeats=2, random_state=0), None),
        (ShuffleSplit(3, test_size=0.2, random_state=0), None),
        (iter([(np.arange(30), np.arange(30, 60))]), None),
        ([(np.arange(60) < 40, np.arange(60) >= 40), (np.arange(60) >= 20, np.arange(60) < 20)], None),
        # A bootstrap: rows drawn twice count twice.
        ([(np.r_[np.arange(40), np.arange(40)[::2]], np.arange(40, 60))], None),
    ],
    ids=["groups", "groups-int", "time", "repeated", "shuffled", "iterator", "masks", "bootstrap"],
)
def test_splits_of_all_kinds(cv, groups):
    result = fastreg.cross_validate_path(A, Y, cv=cv, groups=groups, alphas=ALPHAS, tol=1e-10)
    for k, (train, test) in enumerate(result.splits):
        own = fastreg.fit_path(A[train], Y[train], alphas=ALPHAS, tol=1e-10)
        errors = np.mean((Y[test, None] - own.predict(A[test])) ** 2, axis=0)
        np.testing.assert_allclose(result.fold_scores[k], errors, rtol=1e-5)
        if groups is not None:
            assert not set(groups[train]) & set(groups[test])
    held_out = np.unique(np.concatenate([test for _, test in result.splits]))
    np.testing.assert_array_equal(np.flatnonzero(np.isfinite(result.out_of_fold)), held_out)


def test_weights_are_repetition():
    counts = np.random.default_rng(3).integers(0, 3, 60)
    repeated = np.repeat(np.arange(60), counts)
    splits = [(train[counts[train] > 0], test) for train, test in KFold(3).split(A)]
    places = [(np.flatnonzero(np.isin(repeated, a)), np.flatnonzero(np.isin(repeated, b))) for a, b in splits]
    weighted = fastreg.cross_validate_path(A, Y, cv=splits, sample_weight=counts, n_alphas=20, tol=1e-12)
    plain = fastreg.cross_validate_path(A[repeated], Y[repeated], cv=places, n_alphas=20, tol=1e-12)
    np.testing.assert_allclose(weighted.mean, plain.mean, rtol=1e-7)
    np.testing.assert_allclose(weighted.path.coefs.toarray(), plain.path.coefs.toarray(), atol=1e-8)


@pytest.mark.parametrize("ratio", [0.0, 0.5, 1.0])
def test_threads_and_ridge(ratio):
    one, two = (
        fastreg.cross_validate_path(A, Y, cv=5, l1_ratio=ratio, n_alphas=20, n_threads=threads) for threads in (1, 2)
    )
    np.testing.assert_allclose(one.fold_scores, two.fold_scores, rtol=1e-12)
    np.testing.assert_array_equal(one.path.coefs.toarray(), two.path.coefs.toarray())


def test_what_a_fold_needs_of_memory_is_not_x(tmp_path):
    X = np.memmap(tmp_path / "x", dtype=np.float32, mode="w+", shape=(80, 30))
    X[:] = make_data(80, 30, seed=1)[0]
    X.flush()
    readable = np.memmap(tmp_path / "x", dtype=np.float32, mode="r", shape=(80, 30))
    y = make_data(80, 30, seed=1)[1]
    first = fastreg.cross_validate_path(readable, y, cv=4, n_alphas=10)
    np.testing.assert_allclose(first.mean, fastreg.cross_validate_path(np.array(X), y, cv=4, n_alphas=10).mean)


def test_unconverged_folds_warn_once():
    X = sp.csc_array(make_data(60, 400, seed=9)[0])
    with pytest.warns(fastreg.ConvergenceWarning) as seen:
        cv = fastreg.cross_validate_path(
            X, make_data(60, 400, seed=9)[1], cv=3, alphas=[0.5, 1e-3], max_iter=1, tol=1e-12
        )
    # One for the path on all rows, one for all folds together.
    assert ["folds" in str(warning.message) for warning in seen] == [False, True]
    assert not cv.converged
    assert cv.largest_gap > 1e-12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cv": 1}, "cv: expected from 2 folds to as many as rows"),
        ({"cv": 61}, "cv: expected from 2 folds"),
        ({"cv": "ten"}, "cv: expected"),
        ({"cv": 2.5}, "cv: expected an integer"),
        ({"cv": []}, "cv: expected at least one pair"),
        ({"cv": [(np.arange(5), np.array([70]))]}, "cv: expected rows from 0 to 59"),
        ({"cv": [(np.arange(5), [])]}, "cv: expected row numbers or a mask"),
        ({"groups": np.zeros(3)}, "groups: expected one label for each of 60 rows"),
        ({"cv": [(np.arange(30), np.arange(30, 60))], "groups": np.zeros(60)}, "groups: expected an integer or a"),
        ({"scoring": "r2"}, "scoring: expected None or a callable"),
        ({"l1_ratio": []}, "l1_ratio: expected"),
        ({"l1_ratio": [0.5, 2.0]}, "l1_ratio: expected a finite number from 0 to 1"),
        ({"relax": 0.5}, "relax: expected a nonempty list"),
        ({"fold_alphas": "mine"}, "fold_alphas: expected 'own', 'shared' or 'sum'"),
        ({"sample_weight": np.r_[np.zeros(6), np.ones(54)]}, "cv: expected held-out rows of positive weight"),
        ({"tol": -1.0}, "tol: expected"),
        ({"keep_folds": "yes"}, "keep_folds: expected True or False"),
    ],
)
def test_refusals(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        fastreg.cross_validate_path(A, Y, **options)


def strided(X):
    """The same numbers, not in one piece."""
    return np.c_[X, X][:, : X.shape[1]]


@pytest.mark.parametrize("storage", [np.ascontiguousarray, np.asfortranarray, strided, sp.csc_array])
@pytest.mark.parametrize("kind", ["weights", "targets", "relaxed", "offset", "multinomial", "gamma"])
def test_scores_are_put_together_from_blocks_of_rows(kind, storage, monkeypatch):
    rng = np.random.default_rng(7)
    y = {"targets": np.c_[Y, -Y + A[:, 1]], "multinomial": np.arange(60) % 3, "gamma": np.exp(0.2 * Y)}.get(kind, Y)
    options = {"loss": kind if kind in ("multinomial", "gamma") else "squared", "cv": 4, "n_alphas": 6}
    # Blocks of rows without any weight among them.
    options["sample_weight"] = np.where(rng.random(60) < 0.4, 0.0, W) if kind in ("weights", "gamma") else None
    options |= {"relax": [0.0, 0.5, 1.0]} if kind == "relaxed" else {}
    options |= {"offset": rng.standard_normal(60)} if kind == "offset" else {}
    whole = fastreg.cross_validate_path(storage(A), y, **options)
    monkeypatch.setattr(folds, "CACHED", 50)
    parts = fastreg.cross_validate_path(storage(A), y, **options)
    np.testing.assert_allclose(parts.fold_scores, whole.fold_scores, rtol=1e-12)
    np.testing.assert_allclose(parts.out_of_fold, whole.out_of_fold, rtol=1e-12)
