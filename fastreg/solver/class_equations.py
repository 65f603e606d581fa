"""Newton's equations for the coefficients of all classes: factored, or solved by conjugate gradients.

Between classes k and l the loss has the Hessian X'diag(w (p_k [k = l] - p_k p_l))X; the penalty adds ``Slopes``.
"""

import numpy as np

from fastreg.loss.class_rows import bend
from fastreg.loss.multinomial import Multinomial
from fastreg.penalty.classes import Slopes
from fastreg.solver.active_columns import ActiveColumns

# The Hessian is factored, up to this size, where that takes fewer operations than its products with a vector, so many
# at first and then as many as the last time; what a product takes besides counts as so many operations.
FACTORED = 4000
PRODUCTS = 12
CALLS = 1e6
# Conjugate gradients go on until the residual has fallen to this fraction.
FORCING = 1e-2
MAX_PRODUCTS = 500
# What makes a Hessian definite in spite of rounding and of columns that depend on each other.
DEFINITE = 1e-12
TINY = np.finfo(float).tiny


class ClassEquations:
    """Newton's equations at a point, for coefficients (K, m), and in a last column (K, m + 1) the intercepts, if any.

    Parameters
    ----------
    columns : ActiveColumns
    weights : ndarray (n_rows,)
    p : ndarray (K, n_rows), probabilities
    slopes : Slopes
    centered : bool, whether there are intercepts
    products : int, how many products the last equations like these took; then, how many these did
    """

    def __init__(
        self,
        columns: ActiveColumns,
        weights: np.ndarray,
        p: np.ndarray,
        slopes: Slopes,
        centered: bool,
        products: int = PRODUCTS,
    ) -> None:
        self.columns, self.weights, self.p, self.centered, self.products = columns, weights, p, centered, products
        self.count, self.size = slopes.unit.shape
        extra = np.zeros(int(centered))
        self.ridge, self.pinch = np.r_[slopes.ridge, extra], np.r_[slopes.pinch, extra]
        self.unit = np.hstack([slopes.unit, np.zeros((self.count, len(extra)))])
        self.squares = np.r_[columns.design.norm[columns.features] ** 2, np.ones(len(extra))]

    def solve(self, right: np.ndarray, loose: np.ndarray) -> np.ndarray:
        """Return the solution for a right-hand side; only coefficients that are ``loose`` (K, m) move."""
        self.loose = np.hstack([loose, np.ones((self.count, right.shape[1] - self.size), dtype=bool)])
        # Changes common to all classes are not Newton's to find (``ClassPenalty.centered``): where no coefficient holds
        # the others they get a curvature that makes them short.
        curvature = self.squares * float(((self.p * (1.0 - self.p)) @ self.weights).mean()) / self.count
        self.common = np.where(self.loose.all(axis=0), curvature, 0.0)
        right, unknowns = np.where(self.loose, right, 0.0), np.count_nonzero(self.loose)
        cost = self.products * (4.0 * self.count * self.size * self.p.shape[1] + CALLS)
        hessian = self.count * (self.count + 1.0) * self.size**2 * self.p.shape[1]
        if self.columns.packed and unknowns <= FACTORED and hessian + float(unknowns) ** 3 <= cost:
            solution = self._factored(right)
            # Where curvatures vanish rounding may turn the solution uphill.
            if (right * solution).sum() > 0:
                return solution
        return self._conjugate_gradients(right)

    def _factored(self, right: np.ndarray) -> np.ndarray:
        columns = self.columns.rows
        if self.centered:
            columns = np.vstack([columns, np.ones((1, columns.shape[1]))])
        count, width = right.shape
        hessian = np.zeros((count, width, count, width))
        at = np.arange(width)
        # Blocks of a class sum to 0: so those on the diagonal keep their digits where 1 - p_k has none.
        for k in range(count):
            for other in range(k + 1, count):
                block = (columns * (self.weights * self.p[k] * self.p[other])) @ columns.T
                hessian[k, :, k, :] += block
                hessian[other, :, other, :] += block
                hessian[k, :, other, :] = hessian[other, :, k, :] = -block
        for k in range(count):
            hessian[k, at, :, at] += (self.common - self.pinch * self.unit[k] * self.unit).T
            hessian[k, at, k, at] += self.ridge
        matrix, loose = hessian.reshape(count * width, count * width), self.loose.ravel()
        if not loose.all():
            matrix = matrix[np.ix_(loose, loose)]
        matrix.flat[:: len(matrix) + 1] += DEFINITE * matrix.diagonal() + TINY
        solution = np.zeros(count * width)
        solution[loose] = np.linalg.solve(matrix, right.ravel()[loose])
        return solution.reshape(count, width)

    def product(self, V: np.ndarray) -> np.ndarray:
        """Return the Hessian times V."""
        line = self.columns.predict(V[:, : self.size], roughly=True)
        shift = V[:, self.size].copy() if self.centered else np.zeros(self.count)
        sums = bend(line, shift, self.p, self.weights, self.likeliest)
        out = self.ridge * V + self.common * V.sum(axis=0) - self.pinch * self.unit * (self.unit * V).sum(axis=0)
        out[:, : self.size] += self.columns.correlate(line)
        if self.centered:
            out[:, self.size] += sums
        return np.where(self.loose, out, 0.0)

    def _blocks(self) -> np.ndarray:
        """Return the inverses (m, K, K) of the Hessian's blocks of every feature, if rows were independent of columns.

        Within a feature a group's part is large in all directions but one, which no diagonal matrix can follow.
        """
        blocks = self.squares[:, None, None] * Multinomial.curvature(self.p, self.weights) + self.common[:, None, None]
        blocks -= self.pinch[:, None, None] * np.einsum("km,lm->mkl", self.unit, self.unit)
        at = np.arange(self.count)
        blocks[:, at, at] += self.ridge[:, None]
        blocks[:, at, at] += DEFINITE * blocks[:, at, at] + TINY
        held = np.flatnonzero(~self.loose.all(axis=0))
        both = self.loose[:, held].T[:, :, None] & self.loose[:, held].T[:, None, :]
        blocks[held] = np.where(both, blocks[held], np.eye(self.count))
        return np.linalg.inv(blocks)

    def _conjugate_gradients(self, right: np.ndarray) -> np.ndarray:
        blocks = self._blocks()
        self.likeliest = self.p.argmax(axis=0)

        def divided(vector: np.ndarray) -> np.ndarray:
            return np.where(self.loose, np.einsum("mkl,lm->km", blocks, vector), 0.0)

        x, residual = np.zeros_like(right), right
        direction = divided(residual)
        first = power = float((residual * direction).sum())
        for self.products in range(1, MAX_PRODUCTS + 1 if power > 0 else 1):
            image = self.product(direction)
            curvature = float((direction * image).sum())
            if not curvature > 0:
                # Where there is no curvature downhill is as good as Newton's direction.
                return x if x.any() else direction
            x = x + power / curvature * direction
            residual = residual - power / curvature * image
            scaled = divided(residual)
            before, power = power, float((residual * scaled).sum())
            if power <= FORCING**2 * first:
                break
            direction = scaled + power / before * direction
        return x


def gain_in_span(basis: np.ndarray, p: np.ndarray, force: np.ndarray) -> float:
    """Return twice what Newton's step in a span promises, since curvatures may fall on the way.

    Parameters
    ----------
    basis : ndarray (r, n_rows), columns that hold the root weights
    p : ndarray (K, n_rows), probabilities
    force : ndarray (K, n_rows), u times the root weights
    """
    slope = (force @ basis.T).ravel()
    bends = np.einsum("ki,kl->kli", p, np.eye(len(p))) - p[:, None] * p
    hessian = np.einsum("kli,ai,bi->kalb", bends, basis, basis, optimize=True).reshape(slope.size, slope.size)
    return float(slope @ np.linalg.lstsq(hessian, slope, rcond=None)[0])
