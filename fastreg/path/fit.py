"""The public functions: a path of fits, and the largest useful penalty."""

from typing import Any

from fastreg.path.fits import GridRequest
from fastreg.path.progress import Progress
from fastreg.path.result import PathResult
from fastreg.path.run import PathFit
from fastreg.path.source import Source
from fastreg.path.watch import Watcher, check_stops
from fastreg.problem.build import build_problem
from fastreg.problem.problem import Options
from fastreg.problem.validate import check_count, check_init, check_scalar
from fastreg.runtime.threads import blas_threads


def fit_path(
    X: Any,
    y: Any,
    *,
    loss: str = "squared",
    l1_ratio: float = 1.0,
    alphas: Any = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
    sample_weight: Any = None,
    offset: Any = None,
    penalty_factors: Any = None,
    lower_bounds: Any = None,
    upper_bounds: Any = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    n_threads: int | None = None,
    init: tuple[Any, Any] | None = None,
    progress: bool = False,
    dfmax: int | None = None,
    max_explained: float | None = None,
    validation: tuple[Any, ...] | None = None,
    patience: int = 5,
) -> PathResult:
    """Fit a lasso, ridge or elastic net for every penalty of a grid, each with a certified duality gap.

    The objective, with weights w that sum to W, penalty factors v and r = l1_ratio, is ::

        (1/W) sum_i w_i l(y_i, eta_i)  +  alpha sum_j v_j (r |b_j| + (1 - r)/2 b_j^2),   eta_i = b0 + x_i'b + offset_i

    where the loss l is ::

        squared      (y - eta)^2 / 2
        logistic     log(1 + e^eta) - y eta          y in [0, 1]; labels 0 and 1, or proportions
        multinomial  log sum_k e^eta_k - eta_y       y in 0, 1, ..., K - 1; coefficients b_k for every class k
        poisson      e^eta - y eta                   y >= 0
        gamma        y e^-eta + eta                  y > 0
        huber        r^2/2 for |r| <= delta, else delta |r| - delta^2/2,   r = y - eta

    which for squared loss is scikit-learn's scaling of ``Lasso`` and ``ElasticNet``; the penalty of its
    ``LogisticRegression(C)`` is alpha = 1/(C W). Losses are reported less their smallest value, so that twice the loss
    is the deviance.

    Parameters
    ----------
    X : matrix (n_samples, n_features)
        NumPy array of any order and real dtype, memory map, SciPy sparse array or matrix, pandas or polars frame.
        Never changed. Dense arrays and CSC are used as they lie; other sparse formats are converted to CSC once.
    y : array (n_samples,) or (n_samples, n_targets)
        Several targets share one grid, the moments of X and the working set.
    loss : "squared", "logistic", "multinomial", "poisson", "gamma", "huber", fastreg.Huber(delta), or
        fastreg.Multinomial(grouped=True)
        The result of "multinomial" is like that of several targets, but its gap and deviance are those of all classes
        together; the penalty is the sum over the classes, and intercepts sum to 0, as do coefficients that bear no
        penalty. With ``grouped`` the l1 part is r v_j ||b_j||, the norm over the classes: a feature is in the model
        for all classes or for none.
    l1_ratio : float in [0, 1]
        1 is the lasso, 0 is ridge.
    alphas : None, float or array
        Penalties >= 0, in any order; None for a grid of ``n_alphas`` from ``alpha_max`` down to
        ``alpha_min_ratio * alpha_max``, equally spaced in the logarithm. For l1_ratio = 0, where alpha_max is
        infinite, the grid starts at ten times the largest eigenvalue of the (penalty-scaled) Gram matrix.
    n_alphas : int
    alpha_min_ratio : None or float in (0, 1)
        None means 1e-2 when n_samples < n_features, else 1e-4; 1e-6 for l1_ratio = 0.
    sample_weight : None or array (n_samples,), >= 0; only their ratios matter
    offset : None, float or array shaped like y or (n_samples,); added to the predictor
        Of several classes (n_samples, n_classes): what all have in common changes nothing.
    penalty_factors : None or array (n_features,)
        v above; 0 for a coefficient that is never penalized, inf for one that never enters.
    lower_bounds, upper_bounds : None, float or array (n_features,), lower <= 0 <= upper, on the original scale
    fit_intercept : bool
        The intercept is never penalized.
    standardize : bool
        Penalize the coefficients of columns scaled to standard deviation 1 (with the sample weights, dividing by W;
        a constant column keeps its scale). Results and bounds are on the original scale all the same.
    tol : float
        A fit has converged when its duality gap is at most ``tol * null_loss``, the null loss being the objective at
        zero coefficients with the best intercept. scikit-learn's ``tol`` relates the gap to ``sum (y - mean)^2 / n``,
        twice the null loss, so our 1e-6 asks for what 5e-7 asks for there.
    max_iter : int
        Events of exact tracing (a coefficient enters or leaves) per alpha, and epochs of coordinate descent after them
        (one epoch: one visit to every coefficient of the working set or of the support); for losses other than squared
        loss Newton steps too. For ridge the iterations of conjugate gradients have a limit of their own, and a
        factorization needs none.
    n_threads : None or int
        Threads of the kernels; None for ``OMP_NUM_THREADS`` or all cores. Answers do not depend on it. Ridge
        factorizations go through NumPy, whose BLAS obeys it too if threadpoolctl is installed.
    init : None or (coef, intercept)
        Start of the first fit, on the original scale. The intercept is always the best one for the coefficients, so
        only its shape is checked.
    progress : bool
        Show a progress bar (tqdm if it is installed) on standard error.
    dfmax : None or int
        End the path before the first alpha with more than so many nonzero coefficients, but not before the first of
        all. One target only.
    max_explained : None or float in [0, 1]
        End the path after the first alpha with so large a ``deviance_ratio``: where classes are separated, what follows
        only moves predictors towards infinity. One target only.
    validation : None or (X, y), (X, y, sample_weight) or (X, y, sample_weight, offset)
        Rows that are not fitted. The path ends once their deviance has not improved for ``patience`` alphas;
        ``validation_deviance`` of the result holds it for every alpha. One target only, or all classes of one.
    patience : int

    Returns
    -------
    PathResult

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; nothing has been computed then.
    KeyboardInterrupt
        On Ctrl-C, within a second.

    Warns
    -----
    ConvergenceWarning
        If a gap stayed above its target; the result holds the best certified answer all the same.

    References
    ----------
    Friedman, Hastie & Tibshirani (2010), Regularization paths for generalized linear models via coordinate descent;
    Massias, Gramfort & Salmon (2018), Celer: a fast solver for the lasso with dual extrapolation;
    Lee, Sun & Saunders (2014), Proximal Newton-type methods for minimizing composite functions.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((50, 200))
    >>> y = X[:, 0] - 2 * X[:, 1] + 0.1 * rng.standard_normal(50)
    >>> path = fastreg.fit_path(X, y, n_alphas=20)
    >>> path.coefs.shape
    (200, 20)
    >>> bool((path.dual_gaps <= 1e-6 * path.null_loss).all())
    True
    """
    grid_request = GridRequest.checked(alphas, n_alphas, alpha_min_ratio)
    tol = check_scalar(tol, "tol", 0.0)
    max_iter = check_count(max_iter, "max_iter")
    options = Options(
        l1_ratio, sample_weight, offset, penalty_factors, lower_bounds, upper_bounds,
        fit_intercept, standardize, n_threads, loss,
    )  # fmt: skip
    problem = build_problem(X, y, options)
    start = check_init(init, problem.n_columns, len(problem.targets), problem.single)
    stops = check_stops(problem, dfmax, max_explained, validation, patience)
    fit = PathFit(problem, float(l1_ratio), tol, max_iter, start)
    with blas_threads(n_threads if fit.is_ridge or problem.joint else None):
        grid = fit.grid(grid_request)
        with Progress(progress, len(grid) * len(problem.targets)) as report:
            watcher = Watcher(problem, report, stops)
            fits = fit.run(grid, watcher)
    result = fit.result(grid, fits, watcher, Source(X, y, options))
    fit.warn(result)
    return result


def alpha_max(
    X: Any,
    y: Any,
    *,
    loss: str = "squared",
    l1_ratio: float = 1.0,
    sample_weight: Any = None,
    offset: Any = None,
    penalty_factors: Any = None,
    lower_bounds: Any = None,
    upper_bounds: Any = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    n_threads: int | None = None,
) -> float:
    """Return the smallest penalty at which every penalized coefficient is zero.

    Parameters are those of ``fit_path``. For several targets it is the largest over the targets; for l1_ratio = 0 it
    is infinite.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> fastreg.alpha_max(np.array([[1.0], [2.0], [3.0]]), np.array([1.0, 2.0, 3.0]))
    0.666666...
    """
    options = Options(
        l1_ratio, sample_weight, offset, penalty_factors, lower_bounds, upper_bounds,
        fit_intercept, standardize, n_threads, loss,
    )  # fmt: skip
    problem = build_problem(X, y, options, collapse=False)
    fit = PathFit(problem, float(l1_ratio), 1e-10, 10_000, None)
    return float("inf") if l1_ratio == 0 else fit.alpha_max()
