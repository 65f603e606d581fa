"""Newton's method for the nonzero coefficients of all classes of a multinomial problem together, at fixed signs."""

from dataclasses import dataclass

import numpy as np

from fastreg.design.scaled import ScaledDesign
from fastreg.loss.multinomial import Multinomial
from fastreg.solver.line_search import halvings

# Coefficients that leap together at most, the numbers in their columns, and steps of Newton's method in a leap.
MOST = 600
MOST_ENTRIES = 2**23
MAX_STEPS = 60
# What makes a Hessian definite that is singular along changes common to all classes.
DEFINITE = 1e-10
SHORTEST = 1e-4
# A step moves predictors by so much at most; below this fraction of the objective slopes decide.
REACH = 20.0
ROUNDING = 1e-12
# A gain of less than this fraction of the objective is not worth another step.
WORTH_MORE = 1e-14


@dataclass
class Group:
    """Coefficients (m,) that are neither zero nor at a bound, those of one class after those of another.

    Attributes
    ----------
    owner, place, feature : ndarray (m,), the class of a coefficient, its position in the working set, its feature
    beta : ndarray (m,), its value
    threshold, ridge : ndarray (m,), a1 l1 and a2 l2 of its feature
    lower, upper : ndarray (m,), its bounds
    """

    owner: np.ndarray
    place: np.ndarray
    feature: np.ndarray
    beta: np.ndarray
    threshold: np.ndarray
    ridge: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def may_leap(self, n_rows: int) -> bool:
        """Return whether these are few enough for dense linear algebra."""
        return 0 < len(self.beta) <= MOST and len(self.beta) * n_rows <= MOST_ENTRIES


class KeptColumns:
    """Unweighted columns of a design; those of the last call are there without reading X.

    Parameters
    ----------
    design : ScaledDesign
    """

    def __init__(self, design: ScaledDesign) -> None:
        self.design, self.known = design, {}

    def of(self, features: np.ndarray) -> np.ndarray:
        """Return the columns (m, n_rows) of features, some of which may stand there several times."""
        used, at = np.unique(features, return_inverse=True)
        new = np.array([j for j in used if j not in self.known], dtype=np.intp)
        if len(new):
            self.known |= dict(zip(new, self.design.unweighted(self.design.packed(new)), strict=True))
        self.known = {j: self.known[j] for j in used}
        return np.stack([self.known[j] for j in used])[at]


