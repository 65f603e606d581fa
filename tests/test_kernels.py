"""Every kernel against its NumPy twin."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from designs import REPRESENTATIONS, make_data
from hypothesis import given
from hypothesis import strategies as st

from fastreg import reference
from fastreg.design.convert import as_design, check_entries
from fastreg.design.few import dots, sums
from fastreg.design.scaled import ScaledDesign
from fastreg.design.scan import look_at_rows
from fastreg.loss.center import center
from fastreg.loss.class_rows import bend, divergence, point
from fastreg.penalty.elastic_net import conjugates, proximal_steps
from fastreg.problem.duplicates import group_equal, number_groups
from fastreg.solver.lazy_gradients import LazyGradients
from fastreg.solver.ridge import RidgeSolver
from fastreg.subproblem.columns import DenseColumns
from fastreg.subproblem.coordinate_descent import CoordinateDescent
from fastreg.subproblem.gap import gap_of
from fastreg.subproblem.gram import GramForm
from fastreg.subproblem.sparse_columns import SparseColumns


def scaled_design(X, *, center=True, weights=None, n_threads=1):
    design, _ = as_design(X, n_threads)
    if weights is None:
        weights = np.full(design.n_rows, 1.0 / design.n_rows)
    largest, moments, _ = check_entries(design, weights)
    return ScaledDesign(design, largest, weights, center, moments)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("n", "p"), [(1, 1), (1, 9), (7, 1), (40, 30), (130, 33), (21, 700), (1100, 3)])
def test_design_operations(represent, n, p, center):
    rng = np.random.default_rng(n + p)
    A = (rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.5)).astype(np.float32).astype(float)
    weights = rng.random(n) + 0.01
    weights /= weights.sum()
    design = scaled_design(represent(A), center=center, weights=weights)
    root, scale = np.sqrt(weights), design.scale
    mean, spread = reference.moments(A, weights, scale)
    np.testing.assert_allclose(design.mean, mean, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(design.deviation, np.sqrt(spread), rtol=1e-10, atol=1e-14)
    shift = mean if center else np.zeros(p)
    columns = reference.pack(A, scale, shift, root).T
    chosen = rng.permutation(p)[: max(1, p // 2)]
    U, coefs = rng.standard_normal((3, n)), rng.standard_normal((2, p))
    close = {"rtol": 1e-10, "atol": 1e-12}
    np.testing.assert_allclose(design.correlations(U), reference.correlate(columns, U), **close)
    np.testing.assert_allclose(design.correlations(U, chosen), reference.correlate(columns[:, chosen], U), **close)
    np.testing.assert_allclose(design.predictions(coefs), reference.predict(columns, coefs), **close)
    part = coefs[:, chosen]
    np.testing.assert_allclose(design.predictions(part, chosen), reference.predict(columns[:, chosen], part), **close)
    np.testing.assert_allclose(design.gram_matrix(), reference.gram(A, scale, shift, root), **close)
    np.testing.assert_allclose(design.packed(chosen), columns[:, chosen].T, **close)
    np.testing.assert_allclose(design.norm, np.linalg.norm(columns, axis=0), **close)


@pytest.mark.parametrize("name", ["csc-f64-i32", "csc-f32-i64"])
def test_compress(name):
    A, _ = make_data(30, 12)
    design = scaled_design(REPRESENTATIONS[name](A), center=False)
    for got, expected in zip(design.compressed(), reference.compress(A, design.scale, design.root), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-14)


def test_dense_designs_do_not_compress():
    with pytest.raises(NotImplementedError, match="DenseDesign does not implement"):
        scaled_design(np.ones((3, 2)), center=False).compressed()


@pytest.mark.parametrize("dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?", "f2", ">f8", "g"])
def test_other_dtypes(dtype):
    rng = np.random.default_rng(0)
    A = rng.integers(0, 2, (50, 8)).astype(dtype)
    design = scaled_design(A)
    np.testing.assert_allclose(design.mean / design.scale, A.astype(float).mean(axis=0), atol=1e-15)


def test_entries_read_are_counted():
    A, _ = make_data(40, 10)
    for X, size in ((A, A.size), (sp.csc_array(A), sp.csc_array(A).nnz)):
        design = scaled_design(X)
        assert design.n_passes == 1  # the moments
        design.correlations(np.ones(40))
        assert design.n_passes == 2
        design.gram_matrix()
        assert design.n_passes == 3
        before = design.raw.entries_read
        design.packed([2])
        read = design.raw.entries_read - before
        assert read == (np.count_nonzero(A[:, 2]) if sp.issparse(X) else 40)
        assert design.raw.n_entries == size


finite = st.floats(-1e3, 1e3)


@given(
    st.lists(
        st.tuples(finite, st.floats(0, 5), st.just(0.0) | st.floats(1e-3, 5), st.floats(1e-3, 5)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([(-np.inf, np.inf), (0.0, np.inf), (-0.3, 0.2), (-np.inf, 0.0)]),
)
def test_penalty_twin(rows, bounds):
    z, l1, l2, h = (np.array(column) for column in zip(*rows, strict=True))
    lower, upper = (np.full(len(z), bound) for bound in bounds)
    penalty = {"l1": l1, "l2": l2, "lower": lower, "upper": upper}
    a1, a2 = 0.7, 1.3
    expected = reference.proximal_step(z, h, a1 * l1, a2 * l2, lower, upper)
    np.testing.assert_allclose(proximal_steps(penalty, a1, a2, z, h), expected, rtol=1e-13, atol=1e-300)
    value, point = conjugates(penalty, a1, a2, z)
    np.testing.assert_allclose(point, reference.conjugate_point(z, a1 * l1, a2 * l2, lower, upper), rtol=1e-12)
    twin = reference.conjugate(z, a1 * l1, a2 * l2, lower, upper)
    np.testing.assert_allclose(value, twin, rtol=1e-6, atol=1e-9 * np.max(np.abs(z) + 1) ** 2)
    # Fenchel and Young: P(b) + h*(z) >= z b for every b inside the bounds.
    b = np.clip(np.linspace(-2, 2, 9)[:, None], lower, upper)
    slack = reference.penalty_value(b, a1 * l1, a2 * l2) + value - z * b
    assert np.all(slack >= -1e-9 * (1 + np.abs(z)))


@given(st.integers(2, 40), st.integers(1, 30), st.integers(1, 6), st.integers(0, 10**6))
def test_lazy_bound(n, p, references, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) * 10.0 ** rng.integers(-3, 4, p)
    norm = np.linalg.norm(X, axis=0)
    lazy = LazyGradients(n, norm, norm)
    U = rng.standard_normal((n, references))
    U[:, references // 2 :] = U[:, [0]] + 1e-4 * U[:, references // 2 :]  # nearly collinear
    for u in U.T:
        lazy.add_reference(np.ascontiguousarray(u), X.T @ u)
    u = U @ rng.standard_normal(references) + 0.1 * rng.standard_normal(n)
    estimate, radius = lazy.bounds(u)
    assert np.all(np.abs(X.T @ u - estimate) <= radius)
    if references <= 3:
        twin, twin_radius = reference.lazy_bound(X, U, u)
        assert np.all(radius >= twin_radius * (1 - 1e-6))
        np.testing.assert_allclose(estimate, twin, atol=1e-6 * np.max(norm) * np.linalg.norm(u))


def test_moments_of_the_look_at_x_are_those_of_scaled_columns(represent):
    """Scaled by powers of two afterwards or before: the same digits."""
    rng = np.random.default_rng(0)
    A = (rng.standard_normal((130, 33)) * 10.0 ** rng.integers(-20, 20, 33)).astype(np.float32).astype(float)
    design, _ = as_design(represent(A))
    weights = np.full(130, 1 / 130)
    largest, moments, _ = check_entries(design, weights)
    before, after = ScaledDesign(design, largest, weights, True), ScaledDesign(design, largest, weights, True, moments)
    np.testing.assert_array_equal(before.mean, after.mean)
    np.testing.assert_array_equal(before.deviation, after.deviation)


@pytest.mark.parametrize("head", [1, 32, 33, 50, 2048])
@pytest.mark.parametrize("weightless", [False, True])
@pytest.mark.parametrize("kind", [np.asfortranarray, sp.csc_array])
def test_moments_of_columns_that_begin_far_from_their_means(head, weightless, kind):
    """The sums are about the mean of the first rows, which here is a million deviations away, or is of no weight."""
    rng = np.random.default_rng(head)
    A = rng.standard_normal((2500, 5)) + np.array([0.0, 1.0, -1e3, 1e6, 0.0])
    A[:, 4] = 7.1
    A[:head] += np.array([1e6, -1e6, 1e3, 1.0, 0.0])
    weights = rng.random(2500) + 0.01
    if weightless:
        weights[:head] = 0.0
    weights /= weights.sum()
    design = scaled_design(kind(A), weights=weights)
    mean, spread = reference.moments(A, weights, design.scale)
    np.testing.assert_allclose(design.mean, mean, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(design.deviation[:4], np.sqrt(spread[:4]), rtol=1e-9)
    assert design.deviation[4] <= 1e-15 * 7.1


@pytest.mark.parametrize("kind", [np.asfortranarray, np.ascontiguousarray, sp.csc_array])
@pytest.mark.parametrize(("first", "weight"), [(1e30, 0.0), (-1e140, 0.0), (1e30, 1e-70)])
def test_moments_without_a_number_that_weighs_nothing(kind, first, weight):
    """As a sentinel in a row left out: more digits away than a number has."""
    rng = np.random.default_rng(0)
    A = rng.standard_normal((200, 3)) + 1.0
    weights = rng.random(200)
    weights[0] = weight
    weights /= weights.sum()
    expected = reference.moments(A[1:], weights[1:], np.ones(3))
    A[0, 1] = first
    design, _ = as_design(kind(A))
    _, (mean, spread), _ = check_entries(design, weights)
    np.testing.assert_allclose(mean, expected[0], rtol=1e-12)
    np.testing.assert_allclose(spread, expected[1], rtol=1e-9)


@pytest.mark.parametrize("n", [5_000, 10_000, 100_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_of_full_sparse_columns_far_from_zero(n, weighted):
    """Many equal weights, added up one by one, drift away from 1: nothing is absent all the same."""
    rng = np.random.default_rng(n)
    A = rng.standard_normal((n, 3)) + np.array([0.0, 1e6, 1e6])
    A[:, 2] = 0.1
    weights = rng.random(n) + 0.1 if weighted else np.ones(n)
    weights /= weights.sum()
    design = scaled_design(sp.csc_array(A), weights=weights)
    _, spread = reference.moments(A, weights, design.scale)
    np.testing.assert_allclose(design.deviation[:2], np.sqrt(spread[:2]), rtol=1e-9)
    assert design.deviation[2] == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [1, 3, 4, 8, 13, 37])
@pytest.mark.parametrize("kind", [np.asfortranarray, np.ascontiguousarray, sp.csc_array])
def test_an_entry_that_is_no_number_is_seen_wherever_it_stands(bad, weighted, n, kind):
    A = np.random.default_rng(n).standard_normal((n, 3)) * [1.0, 1e160, 1.0]
    weights = np.full(n, 1.0 / n) if weighted else None
    check_entries(as_design(kind(A))[0], weights)
    for i in range(n):
        B = A.copy()
        B[i, 2] = bad
        with pytest.raises(ValueError, match="NaN or infinity in column 2"):
            check_entries(as_design(kind(B))[0], weights)


@pytest.mark.parametrize(("n", "p"), [(1, 1), (130, 33), (17, 700), (2100, 3)])
def test_correlations_of_the_look_at_x(represent, n, p):
    """What ``check_entries`` sees on the way, against the operation of its own."""
    rng = np.random.default_rng(n)
    A = (rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.4)).astype(np.float32).astype(float)
    design, _ = as_design(represent(A), 2)
    weights = rng.random(n) + 0.1
    weights /= weights.sum()
    U = rng.standard_normal((3, n))
    largest, moments, sums = check_entries(design, weights, U * weights)
    np.testing.assert_allclose(sums, (U * weights) @ A, atol=1e-13)
    scaled = ScaledDesign(design, largest, weights, True, moments)
    expected = scaled.correlations(U * scaled.root)
    np.testing.assert_allclose(scaled.correlations_of(sums, U * weights), expected, atol=1e-13)


WITHOUT_AVX512 = """
import numpy as np
from test_kernels import scaled_design
import fastreg
from fastreg import reference
from designs import make_data
A, y = make_data(70, 150, seed=3)
design = scaled_design(A)
P = design.packed(np.arange(150))
np.testing.assert_allclose(design.gram_matrix(np.arange(150)), P @ P.T, atol=1e-13)
form = reference.standard_form(A, y, l1_ratio=0.7)
path = fastreg.fit_path(A, y, l1_ratio=0.7, n_alphas=8, tol=1e-12)
for k, alpha in enumerate(path.alphas):
    assert reference.dual_gap(form, path.coef(alpha), alpha) <= 1e-11 * form.null_loss
