"""Measure how much anonymous memory a path fit adds to a large X that lies on disk.

X is a float32 memory map, so that its pages belong to the file and do not count. Every case runs in a process of its
own: RssAnon (Linux: /proc/self/status) is read before the call and sampled by a thread during it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

import fastreg
from benchmarks.output import markdown_table, seconds, write_json
from fastreg.solver.cost_model import WORKING_SET_MB

SHORT, LONG = 1_000, 500_000
CASES = [("wide", "C"), ("wide", "F"), ("tall", "C"), ("tall", "F")]
N_SIGNALS = 50
BLOCK_ENTRIES = 2**24
SAMPLE_SECONDS = 0.002
# Beyond the Gram matrix of the working set this fraction of X is meant to suffice.
TARGET_FRACTION = 0.15
STATUS = Path("/proc/self/status")


def anonymous_mb() -> float:
    """Return this process's resident anonymous memory."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon"))
    return int(line.split()[1]) / 1024


class PeakMemory(threading.Thread):
    """Samples the anonymous memory until told to stop; ``pause`` is the longest time without a sample."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.before = self.peak = anonymous_mb()
        self.samples = 0
        self.pause = 0.0
        self.done = threading.Event()

    def run(self) -> None:
        """Sample."""
        last = time.perf_counter()
        while not self.done.is_set():
            self.peak = max(self.peak, anonymous_mb())
            self.samples += 1
            time.sleep(SAMPLE_SECONDS)
            now = time.perf_counter()
            self.pause, last = max(self.pause, now - last), now

    def __enter__(self) -> "PeakMemory":
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.done.set()
        self.join()


def generate(folder: Path, shape: tuple[int, int], order: str) -> None:
    """Write a normal X, block by block, and y = X b + noise with a sparse b."""
    rng = np.random.default_rng(0)
    X = np.lib.format.open_memmap(folder / "X.npy", "w+", np.float32, shape, fortran_order=order == "F")
    # One axis is contiguous; blocks go along the other.
    blocks = X if order == "C" else X.T
    step = max(1, BLOCK_ENTRIES // blocks.shape[1])
    for start in range(0, len(blocks), step):
        block = blocks[start : start + step]
        rng.standard_normal(dtype=np.float32, out=(fresh := np.empty_like(block)))
        block[...] = fresh
    X.flush()
    signals = np.linspace(0, shape[1] - 1, N_SIGNALS).astype(int)
    y = X[:, signals] @ np.where(np.arange(N_SIGNALS) % 2, -1.0, 1.0)
    np.save(folder / "y.npy", y + np.sqrt(N_SIGNALS) / 2 * rng.standard_normal(shape[0]))


def measure(folder: Path) -> dict[str, Any]:
    """Fit the path on the files in a folder and return what it took."""
    X, y = np.load(folder / "X.npy", mmap_mode="r"), np.load(folder / "y.npy")
    start = time.perf_counter()
    with PeakMemory() as memory:
        path = fastreg.fit_path(X, y, n_alphas=100, alpha_min_ratio=1e-2)
    return {
        "extra_mb": memory.peak - memory.before,
        "seconds": time.perf_counter() - start,
        "samples": memory.samples,
        "longest_pause": memory.pause,
        "passes": path.n_passes,
        "support": int(path.df.max()),
        "gap": float(path.dual_gaps.max() / path.null_loss),
    }


def run_case(kind: str, order: str, scale: float, folder: str | None) -> dict[str, Any]:
    """Generate X in a temporary folder, measure in a fresh process, clean up."""
    long = max(SHORT, round(LONG * scale))
    shape = (SHORT, long) if kind == "wide" else (long, SHORT)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        generate(Path(name), shape, order)
        command = [sys.executable, "-m", "benchmarks.memory", "--measure", name]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = json.loads(output)
    size = 4 * shape[0] * shape[1] / 2**20
    within = found["extra_mb"] <= TARGET_FRACTION * size + WORKING_SET_MB
    share = found["extra_mb"] / size
    return {"case": kind, "order": order, "shape": shape, "x_mb": size, "share": share, "within": within, **found}


def row(case: dict[str, Any]) -> list[str]:
    """Return a case as a row of the printed table."""
    rows, columns = case["shape"]
    return [
        f"{rows:,} x {columns:,}", case["order"], f"{case['x_mb']:,.0f}", f"{case['extra_mb']:,.0f}",
        f"{100 * case['share']:.1f} %", "yes" if case["within"] else "NO", seconds(case["seconds"]),
        f"{case['passes']:.1f}", f"{case['support']:,}", seconds(case["longest_pause"]),
    ]  # fmt: skip


def main() -> None:
    """Run all cases, print a table and write results/memory.json; or measure one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="shrink the longer side of X by this factor")
    parser.add_argument("--folder", help="where the temporary files go (2 GB at a time)")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not STATUS.exists():
        raise SystemExit(f"This measurement needs {STATUS}, which only Linux has.")
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    cases = [run_case(kind, order, arguments.scale, arguments.folder) for kind, order in CASES]
    header = ["X", "order", "MB of X", "extra MB", "of X", "within", "time", "passes", "support", "longest pause"]
    print(markdown_table(header, [row(case) for case in cases]))
    print(f"Within: extra MB <= {TARGET_FRACTION:.0%} of X + {WORKING_SET_MB} MB, the cap of the working set's Gram.")
    payload = {"working_set_mb": WORKING_SET_MB, "target_fraction": TARGET_FRACTION, "cases": cases}
    print(f"written: {write_json('memory', payload)}")


if __name__ == "__main__":
    main()
