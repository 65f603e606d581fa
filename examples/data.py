"""Two small real data sets, bundled; sources and licenses are in ``data/README.md``."""

from pathlib import Path

import numpy as np
import scipy.sparse as sp

FOLDER = Path(__file__).resolve().parent / "data"


def load_leukemia() -> tuple[np.ndarray, np.ndarray]:
    """Return gene expression X, float32 (72, 7129), and the type of leukemia y, -1 or 1 (72,)."""
    with np.load(FOLDER / "leukemia.npz") as parts:
        return parts["X"], parts["y"]


def load_vader() -> tuple[sp.csc_array, np.ndarray]:
    """Return tf-idf weights of words and word pairs X, float32 csc_array (11852, 135392), and sentiment y (11852,)."""
    with np.load(FOLDER / "vader.npz") as parts:
        X = sp.csc_array((parts["data"], parts["indices"], parts["indptr"]), shape=tuple(parts["shape"].tolist()))
        return X, parts["y"]
