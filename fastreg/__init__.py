"""Certified lasso, ridge and elastic-net paths on dense and sparse data."""

from fastreg.path.fit import alpha_max, fit_path
from fastreg.path.result import PathResult
from fastreg.runtime.exceptions import ConvergenceWarning

__version__ = "0.1.0"
