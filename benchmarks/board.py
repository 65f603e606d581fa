"""Time every contestant on every data set at equal, measured duality gaps; write results/board/<data set>.json.

Losses that are not squared have folders of their own, board-logistic and board-poisson.
"""

import argparse
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks import contestants, datasets
from benchmarks.climb import CAP_SECONDS, HOPELESS_RATIO, Cell, Entry, best, climb, fit, repeat, setup
from benchmarks.discovery import modules_of
from benchmarks.jobs import JOBS, QUICK, Job
from benchmarks.loading import Missing, read
from benchmarks.losses import LOSSES
from benchmarks.objective import Data, Objective
from benchmarks.output import RESULTS, board_folder, scientific, seconds, write_json
from benchmarks.problem import Problem
from benchmarks.remote import NotInstalled, Worker, WorkerError, interpreters, store

OURS = "fastreg"
TARGETS = (1e-4, 1e-6)
# Ours goes further, to show what that costs.
OUR_TARGETS = (*TARGETS, 1e-10)
# A fit of one option may take so many times what another one needed for the tightest target, or so many seconds.
RIVAL_RATIO, RIVAL_SECONDS = 2.0, 5.0
# The solution that says which features may be in the support.
EXACT = 1e-12


@dataclass
class Board:
    """A data set with one loss, and the contestants' workers on it."""

    name: str
    data: Data
    workers: list[Worker]
    threads: int
    cap: float
    # A climb ends where a rung took this many times our time.
    hopeless_ratio: float
    # Cells of an earlier run, whose gaps say where a climb may begin.
    remembered: list[dict[str, Any]]

    def run(self, job: Job) -> dict[str, Any]:
        """Return the cell of one job."""
        objective = Objective(self.data, job.l1_ratio)
        cell = Cell(
            objective, job.problem(objective, self.threads), TARGETS, cap=self.cap, hopeless_ratio=self.hopeless_ratio
        )
        before = [old["contestants"] for old in self.remembered if old["job"] == job.name]
        cell.remembered = [row for rows in before for row in rows]
        ours, *peers = self.workers
        row, options = self.enter(cell, ours)
        if not options:
            raise SystemExit(f"{OURS}: {row['status']}")
        # Everything is compared to the package, and it says which features may be in the support.
        cell.ours = {t: options[0].rung(t).seconds for t in OUR_TARGETS if options[0].rung(t)}
        reference = exact(cell, ours) if job.l1_ratio > 0 else {}
        field = [(row, options)]
        for worker in peers:
            row, options = self.enter(cell, worker)
            if row:
                field.append((row, options))
        repeat([options for _, options in field if options], OUR_TARGETS)
        for row, options in field:
            row.update(report(options, OUR_TARGETS if row["contestant"] == OURS else TARGETS, reference))
            print(f"  {summary(row)}", flush=True)
        shown = {key: value for key, value in reference.items() if key != "features"}
        return {"penalty": job.penalty, "job": job.name, "n_alphas": job.n_alphas, "ratio": job.ratio,
                "threads": self.threads, "cap": self.cap, "reference": shown,
                "contestants": [row for row, _ in field]}  # fmt: skip

    def enter(self, cell: Cell, worker: Worker) -> tuple[dict[str, Any] | None, list[Entry]]:
        """Let a contestant climb; return the beginning of its row (None if it does not solve this) and its entries."""
        row = {"contestant": worker.module.NAME, "status": "ok", "note": getattr(worker.module, "NOTE", "")}
        try:
            about = setup(worker, cell.problem)
        except NotInstalled as error:
            return {**row, "status": f"not installed: {error}"}, []
        except WorkerError as error:
            return {**row, "status": f"error: {error}"}, []
        if not about["options"]:
            return None, []
        row.update(
            versions=worker.hello["versions"], import_seconds=worker.hello["import_seconds"],
            cold_seconds=about["cold_seconds"],
        )  # fmt: skip
        targets = OUR_TARGETS if worker.module.NAME == OURS else TARGETS
        options = []
        for option in about["options"]:
            entry = Entry(worker, option, remembered=cell.gaps_of(worker.module.NAME, option))
            options.append(entry)
            if not worker.process:
                revive(worker, cell.problem)
            done = [found.rung(targets[-1]).seconds for found in options if found.rung(targets[-1])]
            entry.rival = max(RIVAL_SECONDS, RIVAL_RATIO * min(done)) if done else np.inf
            climb(cell, entry, targets)
        return row, options


