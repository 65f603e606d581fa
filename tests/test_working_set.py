"""The working set: passes, caps, forms and routes."""

import numpy as np
import pytest
import scipy.sparse as sp
from designs import make_data

import fastreg
import fastreg.path.solvers as solvers
from fastreg import reference
from fastreg.solver import cost_model, ridge
from fastreg.subproblem.columns import DenseColumns
from fastreg.subproblem.gram import GramForm
from fastreg.subproblem.sparse_columns import SparseColumns


def ar1(n, p, rho, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    for j in range(1, p):
        X[:, j] = rho * X[:, j - 1] + np.sqrt(1 - rho**2) * X[:, j]
    b = np.zeros(p)
    b[rng.choice(p, 20, replace=False)] = rng.standard_normal(20)
    signal = X @ b
    return X, signal + 0.5 * signal.std() * rng.standard_normal(n)


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, sp.csc_array])
def test_a_path_reads_x_a_dozen_times(make):
    X, y = ar1(200, 4000, 0.5)
    path = fastreg.fit_path(make(X), y, alpha_min_ratio=1e-2)
    assert path.converged.all()
    assert path.n_passes <= 25


@pytest.mark.parametrize("make", [np.asarray, np.asfortranarray, lambda X: np.asarray(X, dtype=np.float32)])
def test_a_complete_gram_reads_x_twice(make):
    X, y = make_data(500, 30)
    path = fastreg.fit_path(make(X), y)
    assert path.n_passes == 2  # finite entries, moments and correlations with y; Gram
    # With so few columns for a single alpha too.
    assert fastreg.fit_path(make(X), y, alphas=0.1).n_passes == 2


