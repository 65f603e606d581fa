"""The estimators of generalized linear models among scikit-learn's: its own checks and tools."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastreg


# The checks compare fits with each other to 1e-7 or so, on data as small as five rows: tight tol, few folds.
@parametrize_with_checks(
    [
        fastreg.LogisticRegression(tol=1e-12),
        fastreg.LogisticRegression(tol=1e-12, alpha=0.01, l1_ratio=0.5),
        fastreg.LogisticRegressionCV(tol=1e-12, cv=3),
        fastreg.LogisticRegressionCV(tol=1e-12, cv=3, alphas=20, l1_ratio=1.0, scoring="accuracy"),
        fastreg.PoissonRegressor(tol=1e-12),
        fastreg.PoissonRegressor(tol=1e-12, l1_ratio=1.0, alpha=0.1),
        fastreg.GammaRegressor(tol=1e-12),
        fastreg.GammaRegressor(tol=1e-12, l1_ratio=0.5, alpha=0.1),
        fastreg.PoissonRegressorCV(tol=1e-12, cv=3, alphas=10),
        fastreg.GammaRegressorCV(tol=1e-12, cv=3, alphas=10),
        fastreg.GammaRegressorCV(tol=1e-12, cv=3, alphas=10, l1_ratio=1.0),
    ]
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)
