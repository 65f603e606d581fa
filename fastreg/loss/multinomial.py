"""Cross-entropy of several classes: log sum_k exp(eta_k) - eta_y, every class with predictors of its own.

With p_k = exp(eta_k) / sum_l exp(eta_l) and y one-hot, u_k = y_k - p_k. The conjugate's divergence from -u to -s u is
KL(q || p) with q = y - s u.
"""

import numpy as np

from fastreg.loss import class_rows

NEWTON_STEPS = 100
ROUNDING = 1e-15
TINY = 1e-150
# Intercepts move by so much at first; what bends a longer step is found by so many halvings.
RADIUS = 10.0
BISECTIONS = 30


class Multinomial:
    """Cross-entropy of several classes.

    Inside, targets are the rows of a one-hot matrix (n_classes, n_samples), and so are predictors.

    Parameters
    ----------
    grouped : bool
        False: the l1 penalty is that of every coefficient, |b_jk|. True: it is the norm ||b_j|| of a feature's
        coefficients for all classes, so that a feature is in the model for all classes or for none.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.standard_normal((60, 10)), np.arange(60) % 3
    >>> path = fastreg.fit_path(X, y, loss=fastreg.Multinomial(grouped=True), n_alphas=5)
    >>> support = [coefs.toarray() != 0 for coefs in path.coefs]
    >>> bool((support[0] == support[1]).all() and (support[0] == support[2]).all())
    True
    """

    name = "multinomial"

    def __init__(self, grouped: bool = False) -> None:
        if not isinstance(grouped, (bool, np.bool_, int)) or grouped not in (0, 1):
            raise ValueError(f"grouped: expected True or False, got {grouped!r}.")
        self.grouped = bool(grouped)

    def __repr__(self) -> str:
        return f"Multinomial(grouped={self.grouped})"

    @staticmethod
    def check_domain(y: np.ndarray) -> None:
        """Refuse what are no class codes.

        Raises
        ------
        ValueError
            If y holds anything but integers from 0 to the number of samples.
        """
        codes = y.astype(np.int64)
        if (codes != y).any() or codes.min() < 0 or codes.max() > codes.size:
            raise ValueError(
                f"y: expected class codes 0, 1, ... for the multinomial loss, got values from {y.min():g} to "
                f"{y.max():g}. Code the classes, or use fastreg.LogisticRegression."
            )

    @classmethod
    def encode(cls, y: np.ndarray) -> np.ndarray:
        """Return the one-hot matrix (n_classes, n_samples) of class codes 0, 1, ...

        Raises
        ------
        ValueError
            If these are no codes of two classes or more, or if a class is missing.
        """
        cls.check_domain(y)
        codes = y.astype(np.int64)
        if codes.max() == 0:
            raise ValueError("y: expected two classes or more for the multinomial loss, got one.")
        return (codes == np.arange(codes.max() + 1)[:, None]).astype(float)

    @staticmethod
    def check(y: np.ndarray, weights: np.ndarray, fit_intercept: bool) -> None:
        """Refuse a class that has no rows of positive weight: its best intercept is infinite."""
        empty = np.flatnonzero(~y[:, weights > 0].any(axis=1))
        if fit_intercept and len(empty):
            raise ValueError(f"y: expected rows of every class, got none of class {empty[0]}. Code the others anew.")

    @staticmethod
    def mean(eta: np.ndarray) -> np.ndarray:
        """Return probabilities of predictors (..., n_classes)."""
        e = np.exp(eta - eta.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    @staticmethod
    def value(y: np.ndarray, weights: np.ndarray, eta: np.ndarray) -> float:
        """Return the weighted mean loss of y and eta (n_classes, n_samples)."""
        return Multinomial.point(y, weights, eta)[0]

    @staticmethod
    def curvature(p: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the Hessian (n_classes, n_classes) in the intercepts; rows sum to 0, so the diagonal keeps digits."""
        hessian = -(p * weights) @ p.T
        np.fill_diagonal(hessian, 0.0)
        np.fill_diagonal(hessian, -hessian.sum(axis=1))
        return hessian

    @staticmethod
    def point(y: np.ndarray, weights: np.ndarray, eta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the weighted mean loss of y and eta (n_classes, n_samples), and the probabilities."""
        return class_rows.point(np.ascontiguousarray(y), weights, np.ascontiguousarray(eta))

    def deviance(self, y: np.ndarray, predictor: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean deviance, of codes y (n,) and predictors (n, ..., n_classes)."""
        top = predictor.max(axis=-1)
        chosen = np.take_along_axis(predictor, y.astype(int).reshape(len(y), *[1] * (predictor.ndim - 1)), axis=-1)
        losses = top + np.log(np.exp(predictor - top[..., None]).sum(axis=-1)) - chosen[..., 0]
        return 2.0 * np.einsum("i...,i->...", losses, weights)

    @staticmethod
    def divergence(y: np.ndarray, weights: np.ndarray, eta: np.ndarray, p: np.ndarray, s: float) -> float:
        """Return the weighted mean of KL(q || p) with q = (1 - s) y + s p, all (n_classes, n_samples), p those of eta.

        Where probabilities underflow their logarithms do not.
        """
        if p.min() >= TINY:
            return class_rows.divergence(np.ascontiguousarray(y), weights, np.ascontiguousarray(p), s)
        q = (1.0 - s) * y + s * p
        under = (q > 0) & (p < TINY)
        lost = q * np.log(np.divide(q, p, out=np.ones_like(q), where=(q > 0) & ~under))
        if under.any():
            log_p = eta - eta.max(axis=0)
            log_p -= np.log(np.exp(log_p).sum(axis=0))
            lost[under] = q[under] * (np.log(q[under]) - log_p[under])
        return float(weights @ lost.sum(axis=0))

    def null_model(
        self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray, fit_intercept: bool
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Return the best intercepts (n_classes,), of sum 0, and u (n_classes, n_samples)."""
        eta = np.array(np.broadcast_to(offset, y.shape))
        intercepts = np.zeros(len(y))
        if fit_intercept:
            intercepts = np.log(y @ weights)
            intercepts -= intercepts.mean()
            intercepts += self.balance(y, weights, eta + intercepts[:, None])[0]
        return intercepts, y - self.mean((eta + intercepts[:, None]).T).T

    def balance(
        self, y: np.ndarray, weights: np.ndarray, eta: np.ndarray, known: tuple[float, np.ndarray] | None = None
    ) -> tuple[np.ndarray, float, np.ndarray]:
        """Return what intercepts (n_classes,) have to move by, in sum 0, for every u to have the weighted sum 0.

        With it come the loss and the probabilities there; those at eta may be ``known``.
        """
        moved, radius = np.zeros(len(y)), RADIUS
        value, p = self.point(y, weights, eta) if known is None else known
        for _ in range(NEWTON_STEPS):
            slope = (y - p) @ weights
            steepest = np.abs(slope).max()
            if steepest <= 16 * ROUNDING:
                break
            step, promised = _trusted_step(p, weights, slope, radius)
            new, q = self.point(y, weights, eta + (moved + step)[:, None])
            flatter = np.abs((y - q) @ weights).max() <= 0.5 * steepest
            if new <= value - 0.1 * promised or (flatter and new <= value + ROUNDING * value):
                moved, value, p = moved + step, new, q
                radius = max(radius, 4.0 * float(np.linalg.norm(step)))
            elif promised <= ROUNDING * value:
                break
            else:
                radius = 0.25 * float(np.linalg.norm(step))
        return moved, value, p


def _trusted_step(p: np.ndarray, weights: np.ndarray, slope: np.ndarray, radius: float) -> tuple[np.ndarray, float]:
    """Return Newton's step of the intercepts, bent downhill to be no longer than the radius, and what it promises.

    Where predictors are far apart curvatures vanish between classes that still have far to go.
    """
    hessian = Multinomial.curvature(p, weights)
    curvatures, vectors = np.linalg.eigh(hessian)
    curvatures = np.maximum(curvatures, max(curvatures[-1] * ROUNDING, TINY))
    along = vectors.T @ (slope - slope.mean())
    low, high = 0.0, 1.0
    if np.linalg.norm(along / curvatures) > radius:
        high = float(np.linalg.norm(along)) / radius
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            longer = np.linalg.norm(along / (curvatures + middle)) > radius
            low, high = (middle, high) if longer else (low, middle)
        curvatures = curvatures + high
    step = vectors @ (along / curvatures)
    step -= step.mean()
    return step, float(slope @ step - 0.5 * step @ hessian @ step)