print("same")
"""


@pytest.mark.parametrize("absent", [["AVX512"], ["AVX512", "AVX2"]])
def test_gram_matrices_without_avx512(absent):
    """The products where the processor has no AVX-512 units, or not even AVX2 (then plain vectors make them)."""
    switches = {f"FASTREG_NO_{unit}": "1" for unit in absent}
    environment = {**os.environ, **switches, "PYTHONPATH": os.pathsep.join(sys.path)}
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_AVX512], env=environment, capture_output=True, text=True, check=False
    )
    assert run.stdout == "same\n", run.stderr


def test_lazy_bound_is_sharp_in_the_span_of_its_references():
    rng = np.random.default_rng(0)
    X, U = rng.standard_normal((30, 50)), rng.standard_normal((30, 2))
    lazy = LazyGradients(30, np.linalg.norm(X, axis=0), np.linalg.norm(X, axis=0))
    for u in U.T:
        lazy.add_reference(np.ascontiguousarray(u), X.T @ u)
    estimate, radius = lazy.bounds(0.3 * U[:, 0] - 0.9 * U[:, 1])
    np.testing.assert_allclose(estimate, X.T @ (0.3 * U[:, 0] - 0.9 * U[:, 1]), atol=1e-12)
    assert radius.max() < 1e-11


@pytest.mark.parametrize("known", [0, 1, 2, 3])
def test_lazy_bound_by_coefficients_is_that_by_residuals(known):
    """Residuals y - X b with b on a growing part of the columns; the reference twin knows nothing of b."""
    rng = np.random.default_rng(known)
    X, y = rng.standard_normal((80, 50)), rng.standard_normal(80)
    norm = np.linalg.norm(X, axis=0)
    lazy, U, c = LazyGradients(80, norm, norm), [], X.T @ y
    for k in range(known + 1):
        b = 0.1 * rng.standard_normal(4 * k)
        U.append(y - X[:, : 4 * k] @ b)
        lazy.add_reference(U[-1], X.T @ U[-1])
        lazy.add_place(b, c)
    U = np.array(U[-3:]).T
    for scale in (1.0, 1e-3, 1e-6, 0.0):
        b = np.r_[b, np.zeros(16 - len(b))] + scale * rng.standard_normal(16)
        u = y - X[:, :16] @ b
        estimate, radius = lazy.place_bounds(b, c, X[:, :16].T @ u, y @ y)
        twin, certain = reference.lazy_bound(X, U, u)
        np.testing.assert_allclose(estimate, twin, atol=1e-7)
        np.testing.assert_allclose(radius, certain, rtol=1e-6, atol=1e-6)
        assert (np.abs(estimate - X.T @ u) <= radius).all()


@pytest.mark.parametrize("seed", range(8))
def test_gram_of_sparse_columns_that_join_in_batches(seed):
    """One, a few or many at a time, among them full columns and ones with a mean far from 0: all ways to a product."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((60, 300)) * (rng.random((60, 300)) < 0.1)
    A[:, rng.integers(0, 300, 6)] = rng.standard_normal((60, 6)) + rng.choice([0.0, 30.0], 6)
    design = scaled_design(sp.csc_array(A))
    m = design.n_features
    order, P = rng.permutation(m), design.packed(np.arange(m))
    form, at = GramForm(design, SparseColumns(design)), 0
    while at < m:
        batch = order[at : at + int(rng.choice([1, 2, 4, 5, 30, 150], p=[0.4, 0.2, 0.2, 0.1, 0.08, 0.02]))]
        form.add_features(batch)
        at += len(batch)
        np.testing.assert_allclose(form.gram(), P[order[:at]] @ P[order[:at]].T, atol=1e-11)
    form.clear()
    form.add_features(order[5:9])
    form.add_features(order[:3])
    inside = np.r_[order[5:9], order[:3]]
    np.testing.assert_allclose(form.gram(), P[inside] @ P[inside].T, atol=1e-11)


