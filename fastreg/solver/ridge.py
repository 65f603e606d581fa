"""Ridge: the whole path from one factorization, or by conjugate gradients where that is too large.

In the solver's units, minimize ||y - X b||^2 / 2 + a2/2 sum_j l2_j b_j^2. Columns with l2_j = 0 (F) are eliminated
first: with P the projection off their span, b_F is the least-squares fit of y - X b. What remains, in terms of
c = sqrt(l2) b and A = P X / sqrt(l2), is a plain ridge:

* primal:  A'A = E L E',   c = E (L + a2)^-1 E'A'y;
* dual:    A A' = E L E',  c = A'theta,  theta = E (L + a2)^-1 E'P y;
  for a few alphas a Cholesky factorization of A'A + a2 or A A' + a2 each is cheaper than the eigenvalues;
* Krylov:  conjugate gradients on (A'A + a2) c = A'y, whose residual r gives the duality gap ||r||^2 / (2 a2).

a2 = 0 (alpha = 0, with l2 = 1 then) gives the least-squares solution of minimal norm.
"""

from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from fastreg.design.scaled import ScaledDesign
from fastreg.solver.cost_model import FACTOR_SIZE, alphas_at_once, ridge_route
from fastreg.solver.least_squares import least_squares
from fastreg.subproblem.gap import gap_of

EPS = np.finfo(float).eps
# Columns packed at a time when the n x n matrix of the dual is summed up (64 MB).
PACK_ENTRIES = 2**23
# A gap below this fraction of ||y||^2 is rounding.
NO_GAP = 1e-20
KRYLOV_ITERATIONS = 10_000
# Conjugate gradients give up earlier where a factorization is there to take over.
SHORT_ITERATIONS = 300
# Up to this many alphas one Cholesky factorization each is cheaper than all eigenvalues.
FEW_ALPHAS = 3


