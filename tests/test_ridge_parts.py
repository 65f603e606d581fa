"""What ridge is made of: conjugate gradients for many shifts, inner products of rows, dense coefficients."""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given
from hypothesis import strategies as st
from test_kernels import scaled_design

import fastreg
from fastreg import reference
from fastreg.problem.problem import Options
from fastreg.selection.leave_one_out import leave_one_out
from fastreg.solver import cost_model, krylov_ridge, ridge
from fastreg.solver.ridge_kernel import kernel_matrix
from fastreg.solver.shifted_gradients import shifted_gradients


@given(st.integers(1, 30), st.integers(1, 40), st.integers(1, 8), st.booleans(), st.integers(0, 10**6))
def test_shifted_gradients_solve_every_shift(m, columns, k, images, seed):
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((m, columns)) * 10.0 ** rng.uniform(-1, 1, columns)
    K, right = A @ A.T, A @ rng.standard_normal(columns)
    shifts = -np.sort(-np.linalg.norm(K, 2) * 10.0 ** rng.uniform(-4, 1, k))
    enough = np.full(k, 1e-8 * np.linalg.norm(right) * (np.linalg.norm(A, 2) if images else 1.0))
    found, counts = shifted_gradients(lambda x: K @ x, right, shifts, enough, images, 10 * m + 20)
    for x, shift in zip(found, shifts, strict=True):
        rest = right - K @ x - shift * x
        size = np.sqrt(max(rest @ K @ rest, 0.0)) if images else np.linalg.norm(rest)
        assert size <= 2 * enough[0]
    assert (np.diff(counts) >= 0).all()


def test_shifted_gradients_of_nothing_and_with_a_limit():
    found, counts = shifted_gradients(lambda x: x, np.zeros(3), np.array([2.0, 1.0]), np.zeros(2), False, 9)
    np.testing.assert_array_equal(found, np.zeros((2, 3)))
    np.testing.assert_array_equal(counts, [0, 0])
    K = np.diag(np.arange(1.0, 101.0))
    _, counts = shifted_gradients(lambda x: K @ x, np.ones(100), np.array([1.0, 0.1]), np.zeros(2), True, 7)
    np.testing.assert_array_equal(counts, [7, 7])


@pytest.mark.parametrize("mean", [0.0, 3.0])
@pytest.mark.parametrize("center", [True, False])
def test_inner_products_of_rows(mean, center):
    rng = np.random.default_rng(0)
    X = sp.random_array((25, 4000), density=0.01, rng=rng, format="csc")
    X.data += mean
    weights = rng.random(25)
    features, root_l2 = rng.choice(4000, 1500, replace=False), rng.uniform(0.5, 2.0, 1500)
    by_entries, packed = (scaled_design(A, weights=weights / weights.sum(), center=center) for A in (X, X.toarray()))
    assert cost_model.entries_pay(by_entries, features)
    assert not cost_model.entries_pay(packed, features)
    columns = packed.packed(features) / root_l2[:, None]
    for design in (by_entries, packed):
        np.testing.assert_allclose(kernel_matrix(design, features, root_l2), columns.T @ columns, atol=1e-12)


def test_far_centers_are_not_multiplied_out():
    X = sp.csc_array(1e6 + np.random.default_rng(0).standard_normal((5, 3000)))
    assert not cost_model.entries_pay(scaled_design(X), np.arange(3000))


@pytest.mark.parametrize("kind", ["csc-f64-i32", "csc-f32-i64", "C", "F", "C-f32"])
@pytest.mark.parametrize("k", [1, 2, 3, 8, 11, 16, 19])
@pytest.mark.parametrize(("n", "p"), [(1, 3), (7, 90), (60, 9)])
def test_products_with_many_vectors(kind, k, n, p):
    rng = np.random.default_rng(k)
    A = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.9)
    A = A.astype(np.float32).astype(float)
    X = {
        "csc-f64-i32": sp.csc_array, "C": np.ascontiguousarray, "F": np.asfortranarray,
        "C-f32": lambda A: A.astype(np.float32),
        "csc-f32-i64": lambda A: int64(sp.csc_array(A.astype(np.float32))),
    }[kind](A)  # fmt: skip
    weights = rng.random(n) + 0.1
    weights /= weights.sum()
    design = scaled_design(X, weights=weights)
    columns = scaled_design(A, weights=weights).packed().T
    U, coefs = rng.standard_normal((k, n)), rng.standard_normal((k, p))
    coefs[:, 0] = 0.0
    some = rng.permutation(p)[: max(1, p // 2)]
    close = {"atol": 1e-12}
    np.testing.assert_allclose(design.correlations(U), reference.correlate(columns, U), **close)
    np.testing.assert_allclose(design.predictions(coefs), reference.predict(columns, coefs), **close)
    np.testing.assert_allclose(design.correlations(U, some), reference.correlate(columns[:, some], U), **close)
    part = coefs[:, : len(some)]
    np.testing.assert_allclose(design.predictions(part, some), reference.predict(columns[:, some], part), **close)


def int64(X):
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


@pytest.mark.parametrize("route", ["dual", "krylov"])
def test_equal_columns_share_dense_coefficients(route, monkeypatch):
    monkeypatch.setattr(ridge, "ridge_route", lambda *_: route)
    rng = np.random.default_rng(3)
    A = rng.standard_normal((20, 50))
    A[:, [7, 30]] = A[:, [2]]
    A[:, 11] = 5.0
    y = rng.standard_normal(20)
    path = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=[1.0, 0.1], tol=1e-12)
    form = reference.standard_form(A, y, l1_ratio=0.0)
    for alpha in path.alphas:
        np.testing.assert_allclose(path.coef(alpha), reference.ridge(form, alpha), atol=1e-6)
        assert path.coef(alpha)[2] == path.coef(alpha)[7] == path.coef(alpha)[30]
    np.testing.assert_array_equal(np.diff(path.coefs.indptr), [49, 49])
    np.testing.assert_allclose(path.intercepts, y.mean() - A.mean(axis=0) @ path.coefs.toarray(), atol=1e-12)


def test_ridge_without_a_gram_matrix_continues_from_given_coefficients(monkeypatch):
    monkeypatch.setattr(ridge, "ridge_route", lambda *_: "krylov")
    rng = np.random.default_rng(4)
    A, y = rng.standard_normal((30, 80)), rng.standard_normal(30)
    cold = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=[0.01], tol=1e-10)
    warm = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=[0.01], tol=1e-10, init=(cold.coef(0.01), cold.intercepts[0]))
    assert warm.n_iter[0] < cold.n_iter[0]
    np.testing.assert_allclose(warm.coef(0.01), cold.coef(0.01), atol=1e-6)