@pytest.mark.parametrize("density", [0.05, 0.5, 1.0])
@pytest.mark.parametrize(("n", "m"), [(3000, 22), (1, 3), (70, 70)])
def test_gram_of_sparse_columns_written_out_or_row_by_row(n, m, density):
    """Dense enough columns are multiplied with their zeros (``SparseEntries.dense_pays``)."""
    rng = np.random.default_rng(n)
    A = (rng.standard_normal((n, m)) + 1.0) * (rng.random((n, m)) < density)
    design = scaled_design(sp.csc_array(A))
    P = design.packed(np.arange(m))
    form = GramForm(design, SparseColumns(design))
    form.add_features(np.arange(m)[::-1].copy())
    np.testing.assert_allclose(form.gram(), (P @ P.T)[::-1, ::-1], atol=1e-11)


FORMS = {
    "gram-streamed": GramForm,
    "gram-packed": lambda design: GramForm(design, DenseColumns(design)),
    "dense-columns": DenseColumns,
    "sparse-columns": SparseColumns,
    "gram-of-sparse": lambda design: GramForm(design, SparseColumns(design)),
}


@pytest.mark.parametrize("kind", ["plain", "pathological"])
@pytest.mark.parametrize("form_name", FORMS)
def test_coordinate_descent_twin(form_name, kind):
    A, y = make_data(50, 20, kind=kind, seed=2)
    A[:, 9] += 30.0  # a mean that dwarfs the deviation
    std = reference.standard_form(A, y, l1_ratio=0.7)
    X = sp.csc_array(A) if "sparse" in form_name else A
    design = scaled_design(X)
    movable = np.flatnonzero(design.norm > 0)
    design.restrict(movable)
    size = len(movable)
    penalty = {
        "l1": 0.7 * design.scale[movable],
        "l2": 0.3 * design.scale[movable] ** 2,
        "lower": np.full(size, -np.inf),
        "upper": np.full(size, np.inf),
    }
    for alpha in (1.0, 0.1, 0.01):
        form = FORMS[form_name](design)
        correlation = design.correlations(std.y)[0]
        if isinstance(form, GramForm):
            form.bind_target(std.y, correlation)
        # Two helpings: the second must join the first.
        form.add_features(np.arange(5))
        form.add_features(np.arange(5, size))
        solver = CoordinateDescent(np.empty((0, 0)))
        beta, epochs = solver.minimize(form, penalty, alpha, alpha, std.y, 1e-14 * std.null_loss, 100_000)
        twin, _ = reference.coordinate_descent(std, alpha, np.zeros(20), 1e-14 * std.null_loss)
        assert 0 < epochs < 100_000
        if isinstance(form, GramForm):
            np.testing.assert_allclose(form.gram(), design.gram_matrix(np.arange(size)), atol=1e-12)
        got = np.zeros(20)
        got[movable] = beta * design.scale[movable]
        # Duplicate columns share their coefficients as they like only without l2 part; here they do not.
        np.testing.assert_allclose(got, twin, atol=1e-5)


