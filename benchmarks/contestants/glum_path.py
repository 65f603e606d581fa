"""glum: iteratively reweighted least squares with coordinate descent on a p x p matrix."""

import numpy as np
import scipy.sparse as sp

from benchmarks.contestants import grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "glum"
IS_PEER = True
IMPORTS, PACKAGES = ("glum",), ("glum", "tabmat")
LOSSES = ("squared", "logistic", "poisson")
FAMILIES = {"squared": "normal", "logistic": "binomial", "poisson": "poisson"}
# gradient_tol: a norm of the gradient; here over alpha_max times l1_ratio, so that it has no unit.
LADDER = half_decades(1, 10)
MAX_ITERATIONS = 1000
# It keeps a matrix of p x p.
LIMIT_COLUMNS = 10_000


def options(problem):
    return starts(problem) if problem.l1_ratio > 0 and problem.shape[1] <= LIMIT_COLUMNS else ()


def prepare(X, y):
    import tabmat

    if sp.issparse(X):
        return tabmat.SparseMatrix(sp.csc_matrix(X)), y
    return tabmat.DenseMatrix(np.asfortranarray(X)), y


def fit(data, problem, tol, option):
    from glum import GeneralizedLinearRegressor

    X, y = data
    alphas = grid(problem, option)
    search = len(alphas) > 1
    model = GeneralizedLinearRegressor(
        family=FAMILIES[problem.loss], alpha=list(alphas) if search else float(alphas[0]), alpha_search=search,
        l1_ratio=problem.l1_ratio, gradient_tol=tol * problem.alpha_max * problem.l1_ratio, max_iter=MAX_ITERATIONS,
        solver="irls-cd", scale_predictors=False, copy_X=False,
    ).fit(X, y)  # fmt: skip
    coefs = np.array(model.coef_path_).T if search else model.coef_[:, None]
    return Solution(wanted(coefs, problem))
