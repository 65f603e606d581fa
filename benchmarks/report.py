"""Turn the board's results into tables and pictures; with --readme paste a summary into a file.

Every loss has tables of its own.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import contestants
from benchmarks.discovery import modules_of
from benchmarks.losses import LOSSES
from benchmarks.output import RESULTS, board_folder, markdown_table, scientific, seconds, two_digits

OURS = "fastreg"
TARGETS = ("1e-04", "1e-06")
FURTHER = "1e-10"
BEGIN, END = "<!-- benchmark table: begin -->", "<!-- benchmark table: end -->"
KINDS = {"paths": "Lasso and elastic-net paths", "single fits": "Single fits", "ridge": "Ridge"}
TITLES = {
    "squared": "Board", "logistic": "Logistic loss", "poisson": "Poisson loss", "multinomial": "Multinomial loss",
    "multinomial-grouped": "Multinomial loss, grouped penalty",
}  # fmt: skip
# Of every loss the job that the README shows, with a picture; squared loss has one more picture.
HEADLINES = {loss: "lasso-path" if loss == "squared" else f"{loss}-path" for loss in LOSSES}
PICTURES = {
    "lasso-path": "board-paths.png",
    "lasso-tenth": "board-single.png",
    **{HEADLINES[loss]: f"{board_folder(loss)}.png" for loss in LOSSES if loss != "squared"},
}


PEERS = {module.NAME for module in modules_of(contestants) if module.IS_PEER}


@dataclass
class Line:
    """One cell of the board: a data set and a job."""

    data: str
    shape: list[int]
    density: float | None
    cell: dict[str, Any]

    @property
    def kind(self) -> str:
        """Return which table the cell belongs to."""
        if self.cell["penalty"] == "ridge":
            return "ridge"
        return "single fits" if self.cell["n_alphas"] == 1 else "paths"

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """Return the contestants' rows by name."""
        return {row["contestant"]: row for row in self.cell["contestants"]}

    def found(self, name: str, target: str) -> dict[str, Any]:
        """Return what a contestant has for a target; its status is "" if it did not take part."""
        row = self.rows.get(name)
        if row is None:
            return {"status": ""}
        if row["status"] != "ok":
            return {"status": row["status"].split(":")[0]}
        return row["targets"].get(target, {"status": ""})

    def ours(self, target: str) -> float:
        """Return our time for a target, infinite if it was not met."""
        found = self.found(OURS, target)
        return found["seconds"] if found["status"] == "met" else np.inf

    def fastest_peer(self, target: str) -> float:
        """Return the time of the fastest peer; a lower bound of it where none met the target, NaN where none took part.

        The plain NumPy and SciPy fits are no peers.
        """
        return self.fastest([name for name in self.rows if name in PEERS], target)

    def fastest(self, names: list[str], target: str) -> float:
        """Return the shortest time of some contestants, or what was waited for them."""
        others = [self.found(name, target) for name in names]
        met = [found["seconds"] for found in others if found["status"] == "met"]
        waited = [found["seconds"] for found in others if found["status"] == "at least"]
        return min(met or waited, default=np.nan)

    def labels(self) -> list[str]:
        """Return data set, shape, penalty and fit."""
        rows, columns = self.shape
        density = "" if self.density is None else f", {100 * self.density:.2g}% nonzero"
        ratio = f"{self.cell['ratio']:g}"
        fit = f"at {ratio}" if self.cell["n_alphas"] == 1 else f"path to {ratio}"
        return [self.data, f"{rows:,} x {columns:,}{density}", self.cell["penalty"], fit]


def lines_of(folder: Path) -> tuple[list[Line], dict[str, Any]]:
    """Return all cells of all files, and the description of the machine."""
    files = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    lines = [Line(file["data"], file["shape"], file["density"], cell) for file in files for cell in file["cells"]]
    machine = files[-1]["machine"] if files else {}
    return sorted(lines, key=lambda line: (line.density is not None, np.prod(line.shape))), machine


