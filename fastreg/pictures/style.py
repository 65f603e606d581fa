"""What the pictures share: colors that everybody can tell apart, axes, the support size on top."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np

# Okabe & Ito (2008), Color universal design; its yellow is too light for lines on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STYLES = ("-", "--", "-.", ":")
FAINT = "#B0B0B0"


def axes_of(ax: Any) -> Any:
    """Return the axes to draw into: those given, or those of a new figure."""
    return plt.subplots(figsize=(7.0, 4.5), layout="constrained")[1] if ax is None else ax


def drawable(alphas: np.ndarray) -> np.ndarray:
    """Return which alphas a logarithmic scale can show.

    Raises
    ------
    ValueError
        If that is none of them.
    """
    positive = alphas > 0
    if not positive.any():
        raise ValueError("result: expected a path with a positive alpha, got none to draw on a logarithmic scale.")
    return positive


def alpha_axis(ax: Any, positive: np.ndarray, df: np.ndarray) -> None:
    """Let alpha, positive, fall from left to right on a logarithmic scale, with the support size on top."""
    ax.set_xscale("log")
    ax.set_xlim(positive[0] * 1.02, positive[-1] * 0.98)
    ax.set_xlabel("alpha")
    top = ax.secondary_xaxis("top")
    top.set_xlabel("nonzero coefficients")
    # Evenly spaced on the logarithmic axis, so that no two labels meet.
    wanted = np.geomspace(positive[0], positive[-1], min(8, len(positive)))
    nearest = np.unique([int(np.argmin(np.abs(np.log(positive) - np.log(value)))) for value in wanted])
    top.set_xticks(positive[nearest], [str(int(df[k])) for k in nearest])
    top.minorticks_off()
