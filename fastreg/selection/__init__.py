"""Choosing among the fits of a path: cross-validation, information criteria, relaxed and adaptive fits."""

from fastreg.selection.adaptive import adaptive_factors
from fastreg.selection.cross_validate import cross_validate_path
from fastreg.selection.cv_result import CVResult
from fastreg.selection.information import InformationCriteria, information_criteria
from fastreg.selection.relaxed import RelaxedPath, relax

__all__ = [
    "CVResult",
    "InformationCriteria",
    "RelaxedPath",
    "adaptive_factors",
    "cross_validate_path",
    "information_criteria",
    "relax",
]
