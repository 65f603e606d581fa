"""What goes into a path and what comes out of it, in the solver's units."""

from typing import Any, NamedTuple

import numpy as np

from fastreg.path.loop import Trace
from fastreg.problem.validate import check_alphas, check_count, check_scalar


class GridRequest(NamedTuple):
    """The penalties that were asked for: given ones, or so many down to a fraction of the largest."""

    alphas: np.ndarray | None
    n_alphas: int
    min_ratio: float | None

    @classmethod
    def checked(cls, alphas: Any, n_alphas: Any, alpha_min_ratio: Any) -> "GridRequest":
        """Return a request made of valid arguments of ``fit_path``."""
        n_alphas = check_count(n_alphas, "n_alphas")
        grid = None if alphas is None else check_alphas(alphas)
        ratio = None if alpha_min_ratio is None else check_scalar(alpha_min_ratio, "alpha_min_ratio", 0.0)
        if ratio is not None and not 0 < ratio < 1:
            raise ValueError(f"alpha_min_ratio: expected a number in (0, 1), got {alpha_min_ratio!r}.")
        return cls(grid, n_alphas, ratio)


class Fits(NamedTuple):
    """The fits of one target along a grid, in the solver's units.

    Those at alpha k have the nonzero coefficients from starts[k] to starts[k + 1]; ``moved`` is what intercepts have
    moved since the null model for centered columns, 0 for squared loss.
    """

    starts: np.ndarray
    features: np.ndarray
    beta: np.ndarray
    gaps: np.ndarray
    losses: np.ndarray
    iterations: np.ndarray
    moved: np.ndarray

    @property
    def points(self) -> tuple[np.ndarray, ...]:
        """The coefficients: starts, features and beta."""
        return self[:3]

    @property
    def intercepts(self) -> tuple[np.ndarray, ...]:
        """What intercepts are made of: the coefficients and moved."""
        return (*self[:3], self.moved)

    @classmethod
    def of_rows(
        cls, coefs: np.ndarray, gaps: np.ndarray, losses: np.ndarray, iterations: Any, moved: Any = 0.0
    ) -> "Fits":
        """Return fits whose coefficients are the rows of a dense matrix."""
        count, size = coefs.shape
        each = gaps, losses, np.full(count, iterations), np.full(count, moved)
        if coefs.all():
            return cls(np.arange(count + 1) * size, np.tile(np.arange(size), count), coefs.ravel(), *each)
        rows, features = np.nonzero(coefs)
        starts = np.searchsorted(rows, np.arange(count + 1))
        return cls(starts, features, coefs[rows, features], *each)

    @classmethod
    def of_trace(cls, trace: Trace, count: int) -> "Fits":
        """Return the first fits that the compiled loop has recorded."""
        parts = (
            trace.starts, trace.features, trace.values, trace.gaps, trace.losses, trace.iterations, trace.intercepts,
        )  # fmt: skip
        return cls(*parts).first(count)

    @classmethod
    def joined(cls, parts: list["Fits"]) -> "Fits":
        """Return the fits of several pieces of a grid, one after the other."""
        if len(parts) == 1:
            return parts[0]
        ends = np.cumsum([0] + [part.starts[-1] for part in parts])
        starts = np.concatenate([[0]] + [end + part.starts[1:] for end, part in zip(ends, parts, strict=False)])
        return cls(starts, *(np.concatenate(column) for column in list(zip(*parts, strict=True))[1:]))

    def first(self, count: int) -> "Fits":
        """Return the fits at the first alphas."""
        end = self.starts[count]
        columns = (column[:count] for column in (self.gaps, self.losses, self.iterations, self.moved))
        return Fits(self.starts[: count + 1], self.features[:end], self.beta[:end], *columns)
