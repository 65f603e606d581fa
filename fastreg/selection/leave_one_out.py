"""Leave-one-out errors of ridge without refitting: e_i / (1 - h_i), with the leverages h of all rows."""

from typing import Any

import numpy as np

from fastreg.path.run import PathFit
from fastreg.problem.build import build_problem
from fastreg.problem.problem import Options
from fastreg.solver.cost_model import FACTOR_SIZE
from fastreg.solver.ridge import RidgeSolver

# The least of 1 - h_i that can be told from rounding to half its digits.
DETERMINED = 1e-8
# Eigenvectors that are mapped to the rows at a time.
BATCH = 64


def leave_one_out(X: Any, y: Any, alphas: np.ndarray, options: Options) -> np.ndarray:
    """Return the weighted mean squared error (n_alphas,) of predictions for each row by the fit without it.

    The fit is ridge with these alphas, in the scaling of ``fit_path``, which the row that is left out leaves as it is:
    alpha times the sum of weights, what scikit-learn calls alpha, stays. Several targets: the mean of their errors.

    Raises
    ------
    ValueError
        If X is too large for a factorization, or coefficients have bounds.

    References
    ----------
    Golub, Heath & Wahba (1979), Generalized cross-validation as a method for choosing a good ridge parameter.
    """
    problem = build_problem(X, y, options, collapse=False)
    if not problem.unbounded.all():
        raise ValueError("cv: expected splits for coefficients with bounds, got None (leave one out). Pass cv=5.")
    solver = PathFit(problem, 0.0, 1e-6, 1, None).ridge(problem.penalty["l2"])
    if not solver.can_factor:
        raise ValueError(
            f"cv: expected splits beyond {FACTOR_SIZE} samples and features, got None (leave one out). Pass cv=5."
        )
    _, a2 = problem.penalty_scales(alphas)
    root = problem.design.root
    # What a leverage of nearly 1 leaves is rounding: such a fit says nothing of its errors.
    rest = 1.0 - _leverages(solver, a2) - (root**2 if problem.fit_intercept else 0.0)
    errors = np.where((rest[:, root > 0] < DETERMINED).any(axis=1), np.inf, 0.0)
    for target, correlation in zip(problem.targets, problem.correlations, strict=True):
        at = 0
        for coefs, *_ in solver.path(target, correlation, a2, 0.0, None):
            residuals = target - problem.design.predictions(coefs)
            # A row with leverage 1 cannot be predicted by the others; one of weight 0 is not asked.
            with np.errstate(divide="ignore", invalid="ignore"):
                lost = np.where(root > 0, residuals / rest[at : at + len(coefs)], 0.0)
            errors[at : at + len(coefs)] += np.einsum("ki,ki->k", lost, lost)
            at += len(coefs)
    return errors * problem.y_scale**2 / len(problem.targets)


def _leverages(solver: RidgeSolver, a2: np.ndarray) -> np.ndarray:
    """Return the diagonals (n_alphas, n_rows) of the matrices that map targets to predictions."""
    design = solver.design
    values, vectors = solver.spectrum
    free = solver.columns.basis
    out = np.broadcast_to(np.einsum("ki,ki->i", free, free), (len(a2), design.n_rows)).copy()
    with np.errstate(divide="ignore", invalid="ignore"):
        if not solver.is_primal:
            shares = np.where(values > 0, values / (values + a2[:, None]), 0.0)
            return out + shares @ (vectors**2).T
        shares = np.where(values > 0, 1.0 / (values + a2[:, None]), 0.0)
    for start in range(0, vectors.shape[1], BATCH):
        chosen = slice(start, start + BATCH)
        mapped = design.predictions(vectors[:, chosen].T / solver.root_l2, solver.rest)
        if len(free):
            mapped -= (mapped @ free.T) @ free
        out += shares[:, chosen] @ mapped**2
    return out
