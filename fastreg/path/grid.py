"""The grid of penalties."""

import numpy as np


def default_min_ratio(n_samples: int, n_features: int, ridge: bool) -> float:
    """Return the default of alpha_min_ratio: 1e-2 when n < p, else 1e-4; 1e-6 for a ridge path."""
    if ridge:
        return 1e-6
    return 1e-2 if n_samples < n_features else 1e-4


def log_grid(alpha_max: float, min_ratio: float, n_alphas: int) -> np.ndarray:
    """Return n_alphas penalties from alpha_max down to min_ratio * alpha_max, equally spaced in the logarithm."""
    return scaled_grid(alpha_max, np.exp(np.linspace(0.0, np.log(min_ratio), n_alphas)))


def scaled_grid(alpha_max: float, ratios: np.ndarray) -> np.ndarray:
    """Return a grid of given ratios to its largest penalty; where nothing can enter (a top of 0) it starts from 1."""
    return (alpha_max if alpha_max > 0 else 1.0) * ratios
