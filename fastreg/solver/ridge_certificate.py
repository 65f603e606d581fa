"""How far ridge fits are from their minimum: the duality gap of many alphas at once."""

import numpy as np

from fastreg.design.scaled import ScaledDesign
from fastreg.solver.ridge_columns import ridge_penalty
from fastreg.subproblem.gap import gap_of

# A gap below this fraction of ||y||^2 is rounding.
NO_GAP = 1e-20


class RidgeCertificate:
    """Gaps of coefficients (m, n_features) at the scales a2 (m,); ``l2`` (n_features,) as in ``RidgeSolver``."""

    def __init__(self, design: ScaledDesign, l2: np.ndarray) -> None:
        self.design, self.l2, self.penalized = design, l2, bool((l2 > 0).all())

    def look(
        self, y: np.ndarray, coefs: np.ndarray, a2: np.ndarray, gap_target: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the duality gap and the loss of every row of coefs, from X itself."""
        U = y - self.design.predictions(coefs)
        losses = 0.5 * np.einsum("ki,ki->k", U, U)
        return self.gaps(y, coefs, self.design.correlations(U), a2, losses, gap_target), losses

    def gaps(
        self, y: np.ndarray, coefs: np.ndarray, Z: np.ndarray, a2: np.ndarray, losses: np.ndarray, gap_target: float
    ) -> np.ndarray:
        """Return the duality gap of every row of coefs, with correlations Z."""
        gaps = np.full(len(a2), np.inf)
        if self.penalized and a2.min() > 0:
            # With Q = a2 l2 the conjugates are (s z)^2 / (2 Q), and twice the gap is a quadratic in e = 1 - s,
            #   sum (z - Q b)^2 / Q  -  2 e sum z (z - Q b) / Q  +  e^2 (||u||^2 + sum z^2 / Q).
            # At s = 1, the first term alone, nothing cancels; where that is small enough it is the whole answer.
            lost = Z - coefs * (a2[:, None] * self.l2)
            gaps = 0.5 * np.einsum("kj,kj->k", lost, lost / (a2[:, None] * self.l2))
        for k in np.flatnonzero(~(gaps <= max(NO_GAP * (y @ y), gap_target))):
            gaps[k] = self._gap(y, coefs[k], Z[k], float(a2[k]), float(losses[k]))
        return gaps

    def _gap(self, y: np.ndarray, beta: np.ndarray, z: np.ndarray, a2: float, loss: float) -> float:
        level = 1e-9 * float(np.sqrt(y @ y))
        beta, norm = np.ascontiguousarray(beta), self.design.norm
        return gap_of(ridge_penalty(self.l2), 0.0, a2, beta, z.copy(), norm, 2 * loss, level)
