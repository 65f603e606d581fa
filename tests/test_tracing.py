"""Exact tracing: against its twin, and on everything that makes active sets degenerate."""

import numpy as np
import pytest
from designs import make_data
from hypothesis import given, settings
from hypothesis import strategies as st
from test_kernels import scaled_design

import fastreg
from fastreg import reference
from fastreg.subproblem.columns import DenseColumns
from fastreg.subproblem.gap import gap_of
from fastreg.subproblem.gram import GramForm
from fastreg.subproblem.tracing import Tracer


@pytest.mark.parametrize("ratio", [1.0, 0.6])
@pytest.mark.parametrize("shape", [(40, 12), (15, 30)])
def test_twin(shape, ratio):
    A, y = make_data(*shape, seed=81)
    form = reference.standard_form(A, y, l1_ratio=ratio)
    alphas = np.max(np.abs(form.X.T @ form.y)) / ratio * np.geomspace(1.0, 0.02, 9)
    twin = reference.lasso_path(form, alphas)
    path = fastreg.fit_path(A, y, alphas=alphas, l1_ratio=ratio, tol=1e-14)
    np.testing.assert_allclose(path.coefs.toarray(), twin, atol=1e-8)


KINDS = {
    "normal": lambda rng, n, p: rng.standard_normal((n, p)),
    "snp": lambda rng, n, p: rng.integers(0, 3, (n, p)).astype(float),
    "binary": lambda rng, n, p: (rng.random((n, p)) < 0.3).astype(float),
    "duplicates": lambda rng, n, p: rng.standard_normal((n, p))[:, rng.integers(0, p, p)],
    "opposites": lambda rng, n, p: rng.standard_normal((n, p))[:, rng.integers(0, p, p)] * rng.choice([-1, 1], p),
    "sums": lambda rng, n, p: rng.standard_normal((n, max(1, p // 2))) @ rng.integers(-1, 2, (max(1, p // 2), p)),
    "near-duplicates": lambda rng, n, p: (
        rng.standard_normal((n, p))[:, rng.integers(0, p, p)] + 1e-5 * rng.standard_normal((n, p))
    ),
    "correlated": lambda rng, n, p: rng.standard_normal((n, p)) + 5.0 * rng.standard_normal((n, 1)),
}


def degenerate(kind, rng, n, p):
    """A random design of this kind without its constant columns, and a target in the solver's units."""
    A = KINDS[kind](rng, n, p)
    y = rng.standard_normal(n) + A[:, 0]
    design = scaled_design(A)
    design.restrict(np.flatnonzero(design.norm > 0))
    return design, (y - y.mean()) / np.sqrt(n)


def relative_gap(design, penalty, alpha, beta, y, inside):
    u = y - design.predictions(beta)[0]
    z = np.where(inside, design.correlations(u)[0], 0.0)
    level = 1e-12 * np.linalg.norm(y)
    gap = gap_of(penalty, alpha, alpha, beta, z, design.norm, float(u @ u), level)
    return gap / (0.5 * y @ y)


@settings(max_examples=400)
@given(
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 10**6),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from(["none", "positive", "tight"]),
    st.booleans(),
)
def test_exact_on_degenerate_problems(kind, seed, l2, bounds, free):
    """Random problems down a coarse path; half of the columns join late, at an alpha already solved."""
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(4, 40)), int(rng.integers(2, 50))
    design, y = degenerate(kind, rng, n, p)
    m = design.n_features
    if m < 2 or not y.any():
        return
    penalty = {
        "l1": np.ones(m),
        "l2": np.full(m, l2),
        "lower": np.full(m, {"none": -np.inf, "positive": 0.0, "tight": -0.05}[bounds]),
        "upper": np.full(m, 0.08 if bounds == "tight" else np.inf),
    }
    if free:
        penalty["l1"][0] = penalty["l2"][0] = 0.0
        penalty["lower"][0], penalty["upper"][0] = -np.inf, np.inf
    form, correlation = GramForm(design, DenseColumns(design) if seed % 2 else None), design.correlations(y)[0]
    form.bind_target(y, correlation)
    form.add_features(np.arange(m // 2))
    tracer, inside, exact = Tracer(), np.arange(m) < m // 2, 0
    top = np.abs(correlation).max()
    for k, alpha in enumerate(top * np.array([0.9, 0.5, 0.2, 0.2, 0.1, 0.03, 0.01])):
        if k == 3:
            form.add_features(np.arange(m // 2, m))
            inside[:] = True
        got, complete = tracer.minimize(form, penalty, alpha, alpha, y, 2000)
        beta = np.zeros(m)
        beta[: len(got)] = got
        assert np.all((beta >= penalty["lower"]) & (beta <= penalty["upper"]))
        if complete and relative_gap(design, penalty, alpha, beta, y, inside) <= 1e-10:
            exact += 1
    # Where ties of ties defeat it, coordinate descent takes over; that must stay rare.
    assert exact >= 6


def test_a_sum_that_joins_after_its_parents():
    """x3 = x1 + x2: merely skipping the dependent column would end with |g_3| = 2 alpha."""
    X = np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [0.0, 0.0, 0.0]])
    y = np.array([3.0, 1.0, 0.0])
    design = scaled_design(X, center=False)
    target = y / np.sqrt(3)
    correlation = design.correlations(target)[0]
    penalty = {"l1": design.scale.copy(), "l2": np.zeros(3), "lower": np.full(3, -np.inf), "upper": np.full(3, np.inf)}
    form, tracer = GramForm(design, DenseColumns(design)), Tracer()
    form.bind_target(target, correlation)
    form.add_features([0, 1])
    _, exact = tracer.minimize(form, penalty, 0.1, 0.0, target, 100)
    assert exact
    form.add_features([2])
    beta, exact = tracer.minimize(form, penalty, 0.1, 0.0, target, 100)
    assert exact
    assert relative_gap(design, penalty, 0.1, beta, target, np.ones(3, dtype=bool)) < 1e-13


@given(st.integers(0, 10**6), st.sampled_from([1.0, 0.5]))
def test_warm_starts_from_anywhere(seed, ratio):
    rng = np.random.default_rng(seed)
    n, p = int(rng.integers(5, 30)), int(rng.integers(2, 30))
    A, y = rng.integers(0, 3, (n, p)).astype(float), rng.standard_normal(n)
    init = (rng.standard_normal(p) * (rng.random(p) < 0.7), 0.0)
    alpha = 0.05
    path = fastreg.fit_path(A, y, alphas=alpha, l1_ratio=ratio, init=init, tol=1e-12, max_iter=10**5)
    form = reference.standard_form(A, y, l1_ratio=ratio)
    assert reference.dual_gap(form, path.coef(alpha), alpha) <= 1.01e-12 * form.null_loss + 1e-15


def test_exact_costs_no_more_than_rough():
    A, y = make_data(80, 200, seed=82)
    rough, exact = (fastreg.fit_path(A, y, alpha_min_ratio=1e-2, tol=tol) for tol in (1e-4, 1e-12))
    assert exact.converged.all()
    assert exact.n_iter.sum() <= 1.25 * rough.n_iter.sum()


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_working_set_that_outgrows_its_first_room(correlation):
    rng = np.random.default_rng(5)
    common = rng.standard_normal((150, 1))
    A = np.sqrt(1 - correlation) * rng.standard_normal((150, 500)) + np.sqrt(correlation) * common
    y = A[:, ::25].sum(axis=1) + rng.standard_normal(150)
    y = (y - y.mean()) / np.sqrt(len(y))
    design, alpha = scaled_design(A), 0.02
    alpha *= np.abs(design.correlations(y)[0]).max()
    ones, far = np.ones(500), np.full(500, np.inf)
    penalty = {"l1": ones, "l2": 0 * ones, "lower": -far, "upper": far}
    form, tracer, inside = GramForm(design, DenseColumns(design)), Tracer(), np.zeros(500, dtype=bool)
    for batch in np.split(np.arange(500), [40, 90, 200, 330]):
        form.add_features(batch)
        inside[batch] = True
        beta = np.zeros(500)
        beta[: inside.sum()], exact = tracer.minimize(form, penalty, alpha, 0.0, y, 10_000)
        assert exact
        assert relative_gap(design, penalty, alpha, beta, y, inside) < 1e-12
