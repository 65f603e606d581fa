"""Certified lasso, ridge and elastic-net paths on dense and sparse data, for squared and other losses.

``fit_path`` fits a path, ``alpha_max`` says where it should begin and ``duality_gap`` certifies anybody's
coefficients. ``cross_validate_path`` and ``information_criteria`` choose among the fits, ``relax`` and
``adaptive_factors`` refine them. The estimators (``Lasso``, ``LassoCV`` ...) need scikit-learn, the pictures
(``plot_path``, ``plot_cv``) matplotlib; they are imported when first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastreg.path.fit import alpha_max, fit_path
from fastreg.path.result import PathResult
from fastreg.runtime.exceptions import ConvergenceWarning
from fastreg.runtime.memory import keep_freed
from fastreg.solver.certificate import duality_gap

if TYPE_CHECKING:
    from fastreg.estimators import (
        ElasticNet,
        ElasticNetCV,
        GammaRegressor,
        GammaRegressorCV,
        Lasso,
        LassoCV,
        LogisticRegression,
        LogisticRegressionCV,
        PoissonRegressor,
        PoissonRegressorCV,
        Ridge,
        RidgeCV,
    )
    from fastreg.loss.generalized import Huber
    from fastreg.loss.multinomial import Multinomial
    from fastreg.penalty.convert import (
        Penalty,
        from_C,
        from_glmnet,
        from_half_mean_of_squares,
        from_mean_of_squares,
        from_sum_of_squares,
    )
    from fastreg.pictures import plot_cv, plot_path
    from fastreg.selection import (
        CVResult,
        InformationCriteria,
        RelaxedPath,
        adaptive_factors,
        cross_validate_path,
        information_criteria,
        relax,
    )

__version__ = "0.1.0"

# Before there are data: a block that large has to come from the system, not from the memory of others.
keep_freed()

# Imported when first used: name and module.
_LAZY = {
    **dict.fromkeys(
        (
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
        ),
        "fastreg.estimators",
    ),
    "Huber": "fastreg.loss.generalized",
    "Multinomial": "fastreg.loss.multinomial",
    **dict.fromkeys(("plot_cv", "plot_path"), "fastreg.pictures"),
    **dict.fromkeys(
        (
            "CVResult",
            "InformationCriteria",
            "RelaxedPath",
            "adaptive_factors",
            "cross_validate_path",
            "information_criteria",
            "relax",
        ),
        "fastreg.selection",
    ),
    **dict.fromkeys(
        (
            "Penalty",
            "from_C",
            "from_glmnet",
            "from_half_mean_of_squares",
            "from_mean_of_squares",
            "from_sum_of_squares",
        ),
        "fastreg.penalty.convert",
    ),
}

__all__ = [
    "CVResult",
    "ConvergenceWarning",
    "ElasticNet",
    "ElasticNetCV",
    "GammaRegressor",
    "GammaRegressorCV",
    "Huber",
    "InformationCriteria",
    "Lasso",
    "LassoCV",
    "LogisticRegression",
    "LogisticRegressionCV",
    "Multinomial",
    "PathResult",
    "Penalty",
    "PoissonRegressor",
    "PoissonRegressorCV",
    "RelaxedPath",
    "Ridge",
    "RidgeCV",
    "adaptive_factors",
    "alpha_max",
    "cross_validate_path",
    "duality_gap",
    "fit_path",
    "from_C",
    "from_glmnet",
    "from_half_mean_of_squares",
    "from_mean_of_squares",
    "from_sum_of_squares",
    "information_criteria",
    "plot_cv",
    "plot_path",
    "relax",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        # Looked up once: from then on it is an attribute like any other.
        globals()[name] = value = getattr(import_module(_LAZY[name]), name)
        return value
    raise AttributeError(f"module 'fastreg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