def kernel_matrix(
    design: ScaledDesign, features: np.ndarray, root_l2: np.ndarray, off: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:  # fmt: skip
    """Return A A' (n_rows, n_rows), summed over blocks of the columns A of these features over root_l2.

    ``off`` is applied to the columns, which are the rows of what it is given.
    """
    kernel = np.zeros((design.n_rows, design.n_rows))
    block = max(1, PACK_ENTRIES // design.n_rows)
    for start in range(0, len(features), block):
        chosen = slice(start, start + block)
        packed = off(design.packed(features[chosen])) / root_l2[chosen, None]
        kernel += packed.T @ packed
    return kernel


class RidgeSolver:
    """Ridge of one target over one design, without bounds.

    Parameters
    ----------
    design : ScaledDesign
    l2 : ndarray (n_features,), factors >= 0 of the squared coefficients
    gram : None or ndarray (n_features, n_features), where it is known already
    n_alphas : int, how many fits are wanted
    route : None or str, as ``ridge_route`` returns it
    """

    def __init__(
        self,
        design: ScaledDesign,
        l2: np.ndarray,
        gram: np.ndarray | None = None,
        n_alphas: int = 100,
        route: str | None = None,
    ) -> None:
        self.design = design
        self.l2 = l2
        self.free = np.flatnonzero(l2 == 0)
        self.rest = np.flatnonzero(l2 > 0)
        self.root_l2 = np.sqrt(l2[self.rest])
        self.route = route or (ridge_route(design, n_alphas) if gram is None else "primal")
        small = min(design.n_rows, design.n_features) <= FACTOR_SIZE
        self.patience = SHORT_ITERATIONS if small else KRYLOV_ITERATIONS
        self.basis = self._free_basis()
        self.factors: dict[float, tuple[np.ndarray, bool]] = {}
        self.few = False
        if self.route == "primal":
            self.gram = design.gram_matrix() if gram is None else gram
            self.matrix = self._reduced_gram()
        elif self.route == "dual":
            self.matrix = self._kernel()

    @cached_property
    def spectrum(self) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues and eigenvectors of A'A or A A'; directions whose eigenvalue is rounding have the value 0."""
        values, vectors = np.linalg.eigh(self.matrix)
        values[values <= EPS * max(self.design.n_rows, self.design.n_features) * values.max(initial=0.0)] = 0.0
        return values, vectors

    def _solve(self, right: np.ndarray, a2: np.ndarray) -> np.ndarray:
        """Return (matrix + a2_k)^-1 right_k for every k, the pseudo-inverse where that is singular."""
        if self.few:
            try:
                return np.stack([cho_solve(self._factor(float(a)), row) for a, row in zip(a2, right, strict=True)])
            except np.linalg.LinAlgError:
                self.few = False  # singular but for a penalty below rounding
        values, vectors = self.spectrum
        # What the right-hand sides have in directions that are not there is rounding; a tiny a2 would blow it up.
        inverse = np.where(values > 0, 1.0 / np.where(values > 0, values + a2[:, None], 1.0), 0.0)
        return ((right @ vectors) * inverse) @ vectors.T

    def _free_basis(self) -> np.ndarray:
        """Orthonormal basis (rank, n_rows) of the span of the unpenalized columns."""
        if not len(self.free) or self.route == "primal":
            return np.empty((0, self.design.n_rows))
        _, values, basis = np.linalg.svd(self.design.packed(self.free), full_matrices=False)
        return basis[values > EPS * max(basis.shape[1], len(values)) * values.max(initial=0.0)]

    def _off(self, U: np.ndarray) -> np.ndarray:
        """Remove from the rows of U their part in the span of the unpenalized columns."""
        return U - (U @ self.basis.T) @ self.basis if len(self.basis) else U

    def _factor(self, a2: float) -> tuple[np.ndarray, bool]:
        """Return the Cholesky factor of matrix + a2, kept for the next call."""
        if a2 not in self.factors:
            shifted = self.matrix.copy()
            shifted.flat[:: len(shifted) + 1] += a2
            self.factors[a2] = cho_factor(shifted, overwrite_a=True, check_finite=False)
        return self.factors[a2]

    def _reduced_gram(self) -> np.ndarray:
        Q, F, R = self.gram, self.free, self.rest
        self.free_inverse = np.linalg.pinv(Q[np.ix_(F, F)], hermitian=True)
        self.cross = self.free_inverse @ Q[np.ix_(F, R)]
        reduced = Q[np.ix_(R, R)] - Q[np.ix_(R, F)] @ self.cross
        return reduced / np.outer(self.root_l2, self.root_l2)

    def _kernel(self) -> np.ndarray:
        """A A'."""
        return kernel_matrix(self.design, self.rest, self.root_l2, self._off)

    def largest_eigenvalue(self) -> float:
        """Return the largest eigenvalue of A'A, to a few per cent."""
        if self.route != "krylov":
            return float(self.spectrum[0].max(initial=0.0))
        if len(self.rest) == 1:
            return float(self._normal(np.ones(1), 0.0)[0])
        from scipy.sparse.linalg import LinearOperator, eigsh

        size = len(self.rest)
        operator = LinearOperator((size, size), matvec=lambda c: self._normal(c.ravel(), 0.0), dtype=float)
        start = np.random.default_rng(0).standard_normal(size)
        return float(eigsh(operator, k=1, tol=0.02, v0=start, return_eigenvectors=False)[0])

    def path(
        self,
        y: np.ndarray,
        correlation: np.ndarray,
        a2: np.ndarray,
        gap_target: float,
        start: np.ndarray | None,
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
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
    ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, int]]:
        step = alphas_at_once(self.design) if self.route != "krylov" else 1
        self.few = 0 < len(a2) <= FEW_ALPHAS and a2.min() > 0 and "spectrum" not in self.__dict__
        for first in range(0, len(a2), step):
            part = a2[first : first + step]
            if self.route == "primal":
                coefs, iterations = self._primal(correlation, part), 1
                Z = correlation - coefs @ self.gram
                losses = 0.5 * (y @ y - np.einsum("kj,kj->k", coefs, correlation + Z))
            else:
                if self.route == "dual":
                    coefs, iterations = self._dual(y, part), 1
                else:
                    coefs, iterations = self._krylov(y, float(part[0]), gap_target, start)
                    start = coefs[0]
                U = y - self.design.predictions(coefs)
                Z = self.design.correlations(U)
                losses = 0.5 * np.einsum("ki,ki->k", U, U)
            losses = np.maximum(losses, 0.0)
            gaps = self._gaps(y, coefs, Z, part, losses)
            if self.route == "krylov" and self.patience < KRYLOV_ITERATIONS and gaps[0] > gap_target:
                # Too ill-conditioned for conjugate gradients, and not too large for a factorization.
                direct = RidgeSolver(self.design, self.l2, route="primal" if len(self.l2) <= len(y) else "dual")
                yield from direct.path(y, correlation, a2[first:], gap_target, None)
                return
            yield coefs, gaps, losses, iterations

    def _gaps(self, y: np.ndarray, coefs: np.ndarray, Z: np.ndarray, a2: np.ndarray, losses: np.ndarray) -> np.ndarray:
        """Return the duality gap of every row of coefs, with correlations Z."""
        gaps = np.full(len(a2), np.inf)
        if not len(self.free) and a2.min() > 0:
            # With Q = a2 l2 the conjugates are (s z)^2 / (2 Q), and twice the gap is a quadratic in e = 1 - s,
            #   sum (z - Q b)^2 / Q  -  2 e sum z (z - Q b) / Q  +  e^2 (||u||^2 + sum z^2 / Q).
            # At s = 1, the first term alone, nothing cancels; where that is rounding it is the whole answer.
            lost = Z - coefs * (a2[:, None] * self.l2)
            gaps = 0.5 * np.einsum("kj,kj->k", lost, lost / (a2[:, None] * self.l2))
        for k in np.flatnonzero(~(gaps <= NO_GAP * (y @ y))):
            gaps[k] = self._gap(y, coefs[k], Z[k], float(a2[k]), float(losses[k]))
        return gaps

    def _gap(self, y: np.ndarray, beta: np.ndarray, z: np.ndarray, a2: float, loss: float) -> float:
        size = len(beta)
        infinite = np.full(size, np.inf)
        penalty = {"l1": np.zeros(size), "l2": self.l2, "lower": -infinite, "upper": infinite}
        level = 1e-9 * float(np.sqrt(y @ y))
        return gap_of(penalty, 0.0, a2, np.ascontiguousarray(beta), z.copy(), self.design.norm, 2 * loss, level)

    def _primal(self, correlation: np.ndarray, a2: np.ndarray) -> np.ndarray:
        coefs = np.zeros((len(a2), self.design.n_features))
        # The second round is iterative refinement: it makes up for the square in the Gram matrix.
        for _ in range(2):
            right = correlation - coefs @ self.gram - a2[:, None] * self.l2 * coefs
            reduced = (right[:, self.rest] - right[:, self.free] @ self.cross) / self.root_l2
            step = self._solve(reduced, a2) / self.root_l2
            coefs[:, self.rest] += step
            coefs[:, self.free] += right[:, self.free] @ self.free_inverse - step @ self.cross.T
        return coefs

    def _dual(self, y: np.ndarray, a2: np.ndarray) -> np.ndarray:
        right = np.broadcast_to(self._off(y[None]), (len(a2), len(y)))
        theta = self._off(self._solve(right, a2))
        coefs = np.zeros((len(a2), self.design.n_features))
        coefs[:, self.rest] = self.design.correlations(theta, self.rest) / self.root_l2**2
        return self._with_free(y, coefs)

    def _with_free(self, y: np.ndarray, coefs: np.ndarray) -> np.ndarray:
        """Set the unpenalized coefficients to their least-squares values given the others."""
        if len(self.free):
            coefs[:, self.free] = least_squares(self.design, y - self.design.predictions(coefs), self.free)
        return coefs

    def _forward(self, c: np.ndarray) -> np.ndarray:
        return self._off(self.design.predictions(c / self.root_l2, self.rest))[0]

    def _backward(self, u: np.ndarray) -> np.ndarray:
        return self.design.correlations(self._off(u[None])[0], self.rest)[0] / self.root_l2

    def _normal(self, c: np.ndarray, a2: float) -> np.ndarray:
        return self._backward(self._forward(c)) + a2 * c

    def _krylov(self, y: np.ndarray, a2: float, gap_target: float, start: np.ndarray | None) -> tuple[np.ndarray, int]:
        # Imported here: it would double the time that importing fastreg takes.
        from scipy.sparse.linalg import LinearOperator, cg, lsmr

        size = len(self.rest)
        count = [0]
        right = self._backward(y)
        before = None if start is None else start[self.rest] * self.root_l2
        if a2 > 0:
            operator = LinearOperator((size, size), matvec=lambda c: self._normal(c.ravel(), a2), dtype=float)

            def tick(_: np.ndarray) -> None:
                count[0] += 1

            # gap = ||r||^2 / (2 a2); half the target leaves room for rounding.
            accuracy = np.sqrt(a2 * gap_target)
            c, _ = cg(operator, right, x0=before, rtol=0.0, atol=accuracy, maxiter=self.patience, callback=tick)
        else:
            operator = LinearOperator(
                (self.design.n_rows, size),
                matvec=lambda c: self._forward(c.ravel()),
                rmatvec=lambda u: self._backward(u.ravel()),
                dtype=float,
            )
            c, _, count[0], *_ = lsmr(
                operator, self._off(y[None])[0], atol=1e-11, btol=1e-11, maxiter=KRYLOV_ITERATIONS
            )
        coefs = np.zeros((1, self.design.n_features))
        coefs[0, self.rest] = c / self.root_l2
        return self._with_free(y, coefs), count[0]
