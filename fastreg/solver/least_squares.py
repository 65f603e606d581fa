"""Least squares on some columns of a design, for ridge without a penalty and for projections."""

import numpy as np

from fastreg.design.scaled import ScaledDesign

# A singular value decomposition of the packed columns up to this many numbers, a Krylov method beyond.
DENSE_ENTRIES = 2**26


def least_squares(design: ScaledDesign, U: np.ndarray, features: np.ndarray | None = None) -> np.ndarray:
    """Return (k, m): coefficients of the m features (all by default), of least norm, that fit the k rows of U best.

    They come from the columns themselves: a Gram matrix would square their condition number.
    """
    size = design.n_features if features is None else len(features)
    if size * design.n_rows <= DENSE_ENTRIES:
        return np.linalg.lstsq(design.packed(features).T, U.T, rcond=None)[0].T
    # Imported here: it would double the time that importing fastreg takes.
    from scipy.sparse.linalg import LinearOperator, lsmr

    operator = LinearOperator(
        (design.n_rows, size),
        matvec=lambda b: design.predictions(b.ravel(), features)[0],
        rmatvec=lambda u: design.correlations(u.ravel(), features)[0],
        dtype=float,
    )
    return np.stack([lsmr(operator, u, atol=1e-12, btol=1e-12, maxiter=10_000)[0] for u in U])
