"""From what the user gives to a ``Problem``: checks, moments of X, correlations with y, scales, duplicates."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastreg.design.base import Design
from fastreg.design.convert import as_design, check_entries
from fastreg.design.scaled import MANY, ScaledDesign
from fastreg.loss.base import Loss
from fastreg.loss.losses import as_loss
from fastreg.loss.multinomial import Multinomial
from fastreg.loss.squared import SquaredLoss
from fastreg.problem.duplicates import group_equal, number_groups
from fastreg.problem.problem import EPS, Options, Problem, Rows
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

# Below this many columns looking for duplicates costs more than it can save.
DUPLICATES_PAY = 200
# ... and positions of so many do not fit into the table of ``group_equal``.
MOST_HASHED = 2**32 - 1
LARGEST_FACTOR = 1e280
LARGEST_Y = 1e152


@dataclass
class Inputs:
    """What the user gave, checked; y and offset (n_targets, n_samples), weights that sum to 1.

    Squared loss has the offset subtracted from y, and None besides.
    """

    raw: Design
    names: Any
    y: np.ndarray
    single: bool
    weights: np.ndarray
    factors: np.ndarray | None
    bounds: dict[str, np.ndarray]
    l1_ratio: float
    fit_intercept: bool
    standardize: bool
    loss: SquaredLoss | Loss | Multinomial
    offset: np.ndarray | None


@dataclass
class Targets:
    """Targets in the solver's units: ``values`` (n_targets, n_samples) are centered and divided by ``scale``.

    ``means`` are the intercepts of the null model, ``sizes`` (n_targets,) the largest entries of y (0 for other losses
    than squared loss, which are relative already), ``rows`` what those losses need.
    """

    values: np.ndarray
    means: np.ndarray
    scale: float
    sizes: np.ndarray
    rows: Rows | None = None


def check_inputs(X: Any, y: Any, options: Options) -> Inputs:
    """Check everything but the entries of X.

    Raises
    ------
    ValueError, TypeError
        If anything is not as ``fastreg.fit_path`` documents it.
    """
    loss = as_loss(options.loss)
    l1_ratio = check_scalar(options.l1_ratio, "l1_ratio", 0.0, 1.0)
    fit_intercept = check_flag(options.fit_intercept, "fit_intercept")
    standardize = check_flag(options.standardize, "standardize")
    raw, names = as_design(X, resolve_threads(options.n_threads))
    y, single = check_y(y, raw.n_rows)
    weights = check_weights(options.sample_weight, raw.n_rows)
    offset = 0.0 if isinstance(loss, Multinomial) else check_offset(options.offset, y.shape)
    factors = check_factors(options.penalty_factors, raw.n_cols)
    bounds = check_bounds(options.lower_bounds, options.upper_bounds, raw.n_cols)
    if isinstance(loss, Multinomial):
        if not single:
            raise ValueError(f"y: expected shape ({raw.n_rows},) for the multinomial loss, got {y.T.shape}.")
        y, single = loss.encode(y[0]), False
        offset = np.broadcast_to(check_offset(options.offset, y.shape), y.shape)
        # What all classes have in common changes nothing but digits.
        with np.errstate(over="ignore"):
            offset = offset - offset.max(axis=0)
    loss.check(y, weights, fit_intercept)
    if not isinstance(loss, SquaredLoss):
        shift = np.broadcast_to(offset, y.shape)
    elif options.offset is None:
        shift = None
    else:
        with np.errstate(over="ignore"):
            y, shift = y - offset, None
    return Inputs(
        raw, names, y, single, weights, factors, bounds, l1_ratio, fit_intercept, standardize, loss, shift
    )  # fmt: skip


def center_targets(inputs: Inputs, weights: np.ndarray) -> Targets:
    """Return what the null model leaves of y under these weights.

    Raises
    ------
    ValueError
        If squares of it would leave the range of numbers.
    """
    if not isinstance(inputs.loss, SquaredLoss):
        return _start_rows(inputs, weights)
    means, y, sizes, spreads = SquaredLoss.null_model(inputs.y, weights, inputs.fit_intercept)
    size, spread = max(sizes.tolist()), max(spreads.tolist())
    _check_size(spread, size)
    scale = _power_of_two(spread)
    return Targets(y / scale, means, scale, sizes)


def _start_rows(inputs: Inputs, weights: np.ndarray) -> Targets:
    """Return the null model of another loss, and the u that it leaves."""
    loss, y = inputs.loss, np.ascontiguousarray(inputs.y)
    loss.check(y, weights, inputs.fit_intercept)
    intercepts, u = loss.null_model(y, weights, inputs.offset, inputs.fit_intercept)
    start = np.ascontiguousarray(intercepts[:, None] + inputs.offset)
    if not np.isfinite(start).all() or not np.isfinite(u).all():
        raise ValueError(
            f"offset: expected predictors whose {loss.name} loss is finite, got offsets from {inputs.offset.min():g} "
            f"to {inputs.offset.max():g}. Divide y and shift the offset accordingly."
        )
    nothing = np.zeros(len(y))
    if isinstance(loss, Multinomial):
        return Targets(u, intercepts, 1.0, nothing, Rows(loss, y, start, nothing))
    best = np.array([loss.saturated(target[weights > 0], weights[weights > 0]) for target in y])
    return Targets(u, intercepts, 1.0, nothing, Rows(loss, y, start, best))


def build_problem(X: Any, y: Any, options: Options, collapse: bool = True) -> Problem:
    """Check everything, compute the moments of X and its correlations with y, and scale.

    Raises
    ------
    ValueError, TypeError
        If anything is not as ``fastreg.fit_path`` documents it.
    """
    return problem_of(check_inputs(X, y, options), collapse)


def problem_of(inputs: Inputs, collapse: bool = True) -> Problem:
    """Return the problem of checked inputs; X is read once, but for columns of extreme scales and many targets.

    A random vector hashes each column, for ``_collapse``. The targets would make a poor hash: with y of two values all
    columns of one entry look alike.
    """
    raw, weights = inputs.raw, inputs.weights
    targets = center_targets(inputs, weights)
    together = len(targets.values) < MANY
    vectors = targets.values * weights if together else np.empty((0, raw.n_rows))
    hashed = collapse and DUPLICATES_PAY < raw.n_cols < MOST_HASHED
    if hashed:
        vectors = np.vstack([vectors, np.random.default_rng(0).random(raw.n_rows)])
    largest, moments, sums = check_entries(raw, weights, vectors)
    key = sums[-1].copy() if hashed else None
    design = ScaledDesign(raw, largest, weights, inputs.fit_intercept, moments)
    if together and design.unscaled:
        correlations = design.correlations_of(sums[: len(targets.values)], vectors[: len(targets.values)])
    else:
        correlations = design.correlations(targets.values * design.root)
    return assemble(inputs, design, targets, correlations, key)


def assemble(
    inputs: Inputs,
    design: ScaledDesign,
    targets: Targets,
    correlations: np.ndarray,
    key: np.ndarray | None = None,
    whole: Problem | None = None,
) -> Problem:
    """Return the problem over the columns that can enter.

    Parameters
    ----------
    inputs, design, targets : see above; the design holds all columns
    correlations : ndarray (n_targets, n_columns), or over the features of ``whole``
    key : None or ndarray (n_columns,), a hash of every column by which equal ones are found
    whole : None or Problem over the same columns with other weights, whose groups of equal columns are taken over
    """
    factors, bounds = inputs.factors, inputs.bounds
    column_scale, l1, l2 = _penalty(design, factors, inputs.l1_ratio, inputs.standardize)
    penalty = {"l1": l1, "l2": l2} | {name: bound / targets.scale / design.scale for name, bound in bounds.items()}
    enters = design.norm > 0
    if bounds:
        enters &= (penalty["lower"] < 0) | (penalty["upper"] > 0)
    if factors is not None:
        enters &= np.isfinite(factors)
    columns = enters.nonzero()[0]
    members = multiplicity = None
    if key is not None:
        columns, members, multiplicity = _collapse(design, columns, key, penalty, factors is None and not bounds)
    elif whole is not None:
        members, multiplicity = _groups_of(whole, columns)
        some, correlations = correlations, np.zeros((len(correlations), inputs.raw.n_cols))
        correlations[:, whole.design.raw_columns()] = some
    if len(columns) < inputs.raw.n_cols:
        design.restrict(columns)
        correlations = np.ascontiguousarray(correlations[:, columns])
        penalty = {name: np.ascontiguousarray(value[columns]) for name, value in penalty.items()}
    unbounded = np.ones(len(columns), dtype=bool)
    if bounds:
        unbounded = np.isinf(penalty["lower"]) & np.isinf(penalty["upper"])
    else:
        penalty["upper"] = np.full(len(columns), np.inf)
        penalty["lower"] = -penalty["upper"]
    if multiplicity is None:
        multiplicity = np.ones(len(columns))
    else:
        penalty["l2"] = penalty["l2"] / multiplicity
    if members is None and len(columns) < inputs.raw.n_cols:
        members = np.full(inputs.raw.n_cols, -1)
        members[columns] = np.arange(len(columns))
    # The least loss of each target that differences of y can tell from 0.
    rounding = np.square(targets.sizes * (math.sqrt(8) * EPS / targets.scale))
    return Problem(
        design, targets.values * design.root, correlations, penalty, targets.scale, targets.means, column_scale,
        members, multiplicity, inputs.fit_intercept, inputs.single, inputs.names, rounding, unbounded, targets.rows,
    )  # fmt: skip


def _groups_of(whole: Problem, columns: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Return members and multiplicity for some of the leading columns of another problem."""
    place = np.full(whole.n_columns, -1)
    place[columns] = np.arange(len(columns))
    leaders = np.asarray(whole.design.raw_columns(np.arange(whole.design.n_features)))
    kept = place[leaders] >= 0
    members = place if whole.members is None else np.where(whole.members >= 0, place[leaders[whole.members]], -1)
    return members, whole.multiplicity[kept]