def test_gradients_go_on_where_a_gap_is_larger_than_they_promised(monkeypatch):
    monkeypatch.setattr(ridge, "ridge_route", lambda *_: "krylov")
    monkeypatch.setattr(ridge, "FACTOR_SIZE", 10)
    loosely = krylov_ridge.from_zero
    monkeypatch.setattr(
        krylov_ridge, "from_zero", lambda columns, y, a2, gap, limit: loosely(columns, y, a2, 1e4 * gap, limit)
    )
    rng = np.random.default_rng(6)
    A, y = rng.standard_normal((60, 90)), rng.standard_normal(60)
    path = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=[1.0, 0.1, 0.01], tol=1e-8)
    form = reference.standard_form(A, y, l1_ratio=0.0)
    for k, alpha in enumerate(path.alphas):
        assert reference.dual_gap(form, path.coef(alpha), alpha) <= 1e-8 * form.null_loss
        assert path.n_iter[k] > 1


def test_a_single_wide_fit_needs_no_inner_products_of_rows_unless_it_does():
    rng = np.random.default_rng(5)
    A, y = rng.standard_normal((450, 4000)), rng.standard_normal(450)
    single = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=[0.1])
    assert single.n_iter[0] > 1
    form = reference.standard_form(A, y, l1_ratio=0.0)
    assert reference.dual_gap(form, single.coef(0.1), 0.1) <= 1e-6 * form.null_loss
    # Rows that are nearly equal, and a small penalty: too ill-conditioned for so few iterations.
    A = A * np.geomspace(1.0, 1e-4, 450)[:, None] + rng.standard_normal(4000)
    hard = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=[1e-8])
    assert hard.n_iter[0] == 1
    assert hard.converged.all()


def test_what_needs_eigenvalues_has_them_on_sparse_data_too():
    rng = np.random.default_rng(6)
    X = sp.random_array((300, 3000), density=0.01, rng=rng, format="csc")
    y = rng.standard_normal(300)
    assert cost_model.ridge_route(scaled_design(X)) == "krylov"
    alphas = np.array([3.0, 0.3])
    loo = [leave_one_out(A, y, alphas, Options(l1_ratio=0.0)) for A in (X, X.toarray())]
    np.testing.assert_allclose(*loo, rtol=1e-8)
    assert fastreg.RidgeCV(alphas=alphas * 300).fit(X, y).alpha_ == 300 * alphas[loo[0].argmin()]
    paths = [(fastreg.fit_path(A, y, l1_ratio=0.0, alphas=alphas), A) for A in (X, X.toarray())]
    freedom = [fastreg.information_criteria(path, A).df for path, A in paths]
    np.testing.assert_allclose(*freedom, rtol=1e-8)


def test_means_of_a_hundred_million_deviations_are_no_rounding():
    """A gap near 0 was reported for coefficients that leave all of the loss: each correlation by itself was small."""
    rng = np.random.default_rng(0)
    A, y = rng.standard_normal((20, 50)) + 1e8, rng.standard_normal(20) + 100
    form = reference.standard_form(A, y, l1_ratio=0.0, fit_intercept=False)
    for X in (A, sp.csc_array(A)):
        with pytest.warns(fastreg.ConvergenceWarning):
            path = fastreg.fit_path(X, y, l1_ratio=0.0, fit_intercept=False, alphas=[1.0, 1e-3])
        gaps = [reference.dual_gap(form, path.coef(alpha), alpha) for alpha in path.alphas]
        np.testing.assert_allclose(path.dual_gaps, gaps, rtol=1e-2)


