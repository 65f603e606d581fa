"""The table that translates other people's penalties, row by row: each objective minimized by a general optimizer."""

import numpy as np
import pytest
from designs import make_data
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

import fastreg

A, Y = make_data(40, 4, seed=41)
N = 40


def minimize_split(value):
    """Minimize value(b0, b, |b|) over b = plus - minus, plus and minus >= 0: smooth, so L-BFGS-B solves it."""

    def objective(v):
        plus, minus = v[1:5], v[5:]
        return value(v[0], plus - minus, plus + minus)

    bounds = [(None, None)] + [(0, None)] * 8
    best = minimize(objective, np.zeros(9), method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-15, "gtol": 1e-10})
    return best.x[1:5] - best.x[5:]


def residual2(b0, b):
    return np.sum((Y - b0 - A @ b) ** 2)


ROWS = {
    "sum of squares + lambda sum |b|": (
        lambda b0, b, size: residual2(b0, b) + 30.0 * size.sum(),
        *fastreg.from_sum_of_squares(N, l1=30.0),
    ),
    "mean squared error + lambda sum |b|": (
        lambda b0, b, size: residual2(b0, b) / N + 0.8 * size.sum(),
        *fastreg.from_mean_of_squares(l1=0.8),
    ),
    "mean squared error + l1 sum |b| + l2 sum b^2": (
        lambda b0, b, size: residual2(b0, b) / N + 0.6 * size.sum() + 0.3 * np.sum(b**2),
        *fastreg.from_mean_of_squares(l1=0.6, l2=0.3),
    ),
    "mean squared error + a sum |b| + (1-a) sum b^2": (
        lambda b0, b, size: residual2(b0, b) / N + 0.7 * size.sum() + 0.3 * np.sum(b**2),
        *fastreg.from_mean_of_squares(l1=0.7, l2=0.3),
    ),
    "half mean squared error + a sum |b| + (1-a) sum b^2": (
        lambda b0, b, size: residual2(b0, b) / (2 * N) + 0.7 * size.sum() + 0.3 * np.sum(b**2),
        *fastreg.from_half_mean_of_squares(l1=0.7, l2=0.3),
    ),
    "glmnet gaussian(lambda, alpha=1), not standardized": (
        lambda b0, b, size: residual2(b0, b) / (2 * N) + 0.25 * size.sum(),
        *fastreg.from_glmnet(0.25),
    ),
    "glmnet gaussian(lambda, alpha), the l2 part over the deviation of y": (
        lambda b0, b, size: residual2(b0, b) / (2 * N) + 0.15 * size.sum() + 0.1 / (2 * Y.std()) * np.sum(b**2),
        *fastreg.from_glmnet(0.25, alpha=0.6, y_deviation=Y.std()),
    ),
    "sum of squares + a sum b^2": (
        lambda b0, b, size: residual2(b0, b) + 12.0 * np.sum(b**2),
        *fastreg.from_sum_of_squares(N, l2=12.0),
    ),
}


def test_the_table_of_the_documentation():
    assert fastreg.from_sum_of_squares(N, l1=30.0) == (30.0 / (2 * N), 1.0)
    assert fastreg.from_mean_of_squares(l1=0.8) == (0.4, 1.0)
    assert fastreg.from_mean_of_squares(l1=0.7, l2=0.3) == pytest.approx((0.35 + 0.3, 0.35 / 0.65))
    assert fastreg.from_half_mean_of_squares(l1=0.7, l2=0.3) == pytest.approx((2 - 0.7, 0.7 / (2 - 0.7)))
    assert fastreg.from_sum_of_squares(8.0, l2=4.0) == (0.5, 0.0)
    assert fastreg.from_glmnet(0.3) == (0.3, 1.0)
    assert fastreg.from_C(0.5, total_weight=8.0, l1_ratio=0.25) == (0.25, 0.25)
    assert fastreg.from_mean_of_squares() == (0.0, 1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fastreg.from_sum_of_squares(0.0, l1=1.0), "total_weight: expected a positive"),
        (lambda: fastreg.from_mean_of_squares(l1=-1.0), "l1: expected a finite number >= 0"),
        (lambda: fastreg.from_half_mean_of_squares(l2=float("nan")), "l2: expected a finite number >= 0"),
        (lambda: fastreg.from_glmnet(0.1, alpha=2.0, y_deviation=1.0), "alpha: expected glmnet's share"),
        (lambda: fastreg.from_glmnet(0.1, alpha=0.5), "y_deviation: expected the standard deviation"),
        (lambda: fastreg.from_C(0.0, 5.0), "C, total_weight: expected positive"),
        (lambda: fastreg.from_C(1.0, 5.0, l1_ratio=1.5), "l1_ratio: expected"),
    ],
)
def test_converters_refuse(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("name", ROWS)
def test_row(name):
    value, alpha, ratio = ROWS[name]
    path = fastreg.fit_path(A, Y, alphas=alpha, l1_ratio=ratio, tol=1e-13)
    np.testing.assert_allclose(path.coef(alpha), minimize_split(value), atol=2e-4)
    # The translated penalty minimizes the written objective: no step to the side improves it.
    b, b0 = path.coef(alpha), path.intercept(alpha)
    here = value(b0, b, np.abs(b))
    for step in np.vstack([np.eye(4), -np.eye(4)]) * 1e-3:
        assert value(b0, b + step, np.abs(b + step)) >= here


def test_weighted_row_uses_the_sum_of_weights():
    weights = np.random.default_rng(0).random(N) * 3
    total = weights.sum()

    def value(b0, b, size):
        return np.sum(weights * (Y - b0 - A @ b) ** 2) + 30.0 * size.sum()

    path = fastreg.fit_path(A, Y, alphas=30.0 / (2 * total), sample_weight=weights, tol=1e-13)
    np.testing.assert_allclose(path.coefs.toarray()[:, 0], minimize_split(value), atol=2e-4)


def test_scikit_learn_ridge_row():
    weights = np.random.default_rng(0).random(N) * 3
    peer = Ridge(alpha=5.0).fit(A, Y, sample_weight=weights)
    alpha = 5.0 / weights.sum()
    path = fastreg.fit_path(A, Y, alphas=alpha, l1_ratio=0.0, sample_weight=weights)
    np.testing.assert_allclose(path.coef(alpha), peer.coef_, rtol=1e-9)
    assert path.intercept(alpha) == pytest.approx(peer.intercept_, rel=1e-9)
