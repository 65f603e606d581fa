"""Ridge: the whole path from one factorization, or by conjugate gradients where that is too large.

In the solver's units, minimize ||y - X b||^2 / 2 + a2/2 sum_j l2_j b_j^2. Columns with l2_j = 0 (F) are eliminated
first: with P the projection off their span, b_F is the least-squares fit of y - X b. What remains, in terms of
c = sqrt(l2) b and A = P X / sqrt(l2), is a plain ridge:

* primal:  A'A = E L E',   c = E (L + a2)^-1 E'A'y;
* dual:    A A' = E L E',  c = A'theta,  theta = E (L + a2)^-1 E'P y;
  for a few alphas a Cholesky factorization of A'A + a2 or A A' + a2 each is cheaper than the eigenvalues;
* Krylov:  conjugate gradients on (A'A + a2) c = A'y, whose residual r gives the duality gap ||r||^2 / (2 a2), or, where
  columns are more than rows, on (A A' + a2) theta = P y, whose gap is ||A'r||^2 / (2 a2); all alphas at once
  (``shifted_gradients``). From given coefficients, one by one.

a2 = 0 (alpha = 0, with l2 = 1 then) gives the least-squares solution of minimal norm.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from fastreg.design.scaled import ScaledDesign
from fastreg.runtime.once import once
from fastreg.solver import krylov_ridge
from fastreg.solver.cost_model import FACTOR_SIZE, alphas_at_once, ridge_route
from fastreg.solver.least_squares import hidden_span, least_squares
from fastreg.solver.ridge_certificate import NO_GAP, RidgeCertificate
from fastreg.solver.ridge_columns import RidgeColumns

EPS = np.finfo(float).eps
# Least squares for a vanished penalty come from a decomposition of the columns up to so many numbers (64 MB).
PACK_ENTRIES = 2**23
KRYLOV_ITERATIONS = 10_000
# Conjugate gradients give up earlier where a factorization is there to take over: after so many iterations, or what one
# costs at so many multiplications for a stored entry and iteration.
SHORT_ITERATIONS = 300
ITERATION_FLOPS = 60.0
# The inner products of n rows take as long as n over so many iterations: where few alphas are wanted these may be
# enough, unless there are not even so many. (A Gram matrix of columns is cheaper.) What a factorization would solve
# exactly they solve to this fraction of the gap that is asked for.
ITERATION_COST = 30
NEARLY_EXACT = 1e-6
LEAST_PATIENCE = 8
# Numbers that all solutions of conjugate gradients may have together: 64 MB, and directions and what comes between as
# much each.
SOLUTIONS = 2**23
# Up to this many alphas one Cholesky factorization each is cheaper than all eigenvalues.
FEW_ALPHAS = 3


def batches(items: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Yield the items, so many at a time."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


# Coefficients (m, n_features), gaps and losses (m,) and iterations of the next m alphas.
Solved = Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Any]]


class RidgeSolver:
    """Ridge of one target over one design, without bounds.

    Parameters
    ----------
    design : ScaledDesign
    l2 : ndarray (n_features,), factors >= 0 of the squared coefficients
    gram : None or ndarray (n_features, n_features), where it is known already
    route : None or str, as ``ridge_route`` returns it
    """

    def __init__(
        self,
        design: ScaledDesign,
        l2: np.ndarray,
        gram: np.ndarray | None = None,
        route: str | None = None,
    ) -> None:
        self.design, self.l2, self._gram = design, l2, gram
        self.route = route or (ridge_route(design) if gram is None else "primal")
        # How a factorization is made, if one is.
        self.is_primal = self.route == "primal" or (self.route == "krylov" and len(l2) <= design.n_rows)
        self.columns, self.certificate = RidgeColumns(design, l2), RidgeCertificate(design, l2)
        self.free, self.rest, self.root_l2 = self.columns.free, self.columns.rest, self.columns.root_l2
        self.factors: dict[float, tuple[np.ndarray, bool]] = {}

    @property
    def can_factor(self) -> bool:
        """Whether rows or features are few enough for a factorization."""
        return min(self.design.n_rows, self.design.n_features) <= FACTOR_SIZE

    @once
    def gram(self) -> np.ndarray:
        """X'X."""
        return self.design.gram_matrix() if self._gram is None else self._gram

    @once
    def matrix(self) -> np.ndarray:
        """A'A (primal) or A A'."""
        return self._reduced_gram() if self.is_primal else self.columns.kernel_matrix()

    @once
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and eigenvectors of A'A or A A'; directions whose eigenvalue is rounding have the value 0."""
        values, vectors = np.linalg.eigh(self.matrix)
        values[values <= EPS * max(self.design.n_rows, self.design.n_features) * values.max(initial=0.0)] = 0.0
        return values, vectors

    def _solve(self, right: np.ndarray, a2: np.ndarray, few: bool) -> np.ndarray:
        """Return (matrix + a2_k)^-1 right_k for every k, the pseudo-inverse where that is singular."""
        if few:
            # A matrix that is singular but for a penalty below rounding has no factor.
            with suppress(np.linalg.LinAlgError):
                pairs = zip(a2.tolist(), right, strict=True)
                return np.stack([cho_solve(self._factor(a), row, check_finite=False) for a, row in pairs])
        values, vectors = self.spectrum
        # What the right-hand sides have in directions that are not there is rounding; a tiny a2 would blow it up.
        inverse = np.where(values > 0, 1.0 / np.where(values > 0, values + a2[:, None], 1.0), 0.0)
        return ((right @ vectors) * inverse) @ vectors.T

    def _factor(self, a2: float) -> tuple[np.ndarray, bool]:
        """Return the Cholesky factor of matrix + a2; a few are kept for the next call."""
        if a2 not in self.factors:
            if len(self.factors) == FEW_ALPHAS:
                self.factors.clear()
            shifted = self.matrix.copy()
            shifted.flat[:: len(shifted) + 1] += a2
            self.factors[a2] = cho_factor(shifted, overwrite_a=True, check_finite=False)
        return self.factors[a2]

    @once
    def elimination(self) -> tuple[np.ndarray, np.ndarray]:
        """The (pseudo-)inverse Q_FF^-1 of the Gram matrix of the free columns, and Q_FF^-1 Q_FR."""
        Q, F, R = self.gram, self.free, self.rest
        inverse = np.linalg.pinv(Q[np.ix_(F, F)], hermitian=True)
        return inverse, inverse @ Q[np.ix_(F, R)]

    @once
    def span(self) -> np.ndarray | None:
        """What the Gram matrix does not see of the free columns; None where it sees all."""
        return hidden_span(self.design, self.free, self.gram[np.ix_(self.free, self.free)])

    def _reduced_gram(self) -> np.ndarray:
        Q, F, R = self.gram, self.free, self.rest
        if not len(F):
            return Q / np.outer(self.root_l2, self.root_l2)
        if self.span is not None:
            cross = self.design.correlations(self.columns.basis, R)
            return (Q[np.ix_(R, R)] - cross.T @ cross) / np.outer(self.root_l2, self.root_l2)
        reduced = Q[np.ix_(R, R)] - Q[np.ix_(R, F)] @ self.elimination[1]
        return reduced / np.outer(self.root_l2, self.root_l2)

    def largest_eigenvalue(self) -> float:
        """Return the largest eigenvalue of A'A, to a few per cent."""
        if self.route == "krylov" and "spectrum" not in self.__dict__:
            return krylov_ridge.largest_eigenvalue(self.columns)
        return float(self.spectrum[0].max(initial=0.0))

    def path(
        self,
        y: np.ndarray,
        correlation: np.ndarray,
        a2: np.ndarray,
        gap_target: float,
        start: np.ndarray | None,
    ) -> Solved:
        """Yield coefficients (m, n_features), gaps and losses (m,) and iterations for the next m of a2, in order."""
        plain = self.design.n_rows * self.design.n_features <= PACK_ENTRIES
        penalized = a2[a2 > 0] if plain else a2
        yield from self._penalized_path(y, correlation, penalized, gap_target, start)
        if len(penalized) < len(a2):
            # Without a penalty, and small enough for a decomposition of X itself: the gap is what it would still take.
            coefs = least_squares(self.design, y[None])
            residual = y - self.design.predictions(coefs)
            rest = self.design.predictions(least_squares(self.design, residual))
            ones = np.ones(len(a2) - len(penalized))
            yield (
                coefs[np.zeros(len(ones), dtype=int)],
                0.5 * np.sum(rest**2) * ones,
                0.5 * np.sum(residual**2) * ones,
                1,
            )

    def _penalized_path(
        self, y: np.ndarray, correlation: np.ndarray, a2: np.ndarray, gap_target: float, start: np.ndarray | None
    ) -> Solved:
        patience, done = self._patience(len(a2)), 0
        if patience >= LEAST_PATIENCE:
            goal = gap_target if self.route == "krylov" else NEARLY_EXACT * gap_target
            for fits in self._krylov_path(y, a2, goal, start, patience):
                yield fits
                done += len(fits[0])
        yield from self._direct_path(y, correlation, a2[done:], gap_target)

    def _patience(self, n_alphas: int) -> int:
        """Return how many iterations of conjugate gradients may come before a factorization, or instead."""
        if not self.can_factor:
            return KRYLOV_ITERATIONS
        if "matrix" in self.__dict__ or self._gram is not None:
            return 0
        if self.route == "krylov":
            n, p = self.design.n_rows, self.design.n_features
            worth = float(n) * p * min(n, p) / (ITERATION_FLOPS * self.design.raw.n_entries)
            return int(min(max(worth, SHORT_ITERATIONS), KRYLOV_ITERATIONS))
        return self.design.n_rows // ITERATION_COST if not self.is_primal and 0 < n_alphas <= FEW_ALPHAS else 0

    def _direct_path(self, y: np.ndarray, correlation: np.ndarray, a2: np.ndarray, gap_target: float) -> Solved:
        few = 0 < len(a2) <= FEW_ALPHAS and a2.min() > 0 and "spectrum" not in self.__dict__
        for part in batches(a2, alphas_at_once(self.design)):
            coefs, gaps, losses = self._direct(y, correlation, part, gap_target, few)
            late = ~(gaps <= max(gap_target, NO_GAP * (y @ y))) & (part > 0)
            for k in np.flatnonzero(late) if not few else ():
                # A Cholesky factor does not mind scales of columns that eigenvalues lose.
                one = slice(k, k + 1)
                again = self._direct(y, correlation, part[one], gap_target, few=True)
                if not again[1][0] < gaps[k]:
                    break
                coefs[one], gaps[one], losses[one] = again
            yield coefs, gaps, losses, 1

    def _direct(
        self, y: np.ndarray, correlation: np.ndarray, a2: np.ndarray, gap_target: float, few: bool
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return coefficients, gaps and losses by the factor of every alpha, if there are few, or by eigenvalues."""
        if not self.is_primal or self.span is not None:
            coefs = (self._primal_apart if self.is_primal else self._dual)(y, a2, few)
            return coefs, *self.certificate.look(y, coefs, a2, gap_target)
        coefs = self._primal(correlation, a2, few)
        Z = correlation - coefs @ self.gram
        losses = np.maximum(0.5 * (y @ y - np.einsum("kj,kj->k", coefs, correlation + Z)), 0.0)
        return coefs, self.certificate.gaps(y, coefs, Z, a2, losses, gap_target), losses

    def _krylov_path(
        self, y: np.ndarray, a2: np.ndarray, gap_target: float, start: np.ndarray | None, patience: int
    ) -> Solved:
        """Yield fits as long as so many iterations are enough; all of them where no factorization could take over."""
        # Many alphas from zero are cheaper than one by one from anywhere.
        alone = start is not None and len(a2) == 1 and self.route == "krylov"
        for part, coefs, counts in self._krylov_fits(y, a2, gap_target, start if alone else None, patience):
            gaps, losses = self.certificate.look(y, coefs, part, gap_target)
            late = np.flatnonzero(~(gaps <= gap_target))
            if len(late) and self.can_factor:
                return  # too ill-conditioned for conjugate gradients
            for k in late if part[0] > 0 and not alone else ():
                one = slice(k, k + 1)
                coefs[one], more = krylov_ridge.continued(self.columns, y, part[k], gap_target, coefs[k], patience)
                gaps[one], losses[one] = self.certificate.look(y, coefs[one], part[one], gap_target)
                counts[one] += more
            yield coefs, gaps, losses, counts

    def _krylov_fits(
        self, y: np.ndarray, a2: np.ndarray, gap_target: float, start: np.ndarray | None, patience: int
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield the next of a2, coefficients and iterations."""
        columns, positive = self.columns, a2[a2 > 0]
        if start is not None and len(positive):
            yield a2, *krylov_ridge.continued(columns, y, a2[0], gap_target, start, patience)
            return
        step, complete = alphas_at_once(self.design), columns.expanded if columns.is_wide else columns.completed
        for group in batches(positive, max(1, SOLUTIONS // (1 + columns.least_size))):
            solutions, counts = krylov_ridge.from_zero(columns, y, group, gap_target, patience)
            for part in batches(np.arange(len(group)), step):
                yield group[part], complete(y, solutions[part]), counts[part]
        for _ in range(len(positive), len(a2)):
            yield np.zeros(1), *krylov_ridge.least_norm(columns, y, KRYLOV_ITERATIONS)

    def _primal(self, correlation: np.ndarray, a2: np.ndarray, few: bool) -> np.ndarray:
        coefs = np.zeros((len(a2), self.design.n_features))
        # The second round is iterative refinement: it makes up for the square in the Gram matrix.
        for _ in range(2):
            right = correlation - coefs @ self.gram - a2[:, None] * self.l2 * coefs
            if not len(self.free):
                coefs += self._solve(right / self.root_l2, a2, few) / self.root_l2
                continue
            inverse, cross = self.elimination
            reduced = (right[:, self.rest] - right[:, self.free] @ cross) / self.root_l2
            step = self._solve(reduced, a2, few) / self.root_l2
            coefs[:, self.rest] += step
            coefs[:, self.free] += right[:, self.free] @ inverse - step @ cross.T
        return coefs

    def _primal_apart(self, y: np.ndarray, a2: np.ndarray, few: bool) -> np.ndarray:
        """Return coefficients with products of X itself, where free columns are nearly equal."""
        columns = self.columns
        c = np.zeros((len(a2), len(self.rest)))
        for _ in range(2):
            U = columns.off(y - self.design.predictions(c / self.root_l2, self.rest))
            right = self.design.correlations(U, self.rest) / self.root_l2 - a2[:, None] * c
            c += self._solve(right, a2, few)
        return columns.completed(y, c)

    def _dual(self, y: np.ndarray, a2: np.ndarray, few: bool) -> np.ndarray:
        right = np.broadcast_to(self.columns.off(y[None]), (len(a2), len(y)))
        return self.columns.expanded(y, self.columns.off(self._solve(right, a2, few)))
