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
        self.store = np.empty((0, design.n_rows))
        fill = design.n_rows * design.raw.n_cols / max(design.raw.n_entries, 1.0)
        self.room = PACKED_ENTRIES if fill <= PACKED_FILL else 0
        self.packed = True

    @property
    def rows(self) -> np.ndarray:
        """The columns (m, n_rows), one a row, where they are in memory."""
        return self.store[: len(self.features)]

    def hold(self, features: np.ndarray) -> None:
        """Hold these features; those that stay are to come first, in the order in which they were."""
        before, was_packed = self.features, self.packed
        self.features, self.packed = features, len(features) * self.design.n_rows <= self.room
        if not self.packed:
            self.store = np.empty((0, self.design.n_rows))
            return
        stay = (
            np.flatnonzero(np.isin(before, features, assume_unique=True)) if was_packed else np.empty(0, dtype=np.intp)
        )
        if not np.array_equal(before[stay], features[: len(stay)]):
            raise ValueError("features: expected those that stay first, in their order.")
        # Rows close ranks in place.
        for place in range(len(stay)):
            if stay[place] != place:
                self.store[place] = self.store[stay[place]]
        if len(features) > len(self.store):
            grown = np.empty((max(len(features), 2 * len(self.store)), self.design.n_rows))
            grown[: len(stay)] = self.store[: len(stay)]
            self.store = grown
        if len(features) > len(stay):
            self.store[len(stay) : len(features)] = self.read(features[len(stay) :])

    def read(self, features: np.ndarray) -> np.ndarray:
        """Return the columns (m, n_rows) of some features, one a row, from X."""
        return self.design.unweighted(self.design.packed(features))

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
