"""adelie: strong rules and coordinate descent in C++; with the columns, or for tall data with their Gram matrix.

With several classes a feature's coefficients are always a group.
"""

import numpy as np
import scipy.sparse as sp

from benchmarks.contestants import grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "adelie"
IS_PEER = True
IMPORTS = PACKAGES = ("adelie",)
LOSSES = ("squared", "logistic", "poisson", "multinomial-grouped")
LADDER = half_decades(2, 18)
MAX_ITERATIONS = 10_000_000
GRAM_COLUMNS = 6000


def options(problem):
    if problem.l1_ratio == 0:
        return ()
    gram = problem.loss == "squared" and problem.is_tall and problem.shape[1] <= GRAM_COLUMNS
    return (*starts(problem), *(["Gram"] if gram else []))


def prepare(X, y):
    # Its documentation asks for Fortran order, or a csc_matrix.
    return (sp.csc_matrix(X) if sp.issparse(X) else np.asfortranarray(X)), np.ascontiguousarray(y)


def fit(data, problem, tol, option):
    import adelie

    X, y = data
    grouped = problem.loss == "multinomial-grouped"
    n_classes = int(y.max()) + 1 if grouped else 1
    # It divides the loss of several classes by their number.
    common = {
        "alpha": problem.l1_ratio, "lmda_path": grid(problem, option) / n_classes, "tol": tol,
        "max_iters": MAX_ITERATIONS, "early_exit": False, "n_threads": problem.threads, "progress_bar": False,
    }  # fmt: skip
    if option == "Gram":
        state = adelie.solver.gaussian_cov(*moments(X, y), **common)
    else:
        kind = adelie.matrix.sparse if sp.issparse(X) else adelie.matrix.dense
        matrix = kind(X, method="naive", n_threads=problem.threads)
        # Reweighted least squares have a tolerance of their own, which is lowered with the other one.
        inner = {} if problem.loss == "squared" else {"irls_tol": tol}
        # Its weight of a group would be the root of its size.
        weights = {"penalty": np.ones(X.shape[1])} if grouped else {}
        state = adelie.grpnet(matrix, family(problem.loss, y), intercept=True, **common, **inner, **weights)
    return Solution(wanted(by_class(sp.csc_array(state.betas.T), n_classes), problem))


def family(loss, y):
    """Return adelie's model of a loss and y."""
    import adelie

    if loss == "multinomial-grouped":
        return adelie.glm.multinomial(np.asarray(y[:, None] == np.arange(y.max() + 1), dtype=float))
    return {"squared": adelie.glm.gaussian, "logistic": adelie.glm.binomial, "poisson": adelie.glm.poisson}[loss](y)


def by_class(coefs, n_classes):
    """Return the coefficients of one class below those of another, not those of one feature."""
    feature, k = np.divmod(coefs.indices, n_classes)
    rows = k * (coefs.shape[0] // n_classes) + feature
    return sp.csc_array((coefs.data, rows, coefs.indptr), shape=coefs.shape)


def cross_validate(data, problem, tol, option, n_folds):
    import adelie

    # It makes the grid itself, and knows no Gram matrices here.
    X, y = data
    kind = adelie.matrix.sparse if sp.issparse(X) else adelie.matrix.dense
    adelie.cv.cv_grpnet(
        kind(X, method="naive", n_threads=problem.threads), adelie.glm.gaussian(y), n_folds=n_folds, seed=0,
        min_ratio=problem.alphas[-1] / problem.alphas[0], lmda_path_size=len(problem.alphas), alpha=problem.l1_ratio,
        tol=tol, max_iters=MAX_ITERATIONS, n_threads=problem.threads, progress_bar=False,
    )  # fmt: skip
    return {}


def moments(X, y):
    """Return the Gram matrix and the correlations with y, of centered columns, over the number of rows."""
    n, mean = len(y), np.asarray(X.mean(axis=0)).ravel()
    gram = X.T @ X
    gram = np.asfortranarray(gram.toarray() if sp.issparse(gram) else gram)
    gram /= n
    gram -= np.outer(mean, mean)
    return gram, X.T @ (y - y.mean()) / n