class Leap:
    """Newton steps for a group of coefficients and the intercepts; none of the coefficients changes its sign.

    Parameters
    ----------
    loss : Multinomial
    labels, eta : ndarray (n_classes, n_rows), one-hot, and the predictors
    weights : ndarray (n_rows,)
    group : Group
    columns : ndarray (m, n_rows), the columns of X that go with its coefficients
    fit_intercept : bool

    Attributes
    ----------
    beta, eta : where the steps have led
    shift : ndarray (n_classes,), what the intercepts have moved by
    moved : bool
    """

    def __init__(
        self, loss: Multinomial, labels: np.ndarray, weights: np.ndarray, eta: np.ndarray, group: Group,
        columns: np.ndarray, fit_intercept: bool,
    ) -> None:  # fmt: skip
        self.loss, self.labels, self.weights, self.group = loss, labels, weights, group
        self.columns, self.fit_intercept = columns, fit_intercept
        self.beta, self.eta = group.beta, np.array(eta)
        self.moved, self.shift = False, np.zeros(len(labels))
        self.fixed = np.zeros(len(self.beta), dtype=bool)
        self.objective = self._objective(self.beta, self.eta)

    def run(self) -> bool:
        """Take steps as long as they gain something; return whether any was taken."""
        for _ in range(MAX_STEPS):
            if not self._step():
                break
        return self.moved

    def _objective(self, beta: np.ndarray, eta: np.ndarray) -> float:
        """Return the loss and the penalty of the group."""
        penalty = self.group.threshold @ np.abs(beta) + 0.5 * self.group.ridge @ beta**2
        return self.loss.value(self.labels, self.weights, eta) + float(penalty)

    def _system(self) -> tuple[np.ndarray, np.ndarray]:
        """Return Hessian and gradient of the objective at fixed signs; after the coefficients come the intercepts."""
        owner, columns, penalty = self.group.owner, self.columns, self.group.ridge
        gradient = np.where(self.fixed, 0.0, self.group.threshold * np.sign(self.beta) + penalty * self.beta)
        if self.fit_intercept:
            classes = np.arange(len(self.labels))
            owner, columns = np.append(owner, classes), np.vstack([columns, np.ones((len(classes), columns.shape[1]))])
            penalty, gradient = np.append(penalty, np.zeros(len(classes))), np.append(gradient, np.zeros(len(classes)))
        p = self.loss.mean(self.eta.T).T
        gradient -= np.einsum("mi,mi->m", columns, (self.weights * (self.labels - p))[owner])
        pulled = columns * p[owner]
        hessian = -(pulled * self.weights) @ pulled.T
        for k in range(len(p)):
            mine = np.flatnonzero(owner == k)
            hessian[np.ix_(mine, mine)] += (columns[mine] * (self.weights * p[k])) @ columns[mine].T
        hessian.flat[:: len(hessian) + 1] += penalty
        return hessian, gradient

    def _step(self) -> bool:
        """Take one Newton step, as far as no sign changes and no bound is passed; return whether there may be more."""
        hessian, gradient = self._system()
        hessian.flat[:: len(hessian) + 1] += DEFINITE * hessian.diagonal().max()
        move = np.linalg.solve(hessian, -gradient)
        direction, shift = move[: len(self.beta)], move[len(self.beta) :]
        line = np.zeros_like(self.eta)
        np.add.at(line, self.group.owner, self.columns * direction[:, None])
        if self.fit_intercept:
            line += shift[:, None]
        room, zero = self._limits(direction)
        full = min(1.0, room, REACH / max(np.abs(line).max(), 1e-300))
        slope, digits = float(gradient @ move), ROUNDING * abs(self.objective)
        for length in halvings(full, SHORTEST):
            beta = np.clip(self.beta + length * direction, self.group.lower, self.group.upper)
            beta = np.where(zero <= length, 0.0, beta)
            eta = self.eta + length * line
            objective = self._objective(beta, eta)
            # Where the objective tells nothing any more, the slope must have fallen.
            if objective < self.objective - digits or (
                objective <= self.objective + digits and abs(self._slope(eta, line, beta, direction)) <= -0.5 * slope
            ):
                gained = self.objective - objective
                self._accept(beta, eta, objective, length * shift)
                return full < 1.0 or gained > WORTH_MORE * abs(objective)
        return False

    def _limits(self, direction: np.ndarray) -> tuple[float, np.ndarray]:
        """Return how far a step may go, and where on its way every coefficient is zero (m,)."""
        group = self.group
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(direction > 0, group.upper - self.beta, group.lower - self.beta) / direction
            zero = np.where((group.threshold > 0) & (direction * self.beta < 0), -self.beta / direction, np.inf)
        return np.fmin(np.where(direction != 0, room, np.inf), zero).min(initial=1.0), zero

    def _slope(self, eta: np.ndarray, line: np.ndarray, beta: np.ndarray, direction: np.ndarray) -> float:
        """Return the slope of the objective along a line at a point, at fixed signs."""
        u = self.labels - self.loss.mean(eta.T).T
        penalty = (self.group.threshold * np.sign(self.beta) + self.group.ridge * beta) @ direction
        return float(penalty - ((u * line) @ self.weights).sum())

    def _accept(self, beta: np.ndarray, eta: np.ndarray, objective: float, shift: np.ndarray) -> None:
        """Stay there; coefficients that have become 0, or are at a bound, wait for their class's turn."""
        self.beta, self.eta, self.objective, self.moved = beta, eta, objective, True
        if self.fit_intercept:
            self.shift += shift
        self.fixed = (beta == 0) | (beta <= self.group.lower) | (beta >= self.group.upper)
        self.columns = np.where(self.fixed[:, None], 0.0, self.columns)
