"""Time one small fit, 442 x 10, beside scikit-learn's: what a call costs before there is anything to compute."""

import time
from collections.abc import Callable

import numpy as np
from sklearn import linear_model
from sklearn.datasets import load_diabetes
from threadpoolctl import threadpool_limits

import fastreg
from benchmarks.output import markdown_table, seconds, two_digits, write_json

REPEATS = 300
LASSO_ALPHA = 0.1
# scikit-learn's Ridge does not divide the loss by the number of samples: its alpha is ours times that.
RIDGE_ALPHA = 1.0


def timed(fit: Callable[[], object]) -> float:
    """Return the seconds one call takes."""
    start = time.perf_counter()
    fit()
    return time.perf_counter() - start


def compare(ours: Callable[[], object], theirs: Callable[[], object]) -> dict[str, float]:
    """Return the median seconds of both, timed in turn, and their ratio."""
    times = np.array([(timed(ours), timed(theirs)) for _ in range(REPEATS)])
    mine, other = np.median(times, axis=0)
    return {"fastreg": float(mine), "scikit-learn": float(other), "ratio": float(mine / other)}


def main() -> None:
    """Compare Lasso and Ridge, print a table and write results/tiny.json."""
    X, y = load_diabetes(return_X_y=True)
    pairs = {
        "Lasso": (fastreg.Lasso(alpha=LASSO_ALPHA), linear_model.Lasso(alpha=LASSO_ALPHA)),
        "Ridge": (fastreg.Ridge(alpha=RIDGE_ALPHA / len(y)), linear_model.Ridge(alpha=RIDGE_ALPHA)),
    }
    with threadpool_limits(limits=1):
        fits = {
            name: compare(lambda ours=ours: ours.fit(X, y), lambda theirs=theirs: theirs.fit(X, y))
            for name, (ours, theirs) in pairs.items()
        }
    header = [f"diabetes, {X.shape[0]} x {X.shape[1]}", "fastreg", "scikit-learn", "ratio"]
    rows = [
        [name, seconds(fit["fastreg"]), seconds(fit["scikit-learn"]), two_digits(fit["ratio"])]
        for name, fit in fits.items()
    ]
    print(markdown_table(header, rows))
    print(f"written: {write_json('tiny', {'repeats': REPEATS, 'fits': fits})}")


if __name__ == "__main__":
    main()
