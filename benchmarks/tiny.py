"""Time tiny fits beside the peers that can be imported: what a call costs before there is anything to compute.

One estimator on 442 x 10, everybody with the tolerance that comes with the package, its measured gap beside it; and a
path of 100 alphas on 100 x 20, everybody at a measured gap of at most 1e-6 of the null loss.
"""

import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import fastreg
from benchmarks.contestants import adelie_path, celer_path, fastreg_path, r_glmnet, scikit_learn
from benchmarks.designs import autoregressive, simulated
from benchmarks.jobs import JOBS
from benchmarks.objective import Data, Objective
from benchmarks.output import markdown_table, scientific, seconds, two_digits, write_json

REPEATS = 300
LASSO_ALPHA = 0.1
# Of the estimators, which have scikit-learn's scaling: the loss is not divided by the number of samples.
RIDGE_ALPHA = 1.0
TARGET = 1e-6
OURS = "fastreg"
PATHS = [fastreg_path, scikit_learn, celer_path, adelie_path, r_glmnet]


def importable(*names: str) -> bool:
    """Whether all modules can be imported."""
    try:
        for name in names:
            import_module(name)
    except ImportError:
        return False
    return True


def timed(fit: Callable[[], Any]) -> float:
    """Return the seconds one call takes, or those that it has taken by its own clock."""
    start = time.perf_counter()
    found = fit()
    elapsed = time.perf_counter() - start
    own = getattr(found, "seconds", None)
    return elapsed if own is None else own


def compare(fits: dict[str, Callable[[], Any]]) -> dict[str, float]:
    """Return the median seconds of every fit, timed in turns."""
    times = np.array([[timed(fit) for fit in fits.values()] for _ in range(REPEATS)])
    return dict(zip(fits, np.median(times, axis=0).tolist(), strict=True))


def lasso_fits(X: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return a lasso fit by every package that is there."""
    fits = {OURS: lambda: fastreg.Lasso(alpha=LASSO_ALPHA).fit(X, y)}
    for name, module in (("scikit-learn", "sklearn.linear_model"), ("celer", "celer")):
        if importable(module):
            lasso = import_module(module).Lasso
            fits[name] = lambda lasso=lasso: lasso(alpha=LASSO_ALPHA).fit(X, y)
    if importable("adelie"):
        import adelie

        path, options = np.array([LASSO_ALPHA]), {"progress_bar": False, "early_exit": False}
        fits["adelie"] = lambda: adelie.grpnet(X, adelie.glm.gaussian(y), lmda_path=path, **options)
    return fits


def ridge_fits(X: np.ndarray, y: np.ndarray) -> dict[str, Callable[[], Any]]:
    """Return a ridge fit by the package and by scikit-learn."""
    fits = {OURS: lambda: fastreg.Ridge(alpha=RIDGE_ALPHA).fit(X, y)}
    if importable("sklearn.linear_model"):
        ridge = import_module("sklearn.linear_model").Ridge
        fits["scikit-learn"] = lambda: ridge(alpha=RIDGE_ALPHA).fit(X, y)
    return fits


def gap(found: Any, objective: Objective, alpha: float) -> float:
    """Return the measured gap of a fitted estimator or of adelie's state."""
    coefs = found.coef_[:, None] if hasattr(found, "coef_") else found.betas.T
    return objective.measure(coefs, np.array([alpha])).gap


def single_fits() -> dict[str, dict[str, dict[str, float]]]:
    """Return seconds and gaps of the estimators."""
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    X, data = np.asfortranarray(X), Data(X, y)
    results = {}
    for name, fits, l1_ratio, alpha in (
        ("Lasso, 442 x 10", lasso_fits(X, y), 1.0, LASSO_ALPHA),
        ("Ridge, 442 x 10", ridge_fits(X, y), 0.0, RIDGE_ALPHA / len(y)),
    ):
        objective = Objective(data, l1_ratio)
        gaps = {who: gap(fit(), objective, alpha) for who, fit in fits.items()}
        times = compare(fits)
        results[name] = {who: {"seconds": times[who], "gap": gaps[who]} for who in fits}
    return results


def climbed(module: ModuleType, objective: Objective, problem: Any, y: np.ndarray) -> tuple[Callable, float] | None:
    """Return the contestant's fit at the first tolerance that meets the target, by its fastest option, and the gap."""
    data, best = module.prepare(objective.data.X, y), None
    for option in module.options(problem):
        for tol in module.LADDER:
            found = objective.measure(module.fit(data, problem, tol, option).coefs, problem.alphas)
            if found.gap <= TARGET:

                def fit(tol=tol, option=option):
                    return module.fit(data, problem, tol, option)

                taken = np.median([timed(fit) for _ in range(10)])
                if best is None or taken < best[2]:
                    best = fit, found.gap, taken
                break
    return best and best[:2]


def path_fits() -> dict[str, dict[str, float]]:
    """Return seconds and gaps of a path, by contestant."""
    X, y = simulated(autoregressive(100, 20, 0.5, seed=20), n_signals=5, signal_to_noise=1.0, seed=21)
    objective = Objective(Data(X, y), 1.0)
    problem = next(job for job in JOBS if job.name == "lasso-path").problem(objective, 1)
    fits, gaps = {}, {}
    for module in PATHS:
        try:
            if hasattr(module, "about"):
                module.about()
            found = climbed(module, objective, problem, y) if importable(*module.IMPORTS) else None
        except FileNotFoundError:
            # No R.
            found = None
        if found:
            fits[module.NAME], gaps[module.NAME] = found
    times = compare(fits)
    return {name: {"seconds": times[name], "gap": gaps[name]} for name in fits}


def label(fit: dict[str, dict[str, float]], name: str) -> str:
    """Return time, ratio to ours and gap of one contestant."""
    if name not in fit:
        return ""
    found, ours = fit[name], fit[OURS]["seconds"]
    ratio = "" if name == OURS else f" ({two_digits(found['seconds'] / ours)}x)"
    return f"{seconds(found['seconds'])}{ratio}, gap {scientific(found['gap'])}"


def main() -> None:
    """Compare, print a table and write results/tiny.json."""
    with threadpool_limits(limits=1):
        fits = {**single_fits(), "lasso path of 100, 100 x 20": path_fits()}
    names = list(dict.fromkeys(name for fit in fits.values() for name in fit))
    rows = [[what, *(label(fit, name) for name in names)] for what, fit in fits.items()]
    print(markdown_table(["fit", *names], rows))
    print(f"written: {write_json('tiny', {'repeats': REPEATS, 'target': TARGET, 'fits': fits})}")


if __name__ == "__main__":
    main()
