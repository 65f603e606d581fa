"""Penalties of the coefficients b (K,) of one feature for all classes, with bounds on each,

    P(b) = t N(b) + q/2 ||b||^2 + indicator[lower, upper](b),      t = a1 l1_j,  q = a2 l2_j,

where N(b) is the sum of |b_k| or the norm ||b|| (see ``class_kinds``), and their conjugates
h*(z) = max_b z'b - P(b). Arrays are (K, m): one column a feature. What pulls b away from 0 are the entries of z on
whose side there is room; b = 0 is best as long as their largest, or their norm, is at most t.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


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
    hidden : float, what unpenalized columns could still gain together though none of them could by itself
    """

    def __init__(
        self,
        penalty: ClassPenalty,
        B: np.ndarray,
        Z: np.ndarray,
        zero: np.ndarray,
        curvature: np.ndarray,
        hidden: float = 0.0,
    ) -> None:
        small = (penalty.t == 0) & (penalty.q == 0) & (np.abs(Z) <= zero) & (Z != 0)
        # What such coefficients could still gain, each by itself.
        with np.errstate(divide="ignore"):
            self.removed = hidden + float(0.5 * (Z[small] ** 2 / curvature[small]).sum())
        self.penalty, self.Z = penalty, np.where(small, 0.0, Z)
        self.value, self.product = float(penalty.values(B).sum()), float((self.Z * B).sum())

    def largest_scale(self, finite: bool = True) -> float:
        """Return the largest s <= 1 at which this part is finite (or no conjugate positive)."""
        return self.penalty.largest_scale(self.Z, finite)

    def penalty_gap(self, s: float) -> float:
        """Return this part at the dual point s u."""
        conjugates = float(self.penalty.conjugates(s * self.Z).sum())
        return self.value - s * self.product + conjugates + s * s * self.removed