@given(st.integers(1, 12), st.integers(0, 10**6), st.booleans(), st.booleans())
def test_gap_twin(p, seed, bounded, lasso):
    rng = np.random.default_rng(seed)
    n = 10
    A = rng.standard_normal((n, p))
    y = rng.standard_normal(n)
    form = reference.standard_form(
        A, y, fit_intercept=False, l1_ratio=1.0 if lasso else 0.4, lower_bounds=-0.2 if bounded else -np.inf
    )
    b = np.clip(rng.standard_normal(p) * (rng.random(p) < 0.5), form.lower, None)
    u = form.y - form.X @ b
    penalty = {"l1": form.l1, "l2": form.l2, "lower": form.lower, "upper": form.upper}
    norm = np.linalg.norm(form.X, axis=0)
    got = gap_of(penalty, 0.2, 0.2, b, form.X.T @ u, norm, float(u @ u), 0.0)
    assert got == pytest.approx(reference.dual_gap(form, b, 0.2), rel=1e-8, abs=1e-15)


@pytest.mark.parametrize(("n", "p"), [(60, 12), (12, 60)])
@pytest.mark.parametrize("sparse", [False, True])
def test_ridge_twin(n, p, sparse):
    A, y = make_data(n, max(p, 12), seed=8)
    form = reference.standard_form(A, y, l1_ratio=0.0)
    design = scaled_design(sp.csc_array(A) if sparse else A)
    l2 = design.scale**2
    solver = RidgeSolver(design, l2)
    alphas = np.array([10.0, 1.0, 0.01])
    pieces = list(solver.path(form.y, design.correlations(form.y)[0], alphas, 1e-12, None))
    got = np.concatenate([coefs for coefs, *_ in pieces]) * design.scale
    np.testing.assert_allclose(got.T, reference.ridge_path(form, alphas), atol=1e-10)
    np.testing.assert_allclose(got[1], reference.ridge(form, 1.0), atol=1e-10)