def contestants_of(lines: list[Line]) -> list[str]:
    """Return the names of all contestants, the package first."""
    names = {name for line in lines for name in line.rows}
    return sorted(names, key=lambda name: (name != OURS, name.lower()))


def time_label(line: Line, name: str, target: str) -> str:
    """Return the time of a contestant and how many times ours that is; in bold type if nobody is faster."""
    found, ours = line.found(name, target), line.ours(target)
    if found["status"] == "best gap":
        return f"best gap {scientific(found['gap'])}"
    if found["status"] not in ("met", "at least"):
        return found["status"]
    sign = "" if found["status"] == "met" else "≥ "
    ratio = f" ({sign}{two_digits(found['seconds'] / ours)}x)" if name != OURS and np.isfinite(ours) else ""
    text = f"{sign}{seconds(found['seconds'])}{ratio}"
    first = found["status"] == "met" and found["seconds"] <= min(
        ours, np.nan_to_num(line.fastest([other for other in line.rows if other != OURS], target), nan=np.inf)
    )
    return f"**{text}**" if first else text


def times(lines: list[Line], target: str) -> str:
    """Return the table of some cells; with the tightest target ours for a much tighter one stands beside."""
    names = contestants_of(lines)
    further = [FURTHER] if target == TARGETS[-1] else []
    header = ["data", "X", "penalty", "fit", *names]
    header[5:5] = [f"{OURS} to {scientific(float(tight))}" for tight in further]
    rows = []
    for line in lines:
        row = [*line.labels(), *(time_label(line, name, target) for name in names)]
        row[5:5] = [time_label(line, OURS, tight).strip("*") for tight in further]
        rows.append(row)
    return markdown_table(header, rows, left=4)


def summary(lines: list[Line]) -> str:
    """Return how often the package is the fastest, by how much on average, and by how much in the worst cell."""
    rows = []
    for target in TARGETS:
        for kind in KINDS:
            chosen = [line for line in lines if line.kind == kind]
            ratios = np.array([line.fastest_peer(target) / line.ours(target) for line in chosen])
            known = ratios[~np.isnan(ratios)]
            if not len(known):
                continue
            worst = chosen[int(np.nanargmin(ratios))]
            positive = known[known > 0]
            mean = f"{two_digits(np.exp(np.log(positive).mean()))}x" if len(positive) else ""
            rows.append([
                scientific(float(target)), kind, str(len(known)), str((known > 1).sum()), mean,
                f"{two_digits(known.min())}x", f"{worst.data}, {worst.cell['job']}",
            ])  # fmt: skip
    header = ["gap", "fits", "cells", "fastreg first", "fastest peer / fastreg, geometric mean", "worst", "in"]
    return markdown_table(header, rows, left=2)


def answers(lines: list[Line]) -> str:
    """Return, for the tightest target, nonzero coefficients too many, memory and passes."""
    target = TARGETS[-1]
    chosen = [line for line in lines if line.kind != "ridge"]
    names = contestants_of(chosen)
    rows = []
    for line in chosen:
        passes = line.found(OURS, target).get("passes")
        reference = line.cell["reference"].get("equicorrelated")
        facts = ["" if reference is None else f"{reference:,}", "" if passes is None else f"{passes:.1f}"]
        rows.append([*line.labels(), *facts, *(answer_label(line.found(name, target)) for name in names)])
    return markdown_table(["data", "X", "penalty", "fit", "features", "passes", *names], rows, left=4)


def answer_label(found: dict[str, Any]) -> str:
    """Return nonzero coefficients too many and the growth of memory."""
    if found["status"] != "met":
        return ""
    many = "?" if found["too_many"] is None else f"{found['too_many']:,}"
    memory = "" if found["memory_mb"] is None else f", {found['memory_mb']:,.0f} MB"
    return f"{many}{memory}"


def starts(lines: list[Line]) -> str:
    """Return what every contestant is and what its first call costs in a fresh process."""
    rows = []
    for name in contestants_of(lines):
        found = [row for line in lines for row in [line.rows.get(name)] if row and row["status"] == "ok"]
        if not found:
            continue
        versions = ", ".join(f"{key} {value}" for key, value in found[-1]["versions"].items())
        cold = max(row["cold_seconds"] for row in found)
        rows.append([name, versions, seconds(max(row["import_seconds"] for row in found)), seconds(cold)])
    return markdown_table(["contestant", "versions", "import", "first call on tiny data"], rows, left=2)


