"""scikit-learn's coordinate descent: enet_path for a path, ElasticNet for one alpha."""

from benchmarks.contestants import centered, half_decades
from benchmarks.problem import Solution

NAME = "scikit-learn"
IS_PEER = True
IMPORTS, PACKAGES = ("sklearn.linear_model",), ("scikit-learn",)
# tol: the gap over ||y||^2.
LADDER = half_decades(3, 13)
MAX_ITERATIONS = 1_000_000


def options(problem):
    if problem.l1_ratio == 0:
        return ()
    # With a Gram matrix and without: what is better depends on the data.
    return ("Gram", "columns") if problem.is_tall and not problem.is_sparse else ("columns",)


def prepare(X, y):
    return centered(X, y)


def fit(data, problem, tol, option):
    X, y, means = data
    limits = {"l1_ratio": problem.l1_ratio, "tol": tol, "max_iter": MAX_ITERATIONS, "precompute": option == "Gram"}
    return (fit_one if problem.is_single else fit_path)(X, y, means, problem.alphas, limits)


def cross_validate(data, problem, tol, option, n_folds):
    from sklearn.linear_model import LassoCV

    X, y, _ = data
    LassoCV(
        alphas=problem.alphas, cv=n_folds, tol=tol, max_iter=MAX_ITERATIONS, precompute=option == "Gram",
        fit_intercept=True, n_jobs=problem.threads,
    ).fit(X, y)  # fmt: skip
    return {}


def fit_one(X, y, means, alphas, limits):
    from sklearn.linear_model import ElasticNet

    # A dense X is centered already, so that there is nothing to copy it for; a sparse one is not changed.
    model = ElasticNet(alpha=alphas[0], copy_X=False, fit_intercept=means is not None, **limits).fit(X, y)
    return Solution(model.coef_[:, None])


def fit_path(X, y, means, alphas, limits):
    import numpy as np
    from sklearn.linear_model import enet_path

    offsets = {} if means is None else {"X_offset": means, "X_scale": np.ones_like(means)}
    return Solution(enet_path(X, y, alphas=alphas, copy_X=False, **limits, **offsets)[1])