@pytest.mark.parametrize("unit", [1e-10, 1e-14, 1e-16])
@pytest.mark.parametrize("ratio", [0.0, 0.5])
def test_targets_of_different_units(ratio, unit):
    """What rounding hides of the largest target was taken for what it hides of each."""
    rng = np.random.default_rng(1)
    X = sp.random_array((150, 160), density=0.04, rng=rng, format="csc")
    y = X @ rng.standard_normal(160) + rng.standard_normal(150)
    top = fastreg.alpha_max(X, y) if ratio else 0.1
    for alphas in ([0.1 * top], [0.1 * top * unit]):
        path = fastreg.fit_path(X, np.c_[y, unit * y], l1_ratio=ratio, alphas=alphas)
        assert path.converged.all()
        alone = fastreg.fit_path(X, unit * y, l1_ratio=ratio, alphas=alphas)
        found = path.coefs[1].toarray() / unit
        np.testing.assert_allclose(found, alone.coefs.toarray() / unit, atol=1e-3)


def test_squares_below_the_smallest_number():
    rng = np.random.default_rng(2)
    X = sp.random_array((250, 300), density=0.01, rng=rng, format="csc")
    y = X @ rng.standard_normal(300) + rng.standard_normal(250)
    path = fastreg.fit_path(X, np.c_[y, 1e-160 * y], l1_ratio=0.0, alphas=[1e-3])
    assert path.converged[0].all()
    assert np.isfinite(path.coefs[1].toarray()).all()
    huge = fastreg.fit_path(X * 1e-150, y, l1_ratio=0.0, alphas=[1e14, 1.0])
    assert huge.converged.all()
    assert abs(huge.coefs.toarray()).max() < 1e-140


def test_the_default_grid_without_anything_to_penalize(monkeypatch):
    monkeypatch.setattr(ridge, "ridge_route", lambda *_: "krylov")
    rng = np.random.default_rng(3)
    A, y = rng.standard_normal((40, 6)), rng.standard_normal(40)
    path = fastreg.fit_path(A, y, l1_ratio=0.0, n_alphas=3, penalty_factors=np.zeros(6))
    centered = np.c_[np.ones(40), A]
    fitted = centered @ np.linalg.lstsq(centered, y, rcond=None)[0]
    np.testing.assert_allclose(path.predict(A)[:, 1], fitted, atol=1e-8)


def test_iterations_as_long_as_a_factorization_costs_more():
    rng = np.random.default_rng(4)
    X = sp.random_array((900, 900), density=0.005, rng=rng, format="csc")
    Y = X @ rng.standard_normal((900, 3)) + rng.standard_normal((900, 3))
    path = fastreg.fit_path(X, Y, l1_ratio=0.0, alphas=[1e-6], tol=1e-8)
    assert path.converged.all()
    assert path.n_iter.min() > ridge.SHORT_ITERATIONS


def test_columns_of_scales_that_eigenvalues_lose():
    rng = np.random.default_rng(5)
    A = rng.standard_normal((200, 50)) * 10.0 ** rng.uniform(-6, 6, 50)
    y = A @ (rng.standard_normal(50) / abs(A).max(axis=0)) + rng.standard_normal(200)
    path = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=[100.0, 0.25, 1e-3, 1e-5])
    assert path.converged.all()
    assert path.dual_gaps[1:].max() <= 1e-12 * path.null_loss


@pytest.mark.parametrize("nearness", [1e-5, 1e-7, 1e-8, 1e-9])
@pytest.mark.parametrize("p", [8, 400])
def test_unpenalized_columns_that_are_nearly_equal(p, nearness):
    rng = np.random.default_rng(6)
    A, y = rng.standard_normal((200, p)), rng.standard_normal(200)
    apart = A.copy()
    A[:, 1] = A[:, 0] + nearness * A[:, 1]
    factors = np.r_[0.0, 0.0, np.ones(p - 2)]
    alphas = np.geomspace(1.0, 1e-3, 5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastreg.ConvergenceWarning)
        path = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=alphas, penalty_factors=factors)
    truth = fastreg.fit_path(apart, y, l1_ratio=0.0, alphas=alphas, penalty_factors=factors)
    assert path.converged.all() or nearness < 1e-7
    for k in np.flatnonzero(path.converged):
        values = []
        for X, fit in ((A, path), (apart, truth)):
            b = fit.coefs.toarray()[:, k]
            values.append(0.5 * np.var(y - X @ b) + 0.5 * alphas[k] * np.sum(b[2:] ** 2))
        assert values[0] - values[1] <= 2e-6 * path.null_loss


def test_leaving_one_out_needs_no_other_factorization(monkeypatch):
    rng = np.random.default_rng(7)
    A, y = rng.standard_normal((60, 20)), rng.standard_normal(60)
    monkeypatch.setattr(ridge, "cho_factor", None)
    assert np.isfinite(leave_one_out(A, y, np.geomspace(10.0, 1e-6, 30), Options(l1_ratio=0.0))).all()
