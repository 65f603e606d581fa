"""Scores of a cross-validation along its path."""

from typing import Any

import numpy as np

from fastreg.pictures.style import COLORS, FAINT, alpha_axis, axes_of, drawable
from fastreg.selection.cv_result import CVResult


def plot_cv(result: CVResult, ax: Any = None) -> Any:
    """Draw the mean score of the folds with its standard errors against alpha; mark the best and the 1-SE choice.

    With several l1_ratio or gammas it is the curve of the best of them.

    Parameters
    ----------
    result : CVResult
    ax : None or matplotlib Axes, to draw into

    Returns
    -------
    matplotlib Axes

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((60, 5))
    >>> ax = fastreg.plot_cv(fastreg.cross_validate_path(X, X[:, 0] + rng.standard_normal(60), cv=5))
    >>> ax.get_ylabel()
    'mean squared error'
    """
    alphas = result.path.alphas
    kept = drawable(alphas)
    ax = axes_of(ax)
    mean, error = result.curve
    ax.errorbar(
        alphas[kept],
        mean[kept],
        yerr=np.nan_to_num(error[kept]),
        fmt="o",
        markersize=3,
        color=COLORS[0],
        ecolor=FAINT,
        elinewidth=1.0,
        zorder=2,
    )
    df = result.path.df if result.path.df.ndim == 1 else result.path.df.max(axis=1)
    marks = ((result.best[2], "-", COLORS[1], "best"), (result.one_se, "--", COLORS[2], "one standard error"))
    for index, style, color, name in marks:
        if alphas[index] > 0:
            label = f"{name}: alpha = {alphas[index]:.3g}, {int(df[index])} nonzero"
            ax.axvline(alphas[index], linestyle=style, color=color, linewidth=1.4, zorder=1, label=label)
    ax.set_ylabel("score" if result.scored else "mean squared error")
    alpha_axis(ax, alphas[kept], df[kept])
    ax.legend(framealpha=1.0, edgecolor="none", fontsize="small")
    return ax
