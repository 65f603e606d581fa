"""The n x n matrix of inner products of rows, which ridge is solved with where columns are many."""

from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from fastreg.design.scaled import ScaledDesign
from fastreg.solver.cost_model import entries_pay

# Entries of sparse columns copied at a time.
BLOCK_ENTRIES = 2**22


def kernel_matrix(
    design: ScaledDesign,
    features: np.ndarray,
    root_l2: np.ndarray,
    off: Callable[[np.ndarray], np.ndarray] | None = None,
) -> np.ndarray:  # fmt: skip
    """Return A A' (n_rows, n_rows), summed over blocks of the columns A of these features over root_l2.

    ``off`` is applied to the columns, which are the rows of what it is given.
    """
    kernel = np.zeros((design.n_rows, design.n_rows))
    if off is None and entries_pay(design, features):
        size = max(1, int(BLOCK_ENTRIES * design.raw.n_cols / design.raw.n_entries))
        for first in range(0, len(features), size):
            part = slice(first, first + size)
            kernel += _from_entries(design, features[part], root_l2[part])
        return kernel
    for part, packed in design.blocks(features):
        columns = packed if off is None else off(packed)
        columns /= root_l2[part, None]
        kernel += columns.T @ columns
    return kernel


def _from_entries(design: ScaledDesign, features: np.ndarray, root_l2: np.ndarray) -> np.ndarray:
    """A A' from the stored entries S alone: with A = S - root m', S S' - (S m) root' - root (S m)' + m'm root root'."""
    starts, rows, values = design.compressed(features)
    entries = sp.csc_array((values / np.repeat(root_l2, np.diff(starts)), rows, starts), (design.n_rows, len(features)))
    center = design.center[design.raw_columns(features)] / root_l2
    cross = np.outer(entries @ center - 0.5 * (center @ center) * design.root, design.root)
    return (entries @ entries.T).toarray() - cross - cross.T
