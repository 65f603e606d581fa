"""Newton's method on the features whose coefficients are not all zero, for all classes at once.

As long as coefficients keep their signs, and groups do not vanish, the penalty is smooth; that of a group has, with
nu = ||b_j||, the gradient (q + t/nu) b_j and the Hessian q I + t/nu (I - b_j b_j'/nu^2). A step that takes a
coefficient (or a group) through 0 leaves it there; coefficients at a bound stay there while they are pushed outward.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastreg.design.scaled import ScaledDesign
from fastreg.loss.multinomial import Multinomial
from fastreg.penalty.classes import ClassPenalty, ClassProof, Slopes
from fastreg.solver.active_columns import ActiveColumns
from fastreg.solver.class_equations import PRODUCTS, ClassEquations, gain_in_span
from fastreg.solver.least_squares import hidden_span
from fastreg.solver.line_search import ENOUGH, halvings

# Below this part of the objective what a step promises is rounding.
ROUNDING = 1e-13
SHORTEST = 1e-8
AT_BOUND = 1e-9
# Newton's step is said to crawl where it brings less than this part of what its slope promises.
CRAWLS = 1e-3
# Coefficients are far from 0 where they move predictors by more standard deviations than that.
FAR = 1e3
# A step moves predictors by so much at most, since Newton's is without measure where curvatures vanish; by so many
# times more after every step that might have gone on.
REACH = 20.0
WIDER = 4.0


class ClassRows(NamedTuple):
    """One-hot labels (K, n), weights (n,) of sum 1, and whether intercepts are fitted."""

    loss: Multinomial
    labels: np.ndarray
    weights: np.ndarray
    centered: bool

    def point(self, eta: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the loss and the probabilities (K, n) of predictors."""
        return self.loss.point(self.labels, self.weights, eta)


class Step(NamedTuple):
    """A direction and where it leads down.

    Attributes
    ----------
    direction, shift : ndarray (K, m), (K,), of coefficients and intercepts
    side : ndarray (K, m), the side of 0 on which the objective is smooth
    gradient, along : ndarray (K, m), float
        The objective's slopes in the coefficients, or what stands for them, and along the shift.
    """

    direction: np.ndarray
    shift: np.ndarray
    side: np.ndarray
    gradient: np.ndarray
    along: float

    @property
    def slope(self) -> float:
        """The slope along the whole direction."""
        return float((self.gradient * self.direction).sum()) + self.along


