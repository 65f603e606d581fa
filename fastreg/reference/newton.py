"""Proximal Newton steps for any smooth convex loss, over coordinates with an elastic-net penalty and bounds."""

from math import copysign

import numpy as np

from fastreg.reference.penalty import penalty_value


def proximal_newton(loss, y, weights, A, offset, t, q, lower, upper, b, max_steps=100):
    """Return argmin_b sum_i w_i l(y_i, offset_i + a_i'b) + sum_j P_j(b_j), from the start b.

    Every step minimizes the penalty plus a quadratic model of the loss, its Hessian A'diag(w (h + damping)) A. The
    damping rises when the objective falls by less than a tenth of what the model says, and sinks when it does not:
    the steps become short enough for any curvature, and Newton's own at the end. A little damping always remains,
    since the curvature may be 0 (an outlier's, for Huber's loss).
    """
    b = np.clip(b, lower, upper)

    def objective(b):
        with np.errstate(over="ignore"):
            return weights @ loss.value(y, offset + A @ b) + penalty_value(b, t, q).sum()

    damping, value, tiny = 1e-10, objective(b), 0
    for _ in range(max_steps):
        eta = offset + A @ b
        h = loss.curvature(y, eta)
        h = h + damping * (h.max() or 1.0)
        gram = A.T @ (A * (weights * h)[:, None])
        slope = A.T @ (weights * loss.negative_gradient(y, eta))
        new = minimize_quadratic(gram, slope + gram @ b, t, q, lower, upper, b)
        d = new - b
        predicted = slope @ d - 0.5 * d @ gram @ d + np.sum(penalty_value(b, t, q) - penalty_value(new, t, q))
        reached = objective(new)
        # Below the rounding of the objective the model alone is believed, for a few steps more.
        if predicted <= 1e-11 * value:
            tiny += 1
            if not np.isfinite(reached) or reached > value * (1 + 1e-10):
                break
        elif not value - reached > 0.1 * predicted:
            damping = max(10 * damping, 1e-6)
            continue
        b, value, damping = new, reached, max(damping / 10, 1e-10)
        if tiny == 5 or predicted <= 1e-30 * value:
            break
    return b


def minimize_quadratic(gram, c, t, q, lower, upper, b, max_rounds=60):
    """Return argmin_b b'gram b / 2 - c'b + sum_j P_j(b_j), from the start b.

    Cyclic coordinate descent, which converges, alternates with exact solutions for the signs it has found, which end
    it; neither lets the objective rise.
    """
    b, diagonal = b.copy(), gram.diagonal().copy()
    movable = np.flatnonzero(diagonal > 0)
    for _ in range(max_rounds):
        before, slope = b.copy(), c - gram @ b
        for _ in range(3):
            for j in movable:
                z = slope[j] + diagonal[j] * b[j]
                new = copysign(max(abs(z) - t[j], 0.0), z) / (diagonal[j] + q[j])
                new = min(max(new, lower[j]), upper[j])
                if new != b[j]:
                    slope -= (new - b[j]) * gram[j]
                    b[j] = new
        b = solve_pattern(gram, c, t, q, lower, upper, b)
        if np.max(np.sqrt(diagonal) * np.abs(b - before), initial=0.0) <= 1e-14 * np.sqrt(b @ gram @ b):
            break
    return b


def solve_pattern(gram, c, t, q, lower, upper, b):
    """Return b after minimizing the quadratic with the signs of b kept; coordinates at 0 or at a bound stay there.

    On the way to the minimizer the first coordinate that reaches 0 or a bound stays there too.
    """
    b = b.copy()
    while True:
        loose = ((b != 0) | (t == 0)) & (b > lower) & (b < upper)
        if not loose.any():
            return b
        signs = np.sign(b[loose])
        slope = (c - gram @ b - q * b)[loose] - t[loose] * signs
        matrix = gram[np.ix_(loose, loose)] + np.diag(q[loose])
        # In units in which every column has the same size, so that what counts as singular does not depend on them.
        unit = 1 / np.sqrt(np.where(matrix.diagonal() > 0, matrix.diagonal(), 1.0))
        scaled, target = unit[:, None] * matrix * unit, unit * slope
        d = np.linalg.lstsq(scaled, target, rcond=None)[0]
        # Where columns depend on each other the quadratic may fall without end; a sign or a bound will stop it.
        flat = target - scaled @ d
        rounding = 1e-12 * (np.linalg.norm(d) + np.linalg.norm(unit * c[loose]))
        endless = np.linalg.norm(flat) > 1e-6 * np.linalg.norm(target) + rounding
        d = unit * (flat if endless else d)
        # How far each coordinate may go: to 0 where it is penalized, else to its bound.
        low = np.where((t[loose] > 0) & (signs > 0), np.maximum(lower[loose], 0.0), lower[loose])
        high = np.where((t[loose] > 0) & (signs < 0), np.minimum(upper[loose], 0.0), upper[loose])
        end = np.where(d > 0, high, low)
        with np.errstate(divide="ignore", invalid="ignore"):
            reach = np.where(d == 0, np.inf, (end - b[loose]) / d)
        first = reach.argmin()
        if reach[first] >= (np.inf if endless else 1.0):
            b[loose] += 0.0 if endless else d
            return b
        moved = b[loose] + reach[first] * d
        moved[first] = end[first]
        b[loose] = moved


def secant_error(gram, step, change, age, ratio):
    """Return by how much a model will miss the gradient of the loss on the way to the next solution.

    Parameters
    ----------
    gram : ndarray (m, m), the model's Hessian
    step : ndarray (m,), the way from the solution before to the last one, as long as the unit of the penalty scale
    change : ndarray (m,), by how much the gradient has changed on it
    age : float, how far before the last solution the model's curvatures were taken
    ratio : float, how far the next solution is from the last
    """
    if ratio > 2 or abs(age - 0.5) < 0.25:
        return np.zeros(len(step))
    return (change - gram @ step) * ratio * (age + 0.5 * ratio) / (age - 0.5)
