"""The penalty of a ridge problem, and its penalized columns off the span of the others: A = P X / sqrt(l2)."""

import numpy as np

from fastreg.design.scaled import ScaledDesign
from fastreg.runtime.once import once
from fastreg.solver.least_squares import least_squares
from fastreg.solver.ridge_kernel import kernel_matrix

EPS = np.finfo(float).eps


def ridge_penalty(l2: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parts of a penalty that has factors of squares alone, and no bounds."""
    infinite = np.full(len(l2), np.inf)
    return {"l1": np.zeros(len(l2)), "l2": l2, "lower": -infinite, "upper": infinite}


class RidgeColumns:
    """A, and the way from solutions to coefficients.

    Parameters
    ----------
    design : ScaledDesign
    l2 : ndarray (n_features,), factors >= 0 of the squared coefficients

    Attributes
    ----------
    free, rest : ndarray, unpenalized and penalized features
    root_l2 : ndarray, root factors of the latter
    """

    def __init__(self, design: ScaledDesign, l2: np.ndarray) -> None:
        self.design = design
        self.free = np.flatnonzero(l2 == 0)
        self.rest = np.flatnonzero(l2 > 0)
        self.root_l2 = np.sqrt(l2[self.rest])

    @once
    def basis(self) -> np.ndarray:
        """Orthonormal basis (rank, n_rows) of the span of the free columns."""
        if not len(self.free):
            return np.empty((0, self.design.n_rows))
        _, values, basis = np.linalg.svd(self.design.packed(self.free), full_matrices=False)
        return basis[values > EPS * max(basis.shape[1], len(values)) * values.max(initial=0.0)]

    @property
    def is_wide(self) -> bool:
        """Whether solutions are sought over the rows, which are fewer."""
        return len(self.rest) > self.design.n_rows

    @property
    def least_size(self) -> int:
        """Numbers of such a solution."""
        return min(len(self.rest), self.design.n_rows)

    def off(self, U: np.ndarray) -> np.ndarray:
        """Remove from the rows of U their part in the span of the unpenalized columns."""
        return U - (U @ self.basis.T) @ self.basis if len(self.basis) else U

    def forward(self, c: np.ndarray) -> np.ndarray:
        """A c."""
        return self.off(self.design.predictions(c / self.root_l2, self.rest))[0]

    def backward(self, u: np.ndarray) -> np.ndarray:
        """A'u."""
        return self.design.correlations(self.off(u[None])[0], self.rest)[0] / self.root_l2

    def normal(self, c: np.ndarray) -> np.ndarray:
        """A'A c."""
        return self.backward(self.forward(c))

    def outer(self, theta: np.ndarray) -> np.ndarray:
        """A A'theta."""
        return self.forward(self.backward(theta))

    def kernel_matrix(self) -> np.ndarray:
        """A A'."""
        return kernel_matrix(self.design, self.rest, self.root_l2, self.off if len(self.free) else None)

    def expanded(self, y: np.ndarray, theta: np.ndarray) -> np.ndarray:
        """Return coefficients (k, n_features) for c = A'theta."""
        return self.completed(y, self.design.correlations(theta, self.rest) / self.root_l2)

    def completed(self, y: np.ndarray, c: np.ndarray) -> np.ndarray:
        """Return coefficients (k, n_features): c / sqrt(l2), and least-squares values given these for the others."""
        coefs = np.zeros((len(c), self.design.n_features))
        coefs[:, self.rest] = c / self.root_l2
        if len(self.free):
            coefs[:, self.free] = least_squares(self.design, y - self.design.predictions(coefs), self.free)
        return coefs