def revive(worker: Worker, problem: Problem) -> None:
    """Start a worker that was ended again; the climb reports it if that fails."""
    try:
        setup(worker, problem)
    except WorkerError as error:
        print(f"  {worker.module.NAME}: {error}", flush=True)


def exact(cell: Cell, ours: Worker) -> dict[str, Any]:
    """Return the support that a tight solution allows at the last alpha, with the gap of that solution."""
    entry = Entry(ours, "path")
    if not ours.process:
        # The climb has ended it, at a tolerance that took too long.
        revive(ours, cell.problem)
    try:
        rung = fit(cell, entry, EXACT)
    except WorkerError as error:
        print(f"  {OURS} at {EXACT:g}: {error}", flush=True)
        revive(ours, cell.problem)
        return {}
    features = cell.objective.equicorrelated(ours.solution()[:, [-1]], cell.problem.alphas[-1])
    return {"gap": rung.found.gap, "support": len(rung.found.final), "equicorrelated": len(features),
            "features": features}  # fmt: skip


def report(options: list[Entry], targets: tuple[float, ...], reference: dict[str, Any]) -> dict[str, Any]:
    """Return what a contestant's row says of every target, and all its rungs."""
    if not options:
        return {"targets": {}, "rungs": []}
    rungs = [
        {"option": entry.option, "tol": rung.tol, "seconds": rung.seconds, "gap": rung.found.gap}
        for entry in options
        for rung in entry.rungs
    ]
    return {"targets": {f"{t:.0e}": outcome(best(options, t), t, reference) for t in targets}, "rungs": rungs}


def outcome(entry: Entry, target: float, reference: dict[str, Any]) -> dict[str, Any]:
    """Return a contestant's time for one target, or what it has instead."""
    rung = entry.rung(target)
    if rung is None:
        status = {"slow": "at least", "timeout": "at least", "": "best gap"}.get(entry.end, "error")
        return {"status": status, "option": entry.option, "seconds": entry.waited, "gap": entry.best_gap(),
                "error": entry.end if status == "error" else ""}  # fmt: skip
    features = reference.get("features")
    too_many = None if features is None else len(np.setdiff1d(rung.found.final, features))
    return {
        "status": "met", "option": entry.option, "seconds": rung.seconds, "times": rung.times, "tol": rung.tol,
        "gap": rung.found.gap, "kkt": rung.found.kkt, "support": rung.found.support,
        "final_support": len(rung.found.final), "too_many": too_many, "memory_mb": entry.memory(),
        "passes": rung.passes,
    }  # fmt: skip


def summary(row: dict[str, Any]) -> str:
    """Return one line on a contestant."""
    if row["status"] != "ok":
        return f"{row['contestant']}: {row['status']}"
    parts = []
    for target, found in row["targets"].items():
        time = {"met": seconds(found["seconds"]), "at least": f"more than {seconds(found['seconds'])}"}
        text = time.get(found["status"], found.get("error") or f"best gap {scientific(found['gap'])}")
        parts.append(f"{scientific(float(target))}: {text} ({found['option']})")
    return f"{row['contestant']}: {', '.join(parts)}; first call {seconds(row['cold_seconds'])}"


def describe(X: Any) -> dict[str, Any]:
    """Return the shape of X and, where it is sparse, its density."""
    density = X.nnz / (X.shape[0] * X.shape[1]) if sp.issparse(X) else None
    return {"shape": list(X.shape), "density": density}


def slug(name: str) -> str:
    """Return a data set's name as the name of a file."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def merged(old: list[dict[str, Any]], new: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the cells with one of them replaced; contestants that did not take part this time keep their rows."""
    before = next((cell for cell in old if cell["job"] == new["job"]), None)
    if before:
        names = [row["contestant"] for row in new["contestants"]]
        kept = [row for row in before["contestants"] if row["contestant"] not in names]
        new = {**new, "contestants": [*new["contestants"], *kept]}
    order = [job.name for job in JOBS]
    cells = [cell for cell in old if cell["job"] != new["job"]]
    return sorted([*cells, new], key=lambda cell: order.index(cell["job"]))


