"""The duality gap of anybody's coefficients."""

from typing import Any

import numpy as np

from fastreg.penalty.class_kinds import class_penalty
from fastreg.problem.build import build_problem
from fastreg.problem.problem import Options, Problem
from fastreg.problem.validate import check_scalar, real_array
from fastreg.solver.active_features import ActiveFeatures, ClassRows
from fastreg.solver.least_squares import least_squares, minimize_unpenalized
from fastreg.subproblem.gap import gap_of, least

# What is projected off the unpenalized columns once is off them up to eps times their condition number; each further
# time takes as much off again.
PROJECTIONS = 3
# Newton steps for the unpenalized columns of several classes, until one promises less than this part of the loss.
NEWTON_STEPS = 100
NEGLIGIBLE = 1e-20
# Losses and predictors beyond that are as good as infinite.
LIMIT = 1e150


def duality_gap(
    X: Any,
    y: Any,
    coef: Any,
    intercept: Any,
    alpha: float,
    *,
    loss: str = "squared",
    l1_ratio: float = 1.0,
    sample_weight: Any = None,
    offset: Any = None,
    penalty_factors: Any = None,
    lower_bounds: Any = None,
    upper_bounds: Any = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    n_threads: int | None = None,
) -> Any:
    """Return the duality gap of given coefficients: an upper bound on how far their objective is from its minimum.

    The coefficients may come from any package. The gap is in units of the objective of ``fit_path``; it is the
    difference between the objective and the dual objective at the scaled residual, after the residual has been
    projected off the intercept and the unpenalized columns, maximized over the scale.

    Parameters
    ----------
    X, y : as in ``fit_path``
    coef : array (n_features,) or (k, n_features) for y of shape (n_samples, k), or sparse
    intercept : float or array (k,)
    alpha : float >= 0
    loss, l1_ratio, ... : as in ``fit_path``

    Returns
    -------
    float or ndarray (k,)
        Infinite if a bound is violated or a coefficient with penalty factor inf is not zero.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X, y = np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0])
    >>> fastreg.duality_gap(X, y, [0.0], 2.0, alpha=1.0)
    0.0
    """
    alpha = check_scalar(alpha, "alpha", 0.0)
    options = Options(
        l1_ratio, sample_weight, offset, penalty_factors, lower_bounds, upper_bounds,
        fit_intercept, standardize, n_threads, loss,
    )  # fmt: skip
    problem = build_problem(X, y, options, collapse=False)
    coef = real_array(coef.toarray() if hasattr(coef, "toarray") else coef, "coef")
    coef = coef.reshape(1, -1) if problem.single else coef
    if coef.shape != (len(problem.targets), problem.n_columns):
        raise ValueError(
            f"coef: expected {problem.n_columns} coefficients for each of {len(problem.targets)} target(s), "
            f"got shape {coef.shape}."
        )
    intercepts = real_array(intercept, "intercept").ravel()
    if len(intercepts) not in (1, len(coef)):
        raise ValueError(f"intercept: expected one number for each of {len(coef)} target(s), got {len(intercepts)}.")
    intercepts = np.broadcast_to(intercepts, (len(coef),))
    if problem.joint:
        return _multinomial_gap(problem, coef, intercepts, alpha)
    gaps = np.array([_gap(problem, k, coef[k], float(intercepts[k]), alpha) for k in range(len(coef))])
    return float(gaps[0]) if problem.single else gaps


