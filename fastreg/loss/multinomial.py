"""Cross-entropy of several classes: log sum_k exp(eta_k) - eta_y, every class with predictors of its own.

With p_k = exp(eta_k) / sum_l exp(eta_l) and y one-hot, u_k = y_k - p_k. Seen from one class, the others fixed, it is
the logistic loss with the offset -log sum_{l != k} exp(eta_l), up to a constant; the solver goes from class to class.

The conjugate's divergence from -u to -s u is KL(q || p) with q = y - s u, and

    KL(q || p)  <=  sum_k KL(Bernoulli(q_k) || Bernoulli(p_k)),

since sum_k (1 - q_k) log((1 - q_k)/(1 - p_k)) >= 0 (log-sum inequality): gaps of the classes, at one s, add up to a
bound on the gap.
"""

import numpy as np

NEWTON_STEPS = 100
ROUNDING = 1e-15


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
        top = eta.max(axis=0)
        return float(weights @ (top + np.log(np.exp(eta - top).sum(axis=0)) - (y * eta).sum(axis=0)))

    @staticmethod
    def point(y: np.ndarray, weights: np.ndarray, eta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the weighted mean loss of y and eta (n_classes, n_samples), and the probabilities."""
        e = eta - eta.max(axis=0)
        chosen = (y * e).sum(axis=0)
        np.exp(e, out=e)
        total = e.sum(axis=0)
        e /= total
        return float(weights @ (np.log(total) - chosen)), e

    def deviance(self, y: np.ndarray, predictor: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the weighted mean deviance, of codes y (n,) and predictors (n, ..., n_classes)."""
        top = predictor.max(axis=-1)
        chosen = np.take_along_axis(predictor, y.astype(int).reshape(len(y), *[1] * (predictor.ndim - 1)), axis=-1)
        losses = top + np.log(np.exp(predictor - top[..., None]).sum(axis=-1)) - chosen[..., 0]
        return 2.0 * np.einsum("i...,i->...", losses, weights)

    @staticmethod
    def divergence(y: np.ndarray, weights: np.ndarray, p: np.ndarray, s: float) -> float:
        """Return the weighted mean of KL(q || p) with q = (1 - s) y + s p, all (n_classes, n_samples)."""
        q = (1.0 - s) * y + s * p
        ratio = np.divide(q, p, out=np.ones_like(q), where=(q > 0) & (p > 0))
        with np.errstate(divide="ignore"):
            return float(weights @ np.where((q > 0) & (p == 0), np.inf, q * np.log(ratio)).sum(axis=0))

    def null_model(
        self, y: np.ndarray, weights: np.ndarray, offset: np.ndarray, fit_intercept: bool
    ) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
        """Return the best intercepts (n_classes,), of sum 0, and u (n_classes, n_samples)."""
        eta = np.array(np.broadcast_to(offset, y.shape))
        intercepts = np.zeros(len(y))
        if fit_intercept:
            intercepts = np.log(y @ weights)
            intercepts -= intercepts.mean()
            intercepts += self.balance(y, weights, eta + intercepts[:, None])
        return intercepts, y - self.mean((eta + intercepts[:, None]).T).T

    def balance(self, y: np.ndarray, weights: np.ndarray, eta: np.ndarray) -> np.ndarray:
        """Return what intercepts (n_classes,) have to move by, in sum 0, for every u to have the weighted sum 0."""
        moved = np.zeros(len(y))
        value, p = self.point(y, weights, eta)
        for _ in range(NEWTON_STEPS):
            slope = (y - p) @ weights
            if np.abs(slope).max() <= 16 * ROUNDING:
                break
            # Singular: what all classes have in common changes nothing.
            curvatures, axes = np.linalg.eigh(np.diag(p @ weights) - (p * weights) @ p.T)
            real = curvatures > ROUNDING * curvatures[-1]
            step = axes[:, real] @ ((axes[:, real].T @ slope) / curvatures[real])
            step -= step.mean()
            length, new = 1.0, self.point(y, weights, eta + (moved + step)[:, None])
            while new[0] > value + ROUNDING * abs(value) and length > ROUNDING:
                length *= 0.5
                new = self.point(y, weights, eta + (moved + length * step)[:, None])
            if length <= ROUNDING:
                break
            moved, (value, p) = moved + length * step, new
        return moved
