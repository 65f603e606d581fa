"""The board's end of the workers: starts them, sends commands, waits no longer than it said."""

import json
import os
import select
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import scipy.sparse as sp

ROOT = Path(__file__).parents[1]
THREAD_VARIABLES = [
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
]  # fmt: skip
START_SECONDS = 120.0


class WorkerError(Exception):
    """The contestant raised, or its process died."""


class WorkerTimeout(WorkerError):
    """The contestant took too long and was ended."""


class NotInstalled(WorkerError):
    """The contestant's package cannot be imported."""


def store(folder: Path, X: Any, y: np.ndarray) -> None:
    """Write X and y for the workers to read."""
    np.save(folder / "y.npy", y)
    if not sp.issparse(X):
        np.save(folder / "X.npy", X)
        return
    for name in ("data", "indices", "indptr", "shape"):
        np.save(folder / f"{name}.npy", np.asarray(getattr(X, name)))


def short_name(module: ModuleType) -> str:
    """Return a module's name within its package."""
    return module.__name__.rpartition(".")[2]


class Worker:
    """A process with one contestant; started when first needed, and again after it was ended."""

    def __init__(self, module: ModuleType, folder: Path, interpreters: list[str], threads: int) -> None:
        self.module, self.folder, self.threads = module, folder, threads
        self.interpreters = interpreters
        self.process: subprocess.Popen | None = None
        self.hello: dict[str, Any] = {}
        self.log = folder / f"{short_name(module)}.log"
        self.coefs = folder / f"{short_name(module)}.npz"

    def start(self) -> None:
        """Start it with the first interpreter that has the contestant's package."""
        if self.process:
            return
        reasons = []
        for interpreter in self.interpreters:
            self._launch(interpreter)
            self.hello = self._read(START_SECONDS)
            if "missing" not in self.hello:
                return
            reasons.append(self.hello["missing"])
            self.stop()
        raise NotInstalled(reasons[0])

    def _launch(self, interpreter: str) -> None:
        environment = {**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(self.threads))}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        command = [interpreter, "-m", "benchmarks.worker", self.module.__name__, str(self.folder)]
        # A session of its own, so that what a worker has started ends with it.
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment,
                cwd=ROOT, start_new_session=True,
            )  # fmt: skip

    def ask(self, timeout: float, **command: Any) -> dict[str, Any]:
        """Send a command and return the answer."""
        self.start()
        try:
            self.process.stdin.write(json.dumps(command) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        reply = self._read(timeout)
        if "error" in reply:
            raise WorkerError(reply["error"])
        return reply

    def solution(self) -> sp.csc_array:
        """Return the coefficients that the last fit has written."""
        with np.load(self.coefs) as parts:
            return sp.csc_array((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"]))

    def _read(self, timeout: float) -> dict[str, Any]:
        if not select.select([self.process.stdout], [], [], timeout)[0]:
            self.stop()
            raise WorkerTimeout(f"more than {timeout:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise self._died()
        return json.loads(line)

    def _died(self) -> WorkerError:
        self.process.wait()
        code = self.process.returncode
        self.stop()
        last = self.log.read_text(errors="replace").strip().splitlines()[-1:]
        reason = signal.Signals(-code).name if code < 0 else f"exit status {code}"
        return WorkerError(f"the process ended with {reason}" + (f": {last[0]}" if last else ""))

    def stop(self) -> None:
        """End the process and what it has started."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # A process that died before it read its last command leaves that behind, with nobody to flush it to.
        with suppress(BrokenPipeError):
            process.stdin.close()
        process.stdout.close()


def interpreters(module: ModuleType, peers: str) -> list[str]:
    """Return the interpreters to try: the peers' own first for a peer, ours always."""
    theirs = Path(peers).absolute()
    return [str(theirs), sys.executable] if module.IS_PEER and theirs.exists() else [sys.executable]
