"""What once went wrong with other losses than squared loss."""

import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from glm_cases import GLM_LOSSES
from scipy.special import log_softmax

import fastreg


def recomputed_loss(path, A, y, weights):
    """The multinomial loss of what is returned, at every alpha."""
    log_p = log_softmax(path.predict(A, predictor=True), axis=-1)
    return -(weights / weights.sum()) @ log_p[np.arange(len(y)), :, y]


def test_intercepts_of_classes_belong_to_the_predictors():
    # Balancing that ran out of steps moved the intercept and not the predictors.
    rng = np.random.default_rng(2308)
    A, y = rng.standard_normal((12, 2)), rng.integers(0, 2, 12)
    y[:2] = 0, 1
    weights = 10.0 ** rng.integers(-4, 5, 12)
    path = fastreg.fit_path(A, y, loss="multinomial", alphas=0.0, sample_weight=weights)
    reported = (1 - path.deviance_ratio) * path.null_loss
    np.testing.assert_allclose(recomputed_loss(path, A, y, weights), reported, rtol=1e-9)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_reported_is_what_is_returned(seed):
    # Unpenalized columns that separate the classes: coefficients went to 1e18, and predictors were not theirs.
    rng = np.random.default_rng(seed)
    A = (rng.random((30, 8)) < 0.3).astype(float)
    y = rng.choice(4, 30, p=[0.6, 0.1, 0.2, 0.1])
    y[:4] = np.arange(4)
    factors = np.r_[np.zeros(5), np.ones(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = fastreg.fit_path(A, y, loss="multinomial", alphas=[1e-2, 1e-4], penalty_factors=factors)
    reported = (1 - path.deviance_ratio) * path.null_loss
    np.testing.assert_allclose(recomputed_loss(path, A, y, np.ones(30)), reported, rtol=1e-7)
    assert np.abs(path.coef(path.alphas[-1])).max() < 1e6


def test_gamma_knows_no_unit():
    # alpha_max was 0 for large y: rounding of u was measured against y.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((60, 20))
    y = np.exp(0.3 * A[:, 0]) * rng.gamma(2.0, 0.5, 60)
    tops = [fastreg.alpha_max(A, unit * y, loss="gamma") for unit in (1.0, 1e-12, 1e15, 1e40)]
    np.testing.assert_allclose(tops, tops[0], rtol=1e-9)


def test_huge_counts_converge_only_where_they_do():
    # What counted as rounding grew with the square of y, the loss of counts does not.
    rng = np.random.default_rng(0)
    A, u = rng.standard_normal((60, 20)), rng.random(60)
    for size in (1e20, 1e26, 1e40):
        path = fastreg.fit_path(A, size * u, loss="poisson", n_alphas=3, alpha_min_ratio=0.1)
        assert (path.relative_gaps[path.converged] <= 1.01e-6).all()


def test_jump_to_a_small_penalty():
    # Newton steps for all classes at once gave up where the first sign change was near.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((300, 30))
    y = np.argmax(2 * A[:, :4] + rng.gumbel(size=(300, 4)), axis=1)
    top = fastreg.alpha_max(A, y, loss="multinomial")
    assert fastreg.fit_path(A, y, loss="multinomial", alphas=[0.01 * top, 1e-6 * top]).converged.all()


def test_a_start_without_end():
    # From an infinite loss there was no way back.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((30, 5))
    y = (A[:, 0] + rng.standard_normal(30) > 0).astype(float)
    path = fastreg.fit_path(A, y, loss="logistic", alphas=[0.1, 0.01], init=(np.full(5, 1e300), 0.0))
    assert path.converged.all()


def test_tight_tolerances_on_many_rows():
    # The objective's rounding stopped the line search far above the gap that was asked for.
    rng = np.random.default_rng(0)
    A = (rng.random((20_000, 30)) < 0.2).astype(float)
    y = (A @ rng.standard_normal(30) + rng.logistic(size=20_000) > 0).astype(float)
    assert fastreg.fit_path(A, y, loss="logistic", n_alphas=8, tol=1e-12).converged.all()


def test_losses_are_pickled():
    for loss in ("logistic", "poisson", "gamma", fastreg.Huber(0.7)):
        A, y = np.arange(12.0).reshape(6, 2) % 5, np.array([1.0, 0.0, 1.0, 1.0, 0.0, 1.0]) + (loss == "gamma")
        path = pickle.loads(pickle.dumps(fastreg.fit_path(A, y, loss=loss, n_alphas=3)))
        np.testing.assert_array_equal(path.predict(A).shape, (6, 3))
    assert repr(fastreg.Huber(0.7)) == "Huber(0.7)"


def test_held_out_targets_are_checked():
    rng = np.random.default_rng(0)
    A = rng.standard_normal((30, 5))
    y = (A[:, 0] > 0).astype(float)
    with pytest.raises(ValueError, match="labels 0 and 1"):
        fastreg.fit_path(A, y, loss="logistic", validation=(A, 2 * y))
    with pytest.raises(ValueError, match="class codes"):
        fastreg.fit_path(A, y, loss="multinomial", validation=(A, y + 0.5))


@pytest.mark.parametrize("factors", [None, [0.0, 1.0, 1.0, 1.0, 1.0]])
@pytest.mark.parametrize("size", [1e3, 1e10, 1e100, 1e200, 1e300])
@pytest.mark.parametrize("loss", ["logistic", "poisson", "gamma", "huber", "multinomial", "grouped"])
def test_the_gap_of_huge_coefficients(loss, size, factors):
    # The singular value decomposition did not converge, or the gap was not a number.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((30, 5))
    many = loss in ("multinomial", "grouped")
    y = rng.integers(0, 3, 30) if many else rng.integers(0, 2, 30) if loss == "logistic" else rng.gamma(2.0, 1.0, 30)
    coef = size * (np.array([[1.0], [2.0], [-1.0]]) * np.ones(5) if many else np.ones(5))
    kind = fastreg.Multinomial(grouped=True) if loss == "grouped" else loss
    gap = fastreg.duality_gap(A, y, coef, 0.0, 0.1, loss=kind, penalty_factors=factors)
    assert gap > 0.1 * size
    # Never more than the objective, where that is a number.
    if many and size <= 1e100:
        eta = A @ coef.T
        objective = np.mean(np.logaddexp.reduce(eta, axis=1) - eta[np.arange(30), y])
        weights = np.ones(5) if factors is None else np.array(factors)
        penalty = np.linalg.norm(coef, axis=0) if loss == "grouped" else np.abs(coef).sum(axis=0)
        assert gap <= (objective + 0.1 * weights @ penalty) * (1 + 1e-9)


@pytest.mark.parametrize("loss", ["logistic", "poisson", "multinomial", "grouped"])
def test_one_kind_of_target_without_intercept(loss):
    # It was refused although only an intercept would be infinite.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((20, 4)) + 0.5
    y = {"logistic": np.ones(20), "poisson": np.zeros(20)}.get(loss, 2.0 * rng.integers(0, 2, 20))
    kind = fastreg.Multinomial(grouped=True) if loss == "grouped" else loss
    path = fastreg.fit_path(A, y, loss=kind, fit_intercept=False, alpha_min_ratio=0.01, n_alphas=10, tol=1e-9)
    assert path.converged.all()
    assert np.max(path.df[-1]) > 0
    with pytest.raises(ValueError, match=r"two classes|all zeros|every class"):
        fastreg.fit_path(A, y, loss=kind)


@pytest.mark.parametrize("loss", ["multinomial", "poisson"])
def test_offsets_of_several_columns_with_ridge(loss):
    # The kernels were given every third number of an offset of three columns.
    rng = np.random.default_rng(0)
    A, offset = rng.standard_normal((30, 5)), rng.standard_normal((30, 3))
    y = np.arange(30) % 3 if loss == "multinomial" else rng.poisson(1.0, (30, 3))
    path = fastreg.fit_path(A, y, loss=loss, l1_ratio=0.0, offset=offset, n_alphas=3)
    assert path.converged.all()


@pytest.mark.parametrize("seed", [1, 2])
def test_small_losses_of_classes_have_digits(seed):
    # Of log(1 + 1e-9) only seven digits were left: the line search failed, and features that entered and left again
    # at once, which nothing counted as a stall, went on doing so for 10,000 steps.
    rng = np.random.default_rng(seed)
    A, y = rng.standard_normal((25, 100)), np.arange(25) % 3
    options = {"loss": fastreg.Multinomial(grouped=True), "offset": 0.5 * rng.standard_normal((25, 3)), "tol": 1e-12}
    top = fastreg.alpha_max(A, y, loss=options["loss"], offset=options["offset"])
    path = fastreg.fit_path(A, y, alphas=1e-8 * top, max_iter=200, **options)
    assert path.converged.all()


@pytest.mark.parametrize("seed", [4, 13, 20])
def test_offsets_that_leave_no_curvature(seed):
    # The intercepts of the null model were not the best ones, and gaps took them to be.
    rng = np.random.default_rng(seed)
    A, y = rng.standard_normal((12, 4)), np.arange(12) % 5
    offset, weights = 100.0 * rng.standard_normal((12, 5)), rng.random(12)
    path = fastreg.fit_path(
        A, y, loss="multinomial", offset=offset, sample_weight=weights, n_alphas=4, alpha_min_ratio=0.01
    )
    assert path.converged.all()
    log_p = log_softmax(path.predict(A, predictor=True) + offset[:, None], axis=-1)
    u = np.exp(log_p) - (y[:, None] == np.arange(5))[:, None]
    np.testing.assert_allclose(np.einsum("i,iak->ak", weights / weights.sum(), u), 0.0, atol=1e-9)


@pytest.mark.parametrize("seed", [22, 31, 34, 39, 59])
def test_groups_all_but_at_zero(seed):
    # A step that ended at a bound left 1e-10 of a group, which no further step could move.
    rng = np.random.default_rng(seed)
    A, y = rng.standard_normal((36, 1)) + 0.1 * rng.standard_normal((36, 10)), np.arange(36) % 8
    weights = 10.0 ** rng.uniform(-12, 0, 36)
    options = {"loss": fastreg.Multinomial(grouped=True), "sample_weight": weights, "upper_bounds": 0.0}
    top = fastreg.alpha_max(A, y, **options)
    assert fastreg.fit_path(A, y, alphas=top * np.array([0.5, 0.1, 0.02]), **options).converged.all()


def test_rows_without_weight_cost_no_gap():
    # Their probabilities underflow, and zero times infinity is not a number.
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((20, 3)), np.arange(20) % 3
    weights = (np.arange(20) < 15).astype(float)
    offset = np.where(np.arange(20)[:, None] < 15, 0.0, 1e3 * (np.arange(3) == (y[:, None] + 1) % 3))
    options = {"loss": "multinomial", "sample_weight": weights}
    path = fastreg.fit_path(A, y, alphas=[0.1, 0.01], offset=offset, **options)
    assert path.converged.all()
    gap = fastreg.duality_gap(A, y, 1.1 * path.coef(0.01), path.intercepts[1], 0.01, offset=offset, **options)
    plain = fastreg.duality_gap(A, y, 1.1 * path.coef(0.01), path.intercepts[1], 0.01, **options)
    assert gap == pytest.approx(plain)


def test_a_start_whose_penalty_is_huge():
    # Its loss, which is that of no coefficients, was all that was looked at.
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((30, 4)), np.arange(30) % 3
    A[:, 1] = -A[:, 0]
    init = (np.array([[1e180], [2e180], [-3e180]]) * np.array([1.0, 1.0, 0.0, 0.0]), 0.0)
    assert fastreg.fit_path(A, y, loss="multinomial", alphas=[0.1, 0.01], init=init).converged.all()


def test_what_the_offsets_of_classes_share():
    # It changes nothing, but took all digits of the predictors.
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((30, 4)), np.arange(30) % 3
    plain = fastreg.fit_path(A, y, loss="multinomial", alphas=[0.1, 0.01], tol=1e-10)
    shared = fastreg.fit_path(
        A, y, loss="multinomial", alphas=[0.1, 0.01], tol=1e-10, offset=np.full(30, 1e20), validation=(A, y)
    )
    assert shared.converged.all()
    np.testing.assert_allclose(shared.coef(0.01), plain.coef(0.01), atol=1e-6)


def test_gaps_where_probabilities_underflow():
    # Infinite, though the logarithms of these probabilities are finite.
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((30, 4)), np.arange(30) % 3
    offset = np.where((np.arange(30) == 0)[:, None] & (np.arange(3) == 1), 1e4, 0.0)
    options = {"loss": "multinomial", "offset": offset, "fit_intercept": False}
    path = fastreg.fit_path(A, y, n_alphas=5, alpha_min_ratio=0.1, **options)
    assert path.converged.all()
    gaps = [fastreg.duality_gap(A, y, path.coef(a), 0.0, a, **options) for a in path.alphas]
    assert max(gaps) <= 1e-5 * path.null_loss


def test_the_gap_beside_a_tiny_l2_part():
    # Golden section missed the only scale that is any good: 23 times the gap of the fit, elsewhere 10^7 times.
    rng = np.random.default_rng(0)
    A = (rng.random((28, 20)) < 0.3) * 10.0 ** rng.uniform(-30, 30, 20)
    y = rng.integers(0, 4, 28)
    y[:4] = np.arange(4)
    path = fastreg.fit_path(A, y, loss="multinomial", l1_ratio=0.5, n_alphas=4, alpha_min_ratio=0.1, tol=1e-3)
    for k, alpha in enumerate(path.alphas):
        B = np.stack([c[:, [k]].toarray()[:, 0] for c in path.coefs])
        gap = fastreg.duality_gap(A, y, B, path.intercepts[k], alpha, loss="multinomial", l1_ratio=0.5)
        assert gap <= 1.1 * path.dual_gaps[k] + 1e-9


def test_bounds_so_near_that_all_coefficients_stop():
    # Newton's step took one coefficient after the other to its bound.
    rng = np.random.default_rng(0)
    A = rng.standard_normal((58, 1)) + 0.1 * rng.standard_normal((58, 120))
    y = np.arange(58) % 5
    path = fastreg.fit_path(
        A,
        y,
        loss="multinomial",
        l1_ratio=0.999,
        lower_bounds=-1e-8,
        upper_bounds=1e-8,
        n_alphas=10,
        alpha_min_ratio=1e-3,
    )
    assert path.converged.all()
    assert path.n_iter.sum() <= 100
    assert (np.abs(path.coef(path.alphas[-1])) == 1e-8).sum() > 100


@pytest.mark.parametrize("loss", ["multinomial", fastreg.Multinomial(grouped=True)])
def test_the_gap_with_bounded_columns_without_penalty(loss):
    # The certificate took them to be among the free ones.
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((40, 6)), np.arange(40) % 3
    options = {"penalty_factors": [0.0, 0.0, 1.0, 1.0, 1.0, 1.0], "lower_bounds": -0.05, "upper_bounds": 0.05}
    path = fastreg.fit_path(A, y, loss=loss, n_alphas=4, alpha_min_ratio=0.1, tol=1e-9, **options)
    for k, alpha in enumerate(path.alphas):
        B = np.stack([c[:, [k]].toarray()[:, 0] for c in path.coefs])
        gap = fastreg.duality_gap(A, y, B, path.intercepts[k], alpha, loss=loss, **options)
        assert gap <= 1e-8 * path.null_loss
        assert np.abs(B[:, :2]).max() == 0.05


@pytest.mark.parametrize("ratio", [0.05, 0.01])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_single_fits_of_wide_sparse_data(loss, l1_ratio, ratio):
    # Far from the solution the gap was taken to be many times the objective, and no step was thought to be needed.
    rng = np.random.default_rng(0)
    A = (rng.random((100, 2000)) < 0.1).astype(float)
    eta = 0.5 * A[:, :10].sum(axis=1)
    y = {
        "logistic": (eta - eta.mean() + 0.3 * rng.standard_normal(100) > 0).astype(float),
        "poisson": rng.poisson(np.exp(eta)).astype(float),
        "gamma": rng.gamma(2.0, np.exp(eta)) + 1e-3,
        "huber": eta + rng.standard_normal(100),
    }[loss]
    top = fastreg.alpha_max(A, y, loss=loss, l1_ratio=l1_ratio)
    path = fastreg.fit_path(sp.csc_array(A), y, loss=loss, l1_ratio=l1_ratio, alphas=ratio * top, tol=1e-6)
    assert path.converged.all()
    gap = fastreg.duality_gap(
        A, y, path.coef(ratio * top), path.intercepts[0], ratio * top, loss=loss, l1_ratio=l1_ratio
    )
    assert gap <= 1e-6 * path.null_loss


@pytest.mark.parametrize("seed", range(6))
def test_models_that_gain_little_beside_the_gap(seed):
    # Descent on a model stopped before it began where the model's own gap was less than a fraction of the true one.
    rng = np.random.default_rng(seed)
    A = sp.random(130, 900, 0.2, format="csc", random_state=rng, data_rvs=rng.standard_normal)
    y = rng.gamma(0.2, 1.0, 130) + 1e-8
    assert fastreg.fit_path(A, y, loss="gamma", n_alphas=10).converged.all()


@pytest.mark.parametrize("seed", [0, 4, 6, 11])
def test_unpenalized_columns_of_which_rounding_leaves_something(seed):
    # Correlations of 1e-11 where 1e-12 was asked for made the gap that of the null model.
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((150, 30))
    y = 30 * (A[:, :3].sum(axis=1) + rng.standard_normal(150))
    factors = np.r_[0.0, np.ones(29)]
    path = fastreg.fit_path(A, y, loss="huber", penalty_factors=factors)
    for k, alpha in enumerate(path.alphas):
        coef = path.coefs[:, [k]].toarray()[:, 0]
        gap = fastreg.duality_gap(A, y, coef, path.intercepts[k], alpha, loss="huber", penalty_factors=factors)
        assert path.converged[k] == (path.dual_gaps[k] <= 1e-6 * path.null_loss)
        assert gap <= 1e-6 * path.null_loss
    assert path.converged.all()


def test_classes_of_wide_sparse_data_read_it_seldom():
    # Few short columns were read from X in every product, thousands of times, and their equations never factored.
    rng = np.random.default_rng(0)
    A = sp.random(117, 2576, 0.003, format="csc", random_state=rng)
    y = rng.integers(0, 2, 117)
    alpha = 0.01 * fastreg.alpha_max(A, y, loss="multinomial")
    path = fastreg.fit_path(A, y, loss="multinomial", alphas=alpha)
    assert path.converged.all()
    assert path.n_passes < 200


@pytest.mark.parametrize(("base", "spread"), [(1e13, 3e-4), (1e13, 1e-3), (1e9, 1e-2)])
def test_the_loss_above_its_least_value_has_digits_to_lose(base, spread):
    # A difference of two losses of 1e13 was 0, and so was the gap.
    rng = np.random.default_rng(0)
    A, b = rng.standard_normal((40, 6)), rng.standard_normal(6)
    y = base * np.exp(spread * (A @ b))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastreg.ConvergenceWarning)
        path = fastreg.fit_path(A, y, loss="poisson", alphas=0.0, tol=1e-12)
    eta = A @ path.coef(0.0) + path.intercepts[0]
    x = eta - np.log(y)  # The optimum fits y as it is: what is left is the mean of y (exp(x) - 1 - x).
    excess = np.mean(y * (np.expm1(x) - x))
    assert excess <= path.dual_gaps[0] + 1e-13 * path.null_loss


@pytest.mark.parametrize("factor", [1.0, 10.0])
def test_the_intercept_where_huber_clips_every_residual(factor):
    # Without any curvature the intercept stayed where the start had left it, under a gap of 0.
    huber = fastreg.Huber(0.05)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((8, 40))
        y = X[:, 0] + rng.standard_normal(8)
        alpha = factor * fastreg.alpha_max(X, y, loss=huber)
        start = 0.1 * rng.standard_normal(40) * (rng.random(40) < 0.3)
        path = fastreg.fit_path(X, y, loss=huber, alphas=alpha, init=(start, 0.0))
        gap = fastreg.duality_gap(X, y, path.coef(alpha), path.intercept(alpha), alpha, loss=huber)
        assert path.converged.all()
        assert gap <= 1e-6 * path.null_loss + 10 * path.dual_gaps[0]


def test_the_sum_of_hubers_u_under_weights_of_any_size():
    # One row outweighs the others: its u is all rounding, which is not an intercept out of place.
    for seed in range(30):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((3, 100)) + 5, rng.standard_normal(3)
        weights = 10.0 ** np.array([0.0, rng.uniform(-8, -3), rng.uniform(-8, -3)])
        options = {"loss": fastreg.Huber(1.0), "sample_weight": weights, "standardize": bool(seed % 2)}
        path = fastreg.fit_path(X, y, n_alphas=8, alpha_min_ratio=1e-2, **options)
        assert path.converged.all()


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.0])
def test_an_unpenalized_level_without_events(loss, storage, l1_ratio):
    # Its coefficient goes to minus infinity and its curvature to 0: rounding made steps of 1e16 of it, and the others
    # stayed where they were for all further alphas.
    for seed in range(4):
        rng = np.random.default_rng(seed)
        level = rng.integers(0, 5, 200)
        Z = rng.standard_normal((200, 10))
        X, factors = np.c_[np.eye(5)[level][:, 1:], Z], np.r_[np.zeros(4), np.ones(10)]
        eta = Z[:, 0] - 0.5 * Z[:, 1] + 0.3 * level - 1
        y = (rng.random(200) < 1 / (1 + np.exp(-eta))) * 1.0 if loss == "logistic" else rng.poisson(np.exp(eta)) * 1.0
        y[level == 3] = 0
        options = {"loss": loss, "penalty_factors": factors, "l1_ratio": l1_ratio}
        path = fastreg.fit_path(storage(X), y, n_alphas=25, **options)
        assert path.converged.all()
        alone = fastreg.fit_path(storage(X), y, alphas=path.alphas[-1], tol=1e-9, **options)
        assert path.deviance_ratio[-1] == pytest.approx(alone.deviance_ratio[0], abs=1e-5)


