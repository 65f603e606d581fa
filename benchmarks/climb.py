"""Climbing the ladder: how long a contestant takes to a measured gap, and how the times are repeated.

Where the gaps of an earlier run are remembered the climb begins at the last tolerance that missed the target then, and
goes back from there if it meets the target now: it ends at the same rung, without all those that are far too loose.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.objective import Measured, Objective
from benchmarks.problem import Problem
from benchmarks.remote import Worker, WorkerError, WorkerTimeout

# No fit may take longer, whoever's it is, unless a lower cap is asked for.
CAP_SECONDS = 600.0
# A climb ends where a rung took this many times our time for the target, and this many seconds.
HOPELESS_RATIO, HOPELESS_SECONDS = 10.0, 20.0
# ... or where all its rungs together took this long.
CLIMB_SECONDS = 1800.0
# Where a gap is this many times the next target, the next rung is left out: it could not meet it.
FAR = 100.0
# In the climb short fits are timed that often.
SHORT_SECONDS, SHORT_REPEATS = 0.5, 3
# A contestant's turn is so long, or two fits; the last one counts.
TURN_SECONDS = 0.02
# Afterwards, (seconds of a fit, repeats): slow fits are repeated less often.
REPEATS = ((0.02, 21), (0.5, 7), (2.0, 3), (np.inf, 1))


@dataclass
class Rung:
    """One tolerance: what it took and what came out."""

    tol: float
    times: list[float]
    found: Measured
    memory_mb: float | None
    passes: float | None

    @property
    def seconds(self) -> float:
        """Return the median time."""
        return float(np.median(self.times))

    @property
    def repeats(self) -> int:
        """Return how many timings are wanted."""
        return next(count for limit, count in REPEATS if self.seconds < limit)


@dataclass
class Entry:
    """One option of a contestant in one cell.

    ``end`` says why the climb ended before the tightest target was met: "" (the ladder ended), "slow", "timeout" or
    an error's first line; ``waited`` is how long the last, unsuccessful fit took at least. ``rival`` is the time that
    another option has taken for the tightest target. ``remembered`` holds gaps of an earlier run by tolerance.
    """

    worker: Worker
    option: str
    rungs: list[Rung] = field(default_factory=list)
    end: str = ""
    waited: float = 0.0
    rival: float = np.inf
    remembered: dict[float, float] = field(default_factory=dict)

    def add(self, rung: Rung) -> None:
        """Put a rung in its place, from loose to tight."""
        self.rungs = sorted([*self.rungs, rung], key=lambda one: -one.tol)

    def rung(self, target: float) -> Rung | None:
        """Return the first rung that meets the target."""
        return next((rung for rung in self.rungs if rung.found.gap <= target), None)

    def memory(self) -> float | None:
        """Return the largest growth of memory of any rung: a package may keep what its first fit has taken."""
        return max((rung.memory_mb for rung in self.rungs if rung.memory_mb is not None), default=None)

    def best_gap(self) -> float:
        """Return the smallest gap of all rungs."""
        return min((rung.found.gap for rung in self.rungs), default=np.inf)


@dataclass
class Cell:
    """A data set under one penalty at given alphas, and our time for every target."""

    objective: Objective
    problem: Problem
    targets: tuple[float, ...]
    ours: dict[float, float] = field(default_factory=dict)
    cap: float = CAP_SECONDS
    hopeless_ratio: float = HOPELESS_RATIO
    remembered: list[dict[str, Any]] = field(default_factory=list)

    def gaps_of(self, contestant: str, option: str) -> dict[float, float]:
        """Return the gaps that a contestant reached in an earlier run, by tolerance."""
        rungs = [rung for row in self.remembered if row["contestant"] == contestant for rung in row.get("rungs", [])]
        return {rung["tol"]: rung["gap"] for rung in rungs if rung["option"] == option}

    def limit(self, entry: Entry) -> float:
        """Return how long a fit may take: less where another option of the same contestant is done already."""
        return min(self.cap, getattr(entry.worker.module, "LIMIT_SECONDS", self.cap), entry.rival)

    def hopeless(self, entry: Entry, seconds: float) -> bool:
        """Whether a rung took so long that tighter ones are not worth waiting for."""
        missed = [target for target in self.targets if entry.rung(target) is None]
        limit = max(HOPELESS_SECONDS, self.hopeless_ratio * self.ours.get(max(missed), np.inf)) if missed else np.inf
        return seconds > limit


def fit(cell: Cell, entry: Entry, tol: float) -> Rung:
    """Fit at one tolerance and measure the answer."""
    limit = cell.limit(entry)
    path = str(entry.worker.coefs)
    reply = entry.worker.ask(limit, do="fit", tol=tol, option=entry.option, write=path)
    found = cell.objective.measure(entry.worker.solution(), cell.problem.alphas)
    times = [reply["seconds"]]
    while times[0] < SHORT_SECONDS and len(times) < SHORT_REPEATS:
        times.append(entry.worker.ask(limit, do="fit", tol=tol, option=entry.option)["seconds"])
    return Rung(tol, times, found, reply["memory_mb"], reply["passes"])


def climb(cell: Cell, entry: Entry, targets: tuple[float, ...]) -> None:
    """Lower the tolerance until the tightest target is met or there is no point in going on."""
    ladder = entry.worker.module.LADDER
    at = 0
    for target in sorted(targets, reverse=True):
        if entry.rung(target) is not None:
            continue
        begin = max(at, begin_at(ladder, entry.remembered, target))
        at = ascend(cell, entry, target, begin)
        if at < 0:
            return
        # What meets the target at once may not be the first that does.
        for step in range(begin - 1, -1, -1) if begin > 0 and at == begin else ():
            tol = ladder[step]
            if any(rung.tol == tol for rung in entry.rungs) or not attempt(cell, entry, tol, target):
                break
        slowest = next(rung for rung in entry.rungs if rung.tol == ladder[at])
        if cell.hopeless(entry, slowest.seconds):
            entry.end, entry.waited = "slow", slowest.seconds
            return
        at += 1


def begin_at(ladder: list[float], remembered: dict[float, float], target: float) -> int:
    """Return the place in the ladder of the last tolerance that is remembered to have missed the target, or 0."""
    missed = [k for k, tol in enumerate(ladder) if remembered.get(tol, 0.0) > target]
    met = [k for k, tol in enumerate(ladder) if remembered.get(tol, np.inf) <= target]
    first = min(met, default=len(ladder))
    return max((k for k in missed if k < first), default=0)


def ascend(cell: Cell, entry: Entry, target: float, at: int) -> int:
    """Climb from a place in the ladder until the target is met; return that place, -1 where the climb ends before."""
    ladder = entry.worker.module.LADDER
    while at < len(ladder):
        if attempt(cell, entry, ladder[at], target):
            return at
        if entry.end:
            return -1
        found = next(rung for rung in entry.rungs if rung.tol == ladder[at])
        spent = sum(rung.seconds for rung in entry.rungs)
        if cell.hopeless(entry, found.seconds) or spent > CLIMB_SECONDS:
            entry.end, entry.waited = "slow", found.seconds
            return -1
        at += 2 if found.found.gap > FAR * target else 1
    return -1


def attempt(cell: Cell, entry: Entry, tol: float, target: float) -> bool:
    """Fit at one tolerance; return whether that meets the target. Where it fails ``entry.end`` says why."""
    try:
        rung = fit(cell, entry, tol)
    except WorkerTimeout:
        entry.end, entry.waited = "timeout", cell.limit(entry)
        return False
    except WorkerError as error:
        entry.end = str(error)
        return False
    entry.add(rung)
    return rung.found.gap <= target


def best(entries: list[Entry], target: float) -> Entry:
    """Return the option that meets the target first, or else the one that says most about why none does."""
    met = [entry for entry in entries if entry.rung(target)]
    if met:
        return min(met, key=lambda entry: entry.rung(target).seconds)
    running = [entry for entry in entries if entry.end in ("slow", "timeout")]
    if running:
        return min(running, key=lambda entry: entry.waited)
    return min(entries, key=lambda entry: entry.best_gap())


def repeat(entries: list[list[Entry]], targets: tuple[float, ...]) -> None:
    """Time again, in turns, the rungs that count: those of every contestant's best options."""
    counting: dict[tuple[int, float], tuple[Entry, Rung]] = {}
    for options in entries:
        for target in targets:
            entry = best(options, target)
            rung = entry.rung(target)
            # A worker that was ended has forgotten the problem; its time stays the single one.
            if rung and entry.worker.process and rung.repeats > 1:
                counting[id(entry), rung.tol] = entry, rung
    wanted = {key: rung.repeats for key, (_, rung) in counting.items()}
    # The climb was the warm-up.
    again: dict[tuple[int, float], list[float]] = {key: [] for key in counting}
    for _ in range(max(wanted.values(), default=0)):
        for key, (entry, rung) in counting.items():
            if len(again[key]) < wanted[key]:
                again[key] += timed(entry, rung)
    for key, (_, rung) in counting.items():
        rung.times = again[key] or rung.times


def timed(entry: Entry, rung: Rung) -> list[float]:
    """Return the seconds of one more fit, or none if it fails this time."""
    # Others were at work before: the first short fits find their data and code out of the caches, and so would those
    # after every word with the board.
    in_turn = max(2, int(TURN_SECONDS / rung.seconds)) if rung.seconds < SHORT_SECONDS else 1
    command = {"do": "fit", "tol": rung.tol, "option": entry.option, "in_turn": in_turn}
    try:
        return [entry.worker.ask(CAP_SECONDS, **command)["seconds"]]
    except WorkerError as error:
        print(f"  {entry.worker.module.NAME}, repeat: {error}", flush=True)
        return []


def setup(worker: Worker, problem: Problem) -> dict[str, Any]:
    """Hand the problem to a worker; return its options and the seconds of its first, tiny fit."""
    return worker.ask(
        CAP_SECONDS, do="setup", alphas=problem.alphas.tolist(), l1_ratio=problem.l1_ratio,
        alpha_max=problem.alpha_max, threads=problem.threads, loss=problem.loss,
    )  # fmt: skip
