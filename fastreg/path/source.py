"""What a result remembers of the call that made it."""

import weakref
from typing import Any

import numpy as np

from fastreg.problem.problem import Options

# The options that may be arrays of the caller's.
ARRAYS = ("sample_weight", "offset", "penalty_factors", "lower_bounds", "upper_bounds")


class Source:
    """The arguments of a fit: copies of the options and of y, and X for as long as somebody else keeps it alive."""

    def __init__(self, X: Any, y: Any, options: Options) -> None:
        copies = {name: np.array(value) for name in ARRAYS if (value := getattr(options, name)) is not None}
        self.options, self.y = options._replace(**copies) if copies else options, np.array(y)
        try:
            self._X = weakref.ref(X)
        except TypeError:  # a list, for one
            self._X = None

    def __getstate__(self) -> dict[str, Any]:
        """A pickle holds everything but X."""
        return {"options": self.options, "y": self.y, "_X": None}

    def matrix(self, X: Any = None) -> Any:
        """Return X, the one given or the one that was fitted.

        Raises
        ------
        ValueError
            If none is given and the fitted one is gone.
        """
        X = X if X is not None else self._X() if self._X is not None else None
        if X is None:
            raise ValueError(
                "X: the result does not hold the matrix it was fitted on, and nobody else does any more. Pass it again."
            )
        return X
