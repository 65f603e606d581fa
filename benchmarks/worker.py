"""One contestant on one data set in a process of its own: python -m benchmarks.worker MODULE FOLDER.

Commands come as lines of JSON on standard input, answers go as lines of JSON to standard output. Needs NumPy, SciPy and
the contestant's package, so that it runs in an environment of its own. ``benchmarks/remote.py`` is the other end.
"""

import ctypes
import json
import os
import sys
import time
import warnings
from dataclasses import replace
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.losses import LOSSES
from benchmarks.objective import Data, Objective
from benchmarks.problem import Problem, Solution

# Below this size X is read into memory, where the system may use large pages; beyond it, it is mapped.
MAP_FROM_BYTES = 2**31
WARM_UP_ALPHAS = 5


def status_mb(pid: int, key: str) -> float:
    """Return a figure of /proc/<pid>/status."""
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def trim() -> None:
    """Give freed memory back, so that a later fit cannot use it unseen; only the GNU C library knows how."""
    release = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if release:
        release(0)


class PeakMemory:
    """Growth of a process's resident memory to its peak; None where Linux's /proc is missing."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        trim()
        try:
            Path(f"/proc/{pid}/clear_refs").write_text("5")
            self.before = status_mb(pid, "VmRSS")
        except OSError:
            self.before = None

    def growth(self) -> float | None:
        """Return how much the peak is above the start, in MB."""
        return None if self.before is None else max(0.0, status_mb(self.pid, "VmHWM") - self.before)


def load(folder: Path) -> tuple[Any, np.ndarray]:
    """Return X and y as ``remote.store`` has written them."""
    path = folder / "X.npy"
    if path.exists():
        mode = "c" if path.stat().st_size >= MAP_FROM_BYTES else None
        return np.load(path, mmap_mode=mode), np.load(folder / "y.npy")
    parts = [np.load(folder / f"{name}.npy") for name in ("data", "indices", "indptr")]
    return sp.csc_array(tuple(parts), shape=tuple(np.load(folder / "shape.npy"))), np.load(folder / "y.npy")


def save(path: str, coefs: Any) -> None:
    """Write the coefficients for the board to measure."""
    coefs = sp.csc_array(coefs)
    np.savez(path, data=coefs.data, indices=coefs.indices, indptr=coefs.indptr, shape=coefs.shape)


def small_problem(problem: Problem) -> tuple[Any, np.ndarray, Problem]:
    """Return a tiny problem of the same kind, which makes a package compile and load what it needs."""
    rng = np.random.default_rng(0)
    shape = (60, 30) if problem.is_tall else (30, 60)
    X = np.asfortranarray(rng.standard_normal(shape))
    if problem.is_sparse:
        X = sp.csc_array(np.where(rng.random(shape) < 0.5, X, 0.0))
    loss = LOSSES[problem.loss]
    y = loss.target(loss.sample(X[:, :3].sum(axis=1), rng))
    top = Objective(Data(X, y, loss), problem.l1_ratio or 1.0).alpha_max()
    alphas = np.array([0.2 * top]) if problem.is_single else top * np.geomspace(1.0, 0.2, WARM_UP_ALPHAS)
    return X, y, replace(problem, alphas=alphas, alpha_max=top, shape=shape)


class Host:
    """The contestant, its data once they are prepared, and the problem at hand."""

    def __init__(self, module: ModuleType, folder: Path) -> None:
        self.module = module
        self.X, self.y = load(folder)
        self.data: Any = None
        self.problem: Problem | None = None

    def answer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Obey one command."""
        return {"setup": self.setup, "fit": self.fit, "cross_validate": self.cross_validate}[command["do"]](command)

    def setup(self, command: dict[str, Any]) -> dict[str, Any]:
        """Take a problem; prepare the data and warm up; return the options and the seconds of the first fit."""
        self.problem = Problem(
            np.array(command["alphas"]), command["l1_ratio"], command["alpha_max"], self.X.shape,
            sp.issparse(self.X), command["threads"], command["loss"],
        )  # fmt: skip
        options = list(self.module.options(self.problem))
        if not options:
            return {"options": []}
        X, y, small = small_problem(self.problem)
        prepared, cold = self.module.prepare(X, y), []
        for option in options:
            start = time.perf_counter()
            self.module.fit(prepared, small, self.module.LADDER[0], option)
            cold.append(time.perf_counter() - start)
        if self.data is None:
            self.data = self.module.prepare(self.X, self.y)
        return {"options": options, "cold_seconds": cold[0]}

    def cross_validate(self, command: dict[str, Any]) -> dict[str, Any]:
        """Cross-validate the path of the problem; return seconds, and passes if they are known."""
        start = time.perf_counter()
        about = self.module.cross_validate(
            self.data, self.problem, command["tol"], command["option"], command["n_folds"]
        )  # fmt: skip
        return {"seconds": time.perf_counter() - start, "passes": None, **about}

    def pid(self) -> int:
        """Return the process whose memory counts."""
        return self.module.process(self.data) if hasattr(self.module, "process") else os.getpid()

    def fit(self, command: dict[str, Any]) -> dict[str, Any]:
        """Fit at a tolerance; return seconds, memory and passes. Of several fits in one turn the last one counts."""
        # Repeats count for time alone: without memory that is there already they would be slower.
        memory = None if command.get("write") is None else PeakMemory(self.pid())
        for _ in range(command.get("in_turn", 1)):
            start = time.perf_counter()
            solution: Solution = self.module.fit(self.data, self.problem, command["tol"], command["option"])
            elapsed = time.perf_counter() - start
        growth = memory.growth() if memory else None
        coefs = sp.vstack(solution.coefs) if isinstance(solution.coefs, list) else solution.coefs
        n_coefs = self.X.shape[1] * LOSSES[self.problem.loss].n_predictors(self.y)
        if coefs.shape != (n_coefs, len(self.problem.alphas)):
            raise RuntimeError(f"coefficients of shape {coefs.shape}")
        if memory:
            save(command["write"], coefs)
        seconds = elapsed if solution.seconds is None else solution.seconds
        return {"seconds": seconds, "memory_mb": growth, "passes": solution.passes}


def versions(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the versions of the packages, of Python, NumPy and SciPy."""
    found = {name: metadata.version(name) for name in packages}
    return {
        **found,
        "python": sys.version.split()[0],
        "numpy": metadata.version("numpy"),
        "scipy": metadata.version("scipy"),
    }


def start(name: str) -> tuple[ModuleType | None, dict[str, Any]]:
    """Import the contestant and its packages; return it and the first answer."""
    module = import_module(name)
    begin = time.perf_counter()
    try:
        for package in module.IMPORTS:
            import_module(package)
        about = {**versions(module.PACKAGES), **(module.about() if hasattr(module, "about") else {})}
    except (ImportError, metadata.PackageNotFoundError, FileNotFoundError) as error:
        return None, {"missing": first_line(error)}
    return module, {"versions": about, "import_seconds": time.perf_counter() - begin}


def first_line(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def main() -> None:
    """Answer until standard input ends."""
    # Packages print where they like: what they print goes to the log.
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    module, hello = start(sys.argv[1])
    print(json.dumps(hello), file=channel, flush=True)
    if module is None:
        return
    host = Host(module, Path(sys.argv[2]))
    for line in sys.stdin:
        try:
            reply = host.answer(json.loads(line))
        except Exception as error:
            # Whatever happens in a package is a row of the table.
            reply = {"error": first_line(error)}
        print(json.dumps(reply), file=channel, flush=True)


if __name__ == "__main__":
    main()