@pytest.mark.parametrize(("loss", "constants"), [("poisson", [148.0, 5.0, 0.37]), ("gamma", [10.0, 123.456, 0.1])])
def test_a_constant_target_is_no_failure(loss, constants):
    # What rounding left of it was the null loss, and what rounding may hide of the gap was 50 times that.
    X = np.random.default_rng(0).standard_normal((40, 3))
    for constant in constants:
        path = fastreg.fit_path(X, np.full(40, constant), loss=loss, n_alphas=3)
        assert path.converged.all()
        assert path.null_loss == 0
        assert not path.df.any()


def test_the_gap_of_bounded_groups_at_the_edge():
    # The entries of a group that have no bound pulled by its threshold but for rounding: NaN.
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X, y = rng.standard_normal((40, 3)), np.r_[0, 1, 2, rng.integers(0, 3, 37)]
        X[:, 0] += y
        options = {"loss": fastreg.Multinomial(grouped=True), "penalty_factors": [0, 1, 1], "lower_bounds": -3.0}
        path = fastreg.fit_path(X, y, alphas=0.01, **options)
        gap = fastreg.duality_gap(X, y, 0.9 * path.coef(0.01), path.intercept(0.01), 0.01, **options)
        assert path.dual_gaps[0] < gap < path.null_loss


