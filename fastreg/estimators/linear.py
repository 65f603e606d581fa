"""Lasso, ElasticNet and Ridge at one penalty, with scikit-learn's names and scaling."""

from typing import Any

from fastreg.estimators.base import Regressor, total_weight
from fastreg.problem.validate import check_scalar

# Options that every estimator at one alpha has, and what it knows after fitting.
OPTIONS = """fit_intercept : bool
    standardize : bool
        Penalize the coefficients of columns scaled to standard deviation 1; ``coef_`` is on the original scale.
    positive : bool
        Restrict the coefficients to be >= 0; the same as ``lower_bounds=0``.
    penalty_factors : None or array (n_features,), 0 to inf
    lower_bounds, upper_bounds : None, float or array (n_features,), lower <= 0 <= upper
    tol : float
        Duality gap to reach, as a fraction of the null loss.
    max_iter : int
        Events of exact tracing, and epochs of coordinate descent after them; see ``fastreg.fit_path``.
    warm_start : bool
        Start from the coefficients of the fit before.
    n_threads : None or int
"""
_ATTRIBUTES = """
    Attributes
    ----------
    coef_ : ndarray (n_features,) or (n_targets, n_features)
    intercept_ : float or ndarray (n_targets,)
    sparse_coef_ : csr_array of coef_
    dual_gap_ : float or ndarray (n_targets,)
        Certified duality gap, in units of the objective of ``fastreg.fit_path``.
    n_iter_ : int or ndarray (n_targets,)
    n_features_in_ : int
    feature_names_in_ : ndarray of str, if X has column names
"""
PARAMETERS = (
    """
    Parameters
    ----------
    {alpha}
    """
    + OPTIONS
    + _ATTRIBUTES
)


class OneAlpha(Regressor):
    """A regression at one alpha, given as a parameter."""

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        penalty_factors: Any = None,
        lower_bounds: Any = None,
        upper_bounds: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        warm_start: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self._store(locals())

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "OneAlpha":
        """Fit the model to X (n_samples, n_features) and y (n_samples,) or (n_samples, n_targets)."""
        alpha = check_scalar(self.alpha, "alpha", 0.0)
        matrix, y = self._checked(X, y)
        self._fit_at(X, matrix, y, alpha / self._unit(y, sample_weight), sample_weight, y.shape[1:])
        return self

    def _unit(self, y: Any, sample_weight: Any) -> float:
        """What alpha is divided by to be that of ``fit_path``."""
        return 1.0


class ElasticNet(OneAlpha):
    __doc__ = (
        """Linear regression with l1 and l2 penalties.

    The objective, with weights w that sum to W, is ::

        (1/(2 W)) sum_i w_i (y_i - b0 - x_i'b)^2 + alpha * l1_ratio * sum |b| + alpha * (1 - l1_ratio)/2 * sum b^2

    (scikit-learn's scaling), with penalty factors inside the sums where they are given.
    """
        + PARAMETERS.format(alpha="alpha : float >= 0\n    l1_ratio : float in [0, 1]; 1 is the lasso, 0 is ridge")
        + """
    Examples
    --------
    >>> import fastreg
    >>> model = fastreg.ElasticNet(alpha=0.1).fit([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], [0.0, 1.0, 2.0])
    >>> model.coef_.round(3)
    array([0.446, 0.446])
    """
    )

    def __init__(
        self,
        alpha: float = 1.0,
        *,
        l1_ratio: float = 0.5,
        fit_intercept: bool = True,
        standardize: bool = False,
        positive: bool = False,
        penalty_factors: Any = None,
        lower_bounds: Any = None,
        upper_bounds: Any = None,
        tol: float = 1e-6,
        max_iter: int = 10_000,
        warm_start: bool = False,
        n_threads: int | None = None,
    ) -> None:
        self._store(locals())


class Lasso(OneAlpha):
    __doc__ = (
        """Linear regression with an l1 penalty: ``ElasticNet`` with ``l1_ratio=1``.

    The objective is  (1/(2 W)) sum_i w_i (y_i - b0 - x_i'b)^2 + alpha * sum |b|,  scikit-learn's scaling.
    """
        + PARAMETERS.format(alpha="alpha : float >= 0")
        + """
    Examples
    --------
    >>> import fastreg
    >>> model = fastreg.Lasso(alpha=0.1).fit([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], [0.0, 1.0, 2.0])
    >>> model.coef_.round(3), round(model.intercept_, 3)
    (array([0.85, 0.  ]), 0.15)
    """
    )

    l1_ratio = 1.0


class Ridge(OneAlpha):
    __doc__ = (
        """Linear regression with an l2 penalty.

    The objective is  sum_i w_i (y_i - b0 - x_i'b)^2 + alpha * sum b^2,  scikit-learn's scaling of ``Ridge`` (no 1/W):
    the alpha of ``fit_path(l1_ratio=0)`` is alpha / W.
    """
        + PARAMETERS.format(alpha="alpha : float >= 0")
        + """
    Examples
    --------
    >>> import fastreg
    >>> model = fastreg.Ridge(alpha=1.0).fit([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]], [0.0, 1.0, 2.0])
    >>> model.coef_.round(3)
    array([0.4, 0.4])
    """
    )

    l1_ratio = 0.0

    def _unit(self, y: Any, sample_weight: Any) -> float:
        return total_weight(y, sample_weight)
