"""Where results go and how they look."""

import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np
import scipy

import fastreg

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, Any]:
    """Return what a reader needs to know to compare timings."""
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "fastreg": fastreg.__version__,
    }


def processor() -> str:
    """Return the name of the processor."""
    table = Path("/proc/cpuinfo")
    lines = table.read_text().splitlines() if table.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def write_json(name: str, payload: dict[str, Any]) -> Path:
    """Write results/<name>.json together with the description of the machine."""
    path = RESULTS / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine(), **payload}, indent=1) + "\n")
    return path


def board_folder(loss: str) -> str:
    """Return where the board's results for a loss are, within the results."""
    return "board" if loss == "squared" else f"board-{loss}"


def markdown_table(header: list[str], rows: list[list[str]], left: int = 1) -> str:
    """Return an aligned Markdown table; the first ``left`` columns are text, the others numbers."""
    widths = [max(len(row[c]) for row in [header, *rows]) for c in range(len(header))]
    rule = [("-" * w) if c < left else ("-" * (w - 1) + ":") for c, w in enumerate(widths)]
    cells = [
        [row[c].ljust(w) if c < left else row[c].rjust(w) for c, w in enumerate(widths)] for row in [header, *rows]
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [cells[0], rule, *cells[1:]])


def seconds(value: float) -> str:
    """Return a time with two digits and its unit."""
    for unit, factor in (("µs", 1e6), ("ms", 1e3)):
        if value * factor < 999.5:
            return f"{two_digits(value * factor)} {unit}"
    return f"{two_digits(value)} s"


def two_digits(value: float) -> str:
    """Return a positive number with at least two significant digits and no exponent."""
    return f"{value:,.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2g}"


def scientific(value: float) -> str:
    """Return one digit and a power of ten, as in 1e-6."""
    if not np.isfinite(value):
        return "none"
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}e{int(exponent)}"
