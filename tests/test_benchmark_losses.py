"""The board's yardstick for logistic and Poisson loss, against definitions and a general optimizer."""

import json
import sys
from importlib import import_module

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize, minimize_scalar
from scipy.special import entr, expit, xlogy

from benchmarks import board, loading, output, report
from benchmarks import climb as climbing
from benchmarks.jobs import Job
from benchmarks.losses import LOSSES, Logistic, Poisson, relative_entropy, root
from benchmarks.objective import Data, Objective

N, P = 60, 12


def make(loss, seed, sparse=False):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((N, P)) + 0.5
    if sparse:
        X = np.where(rng.random((N, P)) < 0.4, X, 0.0)
    y = LOSSES[loss].sample(X[:, :3] @ [1.0, -0.7, 0.4] - 0.6, rng)
    return (sp.csc_array(X) if sparse else np.asfortranarray(X)), y


def values(loss, y, eta):
    """The loss by its textbook formula, minus its smallest value."""
    if loss == "logistic":
        return np.logaddexp(0.0, eta) - y * eta
    return np.exp(eta) - y * eta - (y - xlogy(y, y))


def primal(loss, X, y, b, alpha, r):
    """The objective with the best intercept, found by a general optimizer."""
    eta = X @ b
    data = minimize_scalar(lambda b0: values(loss, y, b0 + eta).mean(), bracket=(-5.0, 5.0), tol=1e-12)
    return data.fun + alpha * (r * np.abs(b).sum() + (1 - r) / 2 * b @ b), data.x


def dual(loss, X, y, point, alpha, r):
    """The dual objective: minus the conjugates of loss and penalty, minus infinity where they are infinite."""
    m, z = y - point, X.T @ point / N
    assert m.min() >= 0
    of_loss = entr(m) + entr(1 - m) if loss == "logistic" else -xlogy(m, m) + m - (y - xlogy(y, y))
    excess = np.maximum(np.abs(z) - alpha * r, 0.0)
    if r == 1:
        assert excess.max() <= 1e-12 * alpha
        return of_loss.mean()
    return of_loss.mean() - excess @ excess / (2 * alpha * (1 - r))


def solve(loss, X, y, alpha, r):
    """Minimize over the positive and negative parts of the coefficients, and the intercept."""

    def objective(v):
        plus, minus, b0 = v[:P], v[P : 2 * P], v[-1]
        b = plus - minus
        eta = b0 + X @ b
        slope = ((expit(eta) if loss == "logistic" else np.exp(eta)) - y) / N
        forward = X.T @ slope + alpha * (1 - r) * b
        value = values(loss, y, eta).mean() + alpha * (r * (plus + minus).sum() + (1 - r) / 2 * b @ b)
        return value, np.concatenate([forward + alpha * r, -forward + alpha * r, [slope.sum()]])

    bounds = [(0.0, None)] * (2 * P) + [(None, None)]
    options = {"maxiter": 100_000, "maxfun": 1_000_000, "ftol": 0.0, "gtol": 1e-10}
    found = minimize(objective, np.zeros(2 * P + 1), jac=True, method="L-BFGS-B", bounds=bounds, options=options)
    return found.x[:P] - found.x[P : 2 * P], found.fun


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("loss", ["logistic", "poisson"])
@pytest.mark.parametrize("ratio", [0.5, 0.05])
def test_solutions_of_a_general_optimizer_have_no_gap(loss, l1_ratio, ratio):
    X, y = make(loss, seed=0)
    objective = Objective(Data(X, y, LOSSES[loss]), l1_ratio)
    alpha = ratio * objective.alpha_max()
    b, smallest = solve(loss, X, y, alpha, l1_ratio)
    exact = objective.measure(b[:, None], np.array([alpha]))
    assert exact.gap <= 1e-7
    assert exact.kkt <= 1e-6
    # Around it the gap bounds the distance from the smallest objective, and the violation is there too.
    rng = np.random.default_rng(1)
    for noise in (1e-4, 1e-2, 1.0):
        other = b + noise * rng.standard_normal(P)
        found = objective.measure(other[:, None], np.array([alpha]))
        above = (primal(loss, X, y, other, alpha, l1_ratio)[0] - smallest) / objective.data.null_loss
        assert found.gap > 0
        assert found.gap >= above * (1 - 1e-6) - 1e-13
        assert found.kkt > 1e3 * exact.kkt
        assert found.support == P


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 0.01])
@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_gap_is_primal_minus_best_dual(loss, l1_ratio):
    X, y = make(loss, seed=2)
    objective = Objective(Data(X, y, LOSSES[loss]), l1_ratio)
    rng = np.random.default_rng(3)
    for ratio in (0.8, 0.1, 0.01):
        alpha = ratio * objective.alpha_max()
        for size in (0.0, 0.01, 0.3):
            b = size * rng.standard_normal(P) * (rng.random(P) < 0.5)
            value, b0 = primal(loss, X, y, b, alpha, l1_ratio)
            eta = b0 + X @ b
            u = y - (expit(eta) if loss == "logistic" else np.exp(eta))
            u -= u.mean()
            limit = min(1.0, alpha * l1_ratio / np.abs(X.T @ u / N).max()) if l1_ratio == 1 else 1.0
            best = minimize_scalar(
                lambda s: -dual(loss, X, y, s * u, alpha, l1_ratio),  # noqa: B023
                bounds=(0.0, limit), method="bounded", options={"xatol": 1e-9},
            )  # fmt: skip
            expected = value - max(-best.fun, dual(loss, X, y, limit * u, alpha, l1_ratio))
            found = objective.measure(b[:, None], np.array([alpha])).gap * objective.data.null_loss
            assert found == pytest.approx(expected, rel=1e-7, abs=1e-10)


