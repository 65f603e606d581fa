"""The losses by name."""

from typing import Any

from fastreg.loss.base import Loss
from fastreg.loss.generalized import Gamma, Huber, Logistic, Poisson
from fastreg.loss.multinomial import Multinomial
from fastreg.loss.squared import SquaredLoss

LOSSES = {loss.name: loss for loss in (SquaredLoss(), Logistic(), Poisson(), Gamma(), Huber(), Multinomial())}
# Losses of one predictor a row, fitted by Newton's method; Multinomial has several.
Generalized = (Loss, Multinomial)


def as_loss(loss: Any) -> SquaredLoss | Loss | Multinomial:
    """Return the loss of a name, or a loss as it is.

    Raises
    ------
    ValueError
        If there is no such loss.
    """
    if isinstance(loss, (SquaredLoss, Loss, Multinomial)):
        return loss
    if not isinstance(loss, str) or loss not in LOSSES:
        raise ValueError(f"loss: expected one of {', '.join(map(repr, LOSSES))} or fastreg.Huber(delta), got {loss!r}.")
    return LOSSES[loss]
