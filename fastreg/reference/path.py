"""A path of fits with warm starts."""

from dataclasses import dataclass

import numpy as np

from fastreg.reference.certificate import dual_gap
from fastreg.reference.problem import standard_form
from fastreg.reference.solvers import coordinate_descent


@dataclass
class PathFit:
    """Penalties, coefficients (n_features, n_alphas), intercepts, gaps and the null loss."""

    alphas: np.ndarray
    coefs: np.ndarray
    intercepts: np.ndarray
    dual_gaps: np.ndarray
    null_loss: float


def fit_path(X, y, *, alphas=None, n_alphas=100, alpha_min_ratio=1e-2, tol=1e-6, max_epochs=10_000, **options):
    """Fit every alpha from the solution before; options are those of ``standard_form``."""
    form = standard_form(X, y, **options)
    if alphas is None:
        held = form.l1 > 0
        top = np.max(np.abs(form.X.T @ form.y)[held] / form.l1[held])
        alphas = top * np.exp(np.linspace(0.0, np.log(alpha_min_ratio), n_alphas))
    b = np.zeros(form.X.shape[1])
    coefs, gaps = [], []
    for alpha in alphas:
        b, _ = coordinate_descent(form, alpha, b, tol * form.null_loss, max_epochs)
        coefs.append(b)
        gaps.append(dual_gap(form, b, alpha))
    intercepts = np.array([form.intercept(b) for b in coefs])
    return PathFit(np.asarray(alphas), np.array(coefs).T, intercepts, np.array(gaps), form.null_loss)
