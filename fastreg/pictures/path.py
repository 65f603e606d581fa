"""Coefficients along a path."""

from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from fastreg.path.result import PathResult
from fastreg.pictures.style import COLORS, FAINT, STYLES, alpha_axis, axes_of, drawable

# Labels are kept apart by this fraction of the axis.
APART = 0.05


def plot_path(result: PathResult, ax: Any = None, *, names: int = 8, target: int = 0) -> Any:
    """Draw the coefficients of a path against alpha, with the support size on top.

    Parameters
    ----------
    result : PathResult
    ax : None or matplotlib Axes, to draw into
    names : int
        So many lines, those of the largest coefficients at the smallest alpha, have a color and a name.
    target : int, which of several targets

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ValueError
        If no alpha is positive, or there is no such target.

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> path = fastreg.fit_path(np.eye(5), np.arange(5.0))
    >>> ax = fastreg.plot_path(path)
    >>> ax.get_xlabel()
    'alpha'
    """
    if result.several and not 0 <= target < len(result.coefficients):
        raise ValueError(f"target: expected 0 to {len(result.coefficients) - 1}, got {target!r}.")
    kept = drawable(result.alphas)
    coefs = result.coefficients[target if result.several else 0].matrix
    used = np.unique(coefs.indices)
    values = coefs[used].toarray()[:, kept]
    alphas = result.alphas[kept]
    ax = axes_of(ax)
    order = np.argsort(-np.abs(values[:, -1]), kind="stable")
    for k in order[names:]:
        ax.plot(alphas, values[k], color=FAINT, linewidth=0.8, zorder=1)
    ends = []
    for place, k in enumerate(order[:names]):
        color, style = COLORS[place % len(COLORS)], STYLES[(place // len(COLORS)) % len(STYLES)]
        ax.plot(alphas, values[k], color=color, linestyle=style, linewidth=1.6, zorder=2)
        name = f"x{used[k]}" if result.feature_names is None else str(result.feature_names[used[k]])
        ends.append((values[k, -1], name, color))
    ax.axhline(0.0, color="black", linewidth=0.6, zorder=0)
    ax.set_ylabel("coefficient")
    df = result.df[:, target] if result.several else result.df
    alpha_axis(ax, alphas, df[kept])
    _label(ax, ends)
    return ax


def _label(ax: Any, ends: list[tuple[float, str, str]]) -> None:
    """Write names beside the ends of lines, moved apart where they would overlap."""
    low, high = ax.get_ylim()
    ax.set_ylim(low, high)
    step = APART * (high - low)
    ends = sorted(ends)
    # The heights nearest to the ends that are a step apart: an isotonic regression once the steps are taken off.
    steps = step * np.arange(len(ends))
    heights = isotonic_regression(np.array([end[0] for end in ends]) - steps).x + steps if ends else steps
    heights -= max(0.0, heights.max(initial=low) - (high - 0.5 * step))
    for (value, name, color), height in zip(ends, heights, strict=True):
        ax.annotate(
            name,
            (1.0, value),
            xytext=(1.02, height),
            xycoords=("axes fraction", "data"),
            textcoords=("axes fraction", "data"),
            color=color,
            fontsize="small",
            va="center",
            arrowprops={
                "arrowstyle": "-",
                "color": color,
                "linewidth": 0.5,
                "relpos": (0.0, 0.5),
                "shrinkA": 1,
                "shrinkB": 0,
            },
            annotation_clip=False,
        )
