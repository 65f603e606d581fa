"""The columns of the features in play, for solvers that work on all of them at once."""

import numpy as np

from fastreg.design.scaled import ScaledDesign

# Columns are kept in memory where that takes less than so many numbers, and not many times what X takes.
PACKED_ENTRIES = 2**25
PACKED_FILL = 8.0


class ActiveColumns:
    """The solver's columns of some features without the root weights, in memory where they fit."""

    def __init__(self, design: ScaledDesign) -> None:
        self.design, self.features = design, np.empty(0, dtype=np.intp)
        self.rows = np.empty((0, design.n_rows))
        fill = design.n_rows * design.raw.n_cols / max(design.raw.n_entries, 1.0)
        self.room = PACKED_ENTRIES if fill <= PACKED_FILL else 0

    def hold(self, features: np.ndarray) -> None:
        """Hold these features."""
        if len(features) * self.design.n_rows > self.room:
            self.features, self.rows = features, np.empty((0, self.design.n_rows))
            return
        known = {j: i for i, j in enumerate(self.features[: len(self.rows)])}
        rows = np.empty((len(features), self.design.n_rows))
        old = np.array([known.get(j, -1) for j in features], dtype=np.intp)
        rows[old >= 0] = self.rows[old[old >= 0]]
        if (old < 0).any():
            rows[old < 0] = self.design.unweighted(self.design.packed(features[old < 0]))
        self.features, self.rows = features, rows

    @property
    def packed(self) -> bool:
        """Whether the columns are in memory."""
        return len(self.rows) == len(self.features)

    def predict(self, B: np.ndarray) -> np.ndarray:
        """Return what coefficients (K, m) make of predictors (K, n)."""
        if self.packed:
            return B @ self.rows
        return self.design.unweighted(self.design.predictions(B, self.features))

    def correlate(self, weighted: np.ndarray) -> np.ndarray:
        """Return the inner products (K, m) with vectors (K, n) that the weights have been multiplied into."""
        if self.packed:
            return weighted @ self.rows.T
        return self.design.correlations(self.design.unweighted(weighted), self.features)