FORMS = {
    "streamed": lambda design, *_: GramForm(design),
    "packed": lambda design, *_: GramForm(design, DenseColumns(design)),
    "dense": lambda design, *_: DenseColumns(design),
    "sparse": lambda design, *_: SparseColumns(design),
    "sparse-gram": lambda design, *_: GramForm(design, SparseColumns(design)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("options", [{}, {"l1_ratio": 0.6, "fit_intercept": False}, {"lower_bounds": -0.1}])
def test_every_form_gives_the_same_path(form, options, monkeypatch):
    A, y = make_data(50, 300, kind="pathological", seed=71)
    X = sp.csc_array(A) if "sparse" in form else A
    settings = {"n_alphas": 8, "alpha_min_ratio": 0.05, "tol": 1e-11, "max_iter": 10**6, **options}
    expected = fastreg.fit_path(A, y, **settings)
    monkeypatch.setattr(solvers, "choose_form", FORMS[form])
    path = fastreg.fit_path(X, y, **settings)
    assert path.converged.all()
    np.testing.assert_allclose(path.coefs.toarray(), expected.coefs.toarray(), atol=1e-4)
    np.testing.assert_allclose(path.deviance_ratio, expected.deviance_ratio, atol=1e-6)


@pytest.mark.parametrize("form", ["streamed", "packed", "dense", "sparse-gram"])
def test_a_capped_working_set_still_certifies(form, monkeypatch):
    """The support does not fit into the working set: blocks of it take turns."""
    A, y = make_data(60, 250, seed=72)
    monkeypatch.setattr(solvers, "choose_form", FORMS[form])
    monkeypatch.setattr(solvers, "complete_pays", lambda *_: False)
    monkeypatch.setattr(solvers, "choose_budget", lambda *_: cost_model.Budget(0.2, 24, 24, 4.0, 0, 10**6, False))
    options = {"l1_ratio": 0.9, "penalty_factors": np.r_[0.0, np.ones(249)]}
    X = sp.csc_array(A) if "sparse" in form else A
    path = fastreg.fit_path(X, y, alphas=[0.5, 0.1], tol=1e-5, max_iter=10**6, **options)
    form = reference.standard_form(A, y, **options)
    assert path.df.max() > 24
    assert path.converged.all()
    for k, alpha in enumerate(path.alphas):
        gap = reference.dual_gap(form, path.coef(alpha), alpha)
        assert gap == pytest.approx(path.dual_gaps[k], rel=1e-2, abs=1e-9)
        assert gap <= 1.01e-5 * form.null_loss


@pytest.mark.parametrize(
    ("shares", "l1_ratio", "linked"), [([0.02], 1.0, 10), ([0.5, 0.1, 0.02], 1.0, 10), ([0.5, 0.1, 0.02], 0.95, 20)]
)
def test_a_long_way_in_small_steps_has_fewer_events(shares, l1_ratio, linked, monkeypatch):
    """Genotypes in linkage, many of which matter: W keeps up with the support, and the answer is the same."""
    rng = np.random.default_rng(0)
    shared = np.repeat(rng.standard_normal((400, 1000 // linked)), linked, axis=1)
    dose = shared + 0.7 * rng.standard_normal((400, 1000))
    X = (dose > 0.5) + (dose > -0.5) * 1.0
    y = X[:, ::7] @ rng.standard_normal(143) + 3 * rng.standard_normal(400)
    alphas = fastreg.alpha_max(X, y, l1_ratio=l1_ratio) * np.array(shares)
    small = fastreg.fit_path(X, y, l1_ratio=l1_ratio, alphas=alphas, tol=1e-9)
    choose = cost_model.choose_budget
    monkeypatch.setattr(solvers, "choose_budget", lambda *given: choose(*given)._replace(slim=False))
    large = fastreg.fit_path(X, y, l1_ratio=l1_ratio, alphas=alphas, tol=1e-9)
    assert small.n_iter.sum() < large.n_iter.sum()
    np.testing.assert_allclose(small.coefs.toarray(), large.coefs.toarray(), atol=1e-10)
    form = reference.standard_form(X, y, l1_ratio=l1_ratio)
    for alpha in small.alphas:
        assert reference.dual_gap(form, small.coef(alpha), alpha) <= 1e-9 * form.null_loss


@pytest.mark.parametrize("shares", [[np.inf, 0.1], [0.5, 1e-3], [0.1, 0.0]])
def test_long_ways_end(shares, monkeypatch):
    """From where a penalty is infinite in the solver's units, and to where it is 0, no number of steps would lead."""
    X, y = make_data(60, 250, seed=75)
    monkeypatch.setattr(solvers, "complete_pays", lambda *_: False)
    monkeypatch.setattr("fastreg.path.run.PACK_ENTRIES", 0)
    choose = cost_model.choose_budget
    monkeypatch.setattr(solvers, "choose_budget", lambda *given: choose(*given)._replace(slim=True))
    unit = 2.0**-20
    alphas = np.minimum(unit * np.array(shares), 1e308)
    path = fastreg.fit_path(X, unit * y, alphas=alphas, upper_bounds=unit, tol=1e-7)
    assert path.converged.all()
    form = reference.standard_form(X, unit * y, upper_bounds=unit)
    for alpha in path.alphas[path.alphas > 0]:
        assert reference.dual_gap(form, path.coef(alpha), alpha) <= 1.01e-7 * form.null_loss


@pytest.mark.parametrize("route", ["primal", "dual", "krylov"])
@pytest.mark.parametrize("shape", [(60, 20), (20, 60)])
def test_every_ridge_route_gives_the_same_path(route, shape, monkeypatch):
    A, y = make_data(*shape, seed=73)
    factors = np.random.default_rng(0).uniform(0.5, 2.0, shape[1])
    factors[[0, 3]] = 0.0
    monkeypatch.setattr(ridge, "ridge_route", lambda *_: route)
    alphas = [5.0, 0.5, 0.05]
    path = fastreg.fit_path(A, y, l1_ratio=0.0, alphas=alphas, penalty_factors=factors, tol=1e-13)
    form = reference.standard_form(A, y, l1_ratio=0.0, penalty_factors=factors)
    for alpha in alphas:
        np.testing.assert_allclose(path.coef(alpha), reference.ridge(form, alpha), atol=1e-6)
    assert path.converged.all()
    top = fastreg.fit_path(A, y, l1_ratio=0.0, n_alphas=2, penalty_factors=factors).alphas[0]
    held = factors > 0
    free = form.X[:, ~held]
    projected = form.X[:, held] - free @ np.linalg.lstsq(free, form.X[:, held], rcond=None)[0]
    scaled = projected / np.sqrt(factors[held])
    assert top == pytest.approx(10 * np.linalg.eigvalsh(scaled @ scaled.T).max(), rel=0.1)


@pytest.mark.parametrize("route", ["primal", "dual", "krylov"])
def test_every_route_does_least_squares(route, monkeypatch):
    monkeypatch.setattr(ridge, "ridge_route", lambda *_: route)
    for shape in ((60, 20), (20, 60)):
        A, y = make_data(*shape, seed=74)
        path = fastreg.fit_path(A, y, alphas=[0.1, 0.0])
        fitted = path.predict(A, alpha=0.0)
        centered = np.c_[np.ones(shape[0]), A]
        expected = centered @ np.linalg.lstsq(centered, y, rcond=None)[0]
        np.testing.assert_allclose(fitted, expected, atol=1e-6)


def test_routes_and_forms_are_chosen_by_shape():
    from test_kernels import scaled_design

    rng = np.random.default_rng(0)
    tall = scaled_design(rng.standard_normal((400, 10)))
    assert cost_model.complete_pays(tall, 100)
    assert cost_model.ridge_route(tall) == "primal"
    wide = scaled_design(rng.standard_normal((60, 5000)))
    assert not cost_model.complete_pays(wide, 100)
    assert isinstance(cost_model.choose_form(wide, 100).columns, DenseColumns)
    assert cost_model.ridge_route(wide) == "dual"
    sparse = scaled_design(sp.random_array((3000, 6000), density=1e-3, rng=rng, format="csc"))
    assert isinstance(cost_model.choose_form(sparse, 100), SparseColumns)
    assert cost_model.ridge_route(sparse) == "krylov"


def test_sparse_ridge_needs_no_factorization_unless_it_does():
    rng = np.random.default_rng(0)
    X = sp.random_array((300, 3000), density=0.01, rng=rng, format="csc")
    y = rng.standard_normal(300)
    single = fastreg.fit_path(X, y, l1_ratio=0.0, alphas=1e-3, tol=1e-10)
    path = fastreg.fit_path(X, y, l1_ratio=0.0, alphas=np.geomspace(1.0, 1e-3, 30), tol=1e-10)
    assert single.n_iter[0] > 1
    # All alphas share the products of the least one.
    assert (np.diff(path.n_iter) >= 0).all()
    assert path.n_passes < single.n_passes + 10
    dense = fastreg.fit_path(X.toarray(), y, l1_ratio=0.0, alphas=path.alphas, tol=1e-10)
    assert dense.n_iter.max() == 1
    np.testing.assert_allclose(path.coefs.toarray(), dense.coefs.toarray(), atol=1e-5)
    # Columns of scales so far apart that conjugate gradients give up.
    scaled = X @ sp.diags_array(10.0 ** rng.uniform(-9, 9, 3000))
    hard = fastreg.fit_path(scaled.tocsc(), y, l1_ratio=0.0, alphas=1.0, tol=1e-9)
    assert hard.converged.all()
    assert hard.n_iter.max() == 1