def run_dataset(name: str, X: Any, y: np.ndarray, loss: str, arguments: argparse.Namespace) -> None:
    """Run the chosen jobs of one loss on one data set; the file is written after every one of them."""
    jobs = [job for job in chosen_jobs(arguments) if job.loss == loss and job.suits(*X.shape)]
    if not jobs:
        return
    result = f"{board_folder(loss)}/{slug(name)}"
    path = RESULTS / f"{result}.json"
    cells = json.loads(path.read_text())["cells"] if path.exists() else []
    modules = [module for module in chosen_contestants(arguments.contestants) if loss in losses_of(module)]
    y = LOSSES[loss].target(y)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        store(Path(folder), X, y)
        workers = [
            Worker(module, Path(folder), interpreters(module, arguments.peers_python), arguments.threads)
            for module in modules
        ]
        known = cells if arguments.remember else []
        board = Board(
            name, Data(X, y, LOSSES[loss]), workers, arguments.threads, arguments.cap, arguments.hopeless, known
        )
        try:
            for job in jobs:
                print(f"{name}, {job.name}", flush=True)
                cells = merged(cells, board.run(job))
                write_json(result, {"data": name, "loss": loss, **describe(X), "cells": cells})
        finally:
            for worker in workers:
                worker.stop()


def losses_of(module: ModuleType) -> tuple[str, ...]:
    """Return the losses that a contestant knows, or that suit a data set: squared loss unless it says otherwise."""
    return getattr(module, "LOSSES", ("squared",))


def chosen_contestants(only: list[str] | None) -> list[ModuleType]:
    """Return the contestants, the package first, or the named ones and the package."""
    modules = sorted(modules_of(contestants), key=lambda module: module.NAME != OURS)
    return [module for module in modules if not only or module.NAME in [OURS, *only]]


def chosen_jobs(arguments: argparse.Namespace) -> list[Job]:
    """Return the named jobs, the quick ones or all."""
    names = arguments.jobs or (QUICK if arguments.quick else [job.name for job in JOBS])
    return [job for job in JOBS if job.name in names]


def problems(arguments: argparse.Namespace) -> list[tuple[str, Any, tuple[str, ...]]]:
    """Return name, loader and losses of the chosen data sets; own ones are for the losses of the named jobs."""
    if arguments.file:
        losses = tuple({job.loss: None for job in chosen_jobs(arguments)}) if arguments.jobs else ("squared",)
        return [(path.name.split(".")[0], lambda path=path: read(path), losses) for path in arguments.file]
    modules = [module for module in modules_of(datasets) if not arguments.quick or module.IS_QUICK]
    return [(m.NAME, m.load, losses_of(m)) for m in modules if not arguments.only or m.NAME in arguments.only]


def parse() -> argparse.Namespace:
    """Return the command line's arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="data sets to run")
    parser.add_argument("--file", nargs="+", type=Path, help="own data instead: .npz or svmlight")
    parser.add_argument("--jobs", nargs="+", choices=[job.name for job in JOBS], metavar="JOB", help="jobs to run")
    parser.add_argument("--contestants", nargs="+", metavar="NAME", help="contestants beside fastreg")
    parser.add_argument("--quick", action="store_true", help="small data and a few jobs")
    parser.add_argument("--threads", type=int, default=1, help="for every contestant")
    parser.add_argument("--cap", type=float, default=CAP_SECONDS, help="seconds that one fit may take")
    parser.add_argument(
        "--hopeless", type=float, default=HOPELESS_RATIO, help="times ours that a rung may take before a climb ends"
    )
    parser.add_argument("--remember", action="store_true", help="climb from where the stored results met the targets")
    parser.add_argument("--peers-python", default=".venv-peers/bin/python", help="interpreter that has the peers")
    parser.add_argument("--scratch", help="folder for temporary files")
    return parser.parse_args()


def main() -> None:
    """Run all cells that were asked for."""
    arguments = parse()
    for name, load, losses in problems(arguments):
        try:
            X, y = load()
        except Missing as error:
            print(f"{name}: skipped, {error}", flush=True)
            continue
        for loss in losses:
            run_dataset(name, X, y, loss, arguments)


if __name__ == "__main__":
    main()
