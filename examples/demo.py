"""A lasso path on gene expression, an elastic-net path on text: what comes out, how certain it is, how fast."""

import os

# The comparison with plain NumPy is one thread against one thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import time
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import scipy.sparse as sp
from data import load_leukemia, load_vader

import fastreg
from fastreg import reference

OUTPUT = Path(__file__).resolve().parents[1] / "demo-output"
GRID = {"n_alphas": 100, "alpha_min_ratio": 0.01}
# The plain NumPy twin takes part for this many alphas; the other half of the path would take it minutes.
TWIN_ALPHAS = 50
# Okabe and Ito's colors, told apart with any color vision.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
STYLES = ("-", "--", "-.", "-", "--", "-.")


def timed(function: Any, *arguments: Any, **options: Any) -> tuple[Any, float]:
    """Return what the function returns and the seconds it took."""
    start = time.perf_counter()
    result = function(*arguments, **options)
    return result, time.perf_counter() - start


def show_path(path: fastreg.PathResult, seconds: float) -> None:
    """Print about ten of the alphas and the totals."""
    print("      alpha   nonzero   deviance explained   certified relative gap")
    relative_gaps = path.dual_gaps / path.null_loss
    for k in range(0, len(path.alphas), 11):
        explained = max(path.deviance_ratio[k], 0.0)
        print(f"  {path.alphas[k]:9.3g} {path.df[k]:9d} {explained:19.1%} {relative_gaps[k]:24.1e}")
    print(
        f"  All {len(path.alphas)} alphas: {seconds:.2f} s, {path.n_passes:.1f} passes over X, "
        f"largest relative gap {relative_gaps.max():.1e} (asked for: {path.tol:.0e})."
    )


def show_twin(X: Any, y: np.ndarray, about: str, alphas: np.ndarray, **options: Any) -> None:
    """Print the times of fastreg and of its plain NumPy twin for the same fits at the same tolerance."""
    alphas = alphas[:TWIN_ALPHAS]
    print(f"  Against plain NumPy, {about}, the first {len(alphas)} alphas, one thread each:", flush=True)
    ours, seconds = timed(fastreg.fit_path, X, y, alphas=alphas, n_threads=1, **options)
    twin, twin_seconds = timed(reference.fit_path, X, y, alphas=alphas, **options)
    for name, path, taken in (("fastreg", ours, seconds), ("fastreg.reference", twin, twin_seconds)):
        worst = (path.dual_gaps / path.null_loss).max()
        print(f"    {name:18s}{taken:8.3f} s, largest relative gap {worst:.1e}")
    print(f"    that is {twin_seconds / seconds:.0f} times faster.\n")


def spread(positions: np.ndarray, distance: float) -> np.ndarray:
    """Return positions moved apart until neighbors are at least this distance from each other."""
    order = np.argsort(positions)
    places = positions[order].astype(float)
    for _ in range(200):
        overlap = np.maximum(distance - np.diff(places), 0.0)
        places[:-1] -= overlap / 2
        places[1:] += overlap / 2
    moved = np.empty_like(places)
    moved[order] = places
    return moved


def draw(axes: Any, path: fastreg.PathResult, scale: Any, title: str, label: str) -> None:
    """Draw every coefficient against alpha, the largest at the end of the path in color and by name."""
    rows = np.unique(path.coefs.indices)
    lines = path.coefs[rows].toarray() * (scale if np.isscalar(scale) else scale[rows, None])
    largest = np.argsort(-np.abs(lines[:, -1]))[: len(COLORS)]
    others = np.delete(lines, largest, axis=0)
    axes.plot(path.alphas, others.T, color="0.75", linewidth=0.5, alpha=0.6, rasterized=True)
    low, high = lines.min(), lines.max()
    heights = spread(lines[largest, -1], 0.055 * (high - low))
    end = path.alphas[-1]
    for row, height, color, style in zip(largest, heights, COLORS, STYLES, strict=True):
        first = max(np.flatnonzero(lines[row])[0] - 1, 0)
        axes.plot(path.alphas[first:], lines[row, first:], color=color, linestyle=style, linewidth=1.8)
        axes.annotate(
            f"column {rows[row]}",
            xy=(end, lines[row, -1]),
            xytext=(end / 1.18, height),
            va="center",
            color=color,
            fontsize=9,
            arrowprops={"arrowstyle": "-", "color": color, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 0},
            annotation_clip=False,
        )
    axes.axhline(0.0, color="0.3", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xlim(path.alphas[0], end)
    axes.set_xlabel("alpha (decreasing)")
    axes.set_ylabel(label)
    axes.set_title(title, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)


def main() -> None:
    """Fit both paths, print what they say, draw them."""
    print(f"fastreg {fastreg.__version__}\n")
    X, y = load_leukemia()
    print(f"Leukemia: gene expression {X.shape}, dense {X.dtype}. Lasso, columns standardized by fastreg.")
    lasso, seconds = timed(fastreg.fit_path, X, y, standardize=True, **GRID)
    show_path(lasso, seconds)
    show_twin(X, y, "the same data", lasso.alphas, standardize=True)

    T, sentiment = load_vader()
    print(f"Text: tf-idf of words and word pairs {T.shape}, sparse {T.dtype}, {T.nnz} stored entries.")
    print("Elastic net, l1_ratio 0.5.")
    net, seconds = timed(fastreg.fit_path, T, sentiment, l1_ratio=0.5, **GRID)
    show_path(net, seconds)
    # The twin is dense: 13 GB for all of the text. It gets every sixth row, and columns with 5 entries there.
    part = sp.csc_array(T.tocsr()[::6])
    part = part[:, np.flatnonzero(np.diff(part.indptr) >= 5)]
    grid = fastreg.fit_path(part, sentiment[::6], l1_ratio=0.5, **GRID).alphas
    show_twin(part, sentiment[::6], f"a part of {part.shape} (the twin is dense)", grid, l1_ratio=0.5)

    OUTPUT.mkdir(exist_ok=True)
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 5.5))
    draw(
        left, lasso, X.std(axis=0, dtype=float), "Leukemia, lasso", "coefficient times standard deviation of its column"
    )
    draw(right, net, 1.0, "Text, elastic net with l1_ratio 0.5", "coefficient")
    figure.tight_layout(w_pad=4)
    figure.savefig(OUTPUT / "paths.png", dpi=130)
    print(f"Coefficient paths: {OUTPUT.name}/paths.png")


if __name__ == "__main__":
    main()
