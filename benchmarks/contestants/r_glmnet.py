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
LOSSES = ("squared", "logistic", "poisson")
FAMILIES = {"squared": "gaussian", "logistic": "binomial", "poisson": "poisson"}


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
    if problem.loss == "poisson":
        return ("Newton",)
    if problem.loss == "logistic":
        return ("Newton", "modified.Newton")
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
    return Solution(wanted(scale * coefficients(session.folder, problem.shape[1]), problem), seconds=float(seconds))


def cross_validate(session, problem, tol, option, n_folds):
    _, update = option.split(", ")
    (problem.alphas / session.scale).tofile(session.folder / "lambdas")
    (seconds,) = session.ask("cv", "1", repr(tol), update, str(n_folds))
    return {"seconds": float(seconds)}


def coefficients(folder, p):
    """Return what R has written."""
    read = {name: np.fromfile(folder / name, dtype) for name, dtype in (("x", float), ("i", np.int32), ("p", np.int32))}
    columns = len(read["p"]) - 1
    return sp.csc_array((read["x"], read["i"], read["p"]), shape=(p, columns))
