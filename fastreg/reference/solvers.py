"""Coordinate descent, ridge and least squares as the textbook has them."""

import numpy as np

from fastreg.reference.certificate import dual_gap
from fastreg.reference.penalty import conjugate, conjugate_point, proximal_step


def coordinate_descent(form, alpha, b, gap_target, max_epochs=10_000):
    """Return coefficients whose duality gap is at most gap_target, from the start b, and the epochs it took.

    Every epoch visits each coordinate; b_j becomes the minimizer of the objective over it alone, and the residual is
    kept up to date. Epochs over all features alternate with epochs over the nonzero coefficients.
    """
    t, q = alpha * form.l1, alpha * form.l2
    b = b.copy()
    columns = np.ascontiguousarray(form.X.T)
    h = np.einsum("ji,ji->j", columns, columns)
    residual = form.y - form.X @ b

    def sweep(features):
        for j in features:
            x = columns[j]
            new = proximal_step(x @ residual + h[j] * b[j], h[j], t[j], q[j], form.lower[j], form.upper[j])
            if new != b[j]:
                np.subtract(residual, (new - b[j]) * x, out=residual)
                b[j] = new

    epochs = 0
    movable = np.flatnonzero(h > 0)
    while dual_gap(form, b, alpha) > gap_target and epochs < max_epochs:
        # Only coordinates that are not at rest need a visit: the correlations tell, all at once.
        z = columns @ residual
        moved = proximal_step(z + h * b, np.where(h > 0, h, 1.0), t, q, form.lower, form.upper) != b
        sweep(movable[moved[movable]])
        for _ in range(10):
            sweep(np.flatnonzero(b))
        epochs += 11
    return b, epochs


def dual_newton(form, alpha, steps=100):
    """Return the minimizer by Newton's method on the dual, for penalties whose l2 parts are all positive.

    It minimizes  ||u||^2 / 2 - y'u + sum_j h_j*(x_j'u),  whose minimizer is the residual; steps are halved until the
    value falls.
    """
    penalty = alpha * form.l1, alpha * form.l2, form.lower, form.upper

    def value(u):
        return 0.5 * u @ u - form.y @ u + conjugate(form.X.T @ u, *penalty).sum()

    u = form.y
    for _ in range(steps):
        b = conjugate_point(form.X.T @ u, *penalty)
        slope = u - form.y + form.X @ b
        inside = (b != 0) & (b > form.lower) & (b < form.upper)
        columns = form.X[:, inside]
        step = -np.linalg.solve(np.eye(len(u)) + (columns / penalty[1][inside]) @ columns.T, slope)
        if np.linalg.norm(step) <= 1e-14 * np.linalg.norm(form.y):
            break
        length = 1.0
        while length > 1e-6 and value(u + length * step) > value(u) + 1e-4 * length * (slope @ step):
            length /= 2
        u = u + length * step
    return conjugate_point(form.X.T @ u, *penalty)


def ridge(form, alpha):
    """Return the ridge solution at one alpha from the normal equations; bounds are not looked at."""
    gram = form.X.T @ form.X + alpha * np.diag(form.l2)
    return np.linalg.lstsq(gram, form.X.T @ form.y, rcond=None)[0]


def ridge_path(form, alphas):
    """Return (n_features, n_alphas): ridge with equal factors for every alpha from one singular value decomposition."""
    factor = form.l2[0]
    U, s, Vt = np.linalg.svd(form.X, full_matrices=False)
    shrunk = s[:, None] / (s[:, None] ** 2 + factor * np.asarray(alphas)) * (U.T @ form.y)[:, None]
    return Vt.T @ shrunk


def least_squares(form):
    """Return the least-squares solution of minimal norm."""
    return np.linalg.lstsq(form.X, form.y, rcond=None)[0]


def lasso_path(form, alphas):
    """Return (n_features, n_alphas): the exact lasso or elastic net at descending alphas, traced from the top.

    Without bounds, every l1 factor positive. With c = X'y, Q = X'X and the active set S with signs s the solution at
    alpha is  (Q_SS + alpha diag(l2_S)) b_S = c_S - alpha l1_S s.  The next alpha at which a coefficient reaches zero
    or a correlation its threshold is found by bisection, since with an l2 part b is not linear in alpha.
    """
    Q, c = form.X.T @ form.X, form.X.T @ form.y
    p = len(c)
    active, signs = [], np.zeros(p)

    def solve(alpha):
        b = np.zeros(p)
        if active:
            matrix = Q[np.ix_(active, active)] + alpha * np.diag(form.l2[active])
            b[active] = np.linalg.solve(matrix, c[active] - alpha * form.l1[active] * signs[active])
        return b, c - Q @ b - alpha * form.l2 * b

    def excess(alpha):
        """How far the worst coefficient or correlation is beyond what this active set allows, and which it is."""
        b, g = solve(alpha)
        beyond = np.abs(g) / form.l1 - alpha
        beyond[active] = -signs[active] * b[active] * np.sqrt(np.diag(Q)[active])
        return beyond.max(), int(beyond.argmax())

    alpha, columns = float(np.max(np.abs(c) / form.l1)), []
    for target in alphas:
        while alpha > target and excess(target)[0] > 1e-13 * np.sqrt(form.y @ form.y):
            low, high = target, alpha
            for _ in range(200):
                middle = 0.5 * (low + high)
                low, high = (middle, high) if excess(middle)[0] > 0 else (low, middle)
            alpha, j = low, excess(low)[1]
            _, g = solve(alpha)
            if j in active:
                active.remove(j)
                signs[j] = 0.0
            else:
                active.append(j)
                signs[j] = np.sign(g[j])
        alpha = min(alpha, target)
        columns.append(solve(target)[0])
    return np.array(columns).T
