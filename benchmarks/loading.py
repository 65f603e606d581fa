"""Data from files: those of the folder FASTREG_DATA, those of the examples, and anybody's own."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

EXAMPLES = Path(__file__).parents[1] / "examples" / "data"
SVMLIGHT = (".svm", ".svmlight", ".libsvm", ".gz", ".bz2")


class Missing(Exception):
    """A data set that is not there; the message says where it was expected."""


def npz(path: Path, response: str = "y") -> tuple[Any, np.ndarray]:
    """Return X and y of a file that holds y and either X or the CSC parts data, indices, indptr and shape."""
    with np.load(path, allow_pickle=False) as parts:
        y = parts[response].astype(float)
        if "X" in parts:
            return parts["X"], y
        shape = tuple(int(size) for size in parts["shape"])
        return sp.csc_array((parts["data"], parts["indices"], parts["indptr"]), shape=shape), y


def stored(name: str, fallback: Path | None = None, response: str = "y") -> tuple[Any, np.ndarray]:
    """Return X and y of <name>.npz in the folder FASTREG_DATA, or of the other file; dense columns standardized.

    ``response`` is the name of y in that file.
    """
    folder = os.environ.get("FASTREG_DATA")
    path = Path(folder or "") / f"{name}.npz"
    if not folder or not path.exists():
        if fallback is None:
            raise Missing(f"no {name}.npz" + (f" in {folder}" if folder else "; FASTREG_DATA names no folder"))
        path = fallback
    return ready(*npz(path, response))


def read(path: Path) -> tuple[Any, np.ndarray]:
    """Return X and y of a .npz file or of one in svmlight's format, compressed or not."""
    if not path.exists():
        raise Missing(f"no {path}")
    if path.suffix == ".npz":
        return ready(*npz(path))
    if path.suffix not in SVMLIGHT:
        raise Missing(f"{path}: expected .npz or one of {', '.join(SVMLIGHT)}")
    from sklearn.datasets import load_svmlight_file

    X, y = load_svmlight_file(str(path))
    return ready(sp.csc_array(X), y)


def ready(X: Any, y: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return X in float64 and y: a dense X standardized and in Fortran order, a sparse one as it is."""
    if not sp.issparse(X):
        return standardized(X), y
    X = sp.csc_array(X, dtype=float)
    X.sum_duplicates()
    # Several packages know 32-bit indices only.
    if X.nnz < np.iinfo(np.int32).max:
        X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X, y


def standardized(X: np.ndarray) -> np.ndarray:
    """Return columns of mean 0 and standard deviation 1; constant ones become 0."""
    X = np.asfortranarray(X, dtype=float)
    means = X.mean(axis=0)
    X = X - means
    X -= X.mean(axis=0)
    deviations = np.sqrt(np.einsum("ij,ij->j", X, X) / len(X))
    constant = deviations <= 1e-14 * np.abs(means)
    X[:, constant] = 0.0
    X /= np.where(constant, 1.0, deviations)
    return np.asfortranarray(X)
