"""Squared loss, (y - eta)^2 / 2.

Its gradient with respect to eta is minus the residual, so the dual variable u is the residual itself; its curvature
is 1, so the subproblem is the problem; its conjugate is u^2/2 - u y, and projecting u off a column keeps it inside
the domain, which is everything. The duality gap that follows is in ``fastreg.subproblem.gap``.
"""

import numpy as np

from fastreg.loss.center import center


class SquaredLoss:
    """The parts of squared loss that the border needs; targets are the rows of a matrix (n_targets, n_samples)."""

    name = "squared"
    null_model = staticmethod(center)

    def check_domain(self, y: np.ndarray) -> None:
        """Any finite target will do."""

    def check(self, y: np.ndarray, weights: np.ndarray, fit_intercept: bool) -> None:
        """Any finite target will do."""

    @staticmethod
    def mean(eta: np.ndarray) -> np.ndarray:
        """Return the prediction of y for a predictor."""
        return eta

    @staticmethod
    def value(residuals: np.ndarray) -> np.ndarray:
        """Return the losses (n_targets,) of residuals already multiplied by the root weights."""
        return 0.5 * np.einsum("ki,ki->k", residuals, residuals)

    @staticmethod
    def deviance(y: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean of (y - prediction)^2 over the first axis; weights sum to 1."""
        return np.einsum("i...,i->...", (y.reshape(len(y), *[1] * (predictions.ndim - 1)) - predictions) ** 2, weights)
