"""Count the passes over X of lasso paths beside those of a replay on exact solutions (``replay.py``).

Generated designs, and every data set with more columns than rows in the folder that the environment variable
FASTREG_DATA names: .npz files holding y and either X or the parts of a CSC matrix (data, indices, indptr, shape).
"""

import argparse
import os
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import fastreg
from benchmarks.designs import autoregressive, equicorrelated, response
from benchmarks.loading import npz
from benchmarks.output import markdown_table, scientific, seconds, write_json
from benchmarks.replay import replay

N_ALPHAS = 100
PATH_RATIO = 1e-2
EXACT = 1e-12
GENERATED = {
    "AR(1) 0.5": lambda: autoregressive(500, 20_000, 0.5, seed=10),
    "AR(1) 0.95": lambda: autoregressive(500, 20_000, 0.95, seed=11),
    "equicorrelated 0.6": lambda: equicorrelated(500, 20_000, 0.6, seed=12),
}


def problems(only: list[str] | None) -> Iterator[tuple[str, Any, np.ndarray]]:
    """Yield name, X and y, the generated ones first; of all or of the named ones."""
    for name, make in GENERATED.items():
        if not only or name in only:
            X = make()
            yield name, X, response(X, n_signals=50, signal_to_noise=2.0, seed=13)
    folder = os.environ.get("FASTREG_DATA")
    for path in sorted(Path(folder).glob("*.npz")) if folder else []:
        if only and path.stem not in only:
            continue
        X, y = npz(path)
        # Where rows outnumber columns one Gram matrix serves the whole path and there is nothing to be lazy about.
        if X.shape[1] > X.shape[0]:
            yield path.stem, X, y


def timed_path(X: Any, y: np.ndarray, tol: float, threads: int | None) -> tuple[fastreg.PathResult, float]:
    """Return the path and the seconds it took."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        # The table says how far a fit got that did not reach its tolerance.
        warnings.simplefilter("ignore", fastreg.ConvergenceWarning)
        path = fastreg.fit_path(X, y, n_alphas=N_ALPHAS, alpha_min_ratio=PATH_RATIO, tol=tol, n_threads=threads)
    return path, time.perf_counter() - start


def worst(path: fastreg.PathResult) -> float:
    """Return the largest certified gap over the null loss."""
    return float(path.dual_gaps.max() / path.null_loss)


def measure(name: str, X: Any, y: np.ndarray, tol: float, threads: int | None) -> dict[str, Any]:
    """Return what the path took, and what the replay would."""
    path, duration = timed_path(X, y, tol, threads)
    # What did not get to ``tol`` will not get further.
    exact = timed_path(X, y, EXACT, threads)[0] if path.converged.all() else path
    ideal = replay(X, y, exact.alphas, exact.coefs)
    return {
        "data": name, "shape": list(X.shape), "support": int(path.df.max()), "gap": worst(path),
        "seconds": duration, "passes": path.n_passes, "replay_passes": ideal.passes, "replay_full": ideal.full,
        "replay_gap": worst(exact),
    }  # fmt: skip


def row(case: dict[str, Any]) -> list[str]:
    """Return a case as a row of the printed table."""
    rows, columns = case["shape"]
    return [
        case["data"], f"{rows:,} x {columns:,}", f"{case['support']:,}", seconds(case["seconds"]),
        scientific(case["gap"]), f"{case['passes']:.1f}", f"{case['replay_passes']:.1f}", str(case["replay_full"]),
        scientific(case["replay_gap"]),
    ]  # fmt: skip


def main() -> None:
    """Measure every data set, print a table and write results/passes.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tol", type=float, default=1e-6)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="data sets to measure")
    arguments = parser.parse_args()
    cases = []
    for name, X, y in problems(arguments.only):
        cases.append(measure(name, X, y, arguments.tol, arguments.threads))
        print(*row(cases[-1]), sep="  ", flush=True)
    header = ["data", "X", "support", "time", "gap", "passes", "replay", "full passes of it", "gap of replay"]
    print(markdown_table(header, [row(case) for case in cases], left=2))
    print(f"written: {write_json('passes', {'tol': arguments.tol, 'n_alphas': N_ALPHAS, 'cases': cases})}")


if __name__ == "__main__":
    main()
