"""The gap that is reported is the gap, and the KKT conditions hold, at every alpha of every path."""

import numpy as np
import pytest
from designs import make_data, option_sets

import fastreg
from fastreg import reference

SHAPES = {"wide": (25, 40), "tall": (60, 18)}


def check_path(X, A, y, options, *, tol=1e-8, **path):
    """Fit and compare gap, KKT violation, loss and intercept with NumPy's at every alpha."""
    result = fastreg.fit_path(X, y, tol=tol, max_iter=200_000, **options, **path)
    form = reference.standard_form(A, y, **options)
    scale = max(form.null_loss, 1e-300)
    assert result.converged.all()
    assert result.null_loss == pytest.approx(form.null_loss, rel=1e-12)
    for k, alpha in enumerate(result.alphas):
        b = result.coefs[:, [k]].toarray()[:, 0]
        assert np.all(b >= form.lower - 1e-15)
        assert np.all(b <= form.upper + 1e-15)
        gap = reference.dual_gap(form, b, alpha, max(5e-4 * tol, 1e-13))
        assert gap <= tol * scale * 1.01 + 1e-13 * scale
        assert abs(gap - result.dual_gaps[k]) <= 1e-3 * tol * scale + 1e-13 * scale
        # A gap g allows a gradient to be off by about sqrt(2 g) in units of the column's norm.
        assert reference.kkt_violation(form, b, alpha).max() <= 3 * np.sqrt(2 * tol * scale)
        assert result.intercepts[k] == pytest.approx(form.intercept(b), rel=1e-9, abs=1e-9)
        loss = 0.5 * np.sum((form.y - form.X @ b) ** 2)
        assert result.deviance_ratio[k] == pytest.approx(1 - loss / form.null_loss, abs=1e-9)
        assert result.df[k] == np.count_nonzero(b)
    return result


@pytest.mark.parametrize("kind", ["plain", "pathological"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", option_sets(25, 40))
def test_every_option(name, shape, kind):
    n, p = SHAPES[shape]
    A, y = make_data(n, p, kind=kind)
    check_path(A, A, y, option_sets(n, p)[name], n_alphas=12, alpha_min_ratio=1e-2)


@pytest.mark.parametrize("kind", ["plain", "pathological"])
@pytest.mark.parametrize("name", ["lasso", "ridge", "together"])
def test_every_design(represent, name, kind):
    A, y = make_data(30, 22, kind=kind, seed=3)
    check_path(represent(A), A, y, option_sets(30, 22)[name], n_alphas=8, alpha_min_ratio=1e-2)


@pytest.mark.parametrize("name", ["lasso", "elastic-net", "together"])
def test_wide_designs_through_working_sets(represent, name):
    # Wide enough that no complete Gram matrix is made and duplicates are looked for.
    A, y = make_data(60, 900, kind="pathological", seed=4)
    result = check_path(represent(A), A, y, option_sets(60, 900)[name], n_alphas=10, alpha_min_ratio=5e-2)
    assert result.n_passes < 20


def test_duality_gap_of_any_coefficients(represent):
    A, y = make_data(30, 22, kind="pathological", seed=5)
    rng = np.random.default_rng(0)
    for options in option_sets(30, 22).values():
        form = reference.standard_form(A, y, **options)
        b = np.clip(rng.standard_normal(22) * (rng.random(22) < 0.4), form.lower, form.upper)
        for alpha in (0.01, 0.3):
            expected = reference.dual_gap(form, b, alpha)
            got = fastreg.duality_gap(represent(A), y, b, form.intercept(b), alpha, **options)
            assert got == pytest.approx(expected, rel=1e-7)


def test_duality_gap_sees_a_wrong_intercept_and_broken_bounds():
    A, y = make_data(30, 22)
    path = fastreg.fit_path(A, y, alphas=0.1, tol=1e-10)
    right = fastreg.duality_gap(A, y, path.coef(0.1), path.intercept(0.1), 0.1)
    wrong = fastreg.duality_gap(A, y, path.coef(0.1), path.intercept(0.1) + 0.5, 0.1)
    assert wrong == pytest.approx(right + 0.5 * 0.5**2, rel=1e-9)
    assert fastreg.duality_gap(A, y, path.coef(0.1), 0.0, 0.1, upper_bounds=1e-6) == np.inf
    assert fastreg.duality_gap(A, y, np.ones(22), 0.0, 0.1, penalty_factors=np.full(22, np.inf)) == np.inf


def test_gap_bounds_the_distance_to_the_minimum():
    A, y = make_data(40, 60, seed=6)
    form = reference.standard_form(A, y)
    exact = fastreg.fit_path(A, y, alphas=0.05, tol=1e-13)
    best = form.objective(exact.coef(0.05), 0.05)
    for tol in (1e-1, 1e-3, 1e-5):
        rough = fastreg.fit_path(A, y, alphas=0.05, tol=tol)
        excess = form.objective(rough.coef(0.05), 0.05) - best
        assert -1e-12 <= excess <= rough.dual_gaps[0] <= tol * rough.null_loss * 1.000001


def test_unreached_tolerance_warns_and_still_certifies():
    A, y = make_data(50, 45, seed=7)
    with pytest.warns(fastreg.ConvergenceWarning, match=r"duality gap is .* the target .* Raise max_iter"):
        result = fastreg.fit_path(A, y, alphas=[1e-3], max_iter=1)
    assert not result.converged[0]
    form = reference.standard_form(A, y)
    gap = reference.dual_gap(form, result.coef(1e-3), 1e-3)
    assert gap == pytest.approx(result.dual_gaps[0], rel=1e-6)
    assert gap > 1e-6 * result.null_loss


@pytest.mark.parametrize("ratio", [1.0, 0.7])
def test_one_alpha_far_below_the_top(represent, ratio):
    # A cold start: the working set grows by many features at once, several times.
    A, y = make_data(64, 1200, seed=8)
    options = {"l1_ratio": ratio, "standardize": True}
    alpha = fastreg.alpha_max(A, y, **options) / 30
    check_path(represent(A), A, y, options, alphas=alpha)
