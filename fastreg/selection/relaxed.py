"""The relaxed lasso (Meinshausen 2007): the support of each fit, with less shrinkage or none."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from fastreg.path.fits import Fits
from fastreg.path.result import PathResult, listed
from fastreg.path.run import PathFit
from fastreg.problem.build import build_problem
from fastreg.problem.coefficients import Coefficients
from fastreg.problem.problem import Problem
from fastreg.problem.validate import check_scalar
from fastreg.solver.least_squares import bounded_least_squares, least_squares

# A Gram matrix is trusted while its Cholesky pivots stay above this fraction of the largest.
TRUSTED = 1e-5
# The same matrix in another type or order explains the same part of the deviance up to this.
SAME_FIT = 1e-3
# The Gram matrix of all columns that are ever used is made where it holds no more numbers.
GRAM_ENTRIES = 2**26


@dataclass(frozen=True, eq=False)
class RelaxedPath:
    """A path and the unpenalized fits on its supports, mixed as gamma * penalized + (1 - gamma) * unpenalized.

    Attributes
    ----------
    path : PathResult, the penalized fits (gamma = 1)
    coefs : csc_array (n_features, n_alphas), or a list of them, the unpenalized fits (gamma = 0)
    intercepts : ndarray (n_alphas,), or (n_alphas, k)
    """

    path: PathResult
    coefs: Any
    intercepts: np.ndarray

    def mixed(self, gamma: float) -> PathResult:
        """Return the fits at one gamma in [0, 1]; their gaps are infinite for gamma < 1: they minimize nothing."""
        gamma = check_scalar(gamma, "gamma", 0.0, 1.0)
        pairs = zip(listed(self.path.coefs), listed(self.coefs), strict=True)
        coefs = [sp.csc_array(gamma * penalized + (1.0 - gamma) * free) for penalized, free in pairs]
        mixed = replace(
            self.path,
            coefficients=[Coefficients.of(matrix) for matrix in coefs],
            intercepts=gamma * self.path.intercepts + (1.0 - gamma) * self.intercepts,
        )
        if gamma == 1.0:
            return mixed
        gaps, explained = np.full(mixed.dual_gaps.shape, np.inf), np.full(mixed.deviance_ratio.shape, np.nan)
        return replace(mixed, dual_gaps=gaps, deviance_ratio=explained)

    def coef(self, alpha: float, gamma: float = 0.0) -> np.ndarray:
        """Return the coefficients at one penalty, interpolated between grid points as in ``PathResult.coef``."""
        return self.mixed(gamma).coef(alpha)

    def predict(self, X: Any, alpha: float | None = None, gamma: float = 0.0, offset: Any = None) -> np.ndarray:
        """Return predictions for new rows; see ``PathResult.predict``."""
        return self.mixed(gamma).predict(X, alpha, offset)


def relax(result: PathResult, X: Any = None) -> RelaxedPath:
    """Fit the support of every fit of a path again, without the penalty.

    For every alpha the unpenalized fit minimizes the loss over the coefficients that are nonzero there, within their
    bounds and with the weights and offset of the path.

    Parameters
    ----------
    result : PathResult
    X : None or the matrix that was fitted; needed where nobody keeps it any more

    Raises
    ------
    ValueError
        If X is needed, or is not what was fitted.

    References
    ----------
    Meinshausen (2007), Relaxed lasso; Hastie, Tibshirani & Tibshirani (2020), Best subset, forward stepwise or lasso?

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> X = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> y = np.array([3.0, 2.0, -2.0, -3.0])
    >>> path = fastreg.fit_path(X, y, alphas=[1.0])
    >>> fastreg.relax(path).coef(1.0).round(3), path.coef(1.0).round(3)
    (array([2.5, 0. ]), array([1.5, 0. ]))
    """
    if result.source is None:
        raise ValueError("result: expected the result of fit_path, got one that does not know its data.")
    if result.loss != "squared":
        raise ValueError(
            f"result: expected a path of squared loss, got {result.loss!r}. Fit its support with alphas=0."
        )
    problem = fitted_problem(result, X)
    fit = PathFit(problem, result.l1_ratio, result.tol, 1, None)
    relaxed = []
    for k, coefs in enumerate(listed(result.coefs)):
        supports = supports_of(problem, coefs)
        starts = np.cumsum([0] + [len(support) for support in supports])
        relaxed.append(relaxed_fits(fit, k, starts, np.concatenate([np.empty(0, dtype=np.intp), *supports])))
    coefs = [problem.user_coefficients(*fits.points).matrix for fits in relaxed]
    intercepts = np.stack([problem.user_intercepts(k, *fits.intercepts) for k, fits in enumerate(relaxed)], axis=1)
    return RelaxedPath(result, coefs if result.several else coefs[0],
                       intercepts[:, 0].copy() if problem.single else intercepts)  # fmt: skip


def fitted_problem(result: PathResult, X: Any = None) -> Problem:
    """Return the problem of squared loss that a result solves, X given or remembered.

    Raises
    ------
    ValueError
        If X is needed, or is not what was fitted.
    """
    problem = build_problem(result.source.matrix(X), result.source.y, result.source.options)
    coefs = listed(result.coefs)
    if problem.n_columns != coefs[0].shape[0]:
        raise ValueError(f"X: expected {coefs[0].shape[0]} features as in the fit, got {problem.n_columns}.")
    if X is None:
        return problem
    last = np.stack([problem.feature_coefficients(part[:, [-1]].toarray()[:, 0]) for part in coefs])
    losses = problem.loss.value(problem.targets - problem.design.predictions(last))
    found = 1.0 - losses / np.where(problem.null_losses > 0, problem.null_losses, 1.0)
    known = np.atleast_1d(result.deviance_ratio[-1])
    # A ratio below 0 is reported as 0.
    if np.any((problem.null_losses > 0) & (np.abs(np.maximum(found, 0.0) - known) > SAME_FIT)):
        raise ValueError(
            "X: expected the matrix that was fitted, got one for which the last fit explains "
            f"{found[0]:.6g} of the deviance and not {known[0]:.6g}. Fit the path on it."
        )
    return problem


def relaxed_fits(fit: PathFit, k: int, starts: np.ndarray, features: np.ndarray) -> Fits:
    """Return the unpenalized fits of target k on the supports features[starts[i] : starts[i + 1]]."""
    problem, design = fit.problem, fit.problem.design
    used, place = np.unique(features, return_inverse=True)
    gram = design.gram_matrix(used) if 0 < len(used) ** 2 <= GRAM_ENTRIES else None
    parts, before = [np.empty(0)], None
    for start, end in pairwise(starts):
        here = place[start:end]
        # Neighbors on the path often share their support.
        if before is None or not np.array_equal(here, before):
            part = None if gram is None else gram[np.ix_(here, here)]
            beta, before = _fit_support(problem, k, used[here], part), here
        parts.append(beta)
    nothing = np.zeros(len(starts) - 1)
    return Fits(starts, features, np.concatenate(parts), nothing, nothing, nothing, nothing)


def _fit_support(problem: Problem, k: int, support: np.ndarray, gram: np.ndarray | None) -> np.ndarray:
    design, target = problem.design, problem.targets[k]
    if len(support) == 0:
        return np.empty(0)
    beta = None
    if gram is not None:
        try:
            factor = cho_factor(gram, lower=True)
            if np.diag(factor[0]).min() > TRUSTED * np.diag(factor[0]).max():
                beta = cho_solve(factor, problem.correlations[k][support])
        except LinAlgError:
            beta = None
    if beta is None:
        beta = least_squares(design, target[None], support)[0]
    lower, upper = problem.penalty["lower"][support], problem.penalty["upper"][support]
    if np.all(beta >= lower) and np.all(beta <= upper):
        return beta
    return bounded_least_squares(design.packed(support), target, lower, upper)


def supports_of(problem: Problem, coefs: sp.csc_array) -> list[np.ndarray]:
    """Return the features that stand for the nonzero coefficients of every alpha."""
    ends = coefs.indptr
    return [np.unique(problem.features_of(coefs.indices[ends[i] : ends[i + 1]])) for i in range(coefs.shape[1])]
