"""The columns of the features in play, for solvers that work on all of them at once."""

import numpy as np

from fastreg.design.few import dots, sums
from fastreg.design.scaled import ScaledDesign

# Columns are kept in memory where that takes less than so many numbers: fewer where X takes much less.
PACKED_ENTRIES = 2**25
PACKED_FILL = 8.0
PACKED_SPARSE = 2**17


class ActiveColumns:
    """The solver's columns of some features without the root weights, in memory where they fit.

    There they are in double precision and in single precision, in which products take half the time: enough for
    equations that are to be solved to two digits.
    """

    def __init__(self, design: ScaledDesign) -> None:
        self.design, self.features = design, np.empty(0, dtype=np.intp)
        self.stores = [np.empty((0, design.n_rows), dtype=kind) for kind in (np.float64, np.float32)]
        fill = design.n_rows * design.raw.n_cols / max(design.raw.n_entries, 1.0)
        self.room = PACKED_ENTRIES if fill <= PACKED_FILL else PACKED_SPARSE
        self.packed, self.n_threads = True, design.raw.n_threads

    @property
    def rows(self) -> np.ndarray:
        """The columns (m, n_rows), one a row, where they are in memory."""
        return self.stores[0][: len(self.features)]

    def hold(self, features: np.ndarray) -> None:
        """Hold these features; those that stay are to come first, in the order in which they were."""
        before = self.features if self.packed else self.features[:0]
        self.features, self.packed = features, len(features) * self.design.n_rows <= self.room
        if not self.packed:
            self.stores = [store[:0].copy() for store in self.stores]
            return
        stay = np.flatnonzero(np.isin(before, features, assume_unique=True))
        if not np.array_equal(before[stay], features[: len(stay)]):
            raise ValueError("features: expected those that stay first, in their order.")
        new = self.read(features[len(stay) :]) if len(features) > len(stay) else np.empty((0, self.design.n_rows))
        self.stores = [self._closed(store, stay, new) for store in self.stores]

    @staticmethod
    def _closed(store: np.ndarray, stay: np.ndarray, new: np.ndarray) -> np.ndarray:
        """Return a store in which the rows that stay have closed ranks, with new ones behind them."""
        for place in range(len(stay)):
            if stay[place] != place:
                store[place] = store[stay[place]]
        count = len(stay) + len(new)
        if count > len(store):
            grown = np.empty((count + count // 2, store.shape[1]), dtype=store.dtype)
            grown[: len(stay)] = store[: len(stay)]
            store = grown
        store[len(stay) : count] = new
        return store

    def read(self, features: np.ndarray) -> np.ndarray:
        """Return the columns (m, n_rows) of some features, one a row, from X."""
        return self.design.unweighted(self.design.packed(features))

    def predict(self, B: np.ndarray, roughly: bool = False) -> np.ndarray:
        """Return what coefficients (K, m) make of predictors (K, n), in single precision if that is enough."""
        if not self.packed:
            return self.design.unweighted(self.design.predictions(B, self.features))
        store = self.stores[int(roughly)][: len(self.features)]
        return sums(store, np.ascontiguousarray(B, dtype=store.dtype), self.n_threads)

    def correlate(self, weighted: np.ndarray) -> np.ndarray:
        """Return the inner products (K, m) with vectors (K, n) of either precision that hold the weights."""
        if not self.packed:
            return self.design.correlations(self.design.unweighted(weighted), self.features)
        store = self.stores[int(weighted.dtype == np.float32)][: len(self.features)]
        return dots(store, weighted, self.n_threads)