def _features(problem: Problem, coef: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Return coefficients of the features, and what constant columns add to the intercept; None where that cannot be.

    Columns that cannot enter must not be there, and bounds must hold; constant columns are part of the intercept.
    """
    design, penalty = problem.design, problem.penalty
    outside = np.ones(problem.n_columns, dtype=bool)
    outside[design.raw_columns()] = False
    idle = outside & (coef != 0)
    if np.any(idle & ((design.deviation > 0) | ~problem.fit_intercept)):
        return None
    beta = coef / problem.y_scale / design.scale
    shift = float(design.mean[idle] @ beta[idle]) if idle.any() else 0.0
    beta = np.ascontiguousarray(beta[design.raw_columns()])
    if np.any(beta < penalty["lower"]) or np.any(beta > penalty["upper"]):
        return None
    return beta, shift


def _gap(problem: Problem, k: int, coef: np.ndarray, intercept: float, alpha: float) -> float:
    design, penalty = problem.design, problem.penalty
    found = _features(problem, coef)
    if found is None:
        return np.inf
    beta, shift = found
    if problem.rows is not None:
        return _generalized_gap(problem, k, beta, intercept + shift, alpha)
    best = problem.y_means[k] / problem.y_scale - float(design.center[design.raw_columns()] @ beta)
    residual = problem.targets[k] - design.predictions(beta)[0]
    miss = best - shift - intercept / problem.y_scale
    (a1,), (a2,) = problem.penalty_scales(np.array([alpha]))
    free = np.flatnonzero(problem.unpenalized_at(a1, a2) & problem.unbounded)
    u = residual
    for _ in range(PROJECTIONS if len(free) else 0):
        u = u - design.predictions(least_squares(design, u[None], free), free)[0]
    z = design.correlations(u)[0]
    level = 1e-9 * float(np.sqrt(2 * problem.null_losses[k]))
    removed = residual - u
    gap = gap_of(penalty, a1, a2, beta, z, design.norm, float(u @ u), level)
    # P(b) - P at the projected residual: Pythagoras twice, for the intercept and for the free columns.
    lost = 0.5 * (miss * miss + float(removed @ removed))
    return (gap + lost) * problem.y_scale**2


def _generalized_gap(problem: Problem, k: int, beta: np.ndarray, intercept: float, alpha: float) -> float:
    """Return the gap for other losses: what intercept and unpenalized columns could still gain, and the gap then."""
    design, penalty = problem.design, problem.penalty
    loss, y, weights = problem.rows.loss, problem.rows.y[k], design.root**2
    (a1,), (a2,) = problem.penalty_scales(np.array([alpha]))
    free = np.flatnonzero(problem.unpenalized_at(a1, a2) & problem.unbounded)
    parts = [design.packed(free)] if len(free) else []
    columns = np.vstack([*parts, design.root[None]] if problem.fit_intercept else [*parts, np.empty((0, len(y)))])
    columns = design.unweighted(columns)
    given = _predictors(problem, k, beta, intercept)
    found = loss.point(y, weights, given)
    if not _tame(found):
        return np.inf
    eta, moved = minimize_unpenalized(loss, y, weights, given, columns)
    beta = beta.copy()
    beta[free] += moved[: len(free)]
    value, u, _ = loss.point(y, weights, eta)
    gain = found[0] - value
    z = design.correlations(design.root * u)[0]
    level = 1e-9 * float(np.sqrt(problem.targets[k] @ problem.targets[k]))
    rows = np.stack([y, weights, eta])
    gap = max(gain, 0.0) + gap_of(penalty, a1, a2, beta, z, design.norm, 0.0, level, loss, rows)
    return gap if gap >= 0.0 else np.inf


def _tame(numbers: Any) -> bool:
    """Return whether what a loss makes of predictors is far from the limits of numbers, so that it can be worked on."""
    return all(np.all(np.abs(part) < LIMIT) for part in numbers)


def _predictors(problem: Problem, k: int, beta: np.ndarray, intercept: float) -> np.ndarray:
    design = problem.design
    line = design.unweighted(design.predictions(beta)[0])
    center = intercept + float(design.center[design.raw_columns()] @ beta)
    return problem.rows.start[k] - problem.y_means[k] + center + line


def _multinomial_gap(problem: Problem, coef: np.ndarray, intercepts: np.ndarray, alpha: float) -> float:
    """Return the gap of all classes: what intercepts and unpenalized columns could still gain, and the gap then."""
    design, loss, y, weights = problem.design, problem.rows.loss, problem.rows.y, problem.design.root**2
    (a1,), (a2,) = problem.penalty_scales(np.array([alpha]))
    penalty = class_penalty(loss.grouped, problem.penalty, a1, a2)
    found = [_features(problem, row) for row in coef]
    if any(one is None for one in found):
        return np.inf
    betas = np.stack([beta for beta, _ in found])
    eta = np.stack([_predictors(problem, k, beta, intercepts[k] + shift) for k, (beta, shift) in enumerate(found)])
    if not _tame((eta, betas)):
        return np.inf
    point = ActiveFeatures(design, ClassRows(loss, y, weights, problem.fit_intercept), eta)
    point.bind(penalty)
    free = np.flatnonzero((penalty.t == 0) & (penalty.q == 0))
    point.hold(free, betas[:, free])
    given = point.value
    with np.errstate(over="ignore", invalid="ignore"):
        for _ in range(NEWTON_STEPS if len(free) else 0):
            if point.newton() <= NEGLIGIBLE * given:
                break
    point.balance()
    betas[:, free] = point.beta
    z = design.correlations(design.root * point.residual())
    zero = 1e-9 * float(np.sqrt((problem.targets**2).sum())) * design.norm
    proof = point.proof(np.arange(design.n_features), betas, z, zero)
    # Any scale gives a valid gap; sections find the best one, but for the few that they may miss.
    best = min(least(lambda s: point.gap_at(proof, s), proof.largest_scale()), point.gap(proof))
    return max(given - point.value, 0.0) + best
