"""One module per contestant, each with these names.

NAME : str, as it stands in the tables
IS_PEER : bool, whether it is looked for in the peers' environment first
IMPORTS, PACKAGES : the modules that have to be importable, and the distributions whose versions are reported
LADDER : tolerances in the contestant's own notion, from loose to tight
options(problem) -> the ways, by name, in which it can solve a ``benchmarks.problem.Problem``; the fastest one counts.
    None where it does not solve it.
prepare(X, y) -> the data as the contestant likes them best; not timed. X is an array in Fortran order or a csc_array,
    float64; dense columns of the stored data have mean 0. Columns may be centered here.
fit(data, problem, tol, option) -> ``benchmarks.problem.Solution``; timed
    Coefficients only: the intercept is the best one for them, whatever the contestant says.

``about() -> dict`` (further versions), ``process(data) -> int`` (the process whose memory counts), LIMIT_SECONDS (a
lower cap on one fit), LOSSES (the losses it is made for; squared loss alone where it is missing), NOTE (what a reader
of the tables has to know) and ``cross_validate(data, problem, tol, option, n_folds) -> dict`` (what it knows of its
seconds and passes) are optional. y is 0 or 1 for logistic loss, counts for Poisson loss, codes 0, 1, ... of
classes for multinomial loss. A package may have one module
for squared loss and another for the rest, of the same NAME. The board imports every module, so that the contestant's
own package is imported inside functions; the worker has imported it before anything is timed.
"""

import numpy as np
import scipy.sparse as sp

# What most packages offer: the one fit as it is, or after a short path of warm starts. The faster one counts.
SHORT_PATH = 10


def half_decades(first: int, last: int) -> list[float]:
    """Return 10^-first, then half a decade less each time, to 10^-last."""
    return [10.0 ** (-k / 2) for k in range(2 * first, 2 * last + 1)]


def starts(problem):
    """Return the options of a contestant whose warm starts are those of its path."""
    return ("alone", "short path") if problem.is_single else ("path",)


def grid(problem, option):
    """Return the alphas to fit: those of the problem, or a short path from alpha_max to the single one."""
    if option != "short path":
        return problem.alphas
    return np.geomspace(problem.alpha_max, problem.alphas[-1], SHORT_PATH)


def wanted(coefs, problem):
    """Return the last columns of what was fitted: those of the problem."""
    return coefs[:, coefs.shape[1] - len(problem.alphas) :]


def centered(X, y):
    """Return X and y without their means; a sparse X as it is, with the means beside it."""
    y = y - y.mean()
    if sp.issparse(X):
        return sp.csc_matrix(X), y, np.asarray(X.mean(axis=0)).ravel()
    return np.asfortranarray(X - X.mean(axis=0)), y, None