@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_null_model(loss):
    X, y = make(loss, seed=4)
    data = Data(X, y, LOSSES[loss])
    assert data.null_loss == pytest.approx(primal(loss, X, y, np.zeros(P), 1.0, 1.0)[0], rel=1e-9)
    centered = X - X.mean(axis=0)
    np.testing.assert_allclose(data.null_correlations, centered.T @ (y - y.mean()) / N, rtol=1e-12, atol=1e-15)
    objective = Objective(data, 0.5)
    zero = objective.measure(sp.csc_array((P, 1)), np.array([objective.alpha_max()]))
    assert zero.gap <= 1e-15
    assert zero.kkt <= 1e-14
    assert zero.support == 0


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("loss", ["logistic", "poisson"])
def test_sparse_is_dense_and_a_path_its_worst_alpha(loss, l1_ratio, monkeypatch):
    X, y = make(loss, seed=5, sparse=True)
    sparse, dense = (Objective(Data(form, y, LOSSES[loss]), l1_ratio) for form in (X, X.toarray(order="F")))
    assert sparse.alpha_max() == pytest.approx(dense.alpha_max(), rel=1e-12)
    alphas = dense.alpha_max() * np.array([0.5, 0.2, 0.1])
    coefs = 0.1 * np.random.default_rng(6).standard_normal((P, 3))
    coefs[::2] = 0.0
    each = [dense.measure(coefs[:, [k]], alphas[[k]]) for k in range(3)]
    # Two alphas at a time.
    monkeypatch.setattr("benchmarks.objective.BLOCK", 2 * N)
    whole = sparse.measure(sp.csc_array(coefs), alphas)
    assert whole.gap == pytest.approx(max(found.gap for found in each), rel=1e-9)
    assert whole.kkt == pytest.approx(max(found.kkt for found in each), rel=1e-9)
    np.testing.assert_array_equal(whole.final, np.arange(1, P, 2))


def test_small_divergences_keep_their_digits():
    # Extended precision has three digits more to lose than the middle one of these distances takes.
    rng = np.random.default_rng(7)
    mean = np.exp(rng.uniform(-20, 5, 300))
    for distance in (1e-9, 1e-6, 1e-3, 0.0999, 0.1001, 0.9, 30.0):
        for sign in (1, -1) if distance < 1 else (1,):
            away = sign * distance * mean
            m, long = (mean + away.astype(np.longdouble)), mean.astype(np.longdouble)
            # With x the relative distance: (1 + x) log(1 + x) - x, or its first terms.
            x = away / long
            series = x**2 / 2 - x**3 / 6 + x**4 / 12 - x**5 / 20
            expected = long * series if distance <= 1e-3 else m * np.log1p(x) - away
            rtol = 1e-11 if distance <= 0.9 else 1e-13
            np.testing.assert_allclose(
                relative_entropy(mean, np.log(mean), away), expected.astype(float), rtol=rtol
            )  # fmt: skip


@pytest.mark.parametrize(("loss", "y"), [(Logistic, np.array([0.0, 1.0, 1.0])), (Poisson, np.array([0.0, 3.0, 1.0]))])
def test_extreme_predictions_are_measured(loss, y):
    for predictions in ([-800.0, 900.0, 700.0], [900.0, -800.0, 0.0], [1e6, -1e6, 1.0]):
        fit = loss(y, np.array(predictions))
        assert abs(fit.u.sum()) <= 1e-9
        assert fit.divergence(0.0) >= 0
        assert np.isfinite([fit.divergence(0.5), *fit.slopes(0.5)]).all()
        assert not np.isnan(fit.slopes(1.0)).any()
    coefs = np.full((1, 1), 1e300)
    objective = Objective(Data(np.array([[1e10], [0.0], [-1e10]]), y, loss), 1.0)
    with np.errstate(all="ignore"):
        assert objective.measure(coefs, np.array([1e-3])).gap == np.inf


