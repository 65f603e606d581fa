"""Time against measured gap, one panel a data set, one curve a contestant."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from benchmarks.output import seconds

# Okabe and Ito's colors, which the color-blind can tell apart; with different markers for print in gray.
COLORS = ["#000000", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#0072B2", "#7F7F7F"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X", "<"]
COLUMNS = 4
# Axes that reach from a time to less than so many times that have more labels.
DENSE = 50.0
FLOOR = 1e-12
TARGETS = (1e-4, 1e-6)


def curve(row: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the seconds and gaps of all rungs of the option that counts for the tightest target."""
    options = [found["option"] for found in row["targets"].values()]
    rungs = [rung for rung in row["rungs"] if rung["option"] == options[min(1, len(options) - 1)]]
    gaps = np.array([rung["gap"] for rung in rungs])
    return np.array([rung["seconds"] for rung in rungs]), np.clip(gaps, FLOOR, 1.0)


def panel(axis: Any, line: Any, styles: dict[str, tuple[str, str]]) -> None:
    """Draw one data set."""
    for target in TARGETS:
        axis.axhline(target, color="0.75", linewidth=0.8, linestyle="--", zorder=0)
    for name, row in line.rows.items():
        if row["status"] != "ok" or not row["rungs"]:
            continue
        color, marker = styles[name]
        ours = name == next(iter(styles))
        times, gaps = curve(row)
        axis.plot(
            times, gaps, color=color, marker=marker, markersize=5 if ours else 4, linewidth=2 if ours else 1.2,
            zorder=3 if ours else 2, alpha=1.0 if ours else 0.9,
        )  # fmt: skip
    rows, columns = line.shape
    axis.set_title(f"{line.data}, {rows:,} x {columns:,}", fontsize=9)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_ylim(FLOOR / 2, 1e-1)
    low, high = axis.get_xlim()
    # Every factor of three gets a label where these have room; within a factor of ten there might be only one of them.
    subs = (1.0, 2.0, 5.0) if high < 10 * low else (1.0, 3.0) if high < DENSE * low else (1.0,)
    axis.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=subs, numticks=9))
    axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.xaxis.set_major_formatter(lambda time, _: seconds(time).replace(".0 ", " "))
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def draw(lines: list[Any], names: list[str], path: Path) -> None:
    """Draw the cells of one job."""
    styles = {name: (COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}
    columns = min(COLUMNS, len(lines))
    count = -(-len(lines) // columns)
    figure, axes = plt.subplots(
        count, columns, squeeze=False, sharey=True, figsize=(3.0 * columns + 0.6, 2.5 * count + 1.0),
        layout="constrained",
    )  # fmt: skip
    for axis, line in zip(axes.flat, lines, strict=False):
        panel(axis, line, styles)
    for axis in axes.flat[len(lines) :]:
        axis.set_visible(False)
    figure.supxlabel("time of a fit, logarithmic", fontsize=10)
    # A label that has room beside one row.
    figure.supylabel("measured gap / null loss, worst of the fit", fontsize=10 if count > 1 else 8.5)
    handles = [plt.Line2D([], [], color=color, marker=marker, label=name) for name, (color, marker) in styles.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 2 * columns), frameon=False)
    figure.savefig(path, dpi=130)
    plt.close(figure)
