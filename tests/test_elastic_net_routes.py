"""Elastic nets on dense data: descent, tracing or Newton's method on the dual, whatever costs least, one answer."""

import numpy as np
import pytest
from test_dual_newton import wide

import fastreg
from fastreg import reference
from fastreg.path.loop import run_path
from fastreg.path.run import PathFit
from fastreg.problem.build import build_problem
from fastreg.problem.problem import Options
from fastreg.subproblem.columns import DenseColumns
from fastreg.subproblem.gram import GramForm


def route(X, y, tol=1e-6, **options):
    """Return (form, events, epochs, steps on the dual) after every alpha of a path, and its gaps over the null loss."""
    problem = build_problem(X, y, Options(**options))
    fit = PathFit(problem, options["l1_ratio"], tol, 10_000, None)
    alphas = fit.alpha_max() * np.geomspace(1, 0.01, 60)
    solver = fit.solver(len(alphas))
    fit.begin(solver, 0)
    seen = []

    def look(*_):
        seen.append((type(solver.form), solver.events, solver.epochs, solver.dual.steps))
        return False

    trace = run_path(solver, *problem.penalty_scales(alphas), float(fit.targets[0]), 10_000, look)
    return seen, np.array(trace.gaps) / problem.null_losses[0]


def certified(X, y, tol=1e-6, **options):
    """Whether every fit of a path has the gap that it says it has, as the reference finds it."""
    path = fastreg.fit_path(X, y, n_alphas=30, alpha_min_ratio=0.01, tol=tol, **options)
    form = reference.standard_form(X, y, **options)
    gaps = [reference.dual_gap(form, path.coef(alpha), alpha) for alpha in path.alphas]
    return bool(path.converged.all() and np.max(gaps) <= 1.01 * tol * form.null_loss)


def test_descent_where_it_costs_half_of_what_tracing_does():
    seen, gaps = route(*wide(800, 1200, 0.0), l1_ratio=0.05)
    assert all(epochs == 0 for *_, epochs, _ in seen[:10])
    late = seen[30:]
    assert sum(events == 0 for _, events, *_ in late) > 0.8 * len(late)
    assert max(epochs for *_, epochs, _ in late) < 30
    assert gaps.max() <= 1e-6


def test_tracing_again_where_descent_is_slow():
    seen, gaps = route(*wide(600, 500, 0.99), l1_ratio=0.5)
    epochs = np.array([epochs for *_, epochs, _ in seen])
    # Attempts become rare.
    assert (epochs > 0).sum() < len(seen) // 3
    assert gaps.max() <= 1e-6


def test_the_dual_where_the_support_outnumbers_the_rows():
    seen, gaps = route(*wide(150, 450, 0.9), l1_ratio=0.1)
    form, events, _, steps = seen[-1]
    assert form is DenseColumns
    assert events == steps <= 4
    # Begun where the support stays, a step or two are enough.
    assert np.mean([steps for form, *_, steps in seen if form is DenseColumns]) < 4
    assert gaps.max() <= 1e-6


def test_models_of_other_losses_are_traced_there():
    """With rows of tiny weights the dual is solved to fewer digits: Huber loss did not get to gaps of 1e-10."""
    X, y = wide(150, 450, 0.9)
    seen, gaps = route(X, y / y.std(), tol=1e-10, l1_ratio=0.1, loss="huber")
    assert all(form is GramForm for form, *_ in seen)
    assert gaps.max() <= 1e-10


@pytest.mark.parametrize("shape", [(400, 600), (150, 450)])
@pytest.mark.parametrize("correlation", [0.0, 0.9])
@pytest.mark.parametrize("ratio", [0.02, 0.3])
@pytest.mark.parametrize("bounded", [False, True])
def test_all_routes_lead_to_certified_solutions(shape, correlation, ratio, bounded):
    X, y = wide(*shape, correlation, seed=1)
    factors = np.random.default_rng(2).uniform(0.5, 2.0, shape[1])
    bounds = {"lower_bounds": 0.0, "upper_bounds": 0.3} if bounded else {}
    assert certified(X, y, l1_ratio=ratio, penalty_factors=factors, **bounds)
    assert certified(X, y, tol=1e-11, l1_ratio=ratio, penalty_factors=factors, **bounds)