@pytest.mark.parametrize("grouped", [False, True])
@pytest.mark.parametrize("storage", [np.asarray, sp.csc_array])
def test_classes_with_unpenalized_columns_that_are_nearly_equal(grouped, storage):
    # Neither column's correlation shows what their difference could do: a gap of 1e-10, 9 % of the null loss too high.
    for seed in range(3):
        rng = np.random.default_rng(seed)
        x, z = rng.standard_normal((2, 30))
        rest, factors = rng.standard_normal((30, 3)), np.array([0.0, 0, 1, 1, 1])
        near = np.c_[x, x + 1e-9 * z, rest]
        # The same span, told apart.
        apart = np.c_[x, (near[:, 1] - near[:, 0]) / 1e-9, rest]
        y = np.argmax(np.c_[z, 0 * z, -z] + rng.gumbel(size=(30, 3)), 1)
        y[:3] = 0, 1, 2
        options = {"loss": fastreg.Multinomial(grouped), "penalty_factors": factors, "alphas": 0.02}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", fastreg.ConvergenceWarning)
            path = fastreg.fit_path(storage(near), y, max_iter=100, **options)
        best = fastreg.fit_path(apart, y, **options)
        objectives = []
        for X, fit in ((near, path), (apart, best)):
            B, eta = fit.coef(0.02), fit.predict(X, 0.02, predictor=True)
            pull = np.sqrt((B[:, 2:] ** 2).sum(axis=0)) if grouped else np.abs(B[:, 2:])
            objectives.append(-log_softmax(eta, axis=1)[np.arange(30), y].mean() + 0.02 * pull.sum())
        assert objectives[0] - objectives[1] <= path.dual_gaps[0] + best.dual_gaps[0] + 1e-7


@pytest.mark.parametrize("grouped", [False, True])
def test_classes_with_bounded_columns_that_are_nearly_equal(grouped):
    # At a bound the slope is not 0, and promises nothing: a gap of 2 % of the null loss.
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, z = rng.standard_normal((2, 60))
        X = np.c_[x, x + 1e-5 * z, rng.standard_normal((60, 3))]
        y = np.argmax(np.c_[x, 0 * x, -x] + rng.gumbel(size=(60, 3)), 1)
        y[:3] = 0, 1, 2
        options = {"loss": fastreg.Multinomial(grouped), "penalty_factors": [0, 0, 1, 1, 1]}
        options |= {"lower_bounds": -0.3, "upper_bounds": 0.3}
        path = fastreg.fit_path(X, y, alphas=0.05, **options)
        assert path.converged.all()
        gap = fastreg.duality_gap(X, y, path.coef(0.05), path.intercept(0.05), 0.05, **options)
        assert gap <= 1e-6 * path.null_loss
