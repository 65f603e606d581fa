"""What passes between the board, its workers and the contestants; needs NumPy alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Problem:
    """One fit with an intercept and without standardizing, in the scaling of ``fastreg.fit_path``.

    Minimize (1/n) sum loss(y_i, b0 + x_i'b) + alpha (r ||b||_1 + (1 - r)/2 ||b||^2) for every alpha, r being
    ``l1_ratio``. The losses, by name: "squared", (y - eta)^2 / 2; "logistic", log(1 + exp(eta)) - y eta, with y 0 or 1;
    "poisson", exp(eta) - y eta; "multinomial", log sum_k exp(eta_k) - eta_y, with y the code of a class, 0, 1, ...,
    and with an intercept and penalized coefficients for every class. "multinomial-grouped" is the same with the penalty
    alpha sum_j (r ||b_j|| + (1 - r)/2 ||b_j||^2), b_j being the coefficients of feature j for all classes.

    The alphas descend; ``alpha_max`` is the smallest one whose solution is zero (for ridge, the top of the grid).
    """

    alphas: np.ndarray
    l1_ratio: float
    alpha_max: float
    shape: tuple[int, int]
    is_sparse: bool
    threads: int
    loss: str = "squared"

    @property
    def is_single(self) -> bool:
        """Whether one alpha is asked for rather than a path."""
        return len(self.alphas) == 1

    @property
    def is_tall(self) -> bool:
        """Whether there are more rows than columns."""
        return self.shape[0] > self.shape[1]


@dataclass
class Solution:
    """Coefficients (n_features, n_alphas), dense or sparse; passes over X if known.

    Of several classes they are a list of such, or those of one class below those of another.

    ``seconds`` is set by contestants that run in another process and keep the time there.
    """

    coefs: Any
    passes: float | None = None
    seconds: float | None = None
