"""Conjugate gradients for many shifts at once: one Krylov space, one product with the matrix an iteration."""

from collections.abc import Callable

import numpy as np

# Iterations that say nothing yet about the course of the others.
EARLY = 6


def shifted_gradients(
    apply: Callable[[np.ndarray], np.ndarray],
    right: np.ndarray,
    shifts: np.ndarray,
    enough: np.ndarray,
    images: bool,
    limit: int,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Solve (K + shift_k) x_k = right for all k, from zero.

    The Krylov space of K and ``right`` is that of K + shift too, so that conjugate gradients for the least shift,

        x += a p,  r -= a (K + shift) p,  b = ||r_new||^2 / ||r||^2,  p = r_new + b p,

    know those for every other: their residuals are multiples z_k of r (B. Jegerlehner, Krylov space solvers for shifted
    linear systems, 1996). With d_k what shift k has more than the least, the multiples fall by the factors

        f_k = 1 / (1 + d_k a + (a b_old / a_old) (1 - f_k_old)),

    and a_k = a f_k, b_k = b f_k^2.

    Parameters
    ----------
    apply : callable, K times a vector; K is positive semidefinite
    right : ndarray (m,)
    shifts : ndarray (k,), positive and not increasing
    enough : ndarray (k,), what the norm of the residual may be
    images : bool
        Whether ``enough`` speaks of sqrt(r'Kr) instead of ||r||.
    limit : int
        The most iterations; none are begun where their course says that twice as many would not do.

    Returns
    -------
    ndarray (k, m), ndarray (k,)
        Solutions, and how many iterations each has taken.
    """
    least = shifts[-1]
    further = shifts - least
    solutions = np.zeros((len(shifts), len(right)))
    directions = np.tile(right, (len(shifts), 1))
    multiples, factors = np.ones((2, len(shifts)))
    counts = np.zeros(len(shifts), dtype=int)
    r, p, size = right.copy(), right.copy(), float(right @ right)
    a_old, b, first = 1.0, 0.0, 0.0
    done = 0  # so many shifts, the largest, are through
    while size > 0:
        q = apply(p) + least * p
        curvature = float(p @ q)
        if not curvature > 0:
            break  # squares are below the smallest number
        a = size / curvature
        # r'Kr / r'r follows from the tridiagonal matrix of the process.
        norm = np.sqrt(size * max(1.0 / a + b / a_old - least, 0.0) if images else size)
        while done < len(shifts) and multiples[done] * norm <= enough[done]:
            done += 1
        first = first or norm
        if done == len(shifts) or counts[-1] == limit or is_hopeless(enough[-1], norm, first, counts[-1], limit):
            break
        now = slice(done, None)
        factors[now] = 1.0 / (1.0 + further[now] * a + (a * b / a_old) * (1.0 - factors[now]))
        solutions[now] += (a * factors[now, None]) * directions[now]
        r -= a * q
        size_new = float(r @ r)
        a_old, b, size = a, size_new / size, size_new
        multiples[now] *= factors[now]
        directions[now] *= b * factors[now, None] ** 2
        directions[now] += multiples[now, None] * r
        p = directions[-1]
        counts[now] += 1
    return solutions, counts


def is_hopeless(enough: float, norm: float, first: float, count: int, limit: int) -> bool:
    """Whether a norm that has fallen so far in so many iterations will not fall below ``enough`` in twice the limit."""
    if count < EARLY or not 0 < enough < norm:
        return False
    return count * np.log(first / enough) > 2 * limit * np.log(max(first / norm, 1.0))
