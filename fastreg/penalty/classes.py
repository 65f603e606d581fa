"""Penalties of the coefficients b (K,) of one feature for all classes, with bounds on each,

    P(b) = t N(b) + q/2 ||b||^2 + indicator[lower, upper](b),      t = a1 l1_j,  q = a2 l2_j,

where N(b) is the sum of |b_k| (``SeparatePenalty``) or the norm ||b|| (``GroupPenalty``), and their conjugates
h*(z) = max_b z'b - P(b). Arrays are (K, m): one column a feature. What pulls b away from 0 are the entries of z on
whose side there is room; b = 0 is best as long as their largest, or their norm, is at most t.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

HALVINGS = 100
# Scales of the penalty beyond that hold a coefficient at 0 just as well.
LARGEST = 1e280
# A step that leaves no more of a group has taken it to 0.
VANISHED = 1e-9


class Slopes(NamedTuple):
    """What the penalty is like near coefficients (K, m) that keep their pattern.

    Attributes
    ----------
    gradient : ndarray (K, m)
    ridge, pinch, unit : ndarray (m,), (m,), (K, m); the Hessian of a feature is ridge I - pinch unit unit'
    side : ndarray (K, m)
        Where it is smooth: coefficients whose product with this (or, in a group, its sum) is positive.
    still : ndarray (K, m) of bool, coefficients that stay at 0
    """

    gradient: np.ndarray
    ridge: np.ndarray
    pinch: np.ndarray
    unit: np.ndarray
    side: np.ndarray
    still: np.ndarray


@dataclass(frozen=True)
class ClassPenalty(ABC):
    """The penalty of m features: t, q, lower, upper, all (m,)."""

    t: np.ndarray
    q: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def of(self, features: np.ndarray) -> "ClassPenalty":
        """Return the penalty of some features."""
        return type(self)(self.t[features], self.q[features], self.lower[features], self.upper[features])

    @abstractmethod
    def values(self, B: np.ndarray) -> np.ndarray:
        """Return P of every column of B (K, m)."""

    @staticmethod
    @abstractmethod
    def size(pull: np.ndarray) -> np.ndarray:
        """Return the dual norm, to be compared with t, of every column (K, m) of what pulls."""

    @abstractmethod
    def slopes(self, B: np.ndarray, Z: np.ndarray) -> Slopes:
        """Return what the penalty is like near B (K, m), on the side to which Z pulls where B is 0."""

    @abstractmethod
    def first_step(self, Z: np.ndarray, curvature: np.ndarray) -> np.ndarray:
        """Return coefficients (K, m) that lower  curvature/2 ||b||^2 - z'b + P(b)  from b = 0 on, if any do."""

    @abstractmethod
    def crossed(self, side: np.ndarray, B: np.ndarray) -> np.ndarray:
        """Return which entries of B (K, m) have left the side of 0 on which they were."""

    def centered(self, B: np.ndarray) -> np.ndarray:
        """Return B (K, m) less what lowers the penalty most where it is taken from all classes alike, within bounds."""
        if B.shape[1] == 0:
            return B
        low, high = B.max(axis=0) - self.upper, B.min(axis=0) - self.lower
        return np.clip(B - np.clip(self.center(B), low, high), self.lower, self.upper)

    @abstractmethod
    def ends(self, B: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the lengths (any number of them) at which coefficients on their way from B get to 0."""

    @abstractmethod
    def center(self, B: np.ndarray) -> np.ndarray:
        """Return argmin_c P(b - c) for every column of B (K, m)."""

    @abstractmethod
    def conjugates(self, Z: np.ndarray) -> np.ndarray:
        """Return h*(z) of every column of Z (K, m), at a scale at which it is finite."""

    def pull(self, Z: np.ndarray) -> np.ndarray:
        """Return the entries of Z (K, m) on whose side of 0 there is room."""
        return np.where(np.where(Z > 0, self.upper > 0, self.lower < 0), Z, 0.0)

    def excess(self, Z: np.ndarray) -> np.ndarray:
        """Return by how much the size of what pulls exceeds t, or 0."""
        return np.maximum(self.size(self.pull(Z)) - self.t, 0.0)

    def largest_scale(self, Z: np.ndarray, finite: bool = True) -> float:
        """Return the largest s <= 1 at which every h*(s z) is finite, or else 0."""
        pull = self.pull(Z)
        if finite:
            pull = np.where(np.isinf(np.where(pull > 0, self.upper, self.lower)) & (self.q == 0), pull, 0.0)
        size = self.size(pull)
        over = size > self.t
        return float(np.min(self.t[over] / size[over], initial=1.0))


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
        low = np.zeros_like(high)
        for _ in range(HALVINGS):
            nu = 0.5 * (low + high)
            longer = norms(self._point(pull, bound, nu)) >= nu
            low, high = np.where(longer, nu, low), np.where(longer, high, nu)
        # Entries within their bounds are z_k / (q + t/nu), which leaves of z'b - P(b) what has no cancellation:
        slope = self.q + np.divide(self.t, high, out=np.zeros_like(high), where=high > 0)
        outer = np.where(outer * slope < np.abs(pull), outer, 0.0)
        return 0.5 * self.q * high**2 + (outer * (np.abs(pull) - slope * outer)).sum(axis=0)

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


def norms(B: np.ndarray) -> np.ndarray:
    """Return the Euclidean norms of the columns of B (K, m)."""
    return np.sqrt(np.einsum("km,km->m", B, B))


class ClassProof:
    """The penalty's part of a duality gap, of coefficients B with correlations Z (K, m); see ``subproblem.gap``.

    Parameters
    ----------
    penalty : ClassPenalty of these features
    B, Z : ndarray (K, m)
    zero : ndarray (m,)
        Correlations of unpenalized columns count as 0 up to this.
    curvature : ndarray (K, m), second derivatives of the loss in the coefficients of unpenalized columns
    """

    def __init__(
        self, penalty: ClassPenalty, B: np.ndarray, Z: np.ndarray, zero: np.ndarray, curvature: np.ndarray
    ) -> None:  # fmt: skip
        small = (penalty.t == 0) & (penalty.q == 0) & (np.abs(Z) <= zero) & (Z != 0)
        # What such coefficients could still gain, each by itself.
        with np.errstate(divide="ignore"):
            self.removed = float(0.5 * (Z[small] ** 2 / curvature[small]).sum())
        self.penalty, self.Z = penalty, np.where(small, 0.0, Z)
        self.value, self.product = float(penalty.values(B).sum()), float((self.Z * B).sum())

    def largest_scale(self, finite: bool = True) -> float:
        """Return the largest s <= 1 at which this part is finite (or no conjugate positive)."""
        return self.penalty.largest_scale(self.Z, finite)

    def penalty_gap(self, s: float) -> float:
        """Return this part at the dual point s u."""
        conjugates = float(self.penalty.conjugates(s * self.Z).sum())
        return self.value - s * self.product + conjugates + s * s * self.removed
