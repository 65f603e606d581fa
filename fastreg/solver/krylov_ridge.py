"""Ridge by Krylov methods, where a factorization is too large: all that they know of A are its products."""

import numpy as np

from fastreg.solver.ridge_columns import RidgeColumns
from fastreg.solver.shifted_gradients import shifted_gradients


def from_zero(
    columns: RidgeColumns, y: np.ndarray, a2: np.ndarray, gap_target: float, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return solutions for all of a2, not increasing, over the rows or the columns, and iterations (k,).

    The gap is ||r||^2 / (2 a2) with the residual r of (A'A + a2) c = A'y, and ||A'r||^2 / (2 a2) with that of
    (A A' + a2) theta = y. Half the target leaves room for rounding.
    """
    enough = np.sqrt(a2 * gap_target)
    if columns.is_wide:
        return shifted_gradients(columns.outer, columns.off(y[None])[0], a2, enough, True, limit)
    return shifted_gradients(columns.normal, columns.backward(y), a2, enough, False, limit)


def continued(
    columns: RidgeColumns, y: np.ndarray, a2: float, gap_target: float, start: np.ndarray, limit: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (1, n_features) from those of ``start``, and iterations (1,)."""
    # Imported here: it would double the time that importing fastreg takes.
    from scipy.sparse.linalg import LinearOperator, cg

    size = len(columns.rest)
    count = np.zeros(1, dtype=int)
    operator = LinearOperator((size, size), matvec=lambda c: columns.normal(c.ravel()) + a2 * c.ravel(), dtype=float)

    def tick(_: np.ndarray) -> None:
        count[0] += 1

    before = start[columns.rest] * columns.root_l2
    accuracy = np.sqrt(a2 * gap_target)
    c, _ = cg(operator, columns.backward(y), x0=before, rtol=0.0, atol=accuracy, maxiter=limit, callback=tick)
    return columns.completed(y, c[None]), count


def least_norm(columns: RidgeColumns, y: np.ndarray, limit: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (1, n_features) without a penalty, and iterations (1,)."""
    from scipy.sparse.linalg import LinearOperator, lsmr

    operator = LinearOperator(
        (columns.design.n_rows, len(columns.rest)),
        matvec=lambda c: columns.forward(c.ravel()),
        rmatvec=lambda u: columns.backward(u.ravel()),
        dtype=float,
    )
    c, _, count, *_ = lsmr(operator, columns.off(y[None])[0], atol=1e-11, btol=1e-11, maxiter=limit)
    return columns.completed(y, c[None]), np.array([count])


def largest_eigenvalue(columns: RidgeColumns) -> float:
    """Return the largest eigenvalue of A'A, to a few per cent."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    size = columns.least_size
    apply = columns.outer if columns.is_wide else columns.normal
    if size <= 1:
        return float(apply(np.ones(size)).sum())
    operator = LinearOperator((size, size), matvec=lambda v: apply(v.ravel()), dtype=float)
    start = np.random.default_rng(0).standard_normal(size)
    if not apply(start).any():
        return 0.0
    return float(eigsh(operator, k=1, tol=0.02, v0=start, return_eigenvectors=False)[0])
