"""R's glmnet, in an R process that stays; timed inside R, around the call of glmnet().

With squared loss glmnet divides the l2 part by the standard deviation of y. So y is scaled to deviation 1, which
changes lambda and alpha but not the problem, and the coefficients are scaled back.
"""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp

from benchmarks.contestants import grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "R glmnet"
IS_PEER = True
IMPORTS, PACKAGES = (), ()
LADDER = half_decades(3, 18)
SCRIPT = Path(__file__).with_suffix(".R")
LIMIT_BYTES = 4e9
FAMILIES = {
    "squared": "gaussian", "logistic": "binomial", "poisson": "poisson", "multinomial": "multinomial",
    "multinomial-grouped": "multinomial",
}  # fmt: skip
LOSSES = tuple(FAMILIES)


@dataclass
class Session:
    """A running R that holds X and y."""

    process: subprocess.Popen
    folder: Path
    scale: float
    scratch: tempfile.TemporaryDirectory

    def ask(self, *words):
        """Send a line and return the words of the answer."""
        print(*words, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline().split(maxsplit=1)
        if not answer or answer[0] != "ok":
            raise RuntimeError(" ".join(answer) or "R ended")
        return answer[1:]


def about():
    command = [
        "Rscript",
        "-e",
        "cat(as.character(packageVersion('glmnet')), paste0(R.version$major, '.', R.version$minor))",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise FileNotFoundError("R has no package glmnet")
    glmnet, version = done.stdout.split()
    return {"glmnet": glmnet, "R": version}


def options(problem):
    if problem.l1_ratio == 0:
        return ()
    return tuple(f"{start}, {kind}" for start in starts(problem) for kind in kinds(problem))


def kinds(problem):
    """Return what glmnet calls the type of a family's algorithm."""
    if problem.loss != "squared":
        of_loss = {"poisson": ("Newton",), "multinomial-grouped": ("grouped",)}
        return of_loss.get(problem.loss, ("Newton", "modified.Newton"))
    return ("covariance", "naive") if problem.is_tall and problem.shape[1] <= 6000 else ("naive",)


def prepare(X, y):
    scratch = tempfile.TemporaryDirectory()
    folder = Path(scratch.name)
    scale = float(y.std())
    y.tofile(folder / "y")
    if sp.issparse(X):
        X.data.tofile(folder / "data")
        X.indices.astype(np.int32).tofile(folder / "indices")
        X.indptr.astype(np.int32).tofile(folder / "indptr")
    else:
        X.ravel(order="F").tofile(folder / "X")
    process = subprocess.Popen(
        ["Rscript", str(SCRIPT), str(folder), *map(str, X.shape)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    session = Session(process, folder, scale, scratch)
    session.ask("ready")
    return session


def process(session):
    return session.process.pid


def fit(session, problem, tol, option):
    start, kind = option.split(", ")
    r, scale = problem.l1_ratio, session.scale if problem.loss == "squared" else 1.0
    # In units of y's deviation: lambda alpha = a r / scale and lambda (1 - alpha) = a (1 - r).
    factor = r / scale + 1 - r
    (grid(problem, start) * factor).tofile(session.folder / "lambdas")
    (seconds,) = session.ask("fit", FAMILIES[problem.loss], repr(r / scale / factor), repr(tol), kind)
    return Solution(wanted(scale * coefficients(session.folder), problem), seconds=float(seconds))


def cross_validate(session, problem, tol, option, n_folds):
    _, update = option.split(", ")
    (problem.alphas / session.scale).tofile(session.folder / "lambdas")
    (seconds,) = session.ask("cv", "1", repr(tol), update, str(n_folds))
    return {"seconds": float(seconds)}


def coefficients(folder):
    """Return what R has written."""
    indices, indptr, shape = (np.fromfile(folder / name, np.int32) for name in ("i", "p", "shape"))
    return sp.csc_array((np.fromfile(folder / "x"), indices, indptr), shape=tuple(shape.tolist()))
