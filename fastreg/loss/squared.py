"""Squared loss, (y - eta)^2 / 2.

Its gradient with respect to eta is minus the residual, so the dual variable u is the residual itself; its curvature
is 1, so the subproblem is the problem; its conjugate is u^2/2 - u y, and projecting u off a column keeps it inside
the domain, which is everything. The duality gap that follows is in ``fastreg.subproblem.gap``.
"""

import numpy as np

EPS = np.finfo(float).eps


class SquaredLoss:
    """The parts of squared loss that the border needs; targets are the rows of a matrix (n_targets, n_samples)."""

    name = "squared"

    def check_domain(self, y: np.ndarray) -> None:
        """Any finite target will do."""

    def check(self, y: np.ndarray, weights: np.ndarray, fit_intercept: bool) -> None:
        """Any finite target will do."""

    @staticmethod
    def mean(eta: np.ndarray) -> np.ndarray:
        """Return the prediction of y for a predictor."""
        return eta

    @staticmethod
    def null_model(y: np.ndarray, weights: np.ndarray, fit_intercept: bool) -> tuple[np.ndarray, np.ndarray]:
        """Return the best intercepts (n_targets,) without any feature, and the residuals they leave.

        The mean is taken twice, the second time of what the first has left. A target that is constant up to rounding
        leaves exactly 0. Weights sum to 1.
        """
        if not fit_intercept:
            return np.zeros(len(y)), y
        size = np.abs(y).max(axis=1, where=weights > 0, initial=0.0)
        # einsum: a BLAS would start threads of its own for so little.
        means = np.einsum("ki,i->k", y, weights)
        residuals = y - means[:, None]
        correction = np.einsum("ki,i->k", residuals, weights)
        residuals -= correction[:, None]
        spread = np.abs(residuals).max(axis=1, where=weights > 0, initial=0.0)
        residuals[spread <= 16 * EPS * size] = 0.0
        return means + correction, residuals

    @staticmethod
    def value(residuals: np.ndarray) -> np.ndarray:
        """Return the losses (n_targets,) of residuals already multiplied by the root weights."""
        return 0.5 * np.einsum("ki,ki->k", residuals, residuals)

    @staticmethod
    def deviance(y: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean of (y - prediction)^2 over the first axis; weights sum to 1."""
        return np.einsum("i...,i->...", (y.reshape(len(y), *[1] * (predictions.ndim - 1)) - predictions) ** 2, weights)
