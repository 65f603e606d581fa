"""The board's yardstick for multinomial loss, its coefficients penalized one by one or grouped by feature."""

import json
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize, minimize_scalar
from scipy.special import entr, log_softmax, softmax

from benchmarks import board, climb, contestants, loading, output
from benchmarks.contestants import adelie_path, fastreg_path
from benchmarks.jobs import Job
from benchmarks.losses import GroupedMultinomial, Logistic, Multinomial
from benchmarks.objective import Data, Objective
from fastreg import alpha_max

N, P, K = 60, 8, 3
LOSSES = [Multinomial, GroupedMultinomial]


def make(seed, sparse=False):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P)) + 0.5
    if sparse:
        X = np.where(rng.random((N, P)) < 0.4, X, 0.0)
    y = Multinomial.sample(rng.standard_normal((K, 2)) @ X[:, :2].T, rng)
    assert len(set(y)) == K
    return (sp.csc_array(X) if sparse else np.asfortranarray(X)), y


def norms(loss, B):
    """What the l1 part sees of B (n_classes, n_features)."""
    return np.linalg.norm(B, axis=0) if loss.grouped else np.abs(B)


def best_intercepts(eta, y):
    """The loss and the intercepts, of which the last is 0, by a general optimizer."""

    def objective(v):
        log_p = log_softmax(eta + np.append(v, 0.0)[:, None], axis=0)
        slope = np.exp(log_p).mean(axis=1) - [np.mean(y == k) for k in range(len(eta))]
        return -log_p[y.astype(int), np.arange(len(y))].mean(), slope[:-1]

    found = minimize(objective, np.zeros(len(eta) - 1), jac=True, method="BFGS", options={"gtol": 1e-10})
    return found.fun, np.append(found.x, 0.0)


def primal(loss, X, y, B, alpha, r):
    value, intercepts = best_intercepts(B @ X.T, y)
    return value + alpha * (r * norms(loss, B).sum() + (1 - r) / 2 * np.sum(B**2)), intercepts


def dual(loss, X, y, point, alpha, r):
    """The dual objective: minus the conjugates of loss and penalty, minus infinity where they are infinite."""
    q = (y == np.arange(K)[:, None]) - point
    assert q.min() >= 0
    excess = np.maximum(norms(loss, point @ X / N) - alpha * r, 0.0)
    if r == 1:
        assert excess.max() <= 1e-12
        return entr(q).sum(axis=0).mean()
    return entr(q).sum(axis=0).mean() - np.sum(excess**2) / (2 * alpha * (1 - r))


def solve(loss, X, y, alpha, r):
    """Minimize by accelerated proximal gradient steps; the intercepts are coefficients of a constant column."""
    X = np.hstack([X, np.ones((N, 1))])
    onehot = (y == np.arange(K)[:, None]).astype(float)
    step = 2 * N / np.linalg.norm(X, 2) ** 2
    B = ahead = np.zeros((K, P + 1))
    for k in range(1, 20_001):
        moved = ahead - step * (softmax(ahead @ X.T, axis=0) - onehot) @ X / N
        size = np.maximum(norms(loss, moved), 1e-300)
        new = moved * np.maximum(1 - step * alpha * r / size, 0.0) / (1 + step * alpha * (1 - r))
        new[:, -1] = moved[:, -1]
        if np.abs(new - B).max() <= 1e-12:
            break
        # Anew where it would go uphill.
        restart = np.sum((ahead - new) * (new - B)) > 0
        ahead, B = new + (0.0 if restart else k / (k + 3)) * (new - B), new
    return B[:, :-1]


def column(B):
    """The coefficients as the yardstick takes them: those of one class below those of another."""
    return B.reshape(-1, 1)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("ratio", [0.5, 0.05])
