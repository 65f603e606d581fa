"""Time 10-fold cross-validations over lasso paths; write results/cross-validation.json.

Everybody's tolerance and option are those with which its single path met the target on the board, whose results have
to be there (``python -m benchmarks.board``). Folds are blocks of consecutive rows, but adelie draws its own.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.board import OURS, chosen_contestants, describe, problems, slug
from benchmarks.climb import setup
from benchmarks.jobs import JOBS
from benchmarks.loading import Missing
from benchmarks.objective import Data, Objective
from benchmarks.output import RESULTS, markdown_table, seconds, two_digits, write_json
from benchmarks.remote import Worker, WorkerError, interpreters, store

SETS = ("leukemia", "riboflavin", "blogfeedback", "nycflights", "vader_bi")
N_FOLDS = 10
TARGET = 1e-6
REPEATS = 3
# What takes longer than this is timed once.
LONG_SECONDS = 5.0
# Nobody is waited for beyond so many seconds.
CAP_SECONDS = 120.0


def rungs_of(name: str) -> dict[str, dict[str, Any]]:
    """Return tolerance, option and seconds of the single lasso path of every contestant that met the target."""
    path = RESULTS / "board" / f"{slug(name)}.json"
    if not path.exists():
        raise Missing(f"no results of the board for {name}")
    cell = next(cell for cell in json.loads(path.read_text())["cells"] if cell["job"] == "lasso-path")
    found = {row["contestant"]: row["targets"].get(f"{TARGET:.0e}", {}) for row in cell["contestants"]}
    return {name: rung for name, rung in found.items() if rung.get("status") == "met"}


def run(name: str, X: Any, y: np.ndarray, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return seconds and passes of every contestant on one data set."""
    rungs = rungs_of(name)
    modules = [m for m in chosen_contestants(None) if m.NAME in rungs and hasattr(m, "cross_validate")]
    times: dict[str, list[float]] = {module.NAME: [] for module in modules}
    rows: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        store(Path(folder), X, y)
        problem = next(job for job in JOBS if job.name == "lasso-path").problem(
            Objective(Data(X, y), 1.0), arguments.threads
        )  # fmt: skip
        workers = [Worker(m, Path(folder), interpreters(m, arguments.peers_python), arguments.threads) for m in modules]
        try:
            for worker in workers:
                setup(worker, problem)
            for _ in range(REPEATS):
                for worker in workers:
                    measure(worker, rungs[worker.module.NAME], times[worker.module.NAME], rows)
        finally:
            for worker in workers:
                worker.stop()
    for who, taken in times.items():
        rows.setdefault(who, {}).update(seconds=float(np.median(taken)) if taken else None, times=taken)
        rows[who].update(path_seconds=rungs[who]["seconds"], path_passes=rungs[who]["passes"])
    return {"data": name, **describe(X), "contestants": rows}


def measure(worker: Worker, rung: dict[str, Any], times: list[float], rows: dict[str, dict[str, Any]]) -> None:
    """Time one cross-validation; a contestant that has failed, or takes long, is asked once."""
    row = rows.setdefault(worker.module.NAME, {"tol": rung["tol"], "option": rung["option"]})
    if "error" in row or (times and times[0] > LONG_SECONDS):
        return
    command = {"do": "cross_validate", "tol": rung["tol"], "option": rung["option"], "n_folds": N_FOLDS}
    try:
        reply = worker.ask(CAP_SECONDS, **command)
    except WorkerError as error:
        row["error"] = str(error)
        return
    times.append(reply["seconds"])
    row["passes"] = reply["passes"]


def label(cell: dict[str, Any], name: str) -> str:
    """Return the time of one contestant and its ratio to ours."""
    row, ours = cell["contestants"].get(name), cell["contestants"][OURS]["seconds"]
    if row is None:
        return ""
    if row["seconds"] is None:
        return f"≥ {seconds(CAP_SECONDS)}" if "more than" in row["error"] else row["error"][:30]
    return seconds(row["seconds"]) + ("" if name == OURS else f" ({two_digits(row['seconds'] / ours)}x)")


def main() -> None:
    """Run the data sets, print a table, write results/cross-validation.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", default=list(SETS), help="data sets to run")
    parser.add_argument("--threads", type=int, default=1, help="for every contestant")
    parser.add_argument("--peers-python", default=".venv-peers/bin/python", help="interpreter that has the peers")
    parser.add_argument("--scratch", help="folder for temporary files")
    parser.set_defaults(file=None, quick=False)
    arguments = parser.parse_args()
    cells = []
    for name, load, _ in problems(arguments):
        try:
            cells.append(run(name, *load(), arguments))
        except Missing as error:
            print(f"{name}: skipped, {error}", flush=True)
    names = list(dict.fromkeys(who for cell in cells for who in cell["contestants"]))
    ours = [cell["contestants"][OURS] for cell in cells]
    rows = [
        [cell["data"], *(label(cell, name) for name in names), f"{own['passes']:.1f}", f"{own['path_passes']:.1f}"]
        for cell, own in zip(cells, ours, strict=True)
    ]
    print(markdown_table(["data", *names, "passes", "of one path"], rows))
    print(f"written: {write_json('cross-validation', {'n_folds': N_FOLDS, 'target': TARGET, 'cells': cells})}")


if __name__ == "__main__":
    main()
