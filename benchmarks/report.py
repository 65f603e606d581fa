"""Turn results/reference.json into a Markdown table and a picture; with --readme paste the table into a file."""

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.output import RESULTS, markdown_table, scientific, seconds, two_digits

OURS = "fastreg"
BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"
# Okabe and Ito's colors, which the color-blind can tell apart; with different markers for print in gray.
COLORS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
MARKERS = ["o", "s", "^", "D", "v", "P", "X"]


def by_name(cell: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the reports of a cell by contestant."""
    return {report["contestant"]: report for report in cell["contestants"]}


def contestants_of(cells: list[dict[str, Any]]) -> list[str]:
    """Return the names of all contestants, the package first."""
    names = dict.fromkeys(name for cell in cells for name in by_name(cell))
    return sorted(names, key=lambda name: name != OURS)


def groups_of(cells: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the cells that share their contestants, group by group: each becomes one table."""
    groups: dict[tuple, list] = {}
    for cell in cells:
        groups.setdefault(tuple(by_name(cell)), []).append(cell)
    return list(groups.values())


def fit_label(cell: dict[str, Any]) -> str:
    """Return whether one fit or a path was asked for."""
    return "one alpha" if cell["n_alphas"] == 1 else f"path of {cell['n_alphas']}"


def shape_label(cell: dict[str, Any]) -> str:
    """Return rows times columns and, for sparse data, the density."""
    rows, columns = cell["shape"]
    density = "" if cell["density"] is None else f", {100 * cell['density']:.2g}% nonzero"
    return f"{rows:,} x {columns:,}{density}"


def time_label(report: dict[str, Any] | None, ours: dict[str, Any]) -> str:
    """Return the time of a contestant and how many times ours that is."""
    if report is None:
        return ""
    if not report["met"]:
        return f"best gap {scientific(report['gap'])}"
    time = seconds(report["seconds"])
    if report is ours or not ours["met"]:
        return time
    return f"{time} ({two_digits(report['seconds'] / ours['seconds'])}x)"


def table(cells: list[dict[str, Any]]) -> str:
    """Return the Markdown table of some cells with the same contestants."""
    names = contestants_of(cells)
    header = ["data", "X", "penalty", "fit", "support", "passes", *names]
    rows = []
    for cell in cells:
        reports = by_name(cell)
        ours = reports[OURS]
        facts = [cell["data"], shape_label(cell), cell["penalty"], fit_label(cell)]
        counts = [f"{ours['support']:,}", f"{ours['passes']:.1f}"]
        rows.append([*facts, *counts, *(time_label(reports.get(name), ours) for name in names)])
    return markdown_table(header, rows, left=4)


def markdown(results: dict[str, Any]) -> str:
    """Return all tables and a line on how they came about."""
    machine = results["machine"]
    note = (
        f"Time to a measured duality gap of at most {scientific(results['target'])} of the null loss, in brackets as a "
        f"multiple of {OURS}'s. Support: most nonzero coefficients of any fit; passes: entries of X that {OURS} "
        f"reads, over the entries of X. Threads for everyone: {results['threads']}. {machine['processor']}, "
        f"Python {machine['python']}, NumPy {machine['numpy']}, SciPy {machine['scipy']}."
    )
    return "\n\n".join([*map(table, groups_of(results["cells"])), note])


def paste(text: str, path: Path) -> None:
    """Replace what stands between the two markers of a file."""
    content = path.read_text()
    if content.count(BEGIN) != 1 or content.count(END) != 1:
        raise SystemExit(f"{path}: expected the lines {BEGIN} and {END} once each.")
    before, rest = content.split(BEGIN)
    _, after = rest.split(END)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def picture(results: dict[str, Any], path: Path) -> None:
    """Draw the time of every contestant in every cell on a logarithmic axis."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    groups = groups_of(results["cells"])
    names = contestants_of(results["cells"])
    styles = {name: (COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)]) for i, name in enumerate(names)}
    heights = [len(group) * max(1.0, 0.5 * len(contestants_of(group))) for group in groups]
    figure, axes = plt.subplots(
        len(groups), 1, sharex=True, squeeze=False, figsize=(9, 1.6 + 0.34 * sum(heights)),
        height_ratios=heights, layout="constrained",
    )  # fmt: skip
    for axis, group in zip(axes[:, 0], groups, strict=True):
        draw_group(axis, group, styles)
    axes[-1, 0].xaxis.set_major_formatter(lambda time, _: seconds(time).replace(".0 ", " "))
    axes[-1, 0].set_xlabel(f"time to a duality gap of {scientific(results['target'])} of the null loss, logarithmic")
    handles = [
        plt.Line2D([], [], color=color, marker=marker, linestyle="", label=name)
        for name, (color, marker) in styles.items()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=min(len(handles), 5), frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_group(axis: Any, cells: list[dict[str, Any]], styles: dict[str, tuple[str, str]]) -> None:
    """Draw one row a cell, with a mark for every contestant that met the target."""
    names = contestants_of(cells)
    for row, cell in enumerate(cells):
        if row % 2 == 0:
            axis.axhspan(row - 0.5, row + 0.5, color="0.95", linewidth=0, zorder=0)
        for report in cell["contestants"]:
            if not report["met"]:
                continue
            # Three and more are set apart, so that equal times do not hide each other.
            place = names.index(report["contestant"]) - (len(names) - 1) / 2
            height = row + (0.8 * place / len(names) if len(names) > 2 else 0.0)
            color, marker = styles[report["contestant"]]
            axis.scatter(report["seconds"], height, color=color, marker=marker, s=40, linewidths=0, zorder=2)
    axis.set_yticks(range(len(cells)), [f"{c['data']}, {c['penalty']}, {fit_label(c)}" for c in cells])
    axis.set_ylim(len(cells) - 0.5, -0.5)
    axis.set_xscale("log")
    axis.grid(axis="x", color="0.8")
    axis.set_axisbelow(True)
    axis.tick_params(axis="y", length=0)
    axis.spines[["top", "right", "left"]].set_visible(False)


def main() -> None:
    """Write the table and the picture; paste the table where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", type=Path, help=f"file with the lines {BEGIN} and {END}")
    arguments = parser.parse_args()
    results = json.loads((RESULTS / "reference.json").read_text())
    text = markdown(results)
    (RESULTS / "reference.md").write_text(text + "\n")
    picture(results, RESULTS / "reference.png")
    if arguments.readme:
        paste(text, arguments.readme)
    print(text)


if __name__ == "__main__":
    main()
