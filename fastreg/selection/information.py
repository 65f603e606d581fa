"""Information criteria along a path."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from fastreg.path.result import PathResult
from fastreg.path.table import Table
from fastreg.problem.validate import check_scalar
from fastreg.selection.relaxed import fitted_problem, supports_of
from fastreg.solver.cost_model import FACTOR_SIZE
from fastreg.solver.ridge import RidgeSolver


@dataclass(frozen=True, eq=False)
class InformationCriteria:
    """Criteria for every alpha of a path; the smallest is the best.

    Attributes
    ----------
    alphas, df, aic, aicc, bic, ebic : ndarray (n_alphas,)
        Penalties, degrees of freedom (the intercept is one of them) and criteria.
    """

    alphas: np.ndarray
    df: np.ndarray
    aic: np.ndarray
    aicc: np.ndarray
    bic: np.ndarray
    ebic: np.ndarray

    def best(self, criterion: str = "bic") -> float:
        """Return the alpha at which a criterion ("aic", "aicc", "bic", "ebic") is smallest."""
        if criterion not in ("aic", "aicc", "bic", "ebic"):
            raise ValueError(f"criterion: expected 'aic', 'aicc', 'bic' or 'ebic', got {criterion!r}.")
        return float(self.alphas[np.argmin(getattr(self, criterion))])

    def summary(self) -> Table:
        """Return a table of the best alpha under every criterion."""
        rows = []
        for name in ("aic", "aicc", "bic", "ebic"):
            k = int(np.argmin(getattr(self, name)))
            rows.append((name.upper(), float(getattr(self, name)[k]), float(self.alphas[k]), float(self.df[k])))
        return Table("Information criteria", ["criterion", "smallest", "at alpha", "degrees of freedom"], rows)

    def __repr__(self) -> str:
        return repr(self.summary())

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()


def information_criteria(
    result: PathResult, X: Any = None, *, noise_variance: float | None = None, ebic_gamma: float = 1.0
) -> InformationCriteria:
    """Return AIC, AICc, BIC and EBIC for every alpha of a path.

    With n samples, mean squared error s2 and d degrees of freedom, ::

        AIC  = f + 2 d
        AICc = AIC + 2 d (d + 1) / (n - d - 1)            (infinite where n <= d + 1)
        BIC  = f + log(n) d
        EBIC = BIC + 2 ebic_gamma log binomial(p, m)      for m nonzero coefficients

    where f = n log(2 pi s2) + n, or n s2/v + n log(2 pi v) with v = noise_variance.

    Degrees of freedom count the intercept, n only rows of positive weight. For the lasso they are the nonzero
    coefficients that are at no bound, for the elastic net and ridge the trace of the matrix that maps y to the
    predictions on the support, given the support.

    Parameters
    ----------
    result : PathResult of one target
    X : None or the matrix that was fitted
        Needed for l1_ratio < 1 where nobody keeps it any more.
    noise_variance : None or float > 0
        Known variance of y given X; None estimates it by the mean squared error of each fit.
    ebic_gamma : float >= 0

    Raises
    ------
    ValueError
        If the path has several targets, or X is needed, or is not what was fitted.

    References
    ----------
    Zou, Hastie & Tibshirani (2007), On the degrees of freedom of the lasso; Tibshirani & Taylor (2012), Degrees of
    freedom in lasso problems; Hurvich & Tsai (1989) for AICc; Chen & Chen (2008) for EBIC.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 20))
    >>> y = X[:, 0] - X[:, 1] + rng.standard_normal(100)
    >>> criteria = fastreg.information_criteria(fastreg.fit_path(X, y))
    >>> print(criteria.df[criteria.bic.argmin()])
    4.0
    """
    if result.loss != "squared":
        raise ValueError(f"result: expected a path of squared loss, got {result.loss!r}. Cross-validate instead.")
    if result.several:
        raise ValueError("result: expected a path of one target, got several. Fit them one by one.")
    if result.source is None or not np.isfinite(result.deviance_ratio).all():
        raise ValueError(
            "result: expected what fit_path has returned, got fits without a loss or without their options."
        )
    gamma = check_scalar(ebic_gamma, "ebic_gamma", 0.0)
    n, p = result.n_samples, result.coefs.shape[0]
    mse = 2.0 * result.null_loss * (1.0 - result.deviance_ratio)
    # A fit that leaves nothing has no likelihood: what rounding leaves stands for its error.
    mse = np.maximum(mse, 2.0 * result.null_loss * np.finfo(float).eps)
    with np.errstate(divide="ignore"):
        if noise_variance is None:
            fit = n * np.log(2 * np.pi * mse) + n
        else:
            variance = check_scalar(noise_variance, "noise_variance", np.finfo(float).tiny)
            fit = n * mse / variance + n * np.log(2 * np.pi * variance)
    intercept = int(result.source.options.fit_intercept)
    df = _free_coefficients(result) if result.l1_ratio == 1 else _effective(result, X)
    df = np.minimum(df, n - intercept) + intercept
    aic = fit + 2 * df
    with np.errstate(divide="ignore"):
        correction = np.where(n > df + 1, 2 * df * (df + 1) / np.where(n > df + 1, n - df - 1, 1.0), np.inf)
    bic = fit + np.log(n) * df
    choices = gammaln(p + 1) - gammaln(result.df + 1) - gammaln(p - result.df + 1)
    return InformationCriteria(result.alphas, df, aic, aic + correction, bic, bic + 2 * gamma * choices)


def _free_coefficients(result: PathResult) -> np.ndarray:
    """Coefficients that are neither 0 nor at a bound, for every alpha."""
    options, coefs = result.source.options, result.coefs
    lower, upper = options.lower_bounds, options.upper_bounds
    free = np.ones(len(coefs.data), dtype=bool)
    for bound, sign in ((lower, 1.0), (upper, -1.0)):
        if bound is not None:
            limit = np.broadcast_to(np.asarray(bound, dtype=float), coefs.shape[0])[coefs.indices]
            free &= sign * coefs.data > sign * limit
    return np.add.reduceat(np.append(free, 0.0), coefs.indptr[:-1]) * (np.diff(coefs.indptr) > 0)


def _effective(result: PathResult, X: Any) -> np.ndarray:
    """Trace of Q_SS (Q_SS + a2 L2_S)^-1 for every alpha, S the support."""
    problem = fitted_problem(result, X)
    _, scales = problem.penalty_scales(result.alphas)
    if result.l1_ratio == 0 and problem.unbounded.all():
        solver = RidgeSolver(problem.design, problem.penalty["l2"])
        if not solver.can_factor:
            raise ValueError(
                f"result: expected at most {FACTOR_SIZE} samples or features for the degrees of freedom of ridge, "
                f"got {problem.design.n_rows} x {problem.n_columns}."
            )
        spectrum = np.maximum(solver.spectrum[0], 0.0)
        shares = [np.sum(spectrum > 0) if a2 == 0 else np.sum(spectrum / (spectrum + a2)) for a2 in scales]
        free = problem.design.gram_matrix(solver.free) if len(solver.free) else np.empty((0, 0))
        return _rank(free) + np.array(shares, dtype=float)
    used = np.unique(problem.features_of(result.coefs.indices))
    gram = problem.design.gram_matrix(used)
    traces = []
    for a2, support in zip(scales, supports_of(problem, result.coefs), strict=True):
        here = np.searchsorted(used, support)
        traces.append(_trace(gram[np.ix_(here, here)], a2 * problem.penalty["l2"][support]))
    return np.array(traces)


def _trace(Q: np.ndarray, l2: np.ndarray) -> float:
    """Trace of Q (Q + L)^-1; columns without a penalty count whole, and are taken out of the others first."""
    free, rest = np.flatnonzero(l2 == 0), np.flatnonzero(l2 > 0)
    Q_free = Q[np.ix_(free, free)]
    if len(free) and len(rest):
        cross = Q[np.ix_(free, rest)]
        Q = Q[np.ix_(rest, rest)] - cross.T @ np.linalg.pinv(Q_free, hermitian=True) @ cross
    root = np.sqrt(l2[rest])
    spectrum = np.maximum(np.linalg.eigvalsh(Q / np.outer(root, root)), 0.0) if len(rest) else np.empty(0)
    return _rank(Q_free) + float(np.sum(spectrum / (spectrum + 1.0)))


def _rank(gram: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(gram, hermitian=True)) if len(gram) else 0
