"""Certified lasso, ridge and elastic-net paths on dense and sparse data.

``fit_path`` fits a path, ``alpha_max`` says where it should begin and ``duality_gap`` certifies anybody's
coefficients. The estimators (``Lasso``, ``Ridge``, ``ElasticNet``) need scikit-learn and are imported when first
used.
"""

from typing import TYPE_CHECKING, Any

from fastreg.path.fit import alpha_max, fit_path
from fastreg.path.result import PathResult
from fastreg.runtime.exceptions import ConvergenceWarning
from fastreg.solver.certificate import duality_gap

if TYPE_CHECKING:
    from fastreg.estimators import ElasticNet, Lasso, Ridge

__version__ = "0.1.0"

_ESTIMATORS = ("ElasticNet", "Lasso", "Ridge")

__all__ = [
    "ConvergenceWarning",
    "ElasticNet",
    "Lasso",
    "PathResult",
    "Ridge",
    "alpha_max",
    "duality_gap",
    "fit_path",
]


def __getattr__(name: str) -> Any:
    if name in _ESTIMATORS:
        from fastreg import estimators

        return getattr(estimators, name)
    raise AttributeError(f"module 'fastreg' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_ESTIMATORS])
