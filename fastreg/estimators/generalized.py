"""PoissonRegressor and GammaRegressor, at one penalty or with the penalty chosen by cross-validation."""

from typing import Any

import numpy as np
from sklearn.utils.validation import column_or_1d

from fastreg.estimators.base import Regressor, as_targets
from fastreg.estimators.cross_validated import FITTED, CrossValidated
from fastreg.estimators.cross_validated import OPTIONS as CHOICE_OPTIONS
from fastreg.estimators.linear import PARAMETERS, OneAlpha
from fastreg.loss.losses import LOSSES
from fastreg.problem.validate import check_weights, check_y


class _PositiveMean(Regressor):
    """A regression of one target, whose predicted mean is exp(b0 + x'b)."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = False
        tags.target_tags.positive_only = True
        return tags

    def _checked(self, X: Any, y: Any) -> tuple[Any, np.ndarray]:
        matrix, y = super()._checked(X, y)
        return matrix, column_or_1d(y, warn=True)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return D^2, the fraction of the deviance from the mean of y that the predictions explain.

        It is 0 where y is constant: there is nothing to explain.
        """
        predictor = self._predicted(X, predictor=True)
        (target,), _ = check_y(as_targets(y), len(predictor))
        weights = check_weights(sample_weight, len(predictor))
        loss = LOSSES[self.loss]
        loss.check(target[None], weights, True)
        if np.ptp(target[weights > 0]) == 0:
            return 0.0
        mean = np.full(len(predictor), loss.link(weights @ target))
        left, whole = loss.deviance(target, np.stack([predictor, mean], axis=1), weights)
        return float(1.0 - left / whole)


class _OneAlphaPositive(_PositiveMean, OneAlpha):
    """With the parameters of ``ElasticNet``, and scikit-learn's default of no l1 penalty."""

    def __init__(
        self,
        *,
        alpha: float = 1.0,
        l1_ratio: float = 0.0,
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


class _ChosenPositive(_PositiveMean, CrossValidated):
    """With the parameters of ``ElasticNetCV``, and a default of no l1 penalty."""

    def __init__(
        self,
        *,
        l1_ratio: Any = 0.0,
        eps: float | None = None,
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

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> "_ChosenPositive":
        """Fit a path on every fold of X (n_samples, n_features) and y, and the chosen penalty on all rows.

        ``sample_weight`` is used in fitting and in scoring; ``groups`` are labels of rows for the splitter.
        """
        self._check_choice()
        matrix, y = self._checked(X, y)
        result = self._fit_folds(matrix, y, sample_weight, groups, **self._grid())
        self._choose(X, result)
        self.scores_, self.l1_ratio_ = result.fold_scores, result.l1_ratio_best
        return self


_ALPHA = "alpha : float >= 0\n    l1_ratio : float in [0, 1]; 0 is ridge, 1 is the lasso"
_CHOICE = (
    """
    Parameters
    ----------
    l1_ratio : float or list of floats in [0, 1]; 0 is ridge, 1 is the lasso
    eps : None or float in (0, 1)
        The smallest penalty of the grid over the largest; None for the default of ``fastreg.fit_path``.
    alphas : int or array
        How many penalties the grid has, or the penalties themselves.
    cv : None (5), int, scikit-learn splitter, or iterable of (train, test)
    """
    + CHOICE_OPTIONS
    + """        With a list of l1_ratio: (n_l1_ratios, n_alphas)
    l1_ratio_ : float, the chosen one
    scores_ : ndarray (n_folds, n_alphas) or (n_folds, n_l1_ratios, n_alphas)
        Mean deviance of the held-out rows.
"""
    + FITTED
)


class PoissonRegressor(_OneAlphaPositive):
    __doc__ = (
        """Poisson regression of counts or rates y >= 0: the logarithm of the mean is linear.

    The objective, with weights w that sum to W and means m_i = exp(b0 + x_i'b), is ::

        (1/W) sum_i w_i (y_i log(y_i / m_i) - y_i + m_i)
            + alpha * l1_ratio * sum |b| + alpha * (1 - l1_ratio)/2 * sum b^2

    which is half the mean deviance and scikit-learn's scaling. Rates of different exposure have it as their
    ``sample_weight``.
    """
        + PARAMETERS.format(alpha=_ALPHA)
        + """
    Examples
    --------
    >>> import fastreg
    >>> model = fastreg.PoissonRegressor(alpha=0.1).fit([[0.0], [1.0], [2.0], [3.0]], [1, 1, 4, 7])
    >>> model.coef_.round(3), model.predict([[4.0]]).round(1)
    (array([0.715]), array([14.4]))
    """
    )

    loss = "poisson"


class GammaRegressor(_OneAlphaPositive):
    __doc__ = (
        """Gamma regression of y > 0: the logarithm of the mean is linear, the deviation proportional to the mean.

    The objective, with weights w that sum to W and means m_i = exp(b0 + x_i'b), is ::

        (1/W) sum_i w_i (y_i / m_i - 1 - log(y_i / m_i))
            + alpha * l1_ratio * sum |b| + alpha * (1 - l1_ratio)/2 * sum b^2

    which is half the mean deviance and scikit-learn's scaling.
    """
        + PARAMETERS.format(alpha=_ALPHA)
        + """
    Examples
    --------
    >>> import fastreg
    >>> model = fastreg.GammaRegressor(alpha=0.1).fit([[0.0], [1.0], [2.0], [3.0]], [1.0, 1.5, 4.0, 7.0])
    >>> model.coef_.round(3), model.predict([[4.0]]).round(1)
    (array([0.63]), array([12.4]))
    """
    )

    loss = "gamma"


class PoissonRegressorCV(_ChosenPositive):
    __doc__ = (
        """``PoissonRegressor`` with the penalty, and l1_ratio from a list, chosen by the deviance of held-out rows.
"""
        + _CHOICE
        + """
    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> model = fastreg.PoissonRegressorCV(alphas=20).fit(X, rng.poisson(np.exp(X[:, 0])))
    >>> model.scores_.shape, int(np.argmax(model.coef_))
    ((5, 20), 0)
    """
    )

    loss = "poisson"


class GammaRegressorCV(_ChosenPositive):
    __doc__ = (
        """``GammaRegressor`` with the penalty, and l1_ratio from a list, chosen by the deviance of held-out rows.
"""
        + _CHOICE
        + """
    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 5))
    >>> model = fastreg.GammaRegressorCV(alphas=20).fit(X, np.exp(X[:, 0]) * rng.gamma(2.0, 0.5, 100))
    >>> model.scores_.shape, int(np.argmax(model.coef_))
    ((5, 20), 0)
    """
    )

    loss = "gamma"
