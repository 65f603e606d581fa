"""The board's yardstick against the reference, and its machinery on a tiny problem."""

import json
import signal
import sys
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse as sp

from benchmarks import board, loading, output, report
from benchmarks import climb as climbing
from benchmarks.climb import Cell, Entry, best, climb, setup
from benchmarks.contestants import fastreg_path, numpy_reference
from benchmarks.jobs import JOBS, Job
from benchmarks.losses import LOSSES
from benchmarks.objective import Data, Objective
from benchmarks.remote import NotInstalled, Worker, WorkerError, WorkerTimeout, store
from fastreg import fit_path, reference


def make(n, p, sparse, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + 0.5
    X[:, 1] = 2.0
    if sparse:
        X = sp.csc_array(np.where(rng.random((n, p)) < 0.3, X, 0.0))
    y = X @ np.where(np.arange(p) < 4, 1.0, 0.0) + rng.standard_normal(n) + 3.0
    return X, y


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5, 1e-3, 0.0])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize(("n", "p"), [(40, 12), (15, 40)])
def test_gap_and_violation_are_the_reference_s(n, p, sparse, l1_ratio):
    X, y = make(n, p, sparse, seed=n)
    objective = Objective(Data(X, y), l1_ratio)
    form = reference.standard_form(X, y, l1_ratio=l1_ratio)
    top = np.abs(form.X.T @ form.y).max()
    alphas = top / max(l1_ratio, 0.1) * np.geomspace(1.0, 0.01, 5)
    exact = fit_path(X, y, alphas=alphas, l1_ratio=l1_ratio, tol=1e-12).coefs.toarray()
    rng = np.random.default_rng(1)
    for noise in (0.0, 1e-6, 1e-3, 0.1, 10.0):
        coefs = exact + noise * rng.standard_normal(exact.shape) * (rng.random(exact.shape) < 0.5)
        coefs[1] = 0.0
        for k, alpha in enumerate(alphas):
            found = objective.measure(coefs[:, [k]], alphas[[k]])
            expected = reference.dual_gap(form, coefs[:, k], alpha) / form.null_loss
            # The reference searches the scale of the dual point, here it is computed: never a larger gap.
            assert found.gap <= expected * (1 + 1e-9) + 1e-15
            assert found.gap == pytest.approx(expected, rel=1e-5, abs=1e-13)
            violation = reference.kkt_violation(form, coefs[:, k], alpha) * np.linalg.norm(form.X, axis=0)
            assert found.kkt == pytest.approx(violation.max() / top, rel=1e-9, abs=1e-13)
            assert found.support == len(found.final) == np.count_nonzero(coefs[:, k])


@pytest.mark.parametrize("sparse", [False, True])
def test_path_is_measured_by_its_worst_alpha(sparse, monkeypatch):
    X, y = make(30, 50, sparse, seed=3)
    objective = Objective(Data(X, y), 1.0)
    alphas = objective.alpha_max() * np.geomspace(1.0, 0.05, 7)
    coefs = fit_path(X, y, alphas=alphas, tol=1e-4).coefs
    each = [objective.measure(coefs[:, [k]], alphas[[k]]) for k in range(7)]
    # Two alphas at a time.
    monkeypatch.setattr("benchmarks.objective.BLOCK", 100)
    whole = objective.measure(coefs, alphas)
    assert whole.gap == pytest.approx(max(m.gap for m in each), rel=1e-9)
    assert whole.support == max(m.support for m in each)
    np.testing.assert_array_equal(whole.final, each[-1].final)
    assert objective.measure(np.full((50, 1), np.nan), alphas[:1]).gap == np.inf


def test_equicorrelated_features_are_those_at_the_threshold():
    X, y = make(60, 30, False, seed=4)
    X[:, 7] = X[:, 2]
    objective = Objective(Data(X, y), 1.0)
    alpha = 0.1 * objective.alpha_max()
    coefs = fit_path(X, y, alphas=alpha, tol=1e-13).coefs
    features = objective.equicorrelated(coefs, alpha)
    assert set(coefs.indices) <= set(features)
    assert {2, 7} <= set(features)
    assert len(features) < 30


def test_largest_eigenvalue():
    for sparse in (False, True):
        X, y = make(25, 40, sparse, seed=5)
        form = reference.standard_form(X, y)
        assert Data(X, y).largest_eigenvalue() == pytest.approx(np.linalg.norm(form.X, 2) ** 2, rel=1e-9)


