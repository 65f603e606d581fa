"""LassoCV, ElasticNetCV and RidgeCV: the penalty chosen by cross-validation, with scikit-learn's names."""

from typing import Any

import numpy as np

from fastreg.estimators.base import LinearModel, Regressor, total_weight
from fastreg.path.fit import fit_path
from fastreg.problem.problem import Options
from fastreg.problem.validate import check_alphas, check_count
from fastreg.selection.cross_validate import cross_validate_path
from fastreg.selection.cv_result import CVResult
from fastreg.selection.leave_one_out import leave_one_out

# Parameters that every estimator with a cross-validation inside has, and what it knows after fitting.
OPTIONS = """choice : "best" or "1se"
        The penalty with the best mean score, or the largest one within a standard error of it.
    fit_intercept : bool
    standardize : bool
        Penalize the coefficients of columns scaled to standard deviation 1 over the training rows.
    positive : bool
    penalty_factors, lower_bounds, upper_bounds : as in ``fastreg.fit_path``
    tol : float
        Duality gap of every fit of every fold, as a fraction of the null loss.
    max_iter : int
    n_threads : None or int
        Folds run side by side in so many threads.

    Attributes
    ----------
    alpha_ : float, the chosen penalty
    alphas_ : ndarray (n_alphas,), the grid, descending
"""
FITTED = """    coef_, intercept_, sparse_coef_, dual_gap_, n_iter_ : of the fit to all rows at ``alpha_``
    cv_result_ : fastreg.CVResult
        Everything else: standard errors, the one-standard-error choice, out-of-fold predictions.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, if X has column names
"""
_PARAMETERS = (
    """
    Parameters
    ----------
    {alphas}
    cv : {cv}int, scikit-learn splitter, or iterable of (train, test)
    """
    + OPTIONS
    + """    mse_path_ : ndarray (n_alphas, n_folds)
        Mean squared error of the held-out rows.
"""
    + FITTED
)

_GRID = """eps : float in (0, 1)
        The smallest penalty of the grid over the largest.
    alphas : int or array
        How many penalties the grid has, or the penalties themselves."""


class CrossValidated(LinearModel):
    """Choose alpha (and l1_ratio) by the scores of held-out rows."""

    def _check_choice(self) -> None:
        if self.choice not in ("best", "1se"):
            raise ValueError(f"choice: expected 'best' or '1se', got {self.choice!r}.")

    def _grid(self) -> dict[str, Any]:
        """Return what ``cross_validate_path`` is told about a grid that all folds share."""
        counted = not np.ndim(self.alphas)
        grid = {"n_alphas": check_count(self.alphas, "alphas")} if counted else {"alphas": self.alphas}
        return {"alpha_min_ratio": self.eps, "fold_alphas": "shared"} | grid

    def _fit_folds(self, matrix: Any, y: np.ndarray, sample_weight: Any, groups: Any, **request: Any) -> CVResult:
        """Fit every fold; ``request`` holds the grid, and what differs from 5 folds judged by their deviance."""
        arguments = {"cv": 5 if self.cv is None else self.cv} | self._penalty() | request
        return cross_validate_path(
            matrix,
            y,
            loss=self.loss,
            l1_ratio=self.l1_ratio,
            sample_weight=sample_weight,
            groups=groups,
            **arguments,
        )

    def _choose(self, X: Any, result: CVResult, unit: float = 1.0) -> int:
        """Take the chosen fit, and return its place in the grid; what is called alpha here is ``unit`` times ours."""
        index = result.best[2] if self.choice == "best" else result.one_se
        self._take(X, result.path, index)
        # The path comes to the chosen penalty by way of the larger ones.
        n_iter = result.path.n_iter[: index + 1].sum(axis=0)
        self.n_iter_ = n_iter if n_iter.ndim else int(n_iter)
        self.alphas_ = result.alphas * unit
        self.alpha_ = self._alpha * unit
        self.cv_result_ = result
        return index


