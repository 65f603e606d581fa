"""Measure what the machine can do, and how near fastreg's operations and two of its fits come to it; 1 and 2 threads.

The machine: copying, a matrix times a vector (gemv), a matrix times a matrix (gemm) and X'X (syrk) by the BLAS of NumPy
and SciPy. Ours: the same products through a design, and whole paths in which they are most of the work.
"""

import argparse
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy.linalg.blas import dsyrk
from threadpoolctl import threadpool_limits

import fastreg
from benchmarks.designs import autoregressive, equicorrelated, response
from benchmarks.output import markdown_table, seconds, two_digits, write_json
from fastreg.design.convert import as_design, check_entries
from fastreg.design.scaled import ScaledDesign

REPEATS = 9
WIDE = (1000, 40_000)
TALL = (20_000, 800)
PAUSE_SECONDS = 0.2


def in_turns(jobs: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Return the median seconds of every job; they take turns, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in jobs}
    for lap in range(REPEATS + 1):
        for name, job in jobs.items():
            # The threads of BLAS stay awake for a while, and would sit where the next job wants to be.
            time.sleep(PAUSE_SECONDS)
            start = time.perf_counter()
            job()
            if lap:
                times[name].append(time.perf_counter() - start)
    return {name: float(np.median(spent)) for name, spent in times.items()}


def copied(parts: list[np.ndarray], targets: list[np.ndarray], threads: int) -> None:
    """Copy an array in so many threads."""
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda pair: np.copyto(*pair), zip(targets, parts, strict=True)))


def limited(job: Callable[[], object], threads: int) -> Callable[[], object]:
    """Return the job with BLAS held to so many threads."""

    def run() -> None:
        with threadpool_limits(limits=threads):
            job()

    return run


def operations(threads: int) -> tuple[dict[str, Callable[[], object]], dict[str, tuple[float, str]]]:
    """Return jobs of the machine's and of ours, and the work in each with its unit."""
    wide = equicorrelated(*WIDE, 0.3, seed=1)
    tall = np.asfortranarray(equicorrelated(*TALL, 0.3, seed=2))
    square = np.asfortranarray(tall[:1500, :])
    u = response(wide, n_signals=20, signal_to_noise=2.0, seed=3)
    y = response(tall, n_signals=20, signal_to_noise=2.0, seed=4)
    target = np.empty_like(wide)
    halves = np.array_split(wide.T, threads)
    places = np.array_split(target.T, threads)
    design, gram = (scaled(X, threads) for X in (wide, tall))
    path = autoregressive(500, 20_000, 0.5, seed=10)
    v = response(path, n_signals=50, signal_to_noise=2.0, seed=13)
    jobs = {
        "copy": lambda: copied(halves, places, threads),
        "gemv": limited(lambda: wide.T @ u, threads),
        "correlate": lambda: design.correlations(u),
        "gemm": limited(lambda: square.T @ square[:, :400], threads),
        "syrk": limited(lambda: dsyrk(1.0, tall, trans=1), threads),
        "gram": lambda: gram.gram_matrix(),
        "tall path": lambda: fastreg.fit_path(tall, y, n_threads=threads),
        "wide path": lambda: fastreg.fit_path(path, v, alpha_min_ratio=1e-2, n_threads=threads),
    }
    work = {
        "copy": (2 * wide.nbytes / 1e9, "GB/s"),
        "gemv": (wide.nbytes / 1e9, "GB/s"),
        "correlate": (wide.nbytes / 1e9, "GB/s"),
        "gemm": (2 * square.shape[0] * square.shape[1] * 400 / 1e9, "Gflop/s"),
        "syrk": (tall.shape[0] * tall.shape[1] ** 2 / 1e9, "Gflop/s"),
        "gram": (tall.shape[0] * tall.shape[1] ** 2 / 1e9, "Gflop/s"),
    }
    return jobs, work


def scaled(X: np.ndarray, threads: int) -> ScaledDesign:
    """Return X as the solvers see it."""
    raw, _ = as_design(X, threads)
    weights = np.full(len(X), 1.0 / len(X))
    largest, moments, _ = check_entries(raw, weights)
    return ScaledDesign(raw, largest, weights, True, moments)


def main() -> None:
    """Measure with 1 thread and with the threads asked for; print a table and write results/roofline.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    counts = (1, arguments.threads)
    measured = {}
    for threads in counts:
        jobs, work = operations(threads)
        measured[threads] = in_turns(jobs)
    rows = []
    for name, one in measured[1].items():
        amount, unit = work.get(name, (0.0, ""))
        several = measured[arguments.threads][name]
        rates = [f"{two_digits(amount / t)} {unit}" if unit else seconds(t) for t in (one, several)]
        rows.append([name, *rates, two_digits(one / several)])
    print(markdown_table(["", "1 thread", f"{arguments.threads} threads", "ratio"], rows))
    path = write_json("roofline", {"work": work, "seconds": {str(k): v for k, v in measured.items()}})
    print(f"written: {path}")


if __name__ == "__main__":
    main()