def arguments(tmp_path, *words):
    parser_input = ["board", "--scratch", str(tmp_path), "--peers-python", "nowhere", *words]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", parser_input)
        return board.parse()


def absent_peer(tmp_path, monkeypatch):
    """A contestant whose package does not exist."""
    (tmp_path / "absent_peer.py").write_text(
        'NAME, IS_PEER, LADDER = "absent", True, [1e-4]\n'
        'IMPORTS, PACKAGES = ("a_package_that_is_not_there",), ()\n'
        "options = prepare = fit = None\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.delitem(sys.modules, "absent_peer", raising=False)
    return import_module("absent_peer")


@pytest.fixture
def results(tmp_path, monkeypatch):
    folder = tmp_path / "results"
    for module in (board, output, report):
        monkeypatch.setattr(module, "RESULTS", folder)
    return folder


def test_board_on_a_tiny_problem(tmp_path, results, monkeypatch):
    # A peer that nobody has, so that the test is the same everywhere.
    modules = [fastreg_path, numpy_reference, absent_peer(tmp_path, monkeypatch)]
    monkeypatch.setattr(board, "modules_of", lambda package: modules)
    jobs = [Job("short-path", "lasso", 5, 0.1), Job("one", "elastic net", 1, 0.2)]
    monkeypatch.setattr(board, "JOBS", jobs)
    monkeypatch.setattr(climbing, "REPEATS", ((np.inf, 2),))
    chosen = arguments(tmp_path)
    board.run_dataset("Tiny data", *loading.ready(*make(40, 12, False, seed=6)), "squared", chosen)
    cells = json.loads((results / "board" / "tiny-data.json").read_text())["cells"]
    assert [cell["job"] for cell in cells] == ["short-path", "one"]
    for cell in cells:
        assert cell["reference"]["gap"] <= 1e-12
        rows = {row["contestant"]: row for row in cell["contestants"]}
        assert rows["absent"]["status"].startswith("not installed")
        for name in ("fastreg", "NumPy reference"):
            for target, found in rows[name]["targets"].items():
                assert found["status"] == "met"
                assert found["gap"] <= float(target)
                assert found["seconds"] > 0
                assert found["too_many"] == 0 or float(target) > 1e-6
        assert "1e-10" in rows["fastreg"]["targets"]
    lines, machine = report.lines_of(results / "board")
    # Plain NumPy is no peer, and without one there is nothing to sum up.
    assert np.isnan(lines[0].fastest_peer("1e-06"))
    monkeypatch.setattr(report, "PEERS", {"NumPy reference"})
    assert lines[0].fastest_peer("1e-06") > 0
    text = report.markdown(lines, machine)
    assert "not installed" in text
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{report.BEGIN}\n{report.END}\nafter")
    report.paste(report.compact(lines, machine), readme)
    assert "Tiny data" in readme.read_text()


@pytest.fixture
def tiny(tmp_path):
    X, y = loading.ready(*make(40, 12, False, seed=7))
    store(tmp_path, X, y)
    worker = Worker(fastreg_path, tmp_path, [sys.executable], 1)
    objective = Objective(Data(X, y), 1.0)
    problem = next(job for job in JOBS if job.name == "lasso-tenth").problem(objective, 1)
    yield Cell(objective, problem, (1e-4, 1e-6)), worker
    worker.stop()


def test_an_error_is_a_row(tiny):
    cell, worker = tiny
    setup(worker, cell.problem)
    with pytest.raises(WorkerError, match="tol"):
        worker.ask(60, do="fit", tol=-1.0, option="path")
    # It goes on.
    assert worker.ask(60, do="fit", tol=1e-6, option="path")["seconds"] > 0


def test_a_process_that_dies_or_hangs_is_ended(tiny):
    cell, worker = tiny
    setup(worker, cell.problem)
    worker.process.kill()
    with pytest.raises(WorkerError, match=r"SIGKILL|ended"):
        worker.ask(60, do="fit", tol=1e-6, option="path")
    worker.start()
    worker.process.send_signal(signal.SIGSTOP)
    with pytest.raises(WorkerTimeout):
        worker.ask(0.1, do="setup")
    assert worker.process is None
    # And is started again when it is needed.
    assert setup(worker, cell.problem)["options"] == ["path"]


def test_a_package_that_cannot_be_imported_is_not_installed(tmp_path, monkeypatch):
    store(tmp_path, *make(10, 3, True, seed=8))
    worker = Worker(absent_peer(tmp_path, monkeypatch), tmp_path, [sys.executable], 1)
    with pytest.raises(NotInstalled, match="a_package_that_is_not_there"):
        worker.start()
    assert worker.process is None


def test_a_hopeless_climb_ends(tiny):
    cell, worker = tiny
    cell.ours = {1e-4: 0.0, 1e-6: 0.0}
    setup(worker, cell.problem)
    entry = Entry(worker, "path")
    assert not cell.hopeless(entry, 19.0)
    assert cell.hopeless(entry, 21.0)
    climb(cell, entry, (1e-4, 1e-6))
    assert best([entry], 1e-6).rung(1e-6).found.gap <= 1e-6
    assert not cell.hopeless(entry, 1e9)


GAPS = [1e-1, 5e-2, 2e-3, 9e-4, 2e-5, 5e-6, 8e-7, 1e-9]


@pytest.mark.parametrize(
    ("remembered", "visited"),
    [
        # Nothing is known: where the gap is far too large the next tolerance is left out.
        ([], [0, 2, 3, 4, 5, 6]),
        (GAPS, [3, 4, 5, 6]),
        # It has become better ...
        ([gap * 30 for gap in GAPS], [5, 4, 3, 6]),
        # ... or worse, or had not got there.
        ([gap / 1e3 for gap in GAPS], [0, 2, 3, 4, 5, 6]),
        (GAPS[:3], [2, 3, 4, 5, 6]),
    ],
)
def test_a_climb_that_remembers_ends_at_the_same_rungs(monkeypatch, remembered, visited):
    ladder = [10.0**-k for k in range(len(GAPS))]
    seen = []

    def fit(cell, entry, tol):
        seen.append(ladder.index(tol))
        found = SimpleNamespace(gap=GAPS[seen[-1]])
        return climbing.Rung(tol, [1.0], found, None, None)

    monkeypatch.setattr(climbing, "fit", fit)
    worker = SimpleNamespace(module=SimpleNamespace(LADDER=ladder))
    entry = Entry(worker, "path", remembered=dict(zip(ladder, remembered, strict=False)))
    climb(Cell(None, None, (1e-4, 1e-6)), entry, (1e-4, 1e-6))
    assert sorted(seen) == sorted(visited)
    assert entry.rung(1e-4).tol == ladder[4]
    assert entry.rung(1e-6).tol == ladder[6]


def test_files(tmp_path):
    X, y = make(20, 5, True, seed=9)
    np.savez(tmp_path / "sparse.npz", data=X.data, indices=X.indices, indptr=X.indptr, shape=X.shape, y=y)
    np.savez(tmp_path / "dense.npz", X=X.toarray().astype(np.float32), y=y)
    again, _ = loading.read(tmp_path / "sparse.npz")
    np.testing.assert_array_equal(again.toarray(), X.toarray())
    dense, _ = loading.read(tmp_path / "dense.npz")
    np.testing.assert_allclose(dense.mean(axis=0), 0.0, atol=1e-15)
    varying = X.toarray().std(axis=0) > 0
    np.testing.assert_allclose(dense.std(axis=0), varying, rtol=1e-12)
    with pytest.raises(loading.Missing, match="no "):
        loading.read(tmp_path / "absent.npz")


def test_svmlight(tmp_path):
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = make(20, 5, True, seed=10)
    datasets.dump_svmlight_file(X, y, str(tmp_path / "data.svm"), zero_based=False)
    again, target = loading.read(tmp_path / "data.svm")
    np.testing.assert_allclose(again.toarray(), X.toarray())
    np.testing.assert_allclose(target, y)


def test_every_contestant_and_data_set_has_what_it_takes():
    for module in board.modules_of(board.contestants):
        assert isinstance(module.NAME, str)
        assert list(module.LADDER) == sorted(module.LADDER, reverse=True)
        assert callable(module.options)
        assert callable(module.prepare)
        assert callable(module.fit)
        assert set(board.losses_of(module)) <= set(LOSSES)
    for module in board.modules_of(board.datasets):
        assert set(board.losses_of(module)) <= set(LOSSES)
    names = [module.NAME for module in board.modules_of(board.datasets)]
    assert len(set(names)) == len(names)
