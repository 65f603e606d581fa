"""Estimators with scikit-learn's conventions; scikit-learn is needed from here on."""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The estimators of fastreg need scikit-learn. Install it with: pip install 'fastreg[sklearn]'. "
        "fastreg.fit_path works without it."
    ) from error

from fastreg.estimators.cross_validated import ElasticNetCV, LassoCV, RidgeCV
from fastreg.estimators.generalized import GammaRegressor, GammaRegressorCV, PoissonRegressor, PoissonRegressorCV
from fastreg.estimators.linear import ElasticNet, Lasso, Ridge
from fastreg.estimators.logistic import LogisticRegression
from fastreg.estimators.logistic_cv import LogisticRegressionCV

__all__ = [
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "GammaRegressorCV",
    "Lasso",
    "LassoCV",
    "LogisticRegression",
    "LogisticRegressionCV",
    "PoissonRegressor",
    "PoissonRegressorCV",
    "Ridge",
    "RidgeCV",
]
