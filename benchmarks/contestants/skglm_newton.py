"""skglm's proximal Newton method on working sets, for losses that are not squared; compiled by Numba."""

import numpy as np

from benchmarks.contestants import grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "skglm"
IS_PEER = True
IMPORTS, PACKAGES = ("skglm", "skglm.solvers"), ("skglm", "numba")
LOSSES = ("logistic", "poisson")
# tol: the largest violation of the optimality conditions; here over alpha_max times l1_ratio, so that it has no unit.
# With 1 it would have nothing to do, and would not be compiled by its first call.
LADDER = half_decades(1, 12)
MAX_ITERATIONS = 1000


def options(problem):
    return starts(problem)


def prepare(X, y):
    import scipy.sparse as sp

    return (sp.csc_matrix(X) if sp.issparse(X) else np.asfortranarray(X)), y


def fit(data, problem, tol, option):
    from skglm.datafits import Logistic, Poisson
    from skglm.penalties import L1, L1_plus_L2
    from skglm.solvers import ProxNewton

    X, y = data
    n, p = X.shape
    logistic = problem.loss == "logistic"
    datafit, target = (Logistic(), 2 * y - 1) if logistic else (Poisson(), y)
    solver = ProxNewton(tol=tol * problem.alpha_max * problem.l1_ratio, max_iter=MAX_ITERATIONS, fit_intercept=True)
    alphas = grid(problem, option)
    coefs, w, fitted = np.empty((p, len(alphas))), np.zeros(p + 1), np.zeros(n)
    for k, alpha in enumerate(alphas):
        penalty = L1(alpha) if problem.l1_ratio == 1 else L1_plus_L2(alpha, problem.l1_ratio)
        # It starts from these two arrays, and changes them.
        w = solver.solve(X, target, datafit, penalty, w, fitted)[0]
        coefs[:, k] = w[:p]
    return Solution(wanted(coefs, problem))
