"""Checks of everything but X; every message says what was expected, what came, and what to do."""

import math
from typing import Any

import numpy as np

# Beyond that numbers are infinite, and integers no numbers of ours.
LARGEST = np.finfo(float).max


def numeric_array(value: Any, name: str) -> np.ndarray:
    """Return value as a float64 array, refusing objects, strings and complex numbers."""
    array = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"{name}: expected real numbers, got dtype {array.dtype}. Convert with astype(float).")
    return np.asarray(array, dtype=float)


def real_array(value: Any, name: str) -> np.ndarray:
    """Return value as a float64 array of finite numbers."""
    array = numeric_array(value, name)
    if not np.isfinite(array).all():
        raise ValueError(f"{name}: expected finite numbers, got NaN or infinity. Impute or drop them first.")
    return array


def check_y(y: Any, n_samples: int) -> tuple[np.ndarray, bool]:
    """Return y as (n_targets, n_samples) float64 and whether it came as one vector."""
    array = real_array(y, "y")
    if array.ndim not in (1, 2) or array.shape[0] != n_samples or array.size == 0:
        raise ValueError(
            f"y: expected shape ({n_samples},) or ({n_samples}, n_targets) to match X, got {array.shape}. "
            "Pass one row of y for every row of X."
        )
    return np.atleast_2d(array.T), array.ndim == 1


def check_weights(sample_weight: Any, n_samples: int) -> np.ndarray:
    """Return weights that sum to 1."""
    if sample_weight is None:
        return np.full(n_samples, 1.0 / n_samples)
    weights = real_array(sample_weight, "sample_weight")
    if weights.ndim == 0:
        weights = np.full(n_samples, float(weights))
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight: expected shape ({n_samples},), got {weights.shape}. Pass one weight for every row of X."
        )
    if weights.min() < 0:
        raise ValueError(
            f"sample_weight: expected weights >= 0, got {weights.min()}. Drop a sample with weight 0 instead."
        )
    if weights.max() == 0:
        raise ValueError("sample_weight: expected at least one positive weight, got all zeros.")
    _, exponent = np.frexp(weights.max())
    weights = np.ldexp(weights, -exponent)
    return weights / weights.sum()


def check_offset(offset: Any, shape: tuple[int, int]) -> np.ndarray | float:
    """Return the offset broadcastable to (n_targets, n_samples)."""
    if offset is None:
        return 0.0
    array = real_array(offset, "offset")
    n_targets, n_samples = shape
    if array.ndim == 0 or array.shape == (n_samples,):
        return array
    if array.shape == (n_samples, n_targets):
        return array.T
    raise ValueError(
        f"offset: expected a scalar, ({n_samples},) or ({n_samples}, {n_targets}), got {array.shape}. "
        "Pass one offset for every row of X."
    )


def check_per_feature(value: Any, name: str, n_features: int, default: float) -> np.ndarray:
    """Return one number a feature, from None, a scalar or a vector; infinity is allowed, NaN is not."""
    if value is None:
        return np.full(n_features, default)
    array = numeric_array(value, name)
    if array.ndim == 0:
        array = np.full(n_features, float(array))
    if array.shape != (n_features,):
        raise ValueError(
            f"{name}: expected a scalar or shape ({n_features},), got {array.shape}. "
            "Pass one value for every column of X."
        )
    if np.isnan(array).any():
        raise ValueError(f"{name}: expected numbers, got NaN. Use inf where there is no limit.")
    return array


def check_factors(penalty_factors: Any, n_features: int) -> np.ndarray | None:
    """Return penalty factors in [0, inf]; None for all 1."""
    if penalty_factors is None:
        return None
    factors = check_per_feature(penalty_factors, "penalty_factors", n_features, 1.0)
    if factors.min() < 0:
        raise ValueError(
            f"penalty_factors: expected values from 0 (never penalized) to inf (never enters), got {factors.min()}."
        )
    return factors


def check_bounds(lower: Any, upper: Any, n_features: int) -> dict[str, np.ndarray]:
    """Return lower and upper bounds with lower <= 0 <= upper, nothing if there are none."""
    if lower is None and upper is None:
        return {}
    low = check_per_feature(lower, "lower_bounds", n_features, -np.inf)
    high = check_per_feature(upper, "upper_bounds", n_features, np.inf)
    if low.max() > 0 or high.min() < 0:
        raise ValueError(
            "bounds: expected lower_bounds <= 0 <= upper_bounds for every feature, "
            f"got lower_bounds up to {low.max()} and upper_bounds down to {high.min()}. "
            "A bound that excludes 0 has no meaning for a penalty that pulls towards 0; shift y by an offset instead."
        )
    return {"lower": low, "upper": high}


def check_scalar(value: Any, name: str, low: float, high: float = np.inf) -> float:
    """Return a finite number in [low, high]."""
    ok = isinstance(value, (int, float)) or np.isscalar(value) or (isinstance(value, np.ndarray) and value.ndim == 0)
    if not ok or isinstance(value, (str, bytes, complex)) or not low <= value <= min(high, LARGEST):
        limit = f"from {low:g} to {high:g}" if math.isfinite(high) else f">= {low:g}"
        raise ValueError(f"{name}: expected a finite number {limit}, got {value!r}.")
    return float(value)


def check_count(value: Any, name: str) -> int:
    """Return an integer >= 1."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__") or value < 1:
        raise ValueError(f"{name}: expected an integer >= 1, got {value!r}.")
    return min(int(value), 2**62)


def check_flag(value: Any, name: str) -> bool:
    """Return True or False."""
    if not isinstance(value, (bool, np.bool_, int)) or value not in (0, 1):
        raise ValueError(f"{name}: expected True or False, got {value!r}.")
    return bool(value)


def check_alphas(alphas: Any) -> np.ndarray:
    """Return the penalties in descending order."""
    if isinstance(alphas, (int, float)):
        return np.array([check_scalar(alphas, "alphas", 0.0)])
    array = numeric_array(alphas, "alphas")
    if array.ndim > 1 or array.size == 0:
        raise ValueError(f"alphas: expected a scalar or a nonempty list of penalties, got shape {array.shape}.")
    ascending = np.sort(array.reshape(-1))
    # NaN comes last.
    if not math.isfinite(ascending[0]) or not math.isfinite(ascending[-1]):
        raise ValueError("alphas: expected finite numbers, got NaN or infinity. Leave them out.")
    if ascending[0] < 0:
        raise ValueError(f"alphas: expected penalties >= 0, got {ascending[0]}.")
    return ascending[::-1].copy()


def check_init(init: Any, n_features: int, n_targets: int, single: bool) -> np.ndarray | None:
    """Return starting coefficients (n_targets, n_features) from (coef, intercept), or None."""
    if init is None:
        return None
    if not isinstance(init, (tuple, list)) or len(init) != 2:
        raise ValueError(f"init: expected a pair (coef, intercept), got {type(init).__name__}.")
    coef = real_array(init[0].toarray() if hasattr(init[0], "toarray") else init[0], "init coef")
    intercept = real_array(init[1], "init intercept")
    expected = (n_features,) if single else (n_targets, n_features)
    if coef.shape != expected or intercept.size not in (1, n_targets):
        raise ValueError(
            f"init: expected coef of shape {expected} and {n_targets} intercept(s), "
            f"got {coef.shape} and {intercept.size}."
        )
    return np.atleast_2d(coef)
