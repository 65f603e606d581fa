"""The user's problem in the solver's units, and the way back.

The user's problem is

    minimize  (1/W) sum_i w_i (y_i - b0 - x_i'b - offset_i)^2 / 2  +  alpha sum_j v_j (r |b_j| + (1 - r)/2 b_j^2).

In the solver's units columns are multiplied by powers of two s_j (``ScaledDesign``) and y by 1/S, another power of
two, so that b_j = S s_j beta_j and the objective is divided by S^2. With s the smallest s_j the penalty becomes

    a1 l1_j |beta_j| + a2/2 l2_j beta_j^2,   a1 = alpha s/S,  a2 = alpha s^2,
    l1_j = r v_j s_j/s,  l2_j = (1 - r) v_j (s_j/s)^2,

and with ``standardize`` s_j/s and s are replaced by the standard deviation of the scaled column and by 1. Powers of
two change no digit: data scaled by 2^k give the same digits, and no square over- or underflows.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fastreg.design.convert import as_design, check_entries
from fastreg.design.scaled import ScaledDesign
from fastreg.loss.squared import SquaredLoss
from fastreg.problem.duplicates import group_equal
from fastreg.problem.validate import (
    check_bounds,
    check_factors,
    check_flag,
    check_offset,
    check_scalar,
    check_weights,
    check_y,
)
from fastreg.runtime.threads import resolve_threads

EPS = np.finfo(float).eps
# Below this many columns looking for duplicates costs more than it can save.
DUPLICATES_PAY = 200
LARGEST_FACTOR = 1e280
LARGEST_Y = 1e152


@dataclass(frozen=True)
class Options:
    """The statistical options every public function shares; see ``fastreg.fit_path``."""

    l1_ratio: float = 1.0
    sample_weight: Any = None
    offset: Any = None
    penalty_factors: Any = None
    lower_bounds: Any = None
    upper_bounds: Any = None
    fit_intercept: bool = True
    standardize: bool = False
    n_threads: int | None = None


@dataclass
class Problem:
    """A validated problem in the solver's units.

    Attributes
    ----------
    design : ScaledDesign
        Features are the columns that can enter; of equal columns with equal penalties only the first.
    targets : ndarray (n_targets, n_samples)
        Centered, scaled targets times the root weights.
    correlations : ndarray (n_targets, n_features)
    penalty : dict of l1, l2, lower, upper (n_features,)
    y_scale, y_means : float, ndarray (n_targets,)
    column_scale : float, the s of the module's docstring
    members : None or ndarray (n_columns,)
        For every raw column the feature that stands for it, -1 if none does; None if features are columns.
    multiplicity : ndarray (n_features,), over how many columns a feature's coefficient is spread
    """

    design: ScaledDesign
    targets: np.ndarray
    correlations: np.ndarray
    penalty: dict[str, np.ndarray]
    y_scale: float
    y_means: np.ndarray
    column_scale: float
    members: np.ndarray | None
    multiplicity: np.ndarray
    fit_intercept: bool
    single: bool
    names: Any
    rounding: float

    @property
    def n_columns(self) -> int:
        """Columns of X."""
        return self.design.raw.n_cols

    @cached_property
    def null_losses(self) -> np.ndarray:
        """Loss of every target at zero coefficients, in the solver's units."""
        return SquaredLoss.value(self.targets)

    @cached_property
    def unbounded(self) -> np.ndarray:
        """Features without a finite bound."""
        return np.isinf(self.penalty["lower"]) & np.isinf(self.penalty["upper"])

    def unpenalized(self, a1: float = 1.0, a2: float = 1.0) -> np.ndarray:
        """Return the features that bear no penalty at these scales."""
        return (a1 * self.penalty["l1"] == 0) & (a2 * self.penalty["l2"] == 0)

    def gap_targets(self, tol: float) -> np.ndarray:
        """Return the duality gap to reach: tol times the null loss, plus what rounding cannot tell from 0."""
        return (tol + 4 * EPS) * self.null_losses + self.rounding

    def penalty_scales(self, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return a1 and a2 for every alpha."""
        return alphas * (self.column_scale / self.y_scale), alphas * self.column_scale * self.column_scale

    def columns_of(self, features: np.ndarray, beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the raw columns of some features and their coefficients on the user's scale."""
        chosen = self.design.raw_columns(features)
        return chosen, beta * self.y_scale * self.design.scale[chosen]

    def features_of(self, columns: np.ndarray) -> np.ndarray:
        """Return the features that stand for raw columns, -1 where none does."""
        return columns if self.members is None else self.members[columns]

    def intercept_shift(self, features: np.ndarray, beta: np.ndarray) -> np.ndarray:
        """Return center_j beta_j for every coefficient; the intercept is the mean of y minus their sum."""
        return self.design.center[self.design.raw_columns(features)] * beta * self.y_scale

    def feature_coefficients(self, coef: np.ndarray) -> np.ndarray:
        """Return the solver's coefficients (n_features,) of coefficients on the user's scale (n_columns,)."""
        scaled = coef / self.y_scale / self.design.scale
        if self.members is None:
            beta = scaled[self.design.raw_columns()]
        else:
            inside = self.members >= 0
            beta = np.bincount(self.members[inside], scaled[inside], minlength=self.design.n_features)
        return np.clip(beta, self.penalty["lower"], self.penalty["upper"])


def build_problem(X: Any, y: Any, options: Options, collapse: bool = True) -> Problem:
    """Check everything, compute the moments of X and its correlations with y, and scale.

    Raises
    ------
    ValueError, TypeError
        If anything is not as ``fastreg.fit_path`` documents it.
    """
    l1_ratio = check_scalar(options.l1_ratio, "l1_ratio", 0.0, 1.0)
    fit_intercept = check_flag(options.fit_intercept, "fit_intercept")
    standardize = check_flag(options.standardize, "standardize")
    raw, names = as_design(X, resolve_threads(options.n_threads))
    y, single = check_y(y, raw.n_rows)
    weights = check_weights(options.sample_weight, raw.n_rows)
    offset = check_offset(options.offset, y.shape)
    factors = check_factors(options.penalty_factors, raw.n_cols)
    bounds = check_bounds(options.lower_bounds, options.upper_bounds, raw.n_cols)

    largest, moments = check_entries(raw, weights)
    design = ScaledDesign(raw, largest, weights, fit_intercept, moments)
    if options.offset is not None:
        with np.errstate(over="ignore"):
            y = y - offset
    size = float(np.abs(y).max(where=weights > 0, initial=0.0))
    means, y = SquaredLoss.null_model(y, weights, fit_intercept)
    _check_size(np.abs(y).max(where=weights > 0, initial=0.0), size)
    y_scale = _power_of_two(np.abs(y).max(initial=0.0))
    targets = y / y_scale * design.root
    correlations, key = _correlations(design, targets, collapse)

    column_scale, l1, l2 = _penalty(design, factors, l1_ratio, standardize)
    penalty = {"l1": l1, "l2": l2} | {name: bound / y_scale / design.scale for name, bound in bounds.items()}
    enters = design.norm > 0
    if bounds:
        enters &= (penalty["lower"] < 0) | (penalty["upper"] > 0)
    if factors is not None:
        enters &= np.isfinite(factors)
    columns = np.flatnonzero(enters)
    members = multiplicity = None
    if key is not None:
        columns, members, multiplicity = _collapse(design, columns, key, penalty, factors is None and not bounds)
    if len(columns) < raw.n_cols:
        design.restrict(columns)
        correlations = np.ascontiguousarray(correlations[:, columns])
        penalty = {name: np.ascontiguousarray(value[columns]) for name, value in penalty.items()}
    if not bounds:
        penalty["upper"] = np.full(len(columns), np.inf)
        penalty["lower"] = -penalty["upper"]
    if multiplicity is None:
        multiplicity = np.ones(len(columns))
    else:
        penalty["l2"] = penalty["l2"] / multiplicity
    if members is None and len(columns) < raw.n_cols:
        members = np.full(raw.n_cols, -1)
        members[columns] = np.arange(len(columns))
    rounding = 0.5 * (4 * EPS * size / y_scale) ** 2
    return Problem(
        design, targets, correlations, penalty, y_scale, means, column_scale, members, multiplicity,
        fit_intercept, single, names, rounding,
    )  # fmt: skip


def _correlations(design: ScaledDesign, targets: np.ndarray, collapse: bool) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the correlations of all columns with the targets, and with a random vector as a hash of each column.

    One pass serves both. The targets would make a poor hash: with y of two values all columns of one entry look alike.
    """
    if not collapse or design.n_features <= DUPLICATES_PAY:
        return design.correlations(targets), None
    noise = np.random.default_rng(0).standard_normal(design.n_rows)
    both = design.correlations(np.vstack([targets, noise]))
    return np.ascontiguousarray(both[:-1]), both[-1].copy()


def _check_size(spread: float, size: float) -> None:
    """Refuse targets whose squares, which the objective is made of, would leave the range of numbers."""
    if not np.isfinite(size) or size > LARGEST_Y or 0 < spread < 1 / LARGEST_Y:
        raise ValueError(
            f"y: expected values (less the offset) of at most {LARGEST_Y:g} and differences of at least "
            f"{1 / LARGEST_Y:g}, got {size:g} and {spread:g}. Divide y, the offset and alpha by a common unit."
        )


def _power_of_two(size: float) -> float:
    return float(np.ldexp(1.0, int(np.frexp(size)[1]))) if size > 0 else 1.0


def _penalty(
    design: ScaledDesign, factors: np.ndarray | None, l1_ratio: float, standardize: bool
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return s, l1 and l2 of the module's docstring; factors (None: all 1) of columns that never enter count as 0."""
    smallest = 1.0 if standardize else float(design.scale.min())
    if standardize:
        size = np.where(design.deviation > 0, design.deviation, design.scale)
    else:
        size = np.minimum(design.scale / smallest, LARGEST_FACTOR)
    pull = size if factors is None else np.where(np.isfinite(factors), factors, 0.0) * size
    with np.errstate(over="ignore"):
        l1 = np.minimum(l1_ratio * pull, LARGEST_FACTOR)
        l2 = np.zeros(len(size)) if l1_ratio == 1 else np.minimum((1.0 - l1_ratio) * pull * size, LARGEST_FACTOR)
    return smallest, l1, l2


def _collapse(
    design: ScaledDesign, columns: np.ndarray, hashes: np.ndarray, penalty: dict[str, np.ndarray], plain: bool
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray | None]:
    """Let one column stand for all that equal it, in content, penalty and bounds.

    Equal columns carry the sum of their coefficients. Under an l2 penalty the sum is spread evenly (the only
    solution), so that the group pays l2/m for it; without one the first column carries it all. Finite nonzero
    bounds do not add up, so such columns stay alone. ``plain``: no bounds, and equal columns have equal penalties.
    """
    key = hashes[columns].view(np.uint64)
    if not plain:
        for value in penalty.values():
            bits = np.ascontiguousarray(value[columns]).view(np.uint64)
            key = (key ^ (bits + (key << np.uint64(6)) + (key >> np.uint64(2)))) * np.uint64(0x9E3779B97F4A7C15)
    leader = group_equal(design.raw, key, columns)
    itself = np.arange(len(columns))
    if not plain:
        bounded = np.zeros(len(columns), dtype=bool)
        for name in penalty.keys() & {"lower", "upper"}:
            bound = penalty[name][columns]
            bounded |= np.isfinite(bound) & (bound != 0)
        same = ~bounded & ~bounded[leader]
        for value in penalty.values():
            same &= value[columns] == value[columns[leader]]
        leader = np.where(same, leader, itself)
    alone = leader == itself
    kept = np.flatnonzero(alone)
    if len(kept) == len(columns):
        return columns, None, None
    position = (np.cumsum(alone) - 1)[leader]
    members = np.full(len(design.scale), -1)
    members[columns] = position
    spread = penalty["l2"][columns[kept]] > 0
    members[columns[~alone & ~spread[position]]] = -1
    return columns[kept], members, np.where(spread, np.bincount(position, minlength=len(kept)), 1.0)
