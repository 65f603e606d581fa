"""Other people's penalties in our terms; ``docs/penalties.md`` works out each row.

Every objective is divided by whatever turns its loss into half the weighted mean of squares. If its penalty then reads
A sum |b| + B sum b^2, alpha = A + 2 B and l1_ratio = A / (A + 2 B).
"""

from typing import NamedTuple

import numpy as np


class Penalty(NamedTuple):
    """What ``fit_path`` calls alpha and l1_ratio."""

    alpha: float
    l1_ratio: float


def _checked(**values: float) -> None:
    for name, value in values.items():
        if not isinstance(value, (int, float, np.number)) or not 0 <= value < np.inf:
            raise ValueError(f"{name}: expected a finite number >= 0, got {value!r}.")


def _matched(l1: float, l2: float) -> Penalty:
    """Return what stands for l1 sum |b| + l2 sum b^2 beside half a mean of squares."""
    alpha = float(l1 + 2.0 * l2)
    return Penalty(alpha, float(l1 / alpha) if alpha > 0 else 1.0)


def from_sum_of_squares(total_weight: float, l1: float = 0.0, l2: float = 0.0) -> Penalty:
    """Return alpha and l1_ratio for: sum of squares + l1 sum |b| + l2 sum b^2.

    The textbook's lambda for the lasso is ``l1``; scikit-learn's ``Ridge(alpha)`` is ``l2``. ``total_weight`` is the
    sum of the sample weights, the number of samples where there are none.

    Raises
    ------
    ValueError
        If an argument is negative, or total_weight is 0.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.from_sum_of_squares(100, l1=20.0)
    Penalty(alpha=0.1, l1_ratio=1.0)
    >>> fastreg.from_sum_of_squares(100, l2=20.0)
    Penalty(alpha=0.2, l1_ratio=0.0)
    """
    _checked(total_weight=total_weight, l1=l1, l2=l2)
    if total_weight == 0:
        raise ValueError("total_weight: expected a positive sum of weights, got 0.")
    return _matched(l1 / (2.0 * total_weight), l2 / (2.0 * total_weight))


def from_mean_of_squares(l1: float = 0.0, l2: float = 0.0) -> Penalty:
    """Return alpha and l1_ratio for: mean squared error + l1 sum |b| + l2 sum b^2.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.from_mean_of_squares(l1=0.25, l2=0.375)
    Penalty(alpha=0.5, l1_ratio=0.25)
    """
    _checked(l1=l1, l2=l2)
    return _matched(l1 / 2.0, l2 / 2.0)


def from_half_mean_of_squares(l1: float = 0.0, l2: float = 0.0) -> Penalty:
    """Return alpha and l1_ratio for: half the mean squared error + l1 sum |b| + l2 sum b^2.

    Mind the factor: where the other objective has l2/2 sum b^2, as scikit-learn's ``ElasticNet`` does, pass half of it.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.from_half_mean_of_squares(l1=0.5, l2=0.25)
    Penalty(alpha=1.0, l1_ratio=0.5)
    """
    _checked(l1=l1, l2=l2)
    return _matched(l1, l2)


def from_glmnet(lam: float, alpha: float = 1.0, y_deviation: float | None = None) -> Penalty:
    """Return alpha and l1_ratio for glmnet's gaussian lambda and alpha.

    glmnet also standardizes unless told otherwise (``standardize=True`` here) and rescales penalty factors v to sum to
    the number of features p (pass ``v * p / v.sum()`` here).

    Parameters
    ----------
    lam : float >= 0, glmnet's lambda
    alpha : float in [0, 1], glmnet's alpha, the share of the l1 part
    y_deviation : float
        Weighted standard deviation of y, with the sum of weights as its divisor; needed for alpha < 1, where glmnet
        divides the l2 part by it.

    Raises
    ------
    ValueError
        If an argument is out of range, or y_deviation is missing.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.from_glmnet(0.5)
    Penalty(alpha=0.5, l1_ratio=1.0)
    >>> fastreg.from_glmnet(0.5, alpha=0.5, y_deviation=0.5)
    Penalty(alpha=0.75, l1_ratio=0.3333333333333333)
    """
    _checked(lam=lam)
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha: expected glmnet's share of the l1 part, from 0 to 1, got {alpha!r}.")
    if alpha == 1:
        return Penalty(lam, 1.0)
    if y_deviation is None or not y_deviation > 0:
        raise ValueError(f"y_deviation: expected the standard deviation of y for alpha < 1, got {y_deviation!r}.")
    return _matched(lam * alpha, lam * (1.0 - alpha) / (2.0 * y_deviation))


def from_C(C: float, total_weight: float, l1_ratio: float = 1.0) -> Penalty:
    """Return alpha and l1_ratio for: penalty + C times the sum of losses, as scikit-learn's ``LogisticRegression(C)``.

    The penalty is l1_ratio sum |b| + (1 - l1_ratio)/2 sum b^2.

    Examples
    --------
    >>> import fastreg
    >>> fastreg.from_C(0.1, total_weight=100)
    Penalty(alpha=0.1, l1_ratio=1.0)
    """
    _checked(C=C, total_weight=total_weight)
    if not C * total_weight > 0:
        raise ValueError(f"C, total_weight: expected positive numbers, got {C!r} and {total_weight!r}.")
    if not 0 <= l1_ratio <= 1:
        raise ValueError(f"l1_ratio: expected a number from 0 to 1, got {l1_ratio!r}.")
    return Penalty(1.0 / (C * total_weight), float(l1_ratio))
