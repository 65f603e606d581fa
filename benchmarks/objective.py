"""The problem the contestants solve and the one yardstick for their answers, in plain NumPy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastreg.reference import dual_gap, standard_form

# A path goes from alpha_max to a hundredth of it in 100 steps; a single fit is at a tenth of alpha_max.
N_ALPHAS = 100
PATH_RATIO = 1e-2
SINGLE_RATIO = 1e-1
# Ridge has no alpha_max: from ten times the largest eigenvalue of X'X / n down to a millionth of that.
RIDGE_TOP = 10.0
RIDGE_PATH_RATIO = 1e-6
RIDGE_SINGLE_RATIO = 1e-3


@dataclass
class Solution:
    """Coefficients (n_features, n_alphas), dense or sparse, intercepts (n_alphas,), passes over X if known."""

    coefs: Any
    intercepts: np.ndarray
    passes: float | None = None


class Objective:
    """One data set under one penalty.

    Parameters
    ----------
    X : array or csc_array (n_samples, n_features)
    y : array (n_samples,)
    l1_ratio : float, 1 for the lasso, 0 for ridge
    """

    def __init__(self, X: Any, y: np.ndarray, l1_ratio: float) -> None:
        self.l1_ratio = l1_ratio
        self.form = standard_form(X, y, l1_ratio=l1_ratio)

    def single(self) -> np.ndarray:
        """Return the penalty of a single fit, as an array."""
        ratio = SINGLE_RATIO if self.l1_ratio > 0 else RIDGE_SINGLE_RATIO
        return np.array([self._top() * ratio])

    def path(self) -> np.ndarray:
        """Return the penalties of a path, descending."""
        ratio = PATH_RATIO if self.l1_ratio > 0 else RIDGE_PATH_RATIO
        return self._top() * np.geomspace(1.0, ratio, N_ALPHAS)

    def _top(self) -> float:
        X = self.form.X
        if self.l1_ratio > 0:
            return float(np.abs(X.T @ self.form.y).max()) / self.l1_ratio
        small = X.T @ X if X.shape[0] >= X.shape[1] else X @ X.T
        return RIDGE_TOP * float(np.linalg.eigvalsh(small)[-1])

    def relative_gap(self, solution: Solution, alphas: np.ndarray) -> float:
        """Return the largest duality gap of a path, as a fraction of the null loss."""
        coefs = solution.coefs.toarray() if sp.issparse(solution.coefs) else solution.coefs
        gaps = [self._gap(coefs[:, k], solution.intercepts[k], alphas[k]) for k in range(len(alphas))]
        return float(max(gaps) / self.form.null_loss)

    def _gap(self, coef: np.ndarray, intercept: float, alpha: float) -> float:
        # The form has the best intercept built in; another one adds half its squared distance to the objective.
        miss = intercept - self.form.intercept(coef)
        return dual_gap(self.form, coef, alpha) + 0.5 * miss**2
