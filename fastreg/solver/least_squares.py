"""Fits without a penalty on some columns of a design: least squares, for ridge and projections, and other losses."""

import numpy as np

from fastreg.design.scaled import ScaledDesign
from fastreg.loss.base import Loss
from fastreg.solver.line_search import fallen_enough, halvings

# A singular value decomposition of the packed columns up to this many numbers, a Krylov method beyond.
DENSE_ENTRIES = 2**26
# Columns closer to each other than this fraction of their norms are not told apart well enough by a Gram matrix.
TELLS = 1e-4
# Newton steps, and the fraction of the loss that is rounding.
NEWTON_STEPS = 200
ROUNDING = 1e-15
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


def hidden_span(design: ScaledDesign, features: np.ndarray, gram: np.ndarray | None) -> np.ndarray | None:
    """Return an orthonormal basis (rank, n_rows) of the span of these columns if their Gram matrix does not tell it.

    It squares their condition number, so that columns closer to each other than TELLS look as if they were equal. None
    where it tells all, or where they depend on each other exactly, or are too many. Fewer than two need no matrix.
    """
    if len(features) < 2 or len(features) * design.n_rows > DENSE_ENTRIES:
        return None
    norm = np.sqrt(np.diag(gram))
    if not norm.all():
        return None
    if np.linalg.eigvalsh(gram / np.outer(norm, norm))[0] > TELLS**2:
        return None
    packed = design.packed(features) / norm[:, None]
    _, sizes, basis = np.linalg.svd(packed, full_matrices=False)
    real = sizes > np.finfo(float).eps * max(packed.shape) * sizes[0]
    return basis[real] if sizes[real].min() < TELLS else None


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


def minimize_unpenalized(
    loss: Loss, y: np.ndarray, weights: np.ndarray, eta: np.ndarray, columns: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the predictors eta + c'columns (m, n_rows) of least loss, and c: Newton's method, halving steps."""
    moved = np.zeros(len(columns))
    value, u, h = loss.point(y, weights, eta)
    for _ in range(NEWTON_STEPS if len(columns) else 0):
        root = np.sqrt(weights * h)
        right = np.divide(weights * u, root, out=np.zeros_like(u), where=root > 0)
        step = np.linalg.lstsq((columns * root).T, right, rcond=None)[0]
        line = step @ columns
        slope, digits = -float((weights * u) @ line), ROUNDING * abs(value)
        for length in halvings():
            trial = loss.point(y, weights, eta + length * line)
            if fallen_enough(trial[0], value, length * slope, digits):
                break
        else:
            break
        before, after = (np.abs(columns @ (weights * part)).max() for part in (u, trial[1]))
        # At rounding the loss tells nothing any more, but the gradient may still fall.
        if not (trial[0] < value - digits or after < 0.5 * before):
            break
        eta, moved = eta + length * line, moved + length * step
        value, u, h = trial
    return eta, moved
