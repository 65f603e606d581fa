"""Several classes: Newton's method for all of them on the features in play, certified like everything else.

A feature is in play when its coefficients are not all zero. Newton's method minimizes over these; then correlations of
all others are bounded without reading X (``LazyGradients``, over the residuals of all classes as one long vector:
||X_j'delta|| <= ||x_j|| ||delta|| holds for classes together), and those that pull by more than their threshold enter.
"""

import numpy as np

from fastreg.design.scaled import ScaledDesign
from fastreg.penalty.class_kinds import class_penalty
from fastreg.penalty.classes import ClassPenalty
from fastreg.solver.active_features import ROUNDING, ActiveFeatures, ClassRows
from fastreg.solver.lazy_gradients import LazyGradients

# Columns that are asked for are read alone up to this fraction of X; beyond it a full pass.
SHARED_FRACTION = 0.2
# Newton's method stops where a step promises less than this part of the gap asked for.
INNER_FRACTION = 1e-3
# Rounds in which neither a feature enters nor the gap falls before rounding is said to stop the solver.
MAX_STALLS = 3
MIN_GROWTH = 32
# An objective of so much of the null loss is none.
NOTHING = 1e-14
# Correlations of unpenalized columns count as 0 below this fraction of what they can be at the null model.
ZERO_LEVEL = 1e-9


