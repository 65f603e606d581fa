"""The two penalties over the coefficients of one feature for all classes: each for itself, or as a group."""

import numpy as np

from fastreg.penalty.classes import ClassPenalty, Slopes, norms

HALVINGS = 100
# A group pulls by its threshold if it is so near to that; the longest group that is looked at.
EDGE = 1.0 + 1e-14
LONGEST = 1e150
# Scales of the penalty beyond that hold a coefficient at 0 just as well.
LARGEST = 1e280
# A step that leaves no more of a group has taken it to 0.
VANISHED = 1e-9


class SeparatePenalty(ClassPenalty):
    """N(b) = sum_k |b_k|: every coefficient for itself."""

    def values(self, B: np.ndarray) -> np.ndarray:
        return self.t * np.abs(B).sum(axis=0) + 0.5 * (self.q * B * B).sum(axis=0)

    @staticmethod
    def size(pull: np.ndarray) -> np.ndarray:
        return np.abs(pull).max(axis=0, initial=0.0)

    def slopes(self, B: np.ndarray, Z: np.ndarray) -> Slopes:
        pull = self.pull(Z)
        side = np.where(B != 0, np.sign(B), np.where(np.abs(pull) > self.t, np.sign(pull), 0.0))
        still = (side == 0) & (self.t > 0)
        nothing = np.zeros_like(self.t)
        return Slopes(self.q * B + self.t * side, self.q, nothing, np.zeros_like(B), side, still)

    def first_step(self, Z: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        pull = self.pull(Z)
        step = np.sign(pull) * np.maximum(np.abs(pull) - self.t, 0.0) / (curvature + self.q)
        return np.clip(step, self.lower, self.upper)

    def ends(self, B: np.ndarray, direction: np.ndarray) -> np.ndarray:
        towards = (B * direction < 0) & (self.t > 0)
        return -B[towards] / direction[towards]

    def center(self, B: np.ndarray) -> np.ndarray:
        center = np.zeros(B.shape[1])
        full = np.flatnonzero((B != 0).all(axis=0))
        if len(full):
            center[full] = self.of(full).center_of_full(B[:, full])
        return center

    def center_of_full(self, B: np.ndarray) -> np.ndarray:
        """Return the best common change where no coefficient is 0; one that is 0, and stays there, holds the others."""
        # Between the medians (the one nearer to 0 leaves a sparse b) and the mean, to which the l2 part draws:
        # the median of all b_k and of the points where the slopes of the two parts balance.
        count = len(B)
        ordered = np.sort(B, axis=0)
        low, high = ordered[(count - 1) // 2], ordered[count // 2]
        median = np.where(np.abs(low) <= np.abs(high), low, high)
        curved = self.q > 0
        if not curved.any():
            return np.where(self.t > 0, median, B.mean(axis=0))
        balance = (count - 2.0 * np.arange(count + 1))[:, None] * (self.t / np.where(curved, count * self.q, 1.0))
        both = np.median(np.vstack([B, B.mean(axis=0) + balance]), axis=0)
        return np.where(curved, both, np.where(self.t > 0, median, B.mean(axis=0)))

    def crossed(self, side: np.ndarray, B: np.ndarray) -> np.ndarray:
        return (side * B < 0) & (self.t > 0)

    def conjugates(self, Z: np.ndarray) -> np.ndarray:
        over = np.maximum(np.abs(self.pull(Z)) - self.t, 0.0)
        with np.errstate(divide="ignore", invalid="ignore"):
            best = np.where(over > 0, over / self.q, 0.0)
        bound = np.where(Z > 0, self.upper, -self.lower)
        B = np.minimum(best, np.where(over > 0, bound, 0.0))
        # At the edge of its domain rounding must not make a conjugate infinite.
        B = np.where(np.isinf(B), 0.0, B)
        return (B * (over - 0.5 * self.q * B)).sum(axis=0)


class GroupPenalty(ClassPenalty):
    """N(b) = ||b||: all coefficients of a feature or none.

    The conjugate's maximizer is clip(z nu / (q nu + t)) for the nu that is its norm; ||clip(z nu / (q nu + t))|| / nu
    falls in nu, which finds it.
    """

    def values(self, B: np.ndarray) -> np.ndarray:
        size = norms(B)
        return size * (self.t + 0.5 * self.q * size)

    @staticmethod
    def size(pull: np.ndarray) -> np.ndarray:
        return norms(pull)

    def slopes(self, B: np.ndarray, Z: np.ndarray) -> Slopes:
        size = norms(B)
        pinch = np.divide(self.t, size, out=np.zeros_like(size), where=size > 0)
        unit = np.divide(B, size, out=np.zeros_like(B), where=size > 0)
        ridge = self.q + pinch
        return Slopes(ridge * B, ridge, pinch, unit, B, np.zeros(B.shape, dtype=bool))

    def first_step(self, Z: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        pull = self.pull(Z)
        size = norms(pull)
        excess = np.maximum(size - self.t, 0.0)
        length = np.divide(excess, (curvature + self.q) * size, out=np.zeros_like(size), where=size > 0)
        # Only along what pulls is it sure to go down.
        bound = np.where(pull > 0, self.upper, -self.lower)
        with np.errstate(divide="ignore", invalid="ignore"):
            length = np.minimum(length, np.where(pull != 0, bound / np.abs(pull), np.inf).min(axis=0))
        return length * pull

    def ends(self, B: np.ndarray, direction: np.ndarray) -> np.ndarray:
        slope = (B * direction).sum(axis=0)
        towards = (slope < 0) & (self.t > 0)
        return -(B * B).sum(axis=0)[towards] / slope[towards]

    def center(self, B: np.ndarray) -> np.ndarray:
        return B.mean(axis=0)

    def crossed(self, side: np.ndarray, B: np.ndarray) -> np.ndarray:
        # Of a group whose other entries are at bounds, nothing but rounding may be left.
        left = (side * B).sum(axis=0) <= VANISHED * (side * side).sum(axis=0)
        return np.broadcast_to((self.t > 0) & left, B.shape)

    def conjugates(self, Z: np.ndarray) -> np.ndarray:
        """Return h*(z) of every column of Z (K, m), at a scale at which it is finite."""
        out = np.zeros(Z.shape[1])
        pull = self.pull(Z)
        size = norms(pull)
        over = np.flatnonzero(size > self.t)
        if len(over) == 0:
            return out
        part, pull, size = self.of(over), pull[:, over], size[over]
        bound = np.where(pull > 0, part.upper, part.lower)
        loose = np.isinf(bound) | (pull == 0)
        free = loose.all(axis=0)
        with np.errstate(divide="ignore"):
            out[over[free]] = np.where(part.q > 0, 0.5 * (size - part.t) ** 2 / part.q, 0.0)[free]
        if not free.all():
            held = ~free
            out[over[held]] = part.of(held).bounded_conjugates(pull[:, held], bound[:, held])
        return out

    def bounded_conjugates(self, pull: np.ndarray, bound: np.ndarray) -> np.ndarray:
        """Return h* of columns that pull by more than t towards bounds, some of which are finite."""
        outer = np.where(np.isinf(bound), 0.0, np.abs(bound))
        free = norms(np.where(np.isinf(bound), pull, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            # Without l2 part the norm of the free entries is free / t times nu; with one nu is at most ||z|| / q.
            wide = norms(outer) / np.sqrt(np.maximum(1.0 - (free / self.t) ** 2, np.finfo(float).tiny))
            wide = np.where(free == 0, norms(outer), wide)
            high = np.where(self.q > 0, norms(pull) / self.q, wide)
        # Where nothing holds the free entries there is no maximum; at the edge of that (but for rounding) it is that of
        # any large nu.
        endless = (self.q == 0) & (free > self.t * EDGE)
        high = np.where(endless, 0.0, np.minimum(high, LONGEST))
        low = np.zeros_like(high)
        for _ in range(HALVINGS):
            nu = 0.5 * (low + high)
            longer = norms(self._point(pull, bound, nu)) >= nu
            low, high = np.where(longer, nu, low), np.where(longer, high, nu)
        # Entries within their bounds are z_k / (q + t/nu), which leaves of z'b - P(b) what has no cancellation:
        slope = self.q + np.divide(self.t, high, out=np.zeros_like(high), where=high > 0)
        outer = np.where(outer * slope < np.abs(pull), outer, 0.0)
        conjugates = 0.5 * self.q * high**2 + (outer * (np.abs(pull) - slope * outer)).sum(axis=0)
        return np.where(endless, np.inf, conjugates)

    def _point(self, pull: np.ndarray, bound: np.ndarray, nu: np.ndarray) -> np.ndarray:
        """Return the absolute values of clip(z nu / (q nu + t))."""
        below = self.q * nu + self.t
        length = np.divide(nu, below, out=np.full_like(nu, np.inf), where=below > 0)
        with np.errstate(invalid="ignore"):
            B = np.where(pull == 0, 0.0, np.abs(pull) * length)
        return np.minimum(B, np.abs(bound))


def penalty_kind(grouped: bool) -> type[ClassPenalty]:
    """Return the penalty of features as groups or of every coefficient."""
    return GroupPenalty if grouped else SeparatePenalty


def class_penalty(grouped: bool, parts: dict[str, np.ndarray], a1: float, a2: float) -> ClassPenalty:
    """Return the penalty of all features at scales a1 (which may be infinite) and a2 of its parts."""
    with np.errstate(invalid="ignore", over="ignore"):
        t = np.where(parts["l1"] > 0, np.minimum(a1 * parts["l1"], LARGEST), 0.0)
        q = np.minimum(a2 * parts["l2"], LARGEST)
    return penalty_kind(grouped)(t, q, parts["lower"], parts["upper"])