def test_responses():
    labels = Logistic.target(np.array([-1.0, 1.0, 1.0]))
    np.testing.assert_array_equal(labels, [0.0, 1.0, 1.0])
    np.testing.assert_array_equal(Logistic.target(np.array([1.0, 2.0])), [0.0, 1.0])
    np.testing.assert_array_equal(Logistic.target(np.array([-3.0, -1.0, 0.0, 2.0])), [0.0, 0.0, 0.0, 1.0])
    with pytest.raises(ValueError, match="negative"):
        Poisson.target(np.array([1.0, -1.0]))


def test_root_stays_in_its_interval():
    def cubic(x):
        return x**3 - 2.0, 3 * x**2

    assert root(cubic, 0.0, 10.0, 10.0) == pytest.approx(2 ** (1 / 3), rel=1e-15)
    assert root(cubic, 0.0, 1.0, 1.0) == 1.0
    assert root(cubic, 2.0, 3.0, 3.0) == pytest.approx(2.0, rel=1e-15)
    # Newton's method alone leaps to and fro.
    assert root(lambda x: (np.arctan(x - 3), 1 / (1 + (x - 3) ** 2)), -100.0, 100.0, 100.0) == pytest.approx(3.0)


STAND_IN = """
import numpy as np
from benchmarks.problem import Solution

NAME, IS_PEER, NOTE = "fastreg", False, "plain proximal gradient"
IMPORTS, PACKAGES, LOSSES = (), (), ("logistic",)
LADDER = [10.0**-k for k in range(2, 13)]


def options(problem):
    return ("path",)


def prepare(X, y):
    assert set(y) == {0.0, 1.0}
    return np.hstack([X, np.ones((len(y), 1))]), y


def fit(data, problem, tol, option):
    assert problem.loss == "logistic"
    X, y = data
    step = 4 * len(y) / np.linalg.norm(X, 2) ** 2
    b, found = np.zeros(X.shape[1]), []
    free = np.append(np.ones(X.shape[1] - 1), 0.0)
    for alpha in problem.alphas:
        change = np.inf
        while change > tol / 100:
            before, t, q = b, alpha * problem.l1_ratio * free, alpha * (1 - problem.l1_ratio) * free
            moved = b + step * X.T @ (y - 1 / (1 + np.exp(-X @ b))) / len(y)
            b = np.sign(moved) * np.maximum(np.abs(moved) - step * t, 0.0) / (1 + step * q)
            change = np.abs(b - before).max()
        found.append(b[:-1])
    return Solution(np.stack(found, axis=1))
"""


def test_board_of_another_loss_has_its_own_folder_and_tables(tmp_path, monkeypatch):
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    modules = [import_module("stand_in"), import_module("benchmarks.contestants.numpy_reference")]
    monkeypatch.setattr(board, "modules_of", lambda package: modules)
    jobs = [
        Job("squared", "lasso", 1, 0.5),
        Job("logistic-path", "lasso", 4, 0.1, "logistic"),
        Job("one", "elastic net", 1, 0.2, "logistic"),
    ]
    monkeypatch.setattr(board, "JOBS", jobs)
    monkeypatch.setattr(climbing, "REPEATS", ((np.inf, 1),))
    for module in (board, output, report):
        monkeypatch.setattr(module, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sys, "argv", ["board", "--scratch", str(tmp_path)])
    X, y = make("logistic", seed=8)
    board.run_dataset("Tiny", *loading.ready(X, 2 * y - 1), "logistic", board.parse())
    assert not (tmp_path / "results" / "board").exists()
    found = json.loads((tmp_path / "results" / "board-logistic" / "tiny.json").read_text())
    assert [cell["job"] for cell in found["cells"]] == ["logistic-path", "one"]
    for cell in found["cells"]:
        # The reference does not know the loss.
        (row,) = cell["contestants"]
        assert all(target["status"] == "met" for target in row["targets"].values())
        assert row["targets"]["1e-10"]["too_many"] == 0
    monkeypatch.setattr(sys, "argv", ["report", "--readme", str(tmp_path / "README.md")])
    (tmp_path / "README.md").write_text(f"{report.BEGIN}\n{report.END}\n")
    pytest.importorskip("matplotlib")
    report.main()
    text = (tmp_path / "results" / "board.md").read_text()
    assert text.startswith("# Logistic loss")
    assert "fastreg: plain proximal gradient." in text
    assert "**Logistic loss**" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "results" / "board-logistic.png").exists()
