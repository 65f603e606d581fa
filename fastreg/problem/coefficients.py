"""Coefficients as a fit leaves them: compressed columns, of which SciPy's matrix is made when somebody asks for it."""

import numpy as np
import scipy.sparse as sp

from fastreg.runtime.once import once


class Coefficients:
    """Coefficients (n_columns, k) of k fits; to make the matrix of them takes a fifth of a small fit.

    Parameters
    ----------
    values, columns : ndarray (n_nonzero,), on the user's scale, fit after fit; columns in any order
    starts : ndarray (k + 1,), fit i has the values from starts[i] to starts[i + 1]
    n_columns : int
    """

    def __init__(self, values: np.ndarray, columns: np.ndarray, starts: np.ndarray, n_columns: int) -> None:
        self.values, self.columns, self.starts, self.n_columns = values, columns, starts, n_columns

    @classmethod
    def of(cls, matrix: sp.csc_array) -> "Coefficients":
        """Return the coefficients of a matrix that is there already."""
        found = cls(matrix.data, matrix.indices, matrix.indptr, matrix.shape[0])
        found.matrix = matrix
        return found

    @once
    def matrix(self) -> sp.csc_array:
        """The same as a csc_array (n_columns, k) with sorted indices."""
        # Of its own arrays, which are sorted in place: another thread may be reading these.
        kind = np.int32 if max(self.n_columns, len(self.columns)) < 2**31 else np.int64
        parts = self.values.copy(), self.columns.astype(kind), self.starts.astype(kind)
        found = sp.csc_array(parts, shape=(self.n_columns, len(self.starts) - 1))
        found.sort_indices()
        return found

    def __getstate__(self) -> dict[str, object]:
        """A pickle holds no matrix, which another thread may be making just now."""
        return {"values": self.values, "columns": self.columns, "starts": self.starts, "n_columns": self.n_columns}

    def sizes(self) -> np.ndarray:
        """Return how many coefficients of each fit are not zero."""
        return self.starts[1:] - self.starts[:-1]

    def line(self, fit: int) -> np.ndarray:
        """Return the coefficients (n_columns,) of one fit."""
        dense, part = np.zeros(self.n_columns), slice(self.starts[fit], self.starts[fit + 1])
        dense[self.columns[part]] = self.values[part]
        return dense

    def mixture(self, weights: np.ndarray) -> np.ndarray:
        """Return the sum (n_columns,) of the fits times weights (k,), of which few are not zero."""
        first, *others = weights.nonzero()[0]
        dense = self.line(first)
        dense *= weights[first]
        for fit in others:
            dense += weights[fit] * self.line(fit)
        return dense
