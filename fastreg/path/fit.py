"""The public functions: a path of fits, and the largest useful penalty."""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastreg.path.grid import default_min_ratio, log_grid
from fastreg.path.loop import run_path
from fastreg.path.result import PathResult
from fastreg.problem.problem import Options, Problem, build_problem
from fastreg.problem.validate import check_alphas, check_count, check_init, check_loss, check_scalar
from fastreg.runtime.exceptions import ConvergenceWarning
from fastreg.solver.cost_model import choose_form, complete_pays, pass_fraction
from fastreg.solver.ridge import RidgeSolver
from fastreg.solver.working_set import WorkingSetSolver

# alpha_max must give all zeros in spite of rounding.
ABOVE = 1.0 + 8 * np.finfo(float).eps
# A ridge grid starts where every coefficient is less than a tenth of its least-squares value.
RIDGE_TOP = 10.0


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
) -> PathResult:
    """Fit a lasso, ridge or elastic net for every penalty of a grid, each with a certified duality gap.

    The objective, with weights w that sum to W, penalty factors v and r = l1_ratio, is ::

        (1/W) sum_i w_i (y_i - b0 - x_i'b - offset_i)^2 / 2  +  alpha sum_j v_j (r |b_j| + (1 - r)/2 b_j^2)

    which is scikit-learn's scaling of ``Lasso`` and ``ElasticNet``.

    Parameters
    ----------
    X : matrix (n_samples, n_features)
        NumPy array of any order and real dtype, memory map, SciPy sparse array or matrix, pandas or polars frame.
        Never changed. Dense arrays and CSC are used as they lie; other sparse formats are converted to CSC once.
    y : array (n_samples,) or (n_samples, n_targets)
        Several targets share one grid, the moments of X and the working set.
    loss : "squared"
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
        Epochs of coordinate descent per alpha (one epoch: one visit to every coefficient of the working set or of
        the support). Ridge takes no epochs and ignores no target: its factorization is exact.
    n_threads : None or int
        Threads for passes over X; None for ``OMP_NUM_THREADS`` or all cores. Answers do not depend on it.
    init : None or (coef, intercept)
        Start of the first fit, on the original scale. The intercept of squared loss is always the best one for the
        coefficients, so only its shape is checked.
    progress : bool
        Show a progress bar (tqdm if it is installed) on standard error.

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
    Massias, Gramfort & Salmon (2018), Celer: a fast solver for the lasso with dual extrapolation.

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
    check_loss(loss)
    tol = check_scalar(tol, "tol", 0.0)
    max_iter = check_count(max_iter, "max_iter")
    n_alphas = check_count(n_alphas, "n_alphas")
    grid = None if alphas is None else check_alphas(alphas)
    if alpha_min_ratio is not None and not 0 < check_scalar(alpha_min_ratio, "alpha_min_ratio", 0.0) < 1:
        raise ValueError(f"alpha_min_ratio: expected a number in (0, 1), got {alpha_min_ratio!r}.")
    options = Options(
        l1_ratio, sample_weight, offset, penalty_factors, lower_bounds, upper_bounds,
        bool(fit_intercept), bool(standardize), n_threads,
    )  # fmt: skip
    problem = build_problem(X, y, options)
    start = check_init(init, problem.n_columns, len(problem.targets), problem.single)
    fit = _Fit(problem, float(l1_ratio), tol, max_iter, start)
    if grid is None:
        ratio = alpha_min_ratio or default_min_ratio(
            problem.design.n_rows, problem.n_columns, fit.is_ridge and not fit.bounded
        )
        grid = log_grid(fit.grid_top(), ratio, n_alphas)
    with _Progress(progress, len(grid) * len(problem.targets)) as report:
        pieces = fit.run(grid, report)
    return fit.result(grid, pieces)


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
    check_loss(loss)
    options = Options(
        l1_ratio, sample_weight, offset, penalty_factors, lower_bounds, upper_bounds,
        bool(fit_intercept), bool(standardize), n_threads,
    )  # fmt: skip
    problem = build_problem(X, y, options, collapse=False)
    fit = _Fit(problem, float(l1_ratio), 1e-10, 10_000, None)
    return np.inf if fit.is_ridge else fit.alpha_max()


class _Progress:
    """A bar on standard error: tqdm where it is installed, else a line every tenth of the way."""

    def __init__(self, wanted: bool, total: int) -> None:
        self.wanted, self.total, self.done, self.bar = wanted, total, 0, None
        if wanted:
            try:
                from tqdm.auto import tqdm
            except ImportError:
                return
            self.bar = tqdm(total=total, file=sys.stderr)

    def __enter__(self) -> Callable[[float, int, float], None] | None:
        return self.step if self.wanted else None

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, alpha: float, n_nonzero: int, gap: float) -> None:
        self.done += 1
        text = f"alpha {alpha:.3g}, {n_nonzero} nonzero, gap {gap:.1e}"
        if self.bar is not None:
            self.bar.set_postfix_str(text, refresh=False)
            self.bar.update()
        elif (10 * self.done) // self.total > (10 * (self.done - 1)) // self.total:
            print(f"fastreg: {self.done}/{self.total}: {text}", file=sys.stderr)


class _Fit:
    """One call: the solvers over a problem, and the way from their traces to a result."""

    def __init__(
        self, problem: Problem, l1_ratio: float, tol: float, max_iter: int, start: np.ndarray | None
    ) -> None:
        self.problem, self.l1_ratio, self.tol, self.max_iter, self.start = problem, l1_ratio, tol, max_iter, start
        penalty = problem.penalty
        self.bounded = bool(np.isfinite(penalty["lower"]).any() or np.isfinite(penalty["upper"]).any())
        self.is_ridge = not (penalty["l1"] > 0).any() and (l1_ratio == 0 or not len(penalty["l1"]))
        self._solver: WorkingSetSolver | None = None
        self._ridge: RidgeSolver | None = None

    def solver(self, n_alphas: int = 100) -> WorkingSetSolver:
        """Return the working-set solver, made when first asked for."""
        if self._solver is None:
            design, penalty = self.problem.design, self.problem.penalty
            loose = (penalty["l1"] == 0) & (penalty["l2"] == 0)
            unbounded = np.isinf(penalty["lower"]) & np.isinf(penalty["upper"])
            free = loose & unbounded
            # Where the Gram matrix of everything is cheap the working set begins with everything.
            first = ~free if complete_pays(design, n_alphas) else loose & ~unbounded
            form = choose_form(design, n_alphas)
            self._solver = WorkingSetSolver(
                design, form, penalty, np.flatnonzero(free), np.flatnonzero(first), pass_fraction(design)
            )
        return self._solver

    def ridge(self, l2: np.ndarray) -> RidgeSolver:
        """Return the ridge solver, made when first asked for."""
        if self._ridge is None:
            self._ridge = RidgeSolver(self.problem.design, l2)
        return self._ridge

    def grid_top(self) -> float:
        """Return where the default grid starts."""
        if not self.is_ridge:
            return self.alpha_max()
        largest = RidgeSolver(self.problem.design, self.problem.penalty["l2"]).largest_eigenvalue()
        _, scale = self.problem.penalty_scales(np.ones(1))
        return RIDGE_TOP * largest / float(scale[0])

    def alpha_max(self) -> float:
        """Return the largest |z_j| / (r v_j) over targets and features, z at the null model."""
        penalty = self.problem.penalty
        top = 0.0
        for k in range(len(self.problem.targets)):
            z = self._null_correlations(k)
            pull = np.where(z > 0, np.where(penalty["upper"] > 0, z, 0), np.where(penalty["lower"] < 0, -z, 0))
            held = penalty["l1"] > 0
            top = max(top, float(np.max(pull[held] / penalty["l1"][held], initial=0.0)))
        scale, _ = self.problem.penalty_scales(np.ones(1))
        return ABOVE * top / float(scale[0])

    def _null_correlations(self, k: int) -> np.ndarray:
        problem, penalty = self.problem, self.problem.penalty
        if not ((penalty["l1"] == 0) & (penalty["l2"] == 0)).any():
            return problem.correlations[k]
        solver = self.solver()
        solver.set_target(problem.targets[k], problem.correlations[k])
        # The null model is wanted to rounding: its correlations are the top of the grid.
        return solver.null_correlations(1e-14 * float(problem.null_losses[k]), self.max_iter).copy()

    def run(self, grid: np.ndarray, report: Any) -> list[list[tuple]]:
        """Return for every target and alpha (features, coefficients, gap, loss, iterations)."""
        return [self._run_target(k, grid, report) for k in range(len(self.problem.targets))]

    def _run_target(self, k: int, grid: np.ndarray, report: Any) -> list[tuple]:
        if self.is_ridge and not self.bounded:
            return self._run_ridge(k, grid, report, self.problem.penalty["l2"])
        # At alpha = 0 there is no penalty left to make a working set: least squares.
        positive = grid[grid > 0] if not self.bounded else grid
        pieces = self._run_working_set(k, positive, report) if len(positive) else []
        if len(positive) < len(grid):
            ones = np.ones(self.problem.design.n_features)
            pieces += self._run_ridge(k, grid[len(positive) :], report, ones)
        return pieces

    def _run_working_set(self, k: int, grid: np.ndarray, report: Any) -> list[tuple]:
        problem, solver = self.problem, self.solver(len(grid))
        solver.set_target(problem.targets[k], problem.correlations[k])
        if self.start is not None:
            beta = problem.feature_coefficients(self.start[k])
            solver.set_coefficients(np.flatnonzero(beta), beta[beta != 0])
        a1, a2 = problem.penalty_scales(grid)
        callback = None if report is None else lambda i, nonzero, gap: report(grid[i], nonzero, self._gap(gap))
        trace = run_path(solver, a1, a2, float(problem.gap_targets(self.tol)[k]), self.max_iter, callback)
        parts = [slice(trace.starts[i], trace.starts[i + 1]) for i in range(len(grid))]
        return [
            (trace.features[part], trace.values[part], trace.gaps[i], trace.losses[i], trace.epochs[i])
            for i, part in enumerate(parts)
        ]

    def _run_ridge(self, k: int, grid: np.ndarray, report: Any, l2: np.ndarray) -> list[tuple]:
        problem = self.problem
        _, a2 = problem.penalty_scales(grid)
        start = None if self.start is None else problem.feature_coefficients(self.start[k])
        target = float(problem.gap_targets(self.tol)[k])
        pieces = []
        solved = self.ridge(l2).path(problem.targets[k], problem.correlations[k], a2, target, start)
        for alpha, (beta, gap, loss, iterations) in zip(grid, solved, strict=True):
            support = np.flatnonzero(beta)
            pieces.append((support, beta[support], gap, loss, iterations))
            if report is not None:
                report(alpha, len(support), self._gap(gap))
        return pieces

    def _gap(self, gap: float) -> float:
        return gap * self.problem.y_scale**2

    def result(self, grid: np.ndarray, pieces: list[list[tuple]]) -> PathResult:
        """Put the pieces back on the user's scale, warn where a gap stayed large."""
        problem = self.problem
        unit = problem.y_scale**2
        table = np.array([[piece[2:] for piece in target] for target in pieces], dtype=float)
        gaps, losses, n_iter = table[..., 0].T, table[..., 1].T, table[..., 2].T.astype(int)
        null = problem.null_losses
        converged = gaps <= problem.gap_targets(self.tol)
        if not converged.all():
            self._warn(grid, gaps, converged)
        explained = 1.0 - np.divide(losses, null, out=np.ones_like(losses), where=null > 0)
        shifts = [[problem.intercept_shift(p[0], p[1]).sum() for p in target] for target in pieces]
        coefs = [self._coefs(target) for target in pieces]
        df = np.stack([np.diff(c.indptr) for c in coefs], axis=1)
        columns = [problem.y_means - np.array(shifts).T, gaps * unit, converged, n_iter, df, explained]
        if problem.single:
            columns = [column[:, 0].copy() for column in columns]
        return PathResult(
            grid, coefs[0] if problem.single else coefs, columns[0], columns[1],
            float(null[0] * unit) if problem.single else null * unit, *columns[2:],
            problem.design.n_passes, self.tol, self.l1_ratio, "squared", problem.names,
        )  # fmt: skip

    def _coefs(self, target: list[tuple]) -> sp.csc_array:
        problem = self.problem
        ends = np.cumsum([0] + [len(piece[0]) for piece in target])
        features = np.concatenate([piece[0] for piece in target])
        rows, values = problem.columns_of(features, np.concatenate([piece[1] for piece in target]))
        coefs = sp.csc_array((values, rows, ends), shape=(problem.n_columns, len(target)))
        if problem.members is not None and (problem.multiplicity > 1).any():
            inside = np.flatnonzero(problem.members >= 0)
            leaders = problem.design.columns[problem.members[inside]]
            share = 1.0 / problem.multiplicity[problem.members[inside]]
            spread = sp.csc_array((share, (inside, leaders)), shape=(problem.n_columns, problem.n_columns))
            coefs = sp.csc_array(spread @ coefs)
        coefs.sort_indices()
        return coefs

    def _warn(self, grid: np.ndarray, gaps: np.ndarray, converged: np.ndarray) -> None:
        problem = self.problem
        unit = problem.y_scale**2
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = gaps / problem.gap_targets(self.tol)
        i, k = np.unravel_index(np.argmax(np.where(converged, -1, ratio)), gaps.shape)
        warnings.warn(
            f"{(~converged).sum()} of {gaps.size} fits did not reach tol={self.tol:g}: at alpha={grid[i]:.6g} the "
            f"duality gap is {gaps[i, k] * unit:.3g}, the target {problem.gap_targets(self.tol)[k] * unit:.3g}. The "
            f"gaps are certified all the same. Raise max_iter (now {self.max_iter}) or tol, or scale the columns of X.",
            ConvergenceWarning,
            stacklevel=4,
        )

