"""Time every contestant on every data set at the same measured duality gap; write results/reference.json.

Every contestant climbs a ladder of tolerances. Its time is that of the first rung whose gap, measured by
``Objective``, meets the target; rungs before it are not counted.
"""

import argparse
import time
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from benchmarks import contestants, datasets
from benchmarks.discovery import modules_of
from benchmarks.objective import Objective, Solution
from benchmarks.output import seconds, write_json

PENALTIES = {"lasso": 1.0, "elastic net": 0.5, "ridge": 0.0}
LADDER = [10.0**-k for k in range(4, 13)]
# Once its climb has taken this long a contestant tries no further rung.
PATIENCE = 120.0
# (seconds of a fit, repeats): slow fits are repeated less often.
REPEATS = ((0.5, 7), (5.0, 3), (np.inf, 1))


@dataclass
class Entry:
    """A contestant in one cell: the rung it stopped at, what it found there and how long each repeat took."""

    contestant: ModuleType
    X: Any
    tol: float = np.nan
    gap: float = np.inf
    solution: Solution | None = None
    times: list[float] = field(default_factory=list)

    @property
    def repeats(self) -> int:
        """How many timings are wanted."""
        return next(count for limit, count in REPEATS if self.times[0] < limit)

    def report(self, target: float) -> dict[str, Any]:
        """Return what goes into the JSON file."""
        coefs = self.solution.coefs
        nonzero = np.diff(coefs.indptr) if sp.issparse(coefs) else np.count_nonzero(coefs, axis=0)
        return {
            "contestant": self.contestant.NAME,
            "met": bool(self.gap <= target),
            "seconds": float(np.median(self.times)),
            "times": self.times,
            "tol": self.tol,
            "gap": self.gap,
            "passes": self.solution.passes,
            "support": int(nonzero.max()),
        }


def timed_fit(entry: Entry, y: np.ndarray, alphas: np.ndarray, l1_ratio: float, threads: int) -> Solution:
    """Fit at the entry's tolerance and append the time it took."""
    start = time.perf_counter()
    solution = entry.contestant.fit(entry.X, y, alphas, l1_ratio, entry.tol, threads)
    entry.times.append(time.perf_counter() - start)
    return solution


def climb(entry: Entry, y: np.ndarray, alphas: np.ndarray, objective: Objective, target: float, threads: int) -> None:
    """Lower the tolerance until the measured gap meets the target; keep the last rung."""
    spent = 0.0
    for tol in LADDER:
        entry.tol, entry.times = tol, []
        entry.solution = timed_fit(entry, y, alphas, objective.l1_ratio, threads)
        entry.gap = objective.relative_gap(entry.solution, alphas)
        spent += entry.times[0]
        if entry.gap <= target or spent > PATIENCE:
            break


def run_cell(
    X: Any, y: np.ndarray, alphas: np.ndarray, objective: Objective, target: float, threads: int
) -> list[dict]:
    """Return the reports of all contestants that handle the penalty; they take turns."""
    able = [module for module in modules_of(contestants) if module.handles(objective.l1_ratio)]
    entries = [Entry(module, module.prepare(X)) for module in able]
    for entry in entries:
        climb(entry, y, alphas, objective, target, threads)
    # What is fitted more than once had its warm-up in the climb.
    wanted = [entry.repeats for entry in entries]
    for entry, count in zip(entries, wanted, strict=True):
        entry.times = entry.times if count == 1 else []
    for _ in range(max(wanted)):
        for entry, count in zip(entries, wanted, strict=True):
            if len(entry.times) < count:
                timed_fit(entry, y, alphas, objective.l1_ratio, threads)
    return [entry.report(target) for entry in entries]


def describe(X: Any) -> dict[str, Any]:
    """Return the shape of X and, where it is sparse, its density."""
    density = X.nnz / (X.shape[0] * X.shape[1]) if sp.issparse(X) else None
    return {"shape": list(X.shape), "density": density}


def run_dataset(module: ModuleType, target: float, threads: int) -> list[dict[str, Any]]:
    """Return all cells of one data set."""
    X, y, name = module.load()
    cells = []
    for penalty, l1_ratio in PENALTIES.items():
        objective = Objective(X, y, l1_ratio)
        for alphas in (objective.single(), objective.path()):
            reports = run_cell(X, y, alphas, objective, target, threads)
            problem = {"data": name, **describe(X), "penalty": penalty, "n_alphas": len(alphas)}
            cells.append({**problem, "contestants": reports})
            times = ", ".join(f"{r['contestant']} {seconds(r['seconds'])} ({r['gap']:.0e})" for r in reports)
            print(f"{name}, {penalty}, {len(alphas)} alpha(s): {times}", flush=True)
    return cells


def main() -> None:
    """Run all cells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", type=float, default=1e-6, help="duality gap to reach, over the null loss")
    parser.add_argument("--threads", type=int, default=1, help="for every contestant")
    arguments = parser.parse_args()
    with threadpool_limits(limits=arguments.threads):
        cells = [c for m in modules_of(datasets) for c in run_dataset(m, arguments.target, arguments.threads)]
    payload = {"target": arguments.target, "threads": arguments.threads, "cells": cells}
    print(f"written: {write_json('reference', payload)}")


if __name__ == "__main__":
    main()