@given(st.integers(1, 40), st.integers(0, 10**6))
def test_group_equal(p, seed):
    rng = np.random.default_rng(seed)
    A = rng.integers(0, 3, (3, p)).astype(float)
    for X in (A, sp.csc_array(A)):
        design, _ = as_design(X)
        # A poor hash on purpose: comparison must sort out what it confuses.
        key = A[0].astype(np.uint64)
        leader = group_equal(design, key, np.arange(p))
        for j in range(p):
            equal = np.flatnonzero((A[:, [j]] == A).all(axis=0))
            assert leader[j] == equal[0]


@given(m=st.integers(0, 40), seed=st.integers(0, 10**6))
def test_number_groups(m, seed):
    rng = np.random.default_rng(seed)
    columns = np.sort(rng.permutation(m + 7)[:m])
    kind = rng.integers(0, 1 + m // 2, m)
    leader = np.array([np.flatnonzero(kind == k)[0] for k in kind], dtype=np.intp)
    l2 = np.where(rng.random(m + 7) < 0.5, 0.0, rng.random(m + 7))
    kept, members, multiplicity = number_groups(leader, columns, l2, m + 7)
    alone = leader == np.arange(m)
    np.testing.assert_array_equal(kept, columns[alone])
    number, spread = (np.cumsum(alone) - 1)[leader], l2[columns[leader]] > 0
    expected = np.full(m + 7, -1)
    expected[columns] = np.where(alone | spread, number, -1)
    np.testing.assert_array_equal(members, expected)
    np.testing.assert_array_equal(multiplicity, np.bincount(number[alone | spread], minlength=len(kept)))


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@given(p=st.integers(1, 20), swaps=st.integers(0, 2), seed=st.integers(0, 10**6))
def test_look_at_rows(dtype, p, swaps, seed):
    rng = np.random.default_rng(seed)
    X = sp.csc_array((rng.random((9, p)) < 0.3).astype(float))
    rows = X.indices.astype(dtype)
    for _ in range(swaps if len(rows) > 1 else 0):
        e = rng.integers(0, len(rows) - 1)
        rows[[e, e + 1]] = rows[[e + 1, e]]
    low, high, increase = look_at_rows(rows, X.indptr.astype(np.intp))
    assert (low, high) == ((rows.min(), rows.max()) if len(rows) else (0, -1))
    columns = (rows[X.indptr[j] : X.indptr[j + 1]] for j in range(p))
    assert increase == all((np.diff(column) > 0).all() for column in columns)


def test_look_at_many_rows():
    """More than are counted at once, with a step back in every place."""
    rows = np.tile(np.arange(3, dtype=np.int32), 800_000)
    starts = np.append(np.arange(0, len(rows), 3), len(rows))
    assert look_at_rows(rows, starts) == (0, 2, True)
    for e in (1, 1_048_576, 1_048_577, 2_097_152, len(rows) - 1):
        spoiled = rows.copy()
        spoiled[e] = rows[e - 1]
        assert look_at_rows(spoiled, starts) == (0, 2, False)


@pytest.mark.parametrize(("dtype", "exact"), [(np.float64, 1e-13), (np.float32, 2e-6)])
@pytest.mark.parametrize("k", [1, 2, 3, 5, 8, 9, 17])
@pytest.mark.parametrize(("m", "n"), [(1, 1), (2, 7), (3, 16), (33, 70), (65, 1025), (70, 2100), (0, 5), (5, 0)])
def test_few_vectors(dtype, exact, k, m, n):
    rng = np.random.default_rng(m + n + k)
    lines, vectors, factors = (rng.standard_normal(shape).astype(dtype) for shape in ((m, n), (k, n), (k, m)))
    long_lines, long_vectors, long_factors = (part.astype(float) for part in (lines, vectors, factors))
    found, total = dots(lines, vectors, 1), sums(lines, factors, 1)
    assert found.dtype == np.float64
    assert total.dtype == dtype
    size = exact * np.sqrt(max(m, n, 1))
    np.testing.assert_allclose(found, reference.correlate(long_lines.T, long_vectors), atol=size)
    np.testing.assert_allclose(total, reference.predict(long_lines.T, long_factors), atol=size)
    np.testing.assert_array_equal(dots(lines, vectors, 2), found)
    np.testing.assert_array_equal(sums(lines, factors, 2), total)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(("k", "n"), [(1, 1), (1, 6), (3, 3), (2, 400), (4, 1001)])
def test_center(k, n, order):
    rng = np.random.default_rng(k + n)
    y = np.array(rng.standard_normal((k, n)) + 100.0, order=order)
    y[-1] = 0.1
    weights = rng.random(n) * (rng.random(n) < 0.7)
    weights[0] = 0.5
    weights /= weights.sum()
    inside = weights > 0
    y[0, ~inside] = 1e6
    means, residuals, sizes, spreads = center(y, weights, True)
    expected_means, expected = reference.center(y, weights)
    np.testing.assert_allclose(means, expected_means, rtol=1e-14)
    np.testing.assert_allclose(residuals, expected, rtol=1e-14, atol=1e-13)
    assert (residuals[-1] == 0.0).all()
    np.testing.assert_array_equal(sizes, np.abs(y[:, inside]).max(axis=1))
    np.testing.assert_array_equal(spreads, np.abs(residuals[:, inside]).max(axis=1))
    means, residuals, sizes, spreads = center(y, weights, False)
    np.testing.assert_array_equal(means, np.zeros(k))
    np.testing.assert_array_equal(residuals, y)
    np.testing.assert_array_equal(spreads, sizes)


@pytest.mark.parametrize(("dtype", "exact"), [(np.float64, 1e-14), (np.float32, 2e-6)])
@pytest.mark.parametrize(("k", "n"), [(2, 1), (3, 255), (5, 256), (4, 700)])
def test_bend(dtype, exact, k, n):
    rng = np.random.default_rng(k + n)
    line, shift = rng.standard_normal((k, n)).astype(dtype), rng.standard_normal(k)
    p, weights = rng.dirichlet(np.full(k, 0.2), n).T.copy(), rng.random(n) / n
    expected = reference.class_bend(line + shift[:, None], p, weights)
    found = line.copy()
    total = bend(found, shift, p, weights, p.argmax(axis=0))
    np.testing.assert_allclose(found, expected, atol=exact / n)
    np.testing.assert_allclose(total, expected.sum(axis=1), atol=exact)


@pytest.mark.parametrize("spread", [0.0, 1.0, 30.0, 600.0])
@pytest.mark.parametrize(("k", "n"), [(2, 1), (3, 255), (5, 256), (4, 700)])
def test_cross_entropy(spread, k, n):
    rng = np.random.default_rng(k + n)
    eta, weights = spread * rng.standard_normal((k, n)), rng.random(n) / n
    y = (rng.integers(0, k, n) == np.arange(k)[:, None]).astype(float)
    value, p = point(y, weights, eta)
    expected, shares = reference.class_point(y, weights, eta)
    np.testing.assert_allclose(value, expected, rtol=1e-14)
    np.testing.assert_allclose(p, shares, rtol=1e-13, atol=1e-300)
    p = np.maximum(p, 1e-150)
    for s in (0.0, 0.3, 1.0 - 1e-9, 1.0):
        expected = reference.class_divergence(y, weights, p, s)
        # What the reference loses is the rounding of q, near 1 where p is.
        np.testing.assert_allclose(divergence(y, weights, p, s), expected, rtol=1e-12, atol=2e-16)


def test_cross_entropy_keeps_the_digits_of_sure_rows():
    """A loss of 1e-30 is one, and rows that are nearly right have divergences of that size."""
    y, eta = np.array([[1.0], [0.0], [0.0]]), np.array([[0.0], [-70.0], [-69.0]])
    value, p = point(y, np.ones(1), eta)
    others = np.exp(-70.0) + np.exp(-69.0)
    np.testing.assert_allclose(value, others, rtol=1e-14)
    s = 0.5
    np.testing.assert_allclose(divergence(y, np.ones(1), p, s), others * (s * np.log(s) + 1.0 - s), rtol=1e-12)


def test_bend_keeps_the_digits_of_sure_rows():
    """Where 1 - p has no digits left, what the other classes feel still has all of its own."""
    p = np.array([[1.0], [1e-30], [3e-30]])
    line = np.array([[1e3], [2.0], [-1.0]])
    bend(line, np.zeros(3), p, np.ones(1), np.zeros(1, dtype=np.intp))
    np.testing.assert_allclose(line[1:, 0], [1e-30 * (2.0 - 1e3), 3e-30 * (-1.0 - 1e3)], rtol=1e-12)