class ActiveFeatures:
    """Coefficients of the features in play and the predictors they make.

    Attributes
    ----------
    features, beta : ndarray (m,), (K, m)
    eta, p, value : predictors and probabilities (K, n), and the loss
    intercepts : ndarray (K,), what they have moved since the null model
    """

    def __init__(self, design: ScaledDesign, rows: ClassRows, eta: np.ndarray) -> None:
        self.rows, self.columns = rows, ActiveColumns(design)
        self.norm, self.products, self.reach = design.norm, PRODUCTS, REACH
        self.features, self.beta = np.empty(0, dtype=np.intp), np.empty((len(eta), 0))
        self.start, self.eta, self.intercepts = eta, eta.copy(), np.zeros(len(eta))
        self.value, self.p = rows.point(self.eta)
        # Unpenalized features, and a basis of their span where they are nearly equal.
        self.spanned: tuple[np.ndarray, np.ndarray | None] | None = None

    def bind(self, penalty: ClassPenalty) -> None:
        """Make this the penalty of all features."""
        self.whole = penalty
        self.penalty = penalty.of(self.features)

    def hold(self, features: np.ndarray, beta: np.ndarray) -> None:
        """Put these features in play."""
        self.features, self.beta = features, beta
        self.columns.hold(features)
        self.penalty = self.whole.of(features)

    def drop_zeros(self) -> None:
        """Leave only features that are not all zero or bear no threshold."""
        stay = (self.beta != 0).any(axis=0) | (self.penalty.t == 0)
        if not stay.all():
            self.hold(self.features[stay], self.beta[:, stay])

    def stay(self, eta: np.ndarray, found: tuple[float, np.ndarray], shift: np.ndarray | float = 0.0) -> None:
        """Make these predictors, with the loss and the probabilities found there, the point's."""
        self.eta, (self.value, self.p), self.intercepts = eta, found, self.intercepts + shift

    def residual(self) -> np.ndarray:
        """Return u = y - p, (K, n)."""
        return self.rows.labels - self.p

    def objective(self) -> float:
        """Return the loss and the penalty of these features."""
        return self.value + float(self.penalty.values(self.beta).sum())

    def correlations(self) -> np.ndarray:
        """Return the correlations (K, m) of the features in play with u."""
        return self.columns.correlate(self.rows.weights * self.residual())

    def curvatures(self, features: np.ndarray) -> np.ndarray:
        """Return the second derivatives (K, m) of the loss in each coefficient of some features in play."""
        place = np.argsort(self.features)[np.searchsorted(np.sort(self.features), features)]
        columns = self.columns.rows[place] if self.columns.packed else self.columns.read(features)
        return (self.rows.weights * self.p * (1.0 - self.p)) @ (columns * columns).T

    def gap_at(self, proof: ClassProof, s: float) -> float:
        """Return the gap at the dual point s u."""
        if s == 1.0:
            return proof.penalty_gap(s)
        rows = self.rows
        return rows.loss.divergence(rows.labels, rows.weights, self.eta, self.p, s) + proof.penalty_gap(s)

    def gap(self, proof: ClassProof) -> float:
        """Return the gap at the best of a few scales of the dual point.

        A tiny l2 part makes it steep beyond the scale at which no conjugate is positive; at s = 0 it is the objective,
        whose logarithms do not underflow.
        """
        scales = {proof.largest_scale(), proof.largest_scale(finite=False)}
        return max(min(self.value + proof.value, *(self.gap_at(proof, s) for s in scales)), 0.0)

    def proof(self, features: np.ndarray, beta: np.ndarray, Z: np.ndarray, zero: np.ndarray) -> ClassProof:
        """Return the penalty's part of the gap, of these features alone; those without penalty are in play."""
        penalty = self.whole.of(features)
        free = np.flatnonzero((penalty.t == 0) & (penalty.q == 0))
        curvature, hidden = np.ones_like(Z), 0.0
        if len(free):
            curvature[:, free] = self.curvatures(features[free])
            # At a bound a slope is no promise.
            bounded = np.isfinite(penalty.lower[free]) | np.isfinite(penalty.upper[free])
            hidden = self.hidden_gain(features[free[~bounded]])
        return ClassProof(penalty, beta, Z, zero, curvature, hidden)

    def hidden_gain(self, free: np.ndarray) -> float:
        """Return what unpenalized features could gain together, where they are too close for each to tell."""
        design = self.columns.design
        if self.spanned is None or not np.array_equal(self.spanned[0], free):
            self.spanned = free, hidden_span(design, free, design.gram_matrix(free))
        basis = self.spanned[1]
        if basis is None:
            return 0.0
        basis = np.vstack([basis, design.root]) if self.rows.centered else basis
        return gain_in_span(basis, self.p, design.root * self.residual())

    def enter(self, features: np.ndarray) -> None:
        """Put further features in play, at a step from 0 to where their correlations pull them."""
        old = self.beta
        self.hold(np.r_[self.features, features], np.hstack([old, np.zeros((len(old), len(features)))]))
        penalty, Z = self.whole.of(features), self.correlations()[:, len(self.features) - len(features) :]
        # The Hessian of the loss in one predictor a class is at most 1/2.
        new = penalty.first_step(Z, 0.5 * self.norm[features] ** 2)
        # Along such a step the penalty without its l2 part is linear, with the slopes that it has at its end.
        slopes = penalty.slopes(new, Z).gradient - penalty.q * new - Z
        direction, gradient = (np.hstack([np.zeros_like(old), part]) for part in (new, np.where(new != 0, slopes, 0.0)))
        step = Step(direction, np.zeros(len(Z)), np.hstack([old, new]), gradient, 0.0)
        if step.slope < 0:
            self.search(step)
        self.drop_zeros()

    def newton(self) -> float:
        """Take one Newton step; return by how much it should have lowered the objective, 0 where it cannot."""
        # Changes common to all classes change no probability, only the penalty.
        self.beta, penalty = self.penalty.centered(self.beta), self.penalty
        beta = self.beta
        slopes, gradient, unbalanced = self.slopes_at(beta, self.p)
        # What lies at a bound but for rounding would stop every step.
        high, low = beta >= (1 - AT_BOUND) * penalty.upper, beta <= (1 - AT_BOUND) * penalty.lower
        held = slopes.still | (high & (gradient < 0)) | (low & (gradient > 0))
        if self.rows.centered:
            gradient = np.hstack([gradient, unbalanced[:, None]])
        size = len(self.features)
        equations = ClassEquations(
            self.columns, self.rows.weights, self.p, slopes, self.rows.centered, max(self.products, PRODUCTS)
        )
        while True:
            whole = equations.solve(-gradient, ~held)
            direction = whole[:, :size]
            # What is to leave 0 or a bound for the wrong side has to stay, and the others move without it.
            wrong = (high & (direction > 0)) | (low & (direction < 0))
            wrong |= (beta == 0) & (slopes.side * direction < 0) & (penalty.t > 0)
            if not wrong.any():
                break
            held |= wrong
        self.products = equations.products
        shift = whole[:, size] if self.rows.centered else np.zeros(len(beta))
        along = float((gradient[:, size:] * whole[:, size:]).sum())
        step, before = Step(direction, shift, slopes.side, gradient[:, :size], along), self.objective()
        if not step.slope < 0 or not self.search(step):
            return 0.0
        bounded = np.isfinite(penalty.lower) | np.isfinite(penalty.upper)
        if bounded.any() and before - self.objective() < CRAWLS * -step.slope:
            self.slide()
        self.drop_zeros()
        return -0.5 * step.slope

    def slide(self) -> None:
        """Take a step of every coefficient by itself: where bounds are near many of them are to stop at once."""
        slopes, gradient, unbalanced = self.slopes_at(self.beta, self.p)
        gradient = np.where(slopes.still, 0.0, gradient)
        aim = self.beta - gradient / (0.5 * self.norm[self.features] ** 2 + slopes.ridge)
        direction = np.clip(aim, self.penalty.lower, self.penalty.upper) - self.beta
        self.search(Step(direction, np.zeros_like(unbalanced), slopes.side, gradient, 0.0))

    def leap(self, direction: np.ndarray, shift: np.ndarray) -> None:
        """Go there if the objective is lower there."""
        step = Step(direction, shift, self.beta, np.zeros_like(direction), 0.0)
        beta, eta, found = self.trial(step, 1.0, self.columns.predict(direction) + shift[:, None])
        if found[0] + self.penalty.values(beta).sum() < self.objective():
            self.beta = beta
            self.stay(eta, found, shift)
            self.drop_zeros()

    def trial(
        self, step: Step, length: float, line: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, tuple[float, np.ndarray]]:
        """Return coefficients, predictors, and what ``ClassRows.point`` finds there, so far along a direction.

        Coefficients stop at their bounds, and at 0 where they would go through it.
        """
        penalty = self.penalty
        straight = self.beta + length * step.direction
        beta = np.clip(straight, penalty.lower, penalty.upper)
        beta[penalty.crossed(step.side, beta)] = 0.0
        change = length * line
        if (beta != straight).any():
            change = self.columns.predict(beta - self.beta) + length * step.shift[:, None]
        eta = self.eta + change
        return beta, eta, self.rows.point(eta)

    def search(self, step: Step) -> bool:
        """Go along a direction, halving it until the objective has fallen enough; return whether it has."""
        penalty, objective = self.penalty, self.objective()
        line = self.columns.predict(step.direction) + step.shift[:, None]
        longest = min(1.0, self.reach / max(float(np.abs(line).max()), 1e-300))
        for length in self.lengths(step.direction, longest):
            beta, eta, found = self.trial(step, length, line)
            fallen = objective - found[0] - float(penalty.values(beta).sum())
            # What the slope promises for coefficients that may have stopped on the way (Bertsekas 1982).
            promised = -float((step.gradient * (beta - self.beta)).sum()) - length * step.along
            enough = promised > 0 and fallen >= ENOUGH * promised
            if not enough and abs(promised) <= ROUNDING * objective and fallen >= -ROUNDING * objective:
                # The objective tells nothing here: something has to get to 0 or a bound, or the slope to fall.
                stopped = bool((beta != self.beta + length * step.direction).any())
                enough = stopped or self._slope_at(beta, found[1], step) <= 0.5 * abs(step.slope)
            if enough:
                self.beta = beta
                self.stay(eta, found, length * step.shift)
                if length == longest < 1.0:
                    self.reach *= WIDER
                return True
            self.reach = REACH
        return False

    def lengths(self, direction: np.ndarray, longest: float) -> Iterator[float]:
        """Yield lengths to try: the longest, those that take half as many coefficients to 0 or a bound, half of that.

        Where columns depend on each other Newton's direction is as long as regularization lets it be, and the first
        coefficient that vanishes is what ends it.
        """
        yield longest
        penalty, beta = self.penalty, self.beta
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(direction > 0, penalty.upper - beta, penalty.lower - beta) / direction
        ends = np.concatenate([room[direction != 0], penalty.ends(beta, direction)])
        # A little further, that rounding does not stop it short of that.
        ends = (1.0 + AT_BOUND) * np.unique(ends[(ends > 0) & (ends < longest)])
        while len(ends):
            longest = float(ends[(len(ends) - 1) // 2])
            yield longest
            ends = ends[: (len(ends) - 1) // 2]
        yield from halvings(0.5 * longest, SHORTEST)

    def slopes_at(self, beta: np.ndarray, p: np.ndarray) -> tuple[Slopes, np.ndarray, np.ndarray]:
        """Return the penalty's slopes there and the objective's in coefficients (K, m) and intercepts (K,)."""
        force = self.rows.weights * (self.rows.labels - p)
        Z = self.columns.correlate(force)
        slopes = self.penalty.slopes(beta, Z)
        return slopes, slopes.gradient - Z, -force.sum(axis=1)

    def _slope_at(self, beta: np.ndarray, p: np.ndarray, step: Step) -> float:
        _, gradient, unbalanced = self.slopes_at(beta, p)
        return abs(float((gradient * step.direction).sum() + unbalanced @ step.shift))

    def straighten(self) -> None:
        """Compute the predictors anew where coefficients are so large that sums of steps may have drifted from them."""
        if (np.abs(self.beta) @ self.norm[self.features]).sum() > FAR:
            eta = self.start + self.columns.predict(self.beta) + self.intercepts[:, None]
            self.stay(eta, self.rows.point(eta))

    def balance(self) -> None:
        """Put the intercepts where every u sums to 0."""
        if not self.rows.centered:
            return
        rows = self.rows
        moved, value, p = rows.loss.balance(rows.labels, rows.weights, self.eta, (self.value, self.p))
        self.stay(self.eta + moved[:, None], (value, p), moved)
