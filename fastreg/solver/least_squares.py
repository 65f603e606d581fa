"""Least squares on some columns of a design, for ridge without a penalty and for projections."""

import numpy as np

from fastreg.design.scaled import ScaledDesign

# A singular value decomposition of the packed columns up to this many numbers, a Krylov method beyond.
DENSE_ENTRIES = 2**26
# With bounds, SciPy's exact method up to so many features.
BVLS_FEATURES = 500


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


def bounded_least_squares(
    packed: np.ndarray, target: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:  # fmt: skip
    """Return (m,): coefficients within their bounds of the packed columns (m, n_rows) that fit the target best."""
    # Imported here: it would double the time that importing fastreg takes.
    from scipy.optimize import lsq_linear

    method = "bvls" if len(packed) <= BVLS_FEATURES else "trf"
    best = lsq_linear(packed.T, target, (lower, upper), method=method, tol=1e-14, lsq_solver="exact").x
    # They may be past a bound by rounding.
    return np.clip(best, lower, upper)
