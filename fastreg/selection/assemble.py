"""From the fits of all folds to the result of a cross-validation."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from fastreg.loss.losses import LOSSES
from fastreg.path.result import PathResult, listed
from fastreg.selection.cv_result import CVResult
from fastreg.selection.folds import Data, FoldFit, RowPredictor, predict_rows
from fastreg.selection.relaxed import relax
from fastreg.selection.splits import Split


def mean_and_error(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard error over folds, the first axis; of one fold the error is unknown, NaN."""
    # In units of the largest: the squares of a standard deviation would leave the range of numbers sooner.
    unit = np.abs(scores).max(initial=0.0, where=np.isfinite(scores)) or 1.0
    mean = (scores / unit).mean(axis=0)
    if len(scores) == 1:
        return mean * unit, np.full(mean.shape, np.nan)
    return mean * unit, (scores / unit).std(axis=0, ddof=1) / np.sqrt(len(scores)) * unit


def choose(mean: np.ndarray, error: np.ndarray, greater_is_better: bool) -> tuple[tuple[int, int, int], int]:
    """Return the best candidate of (l1_ratios, gammas, alphas), and the largest alpha within a standard error of it.

    Among equals the first wins, which is the largest penalty; a candidate whose score is not a number never does.
    """
    if not np.isfinite(mean).any():
        raise ValueError("scoring: expected a finite mean score for some candidate, got none. Look at what it returns.")
    loss = np.where(np.isfinite(mean), -mean if greater_is_better else mean, np.inf)
    r, g, a = (int(i) for i in np.unravel_index(int(np.argmin(loss)), loss.shape))
    limit = loss[r, g, a] + np.nan_to_num(error[r, g, a])
    return (r, g, a), int(np.flatnonzero(loss[r, g] <= limit)[0])


def out_of_fold(data: Data, splits: list[Split], fits: list[FoldFit], gamma: float, index: int) -> np.ndarray:
    """Return predictions of held-out rows at one alpha, NaN for rows that no fold holds out."""
    width = fits[0].result.intercepts[0].size
    total, count = np.zeros((len(data.y), width)), np.zeros(len(data.y))
    for split, fit in zip(splits, fits, strict=True):
        intercepts = fit.result.intercepts.reshape(len(fit.result.alphas), -1)
        one = [c[:, [index]] for c in listed(fit.result.coefs)], intercepts[[index]]
        predictions = predict_rows(split.test, RowPredictor(data, *one))[:, 0]
        if fit.relaxed is not None:
            free = [c[:, [index]] for c in fit.relaxed], fit.relaxed_intercepts[[index]]
            others = predict_rows(split.test, RowPredictor(data, *free))[:, 0]
            predictions = gamma * predictions + (1.0 - gamma) * others
        np.add.at(total, split.test, LOSSES[fit.result.loss].mean(predictions))
        np.add.at(count, split.test, 1.0)
    with np.errstate(invalid="ignore"):
        mean = np.where(count[:, None] > 0, total / np.maximum(count, 1.0)[:, None], np.nan)
    return mean[:, 0] if data.single and width == 1 else mean


class Choice(NamedTuple):
    """What is to be chosen from, and how.

    Attributes
    ----------
    X : the user's matrix
    l1_ratios, gammas : candidates beside alpha, gammas None without relaxed fits
    several : bool, whether l1_ratio was a sequence
    scored : bool, whether by scores of the user's and not by the deviance
    greater_is_better, keep_folds : bool
    """

    X: Any
    l1_ratios: np.ndarray
    gammas: np.ndarray | None
    several: bool
    scored: bool
    greater_is_better: bool
    keep_folds: bool


def make_result(
    data: Data,
    splits: list[Split],
    table: list[list[FoldFit]],
    paths: list[PathResult],
    choice: Choice,
    n_passes: float,
) -> CVResult:
    """Put together fold fits, indexed by l1_ratio and fold, and the paths on all rows.

    ``n_passes`` is what the folds have read together.
    """
    gammas, several = choice.gammas, choice.several
    scores = np.stack([np.stack([fit.scores for fit in row]) for row in table], axis=1)
    mean, error = mean_and_error(scores)
    best, one_se = choose(mean, error, choice.greater_is_better)
    r, g, a = best
    axes = tuple(axis for axis, kept in enumerate((several, gammas is not None, True)) if not kept)
    results = [fit.result for row in table for fit in row]
    alphas = np.stack([path.alphas for path in paths])
    return CVResult(
        alphas if several else alphas[0],
        choice.l1_ratios,
        gammas,
        mean.squeeze(axes),
        error.squeeze(axes),
        scores.squeeze(tuple(axis + 1 for axis in axes)),
        choice.greater_is_better,
        best,
        one_se,
        paths[r],
        None if gammas is None else relax(paths[r], choice.X),
        out_of_fold(data, splits, table[r], 1.0 if gammas is None else float(gammas[g]), a),
        splits,
        n_passes + float(sum(result.n_passes for result in [*paths, *results])),
        all(bool(result.converged.all()) for result in results),
        max(float(result.relative_gaps.max()) for result in results),
        choice.scored,
        [[replace(fit.result, feature_names=paths[0].feature_names) for fit in row] for row in table]
        if choice.keep_folds
        else None,
    )
