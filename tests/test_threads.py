"""Threads, forks and Ctrl-C."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import scipy.sparse as sp
from glm_cases import GLM_LOSSES, respond

import fastreg
from fastreg.runtime.threads import resolve_threads


@pytest.fixture(scope="module")
def big():
    # Large enough for every operation to use its threads.
    rng = np.random.default_rng(0)
    X = rng.standard_normal((1200, 1500))
    return X, X[:, :10] @ rng.standard_normal(10) + rng.standard_normal(1200)


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csc_array])
@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.0])
def test_one_and_two_threads_agree(big, make, ratio):
    X, y = big
    if ratio == 0.0:
        # Decompositions by BLAS: on two threads of a busy machine each of 1,200 rows takes many seconds.
        X, y = X[:300, :400], y[:300]
    X = make(np.where(np.abs(X) > 1, X, 0.0))
    one, two = (fastreg.fit_path(X, y, l1_ratio=ratio, n_alphas=6, alpha_min_ratio=0.1, n_threads=k) for k in (1, 2))
    scale = np.abs(one.coefs.toarray()).max()
    np.testing.assert_allclose(two.coefs.toarray(), one.coefs.toarray(), atol=1e-12 * scale)
    np.testing.assert_allclose(two.dual_gaps, one.dual_gaps, atol=1e-12 * one.null_loss)
    assert one.n_passes == two.n_passes


def test_tall_passes_agree_too():
    rng = np.random.default_rng(1)
    X = rng.standard_normal((60_000, 20))
    y = X @ rng.standard_normal(20) + rng.standard_normal(60_000)
    one, two = (fastreg.fit_path(X, y, n_alphas=5, n_threads=k) for k in (1, 2))
    np.testing.assert_array_equal(two.coefs.toarray(), one.coefs.toarray())


@pytest.mark.parametrize("loss", GLM_LOSSES)
def test_sums_over_many_rows_do_not_depend_on_threads(loss):
    """Rows of other losses are taken in pieces, here five, whose sums are added up in order."""
    rng = np.random.default_rng(2)
    X = rng.standard_normal((40_000, 8))
    y = respond(loss, 0.3 * X[:, :3].sum(axis=1), rng)
    one, two = (fastreg.fit_path(X, y, loss=loss, n_alphas=5, n_threads=k) for k in (1, 2))
    np.testing.assert_array_equal(two.coefs.toarray(), one.coefs.toarray())
    np.testing.assert_array_equal(two.dual_gaps, one.dual_gaps)
    gap = fastreg.duality_gap(X, y, two.coef(two.alphas[-1]), two.intercepts[-1], two.alphas[-1], loss=loss)
    assert gap <= 2e-6 * two.null_loss


def test_concurrent_fits(big):
    X, y = big
    expected = fastreg.fit_path(X, y, n_alphas=8, alpha_min_ratio=0.05).coefs.toarray()
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda _: fastreg.fit_path(X, y, n_alphas=8, alpha_min_ratio=0.05), range(8)))
    for path in paths:
        np.testing.assert_array_equal(path.coefs.toarray(), expected)


def test_the_gil_is_released(big):
    """While one thread fits, another runs Python."""
    X, y = big
    ticks = []
    with ThreadPoolExecutor(1) as pool:
        fit = pool.submit(fastreg.fit_path, X, y, n_alphas=60, alpha_min_ratio=1e-3, tol=1e-10, n_threads=1)
        while not fit.done():
            ticks.append(time.perf_counter())
            time.sleep(0.001)
        fit.result()
    assert len(ticks) > 10
    # Without the GIL's release the ticks would stand still for as long as the fit runs.
    assert np.max(np.diff(ticks)) < 0.5 * (ticks[-1] - ticks[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_fit_after_fork(big):
    X, y = big
    expected = fastreg.fit_path(X, y, n_alphas=4, n_threads=2)
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        code = 1
        try:
            path = fastreg.fit_path(X, y, n_alphas=4, n_threads=2)
            same = np.allclose(path.coefs.toarray(), expected.coefs.toarray(), atol=1e-12)
            code = 0 if same and resolve_threads(2) == 1 else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


INTERRUPTED = textwrap.dedent("""
    import signal, sys, time
    import numpy as np, scipy.sparse as sp, fastreg
    from fastreg.selection import study
    from fastreg.solver import cost_model
    # What a shell runs in the background ignores the signal unless told otherwise.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kind = sys.argv[1]
    rng = np.random.default_rng(0)
    if kind in ("descent", "folds"):       # one subproblem that would take minutes, with no room to solve it exactly
        cost_model.WORKING_SET_MB = 0.01
        X = sp.csc_array(np.vander(np.linspace(0, 1, 300), 5000)[:, 4000:])
        y = np.sin(9 * X[:, [-2]].toarray()[:, 0]); options = dict(alphas=[1e-9], max_iter=10**9, tol=1e-14)
    elif kind == "classes":     # Newton's method in NumPy
        X = rng.standard_normal((2000, 1000))
        y = rng.integers(0, 10, 2000); options = dict(loss="multinomial", tol=1e-12)
    elif kind == "logistic_ridge":
        # Small enough for one factorization by LAPACK, which nothing ends, to be short on a slow machine too.
        X = rng.standard_normal((1600, 1600))
        y = rng.integers(0, 2, 1600).astype(float)
        # Given alphas: the default grid begins with another call of LAPACK.
        options = dict(loss="logistic", l1_ratio=0.0, tol=1e-12, alphas=np.geomspace(10, 1e-4, 50))
    elif kind == "passes":      # a strided matrix, slow to read
        X = rng.standard_normal((8000, 20000), dtype=np.float32)
        y = rng.standard_normal(8000); options = dict(n_alphas=400, tol=1e-10, n_threads=1)
    else:                       # conjugate gradients
        X = sp.random_array((60000, 50000), density=2e-3, rng=rng, format="csc")
        y = rng.standard_normal(60000); options = dict(l1_ratio=0.0, alphas=[1e-9], tol=1e-14)
    small = (rng.standard_normal((30, 5)), rng.standard_normal(30))
    before = fastreg.fit_path(*small).coefs.toarray()
    print("ready", flush=True)
    try:
        if kind == "folds":                # threads that know nothing of signals
            folds = [(np.arange(0, 300, 2), np.arange(1, 300, 2)), (np.arange(1, 300, 2), np.arange(0, 300, 2))]
            study.fit_in_step = lambda *_: len(sys.argv) > 2
            fastreg.cross_validate_path(X, y, cv=folds, n_threads=2, **options)
        fastreg.fit_path(X, y, **options)
        print("finished", flush=True)
    except KeyboardInterrupt:
        print("interrupted", time.time(), flush=True)
    assert np.array_equal(fastreg.fit_path(*small).coefs.toarray(), before)
    print("still fine", flush=True)
""")


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize(
    "kind", ["descent", "passes", "krylov", "folds", "folds lockstep", "classes", "logistic_ridge"]
)
def test_control_c_ends_a_fit_within_a_second(kind):
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, *kind.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline().strip() == "ready"
        time.sleep(0.7)
        sent = time.time()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    lines = out.split("\n")
    assert lines[0].startswith("interrupted"), (out, err)
    assert float(lines[0].split()[1]) - sent < 1.0
    assert "still fine" in out


def test_number_of_threads(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert resolve_threads(None) >= 1
    assert resolve_threads(3) == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert resolve_threads(None) == 1
    with pytest.raises(ValueError, match="n_threads"):
        resolve_threads(True)
