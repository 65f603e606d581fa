"""Estimators with scikit-learn's conventions; scikit-learn is needed from here on."""

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "The estimators of fastreg need scikit-learn. Install it with: pip install 'fastreg[sklearn]'. "
        "fastreg.fit_path works without it."
    ) from error

from fastreg.estimators.cross_validated import ElasticNetCV, LassoCV, RidgeCV
from fastreg.estimators.linear import ElasticNet, Lasso, Ridge

__all__ = ["ElasticNet", "ElasticNetCV", "Lasso", "LassoCV", "Ridge", "RidgeCV"]
