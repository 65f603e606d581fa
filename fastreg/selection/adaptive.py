"""Penalty factors for the adaptive lasso."""

from typing import Any

import numpy as np

from fastreg.problem.validate import check_scalar, real_array


def adaptive_factors(coef: Any, exponent: float = 1.0, floor: float = 0.0) -> np.ndarray:
    """Return penalty factors 1 / (|b_j| + floor)^exponent from the coefficients of a first fit.

    A second fit with these as ``penalty_factors`` is the adaptive lasso (Zou 2006): what was large is penalized less.
    They are divided by the smallest of them, so that alpha keeps its meaning for the largest coefficient. For columns
    of different scales fit both times with ``standardize=True`` and multiply ``coef`` by the standard deviations.

    Parameters
    ----------
    coef : array (n_features,), of a ridge fit, say, or of a lasso
    exponent : float >= 0
    floor : float >= 0
        With 0 a coefficient that is 0 gets the factor inf: it never enters.

    Raises
    ------
    ValueError
        If every coefficient is 0 and so is the floor.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.adaptive_factors([2.0, -0.5, 0.0])
    array([ 1.,  4., inf])
    """
    if hasattr(coef, "toarray") and 1 in coef.shape:
        coef = coef.toarray().ravel()
    size = np.abs(real_array(coef.toarray() if hasattr(coef, "toarray") else coef, "coef"))
    exponent, floor = check_scalar(exponent, "exponent", 0.0), check_scalar(floor, "floor", 0.0)
    if size.ndim != 1:
        raise ValueError(f"coef: expected shape (n_features,), got {size.shape}.")
    size = size + floor
    if not size.any():
        raise ValueError("coef: expected a coefficient other than 0, got none. Lower alpha, or set a floor.")
    with np.errstate(divide="ignore", over="ignore"):
        return (size.max() / size) ** exponent if exponent else np.ones(len(size))
