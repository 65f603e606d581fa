"""The textbook in plain NumPy: a twin of every kernel and of the solver.

Only tests and benchmarks import this package. Nothing here is fast and everything here is short; dense float64
throughout.
"""

from fastreg.reference.certificate import dual_gap, kkt_violation, lazy_bound
from fastreg.reference.design import compress, correlate, gram, moments, pack, predict
from fastreg.reference.generalized import (
    GeneralizedForm,
    glm_alpha_max,
    glm_dual_gap,
    glm_fit,
    glm_form,
    glm_kkt_violation,
    glm_objective,
)
from fastreg.reference.losses import (
    LOSSES,
    Gamma,
    Huber,
    Logistic,
    Loss,
    Poisson,
    center,
    class_bend,
    class_divergence,
    class_point,
)
from fastreg.reference.newton import secant_error
from fastreg.reference.path import PathFit, fit_path
from fastreg.reference.penalty import conjugate, conjugate_point, penalty_value, proximal_step, soft_threshold
from fastreg.reference.problem import StandardForm, standard_form
from fastreg.reference.solvers import coordinate_descent, dual_newton, lasso_path, least_squares, ridge, ridge_path

__all__ = [
    "LOSSES",
    "Gamma",
    "GeneralizedForm",
    "Huber",
    "Logistic",
    "Loss",
    "PathFit",
    "Poisson",
    "StandardForm",
    "center",
    "class_bend",
    "class_divergence",
    "class_point",
    "compress",
    "conjugate",
    "conjugate_point",
    "coordinate_descent",
    "correlate",
    "dual_gap",
    "dual_newton",
    "fit_path",
    "glm_alpha_max",
    "glm_dual_gap",
    "glm_fit",
    "glm_form",
    "glm_kkt_violation",
    "glm_objective",
    "gram",
    "kkt_violation",
    "lasso_path",
    "lazy_bound",
    "least_squares",
    "moments",
    "pack",
    "penalty_value",
    "predict",
    "proximal_step",
    "ridge",
    "ridge_path",
    "secant_error",
    "soft_threshold",
    "standard_form",
]