def _check_size(spread: float, size: float) -> None:
    """Refuse targets whose squares, which the objective is made of, would leave the range of numbers."""
    if not math.isfinite(size) or size > LARGEST_Y or 0 < spread < 1 / LARGEST_Y:
        raise ValueError(
            f"y: expected values (less the offset) of at most {LARGEST_Y:g} and differences of at least "
            f"{1 / LARGEST_Y:g}, got {size:g} and {spread:g}. Divide y, the offset and alpha by a common unit."
        )


def _power_of_two(size: float) -> float:
    return math.ldexp(1.0, math.frexp(size)[1]) if size > 0 else 1.0


def _penalty(
    design: ScaledDesign, factors: np.ndarray | None, l1_ratio: float, standardize: bool
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return s, l1 and l2 of the module's docstring; factors (None: all 1) of columns that never enter count as 0."""
    smallest = 1.0 if standardize else float(design.scale.min())
    if standardize:
        size = np.where(design.deviation > 0, design.deviation, design.scale)
    else:
        size = design.scale / smallest
        np.minimum(size, LARGEST_FACTOR, out=size)
    if l1_ratio == 1 and factors is None and not standardize:
        return smallest, size, np.zeros(len(size))
    with np.errstate(over="ignore"):
        pull = size if factors is None else np.where(np.isfinite(factors), factors, 0.0) * size
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
    if np.array_equal(leader, itself):
        return columns, None, None
    return number_groups(leader, columns, penalty["l2"], len(design.scale))