def test_exact_solutions_have_no_gap(loss, l1_ratio, ratio):
    X, y = make(seed=0)
    objective = Objective(Data(X, y, loss), l1_ratio)
    alpha = ratio * objective.alpha_max()
    B = solve(loss, X, y, alpha, l1_ratio)
    exact = objective.measure(column(B), np.array([alpha]))
    assert exact.gap <= 1e-10
    assert exact.kkt <= 1e-9
    assert set(exact.final) <= set(objective.equicorrelated(column(B), alpha))
    assert len(objective.equicorrelated(column(B), alpha)) < K * P or ratio < 0.5
    smallest = primal(loss, X, y, B, alpha, l1_ratio)[0]
    rng = np.random.default_rng(1)
    for noise in (1e-4, 1e-2, 1.0):
        other = B + noise * rng.standard_normal(B.shape)
        found = objective.measure(column(other), np.array([alpha]))
        above = (primal(loss, X, y, other, alpha, l1_ratio)[0] - smallest) / objective.data.null_loss
        assert found.gap >= above * (1 - 1e-6) - 1e-13
        assert found.gap > 0
        assert found.kkt > 1e3 * exact.kkt
        assert found.support == K * P


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("loss", LOSSES)
def test_gap_is_primal_minus_best_dual(loss, l1_ratio):
    X, y = make(seed=2)
    objective = Objective(Data(X, y, loss), l1_ratio)
    rng = np.random.default_rng(3)
    for ratio in (0.8, 0.1, 0.01):
        alpha = ratio * objective.alpha_max()
        for size in (0.0, 0.01, 0.3):
            B = size * rng.standard_normal((K, P)) * (rng.random((K, P)) < 0.5)
            value, intercepts = primal(loss, X, y, B, alpha, l1_ratio)
            u = (y == np.arange(K)[:, None]) - softmax(B @ X.T + intercepts[:, None], axis=0)
            u -= u.mean(axis=1, keepdims=True)
            limit = min(1.0, alpha * l1_ratio / norms(loss, u @ X / N).max()) if l1_ratio == 1 else 1.0
            best = minimize_scalar(
                lambda s: -dual(loss, X, y, s * u, alpha, l1_ratio),  # noqa: B023
                bounds=(0.0, limit), method="bounded", options={"xatol": 1e-9},
            )  # fmt: skip
            expected = value - max(-best.fun, dual(loss, X, y, limit * u, alpha, l1_ratio))
            found = objective.measure(column(B), np.array([alpha])).gap * objective.data.null_loss
            assert found == pytest.approx(expected, rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("q", [0.0, 0.1])
@pytest.mark.parametrize("loss", LOSSES)
def test_two_classes_are_labels(loss, q):
    # With b/2 for one class and -b/2 for the other. The norm of both is |b| / sqrt(2).
    X, y = make(seed=4)
    y = np.minimum(y, 1.0)
    factor = np.sqrt(0.5) if loss.grouped else 1.0
    rng = np.random.default_rng(5)
    for size in (1e-3, 0.1, 1.0):
        b = size * rng.standard_normal((P, 1)) * (rng.random((P, 1)) < 0.7)
        for t in (0.001, 0.05, 0.2):
            alpha, other = t + q, factor * t + q / 2
            two = Objective(Data(X, y, loss), t / alpha).measure(np.vstack([-b / 2, b / 2]), np.array([alpha]))
            one = Objective(Data(X, y, Logistic), factor * t / other).measure(b, np.array([other]))
            assert two.gap == pytest.approx(one.gap, rel=1e-9, abs=1e-15)
            assert two.support == 2 * one.support


@pytest.mark.parametrize("loss", LOSSES)
def test_null_model(loss):
    X, y = make(seed=6)
    data = Data(X, y, loss)
    onehot = (y == np.arange(K)[:, None]).astype(float)
    share = onehot.mean(axis=1)
    assert data.null_loss == pytest.approx(entr(share).sum(), rel=1e-14)
    Z = (onehot - share[:, None]) @ (X - X.mean(axis=0)) / N
    np.testing.assert_allclose(data.null_correlations, Z.ravel(), rtol=1e-12, atol=1e-15)
    objective = Objective(data, 0.5)
    assert objective.alpha_max() == pytest.approx(2 * norms(loss, Z).max(), rel=1e-12)
    zero = objective.measure(sp.csc_array((K * P, 1)), np.array([objective.alpha_max()]))
    assert zero.gap <= 1e-15
    assert zero.kkt <= 1e-14
    assert zero.support == 0


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("loss", LOSSES)
def test_sparse_is_dense_and_a_path_its_worst_alpha(loss, l1_ratio, monkeypatch):
    X, y = make(seed=7, sparse=True)
    sparse, dense = (Objective(Data(form, y, loss), l1_ratio) for form in (X, X.toarray(order="F")))
    assert sparse.alpha_max() == pytest.approx(dense.alpha_max(), rel=1e-12)
    alphas = dense.alpha_max() * np.array([0.5, 0.2, 0.1])
    coefs = 0.1 * np.random.default_rng(8).standard_normal((K * P, 3))
    coefs[::2] = 0.0
    each = [dense.measure(coefs[:, [k]], alphas[[k]]) for k in range(3)]
    # Two alphas at a time.
    monkeypatch.setattr("benchmarks.objective.BLOCK", 2 * K * N)
    whole = sparse.measure(sp.csc_array(coefs), alphas)
    assert whole.gap == pytest.approx(max(found.gap for found in each), rel=1e-9)
    assert whole.kkt == pytest.approx(max(found.kkt for found in each), rel=1e-9)
    np.testing.assert_array_equal(whole.final, np.arange(1, K * P, 2))


def test_small_gaps_keep_their_digits():
    # Half the distance, a quarter of the gap: down to where a difference of objectives would have no digits.
    X, y = make(seed=9)
    objective = Objective(Data(X, y, Multinomial), 0.5)
    alpha = 0.1 * objective.alpha_max()
    B = solve(Multinomial, X, y, alpha, 0.5)
    away = np.random.default_rng(10).standard_normal(B.shape) * (B != 0)
    gaps = [objective.measure(column(B + 2.0**-k * away), np.array([alpha])).gap for k in range(20, 26)]
    assert gaps[-1] < 1e-13
    np.testing.assert_allclose(np.divide(gaps[:-1], gaps[1:]), 4.0, rtol=1e-3)


@pytest.mark.parametrize("size", [0.0, 1.0, 50.0, 1e3, 1e6])
def test_intercepts_balance_the_classes(size):
    rng = np.random.default_rng(11)
    y = np.append(np.arange(5), rng.integers(0, 5, 95)).astype(float)
    eta = size * rng.standard_normal((5, 100))
    fit = Multinomial(y, eta.ravel())
    assert np.abs(fit.u.reshape(5, 100).sum(axis=1)).max() <= 1e-12
    assert np.isfinite([fit.divergence(0.5), *fit.slopes(0.5)]).all()
    assert not np.isnan(fit.slopes(1.0)).any()
    if size <= 1.0:
        assert fit.divergence(0.0) == pytest.approx(best_intercepts(eta, y)[0], rel=1e-9)
    # Intercepts in the predictions make no difference.
    moved = Multinomial(y, (eta + 30.0 * np.arange(5)[:, None]).ravel())
    assert moved.divergence(0.3) == pytest.approx(fit.divergence(0.3), rel=1e-9)


def test_predictions_without_measure():
    objective = Objective(Data(np.array([[1e10], [0.0], [-1e10]]), np.array([0.0, 1.0, 2.0]), Multinomial), 1.0)
    with np.errstate(all="ignore"):
        assert objective.measure(np.array([[1e300], [0.0], [-1e300]]), np.array([1e-3])).gap == np.inf
    np.testing.assert_array_equal(Multinomial.target(np.array([7.0, -1.0, 2.0, 7.0])), [2.0, 0.0, 1.0, 2.0])
    with pytest.raises(ValueError, match="single class"):
        Multinomial.target(np.ones(3))


def test_board(tmp_path, monkeypatch):
    X, y = make(seed=12)
    assert Objective(Data(X, y, Multinomial), 0.5).alpha_max() == pytest.approx(
        alpha_max(X, y, loss="multinomial", l1_ratio=0.5), rel=1e-9
    )
    monkeypatch.setattr(board, "modules_of", lambda package: [fastreg_path] if package is contestants else [])
    monkeypatch.setattr(board, "JOBS", [Job("short", "elastic net", 4, 0.1, "multinomial")])
    monkeypatch.setattr(climb, "REPEATS", ((np.inf, 1),))
    for module in (board, output):
        monkeypatch.setattr(module, "RESULTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["board", "--scratch", str(tmp_path)])
    board.run_dataset("Tiny", *loading.ready(X, 5 - 2 * y), "multinomial", board.parse())
    (cell,) = json.loads((tmp_path / "board-multinomial" / "tiny.json").read_text())["cells"]
    for target in cell["contestants"][0]["targets"].values():
        assert target["status"] == "met"
        assert target["too_many"] == 0


def test_coefficients_by_feature_are_put_by_class():
    B = np.arange(1.0, K * P + 1).reshape(K, P)
    found = adelie_path.by_class(sp.csc_array(B.T.reshape(-1, 1)), K)
    np.testing.assert_array_equal(found.toarray(), column(B))