class _SquaredErrors(Regressor, CrossValidated):
    """Choose by the mean squared error of held-out rows."""

    def __init__(
        self,
        *,
        eps: float = 1e-3,
        alphas: Any = 100,
        cv: Any = None,
        choice: str = "best",
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        penalty_factors: Any = None,
        lower_bounds: Any = None,
        upper_bounds: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        n_threads: int | None = None,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> "_SquaredErrors":
        """Fit a path on every fold of X (n_samples, n_features) and y, and the chosen penalty on all rows.

        ``sample_weight`` is used in fitting and in scoring; ``groups`` are labels of rows for the splitter.
        """
        self._check_choice()
        matrix, y = self._checked(X, y)
        result = self._fit_folds(matrix, y, sample_weight, groups, **self._grid())
        self._choose(X, result)
        self.mse_path_ = np.moveaxis(result.fold_scores, 0, -1)
        self.l1_ratio_ = result.l1_ratio_best
        return self


class LassoCV(_SquaredErrors):
    __doc__ = (
        """``Lasso`` with the penalty chosen by cross-validation, on a grid that all folds share.
"""
        + _PARAMETERS.format(alphas=_GRID, cv="None (5), ")
        + """
    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 30))
    >>> model = fastreg.LassoCV().fit(X, X[:, 0] + 0.1 * rng.standard_normal(100))
    >>> model.mse_path_.shape, int(np.argmax(model.coef_))
    ((100, 5), 0)
    """
    )

    l1_ratio = 1.0


class ElasticNetCV(_SquaredErrors):
    __doc__ = (
        """``ElasticNet`` with the penalty, and l1_ratio from a list, chosen by cross-validation.

    With a list of l1_ratio ``alphas_`` and ``mse_path_`` have a first axis for it, and ``l1_ratio_`` is the best.
"""
        + _PARAMETERS.format(alphas="l1_ratio : float or list of floats in (0, 1]\n" + _GRID, cv="None (5), ")
        + """
    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 30))
    >>> model = fastreg.ElasticNetCV(l1_ratio=[0.5, 1.0]).fit(X, X[:, 0] + 0.1 * rng.standard_normal(100))
    >>> model.l1_ratio_, model.mse_path_.shape
    (1.0, (2, 100, 5))
    """
    )

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.5,
        eps: float = 1e-3,
        alphas: Any = 100,
        cv: Any = None,
        choice: str = "best",
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        penalty_factors: Any = None,
        lower_bounds: Any = None,
        upper_bounds: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        n_threads: int | None = None,
    ) -> None:
        self._store(locals())


class RidgeCV(_SquaredErrors):
    __doc__ = (
        """``Ridge`` with the penalty chosen by leave-one-out errors, or by cross-validation.

    Without ``cv`` every row is predicted by the fit without it; that costs no further fits (``mse_path_`` is then the
    mean over rows, of shape (n_alphas, 1), and there is no ``cv_result_``).
"""
        + _PARAMETERS.format(
            alphas="alphas : array of floats > 0, in scikit-learn's scaling of ``Ridge``",
            cv="None (leave one out), ",
        )
        + """
    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((20, 30))
    >>> model = fastreg.RidgeCV(alphas=[0.1, 1.0, 10.0]).fit(X, X[:, 0] + rng.standard_normal(20))
    >>> model.alpha_
    10.0
    """
    )

    l1_ratio = 0.0

    def __init__(
        self,
        *,
        alphas: Any = (0.1, 1.0, 10.0),
        cv: Any = None,
        choice: str = "best",
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        penalty_factors: Any = None,
        lower_bounds: Any = None,
        upper_bounds: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        n_threads: int | None = None,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> "RidgeCV":
        """Fit ridge at every alpha, judge it by rows that it has not seen, and keep the chosen one.

        ``sample_weight`` is used in fitting and in scoring; ``groups`` are labels of rows for the splitter.
        """
        self._check_choice()
        matrix, y = self._checked(X, y)
        unit = total_weight(y, sample_weight)
        asked = check_alphas(self.alphas)
        if asked[-1] == 0:
            raise ValueError("alphas: expected penalties > 0, got 0. Use least squares, or a small alpha.")
        alphas = asked / unit
        if self.cv is None:
            if groups is not None or self.choice == "1se":
                raise ValueError(
                    "cv: expected splits where groups or choice='1se' are given, got None (leave one out)."
                )
            self._fit_leave_one_out(X, matrix, y, sample_weight, alphas)
            self.alphas_, self.alpha_ = asked, float(asked[np.argmin(np.abs(alphas - self._alpha))])
            return self
        result = self._fit_folds(matrix, y, sample_weight, groups, alphas=alphas, fold_alphas="sum")
        self._choose(X, result, unit)
        self.mse_path_ = np.moveaxis(result.fold_scores, 0, -1)
        # The numbers that were given, without the rounding of the way to our units and back.
        self.alphas_, self.alpha_ = asked, float(asked[np.argmin(np.abs(alphas - self._alpha))])
        return self

    def _fit_leave_one_out(self, X: Any, matrix: Any, y: Any, sample_weight: Any, alphas: np.ndarray) -> None:
        penalty = self._penalty()
        result = fit_path(matrix, y, l1_ratio=0.0, alphas=alphas, sample_weight=sample_weight, **penalty)
        options = {name: value for name, value in penalty.items() if name not in ("tol", "max_iter")}
        errors = leave_one_out(matrix, y, alphas, Options(0.0, sample_weight, None, **options))
        self._take(X, result, int(np.argmin(np.where(np.isfinite(errors), errors, np.inf))))
        self.mse_path_ = errors[:, None]
