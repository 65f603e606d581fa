"""Random designs and responses; all of them depend on the seed alone."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.loading import ready
from benchmarks.losses import Multinomial, Poisson


def autoregressive(n: int, p: int, correlation: float, seed: int) -> np.ndarray:
    """Return normal rows in which columns j and k have the correlation ``correlation ** abs(j - k)``."""
    X = np.random.default_rng(seed).standard_normal((p, n))
    fresh = np.sqrt(1.0 - correlation**2)
    for j in range(1, p):
        X[j] = correlation * X[j - 1] + fresh * X[j]
    # Filled row by row, returned with columns: Fortran order.
    return X.T


def equicorrelated(n: int, p: int, correlation: float, seed: int) -> np.ndarray:
    """Return normal rows in which every two columns have the same correlation."""
    rng = np.random.default_rng(seed)
    common = rng.standard_normal(n)
    X = rng.standard_normal((p, n))
    X *= np.sqrt(1.0 - correlation)
    X += np.sqrt(correlation) * common
    return X.T


def sparse_normal(n: int, p: int, density: float, seed: int) -> sp.csc_array:
    """Return a matrix with normal entries at a random fraction ``density`` of the places."""
    rng = np.random.default_rng(seed)
    return sp.random_array((n, p), density=density, format="csc", rng=rng, data_sampler=rng.standard_normal)


def signal(X: np.ndarray | sp.csc_array, n_signals: int) -> np.ndarray:
    """Return X b, b having ``n_signals`` coefficients of 1 and -1 in turn, evenly spread."""
    b = np.zeros(X.shape[1])
    places = np.linspace(0, X.shape[1] - 1, n_signals).astype(int)
    b[places] = np.where(np.arange(n_signals) % 2, -1.0, 1.0)
    return X @ b


def response(X: np.ndarray | sp.csc_array, n_signals: int, signal_to_noise: float, seed: int) -> np.ndarray:
    """Return the signal plus normal noise; ``signal_to_noise`` is the ratio of their standard deviations."""
    clean = signal(X, n_signals)
    noise = np.random.default_rng(seed).standard_normal(X.shape[0])
    return clean + clean.std() / signal_to_noise * noise


def simulated(X: np.ndarray | sp.csc_array, **about: Any) -> tuple[np.ndarray | sp.csc_array, np.ndarray]:
    """Return X, standardized if it is dense, and a response; ``about`` are the arguments of ``response``."""
    X, _ = ready(X, np.zeros(0))
    return X, response(X, **about)


def simulated_counts(
    X: np.ndarray | sp.csc_array, n_signals: int, spread: float, seed: int
) -> tuple[np.ndarray | sp.csc_array, np.ndarray]:
    """Return X, standardized if it is dense, and counts; ``spread`` is the deviation of their log-means."""
    X, _ = ready(X, np.zeros(0))
    clean = signal(X, n_signals)
    return X, Poisson.sample(spread / clean.std() * clean, np.random.default_rng(seed))


def simulated_classes(
    X: np.ndarray | sp.csc_array, n_classes: int, n_signals: int, spread: float, seed: int
) -> tuple[np.ndarray | sp.csc_array, np.ndarray]:
    """Return X, standardized if it is dense, and codes of classes; ``spread`` is the deviation of their predictors.

    Of ``n_signals`` columns, evenly spread, every class has about half, with normal coefficients.
    """
    X, _ = ready(X, np.zeros(0))
    rng = np.random.default_rng(seed)
    b = np.zeros((X.shape[1], n_classes))
    places = np.linspace(0, X.shape[1] - 1, n_signals).astype(int)
    b[places] = rng.standard_normal((n_signals, n_classes)) * (rng.random((n_signals, n_classes)) < 0.5)
    clean = (X @ b).T
    return X, Multinomial.sample(spread / clean.std(axis=1, keepdims=True) * clean, rng)