class MultinomialSolver:
    """Solver of one multinomial problem.

    Parameters
    ----------
    design : ScaledDesign
    penalty : dict of l1, l2, lower, upper (n_features,)
    rows : ClassRows
    eta : ndarray (n_classes, n_rows), predictors of the null model
    correlations : ndarray (n_classes, n_features), of the null model's u

    Attributes
    ----------
    point : ActiveFeatures
    gap : float
    steps : int, Newton steps at the last alpha
    """

    def __init__(
        self,
        design: ScaledDesign,
        penalty: dict[str, np.ndarray],
        rows: ClassRows,
        eta: np.ndarray,
        correlations: np.ndarray,
    ) -> None:
        self.design, self.parts = design, penalty
        self.point = ActiveFeatures(design, rows, eta)
        count, n = eta.shape
        self.lazy = LazyGradients(count * n, np.tile(design.norm, count), np.tile(design.raw_norm, count))
        self.Z = np.array(correlations)
        if design.n_features:
            self.lazy.add_reference((design.root * self.point.residual()).ravel(), self.Z.ravel())
        self.size = float(np.sqrt((rows.weights * self.point.residual() ** 2).sum()))
        self.gap, self.steps, self.null_loss = np.inf, 0, self.point.value
        # Newton's promises fall from p to about this times p^2.
        self.rate = np.inf
        # The scale a1 of the last solution, and a1, features, coefficients and intercepts of the one before.
        self.here, self.before = np.inf, None

    def penalty_at(self, a1: float, a2: float) -> ClassPenalty:
        """Return the penalty of all features at these scales."""
        return class_penalty(self.point.rows.loss.grouped, self.parts, a1, a2)

    def start(self, coefs: np.ndarray, a1: float, a2: float) -> None:
        """Begin with coefficients (n_classes, n_features), where they are better than none at these scales."""
        point = self.point
        features = np.flatnonzero(coefs.any(axis=0))
        point.bind(self.penalty_at(a1, a2))
        point.hold(features, coefs[:, features])
        with np.errstate(over="ignore", invalid="ignore"):
            eta = point.eta + point.columns.predict(point.beta)
            found = point.rows.point(eta)
            cost = point.penalty.values(point.beta).sum()
        if found[0] + cost <= point.value:
            point.stay(eta, found)
            point.balance()
        else:
            point.hold(features[:0], coefs[:, :0])

    def solve(self, a1: float, a2: float, target: float, max_iter: int) -> None:
        """Solve at one pair of penalty scales."""
        point, penalty = self.point, self.penalty_at(a1, a2)
        point.bind(penalty)
        always = np.setdiff1d(np.flatnonzero(penalty.t == 0), point.features)
        if len(always):
            point.hold(np.r_[point.features, always], np.hstack([point.beta, np.zeros((len(point.beta), len(always)))]))
        self.steps, stalls, self.gap = 0, 0, np.inf
        inner = INNER_FRACTION * target
        self.extrapolate(a1)
        objective = np.inf
        while True:
            self.descend(inner, max_iter)
            before, gap = objective, self.gap
            self.certify()
            if self.gap <= target or self.steps >= max_iter or stalls == MAX_STALLS:
                return
            objective = point.objective()
            grown = self.grow()
            if grown == 0:
                inner *= 1e-3
            # Features that enter and lower nothing leave again.
            if grown == 0 or not before - objective > ROUNDING * objective:
                stalls += not self.gap < 0.5 * gap

    def descend(self, inner: float, max_iter: int) -> None:
        """Take Newton steps until the next one would promise less than ``inner``.

        Steps promise less and less, faster and faster: from p to about ``rate`` p^2. That is how the second step at a
        penalty is foretold by those before it.
        """
        last = 0.0
        # Of an objective that is nothing beside the null loss there is nothing left to lower: classes come apart.
        while self.steps < max_iter and self.point.objective() > NOTHING * self.null_loss:
            self.steps += 1
            promised = self.point.newton()
            if last:
                fall = promised / last
                self.rate = fall / last
            else:
                fall = self.rate * promised if self.steps == 1 and promised else 1.0
            if self.steps == 1:
                self.foresee()
            if promised * min(fall, 1.0) <= inner:
                return
            # Below rounding they go on falling, or there is nothing left but rounding.
            if 0.0 < last <= promised <= ROUNDING * self.point.objective():
                return
            last = promised

    def foresee(self) -> None:
        """Put features in play that pull too hard as far as references tell, without reading X."""
        if self.design.n_features == 0:
            return
        root_u = self.design.root * self.point.residual()
        self.Z = self.lazy.bounds(root_u.ravel())[0].reshape(len(self.Z), -1)
        self.grow()

    def extrapolate(self, a1: float) -> None:
        """Begin where the last two solutions point to, if that is better than the last one."""
        point, before, here = self.point, self.before, self.here
        self.before, self.here = (here, point.features, point.beta, point.intercepts), a1
        if before is None or before[0] == here:
            return
        old = np.zeros((len(point.beta), self.design.n_features))
        old[:, before[1]] = before[2]
        ratio = (a1 - here) / (here - before[0])
        was = old[:, point.features]
        point.leap(ratio * np.where(was != 0, point.beta - was, 0.0), ratio * (point.intercepts - before[3]))

    def null_correlations(self, max_iter: int) -> np.ndarray:
        """Fit what no penalty touches, as well as rounding lets it be, and return the correlations of all features."""
        self.solve(np.inf, 0.0, 0.0, max_iter)
        return self.design.correlations(self.design.root * self.point.residual())

    def certify(self) -> None:
        """Measure the gap: correlations of all features, exact or proved to be harmless."""
        point, design, count = self.point, self.design, len(self.Z)
        point.straighten()
        point.balance()
        root_u = design.root * point.residual()
        if design.n_features == 0:
            self.gap = 0.0
            return
        # What pulls is a projection of z, which moves no further than z does.
        estimate, radius = self.lazy.bounds(root_u.ravel())
        Z = estimate.reshape(count, -1)
        Z[:, point.features] = point.correlations()
        open_ = point.whole.size(point.whole.pull(Z)) + radius[: design.n_features] > point.whole.t
        open_[point.features] = False
        features = np.flatnonzero(open_)
        if len(features) > SHARED_FRACTION * design.n_features:
            Z = design.correlations(root_u)
            self.lazy.add_reference(root_u.ravel(), Z.ravel())
        elif len(features):
            Z[:, features] = design.correlations(root_u, features)
        self.Z = Z
        self.gap = self.measure()

    def measure(self) -> float:
        """Return the duality gap: features that are not in play count where they pull by more than their threshold."""
        point = self.point
        over = point.whole.excess(self.Z) > 0
        over[point.features] = True
        features = np.flatnonzero(over)
        beta = np.zeros((len(self.Z), len(over)))
        beta[:, point.features] = point.beta
        zero = ZERO_LEVEL * self.size * self.design.norm[features]
        return point.gap(point.proof(features, beta[:, features], self.Z[:, features], zero))

    def grow(self) -> int:
        """Put features in play that pull by more than their threshold, the strongest first; return how many."""
        point = self.point
        excess = point.whole.excess(self.Z)
        excess[point.features] = 0.0
        step = excess / np.maximum(self.design.norm, np.finfo(float).tiny)
        count = min(np.count_nonzero(excess), max(MIN_GROWTH, len(point.features) // 2))
        if count:
            features = np.sort(np.argpartition(-step, count - 1)[:count])
            point.enter(features)
        return count
