"""skglm: working sets and Anderson acceleration, compiled by Numba at the first call."""

from benchmarks.contestants import centered, grid, half_decades, starts, wanted
from benchmarks.problem import Solution

NAME = "skglm"
IS_PEER = True
IMPORTS, PACKAGES = ("skglm", "skglm.solvers"), ("skglm", "numba")
# tol: the largest violation of the optimality conditions; here over alpha_max times l1_ratio, so that it has no unit.
LADDER = half_decades(1, 12)
MAX_ITERATIONS = 1000


def options(problem):
    return starts(problem) if problem.l1_ratio > 0 else ()


def prepare(X, y):
    return centered(X, y)


def fit(data, problem, tol, option):
    from skglm.datafits import Quadratic
    from skglm.penalties import L1, L1_plus_L2
    from skglm.solvers import AndersonCD

    X, y, means = data
    # A dense X is centered: without an intercept it has less to do.
    solver = AndersonCD(
        tol=tol * problem.alpha_max * problem.l1_ratio, max_iter=MAX_ITERATIONS, fit_intercept=means is not None
    )
    penalty = L1(1.0) if problem.l1_ratio == 1 else L1_plus_L2(1.0, problem.l1_ratio)
    coefs = solver.path(X, y, Quadratic(), penalty, alphas=grid(problem, option))[1]
    return Solution(wanted(coefs[: X.shape[1]], problem))