def notes(lines: list[Line]) -> list[str]:
    """Return what contestants say about their rows."""
    found = {name: row["note"] for line in lines for name, row in line.rows.items() if row.get("note")}
    return [f"{name}: {text}." for name, text in sorted(found.items())]


def note(lines: list[Line], machine: dict[str, Any]) -> str:
    """Return a line on how the numbers came about."""
    threads = sorted({line.cell["threads"] for line in lines})
    return (
        f"Time to a measured duality gap over the null loss, the worst of the path; in brackets as a multiple of "
        f"{OURS}'s. ≥: ended unmet. Threads for everyone: {', '.join(map(str, threads))}. {machine['processor']}, "
        f"{machine['cores']} cores, Python {machine['python']}."
    )


def markdown(lines: list[Line], machine: dict[str, Any], loss: str = "squared") -> str:
    """Return all tables of a loss."""
    parts = [f"# {TITLES[loss]}", note(lines, machine), "## Summary", summary(lines)]
    for target in TARGETS:
        for kind, title in KINDS.items():
            chosen = [line for line in lines if line.kind == kind]
            if chosen:
                parts += [f"## {title}, gap {scientific(float(target))}", times(chosen, target)]
    parts += [
        f"## Answers, gap {scientific(float(TARGETS[-1]))}",
        "Nonzero coefficients too many at the last alpha, and how much the memory grew. Features: how many may be "
        "nonzero, because their correlation with the residual of an almost exact solution is at the threshold. Passes: "
        f"how often {OURS} reads X.",
        answers(lines),
        "## Contestants",
        starts(lines),
        *notes(lines),
    ]
    return "\n\n".join(parts)


def compact(lines: list[Line], machine: dict[str, Any], loss: str = "squared") -> str:
    """Return what goes into the README: the summary and one table, after its title unless the loss is squared."""
    chosen = [line for line in lines if line.cell["job"] == HEADLINES[loss]]
    target = TARGETS[-1]
    table = times(chosen, target) if chosen else ""
    title = [] if loss == "squared" else [f"**{TITLES[loss]}**"]
    about = f"Lasso paths of 100 alphas to a hundredth of alpha_max, gap {scientific(float(target))}:"
    return "\n\n".join([*title, summary(lines), about, table, *notes(lines), note(lines, machine)])


def paste(text: str, path: Path) -> None:
    """Replace what stands between the two markers of a file."""
    content = path.read_text()
    if content.count(BEGIN) != 1 or content.count(END) != 1:
        raise SystemExit(f"{path}: expected the lines {BEGIN} and {END} once each.")
    before, rest = content.split(BEGIN)
    _, after = rest.split(END)
    path.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}")


def main() -> None:
    """Write the tables and the pictures; paste the summary where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readme", type=Path, help=f"file with the lines {BEGIN} and {END}")
    arguments = parser.parse_args()
    results = {loss: lines_of(RESULTS / board_folder(loss)) for loss in LOSSES}
    results = {loss: found for loss, found in results.items() if found[0]}
    if not results:
        raise SystemExit(f"{RESULTS}: no results; python -m benchmarks.board makes them")
    text = "\n\n".join(markdown(*found, loss) for loss, found in results.items())
    (RESULTS / "board.md").write_text(text + "\n")
    # Matplotlib is needed here only.
    from benchmarks.picture import draw

    lines = [line for found, _ in results.values() for line in found]
    for job, name in PICTURES.items():
        chosen = [line for line in lines if line.cell["job"] == job]
        if chosen:
            draw(chosen, contestants_of(chosen), RESULTS / name)
    if arguments.readme:
        paste("\n\n".join(compact(*found, loss) for loss, found in results.items()), arguments.readme)
    print(text)


if __name__ == "__main__":
    main()
