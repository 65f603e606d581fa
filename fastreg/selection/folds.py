"""The path of one fold: fitted on the training rows by weights, without a copy of X, and judged by the others."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from fastreg.design.base import Design
from fastreg.loss.losses import as_loss
from fastreg.loss.multinomial import Multinomial
from fastreg.path.fits import Fits
from fastreg.path.grid import scaled_grid
from fastreg.path.result import PathResult, listed
from fastreg.path.run import PathFit
from fastreg.path.watch import Stops, Watcher
from fastreg.problem.build import build_problem
from fastreg.problem.problem import Options
from fastreg.selection.fold_grams import ClassSums
from fastreg.selection.relaxed import relaxed_fits
from fastreg.selection.splits import Split

# Numbers of a block of held-out rows, columns and predictions (2 MB).
CACHED = 2**18


@dataclass(frozen=True)
class Data:
    """What all folds share: X in a form that is used as it lies, y (n_samples, n_targets), weights, offset."""

    matrix: Any
    y: np.ndarray
    weights: np.ndarray
    offset: np.ndarray
    single: bool


@dataclass(frozen=True)
class Settings:
    """How every fold is fitted and judged.

    ``score`` takes y, predictions and weights of the held-out rows, (m, n_targets) but for the weights, and returns a
    number; None stands for the deviance. ``alphas`` are the penalties for all rows, ``fold_alphas`` says what becomes
    of them in a fold (see ``cross_validate_path``).
    """

    options: Options
    alphas: np.ndarray
    fold_alphas: str
    gammas: np.ndarray | None
    score: Callable[[np.ndarray, np.ndarray, np.ndarray], float] | None
    tol: float
    max_iter: int


@dataclass(frozen=True)
class FoldFit:
    """A fold's path, its scores (n_gammas, n_alphas), and its relaxed coefficients where they were asked for."""

    result: PathResult
    scores: np.ndarray
    relaxed: list[sp.csc_array] | None
    relaxed_intercepts: np.ndarray | None


def shared_matrix(design: Design) -> Any:
    """Return what the design was made of: an array, or a CSC matrix over the same buffers."""
    if not design.is_sparse:
        return design.owner
    data, indices, starts = design.owner
    matrix = sp.csc_array((design.n_rows, design.n_cols), dtype=data.dtype)
    matrix.data, matrix.indices, matrix.indptr = data, indices, starts
    return matrix


def fold_weights(data: Data, split: Split) -> np.ndarray:
    """Return the weights of the training rows; a row that is drawn several times counts several times."""
    return data.weights * np.bincount(split.train, minlength=len(data.weights))


def fold_grid(settings: Settings, fit: PathFit, total: float) -> np.ndarray:
    """Return the penalties of a fold whose training rows have this share of all weights."""
    grid = settings.alphas / (total if settings.fold_alphas == "sum" else 1.0)
    return scaled_grid(fit.grid_top(), grid / grid[0]) if settings.fold_alphas == "own" else grid


def fit_fold(
    data: Data, settings: Settings, split: Split, sums: ClassSums | None, fold: int, report: Any
) -> FoldFit:  # fmt: skip
    """Fit the path on the training rows and judge it by the held-out ones; ``sums`` may know the fold's Gram matrix."""
    weights = fold_weights(data, split)
    problem = None if sums is None else sums.problem(fold, weights / weights.sum())
    if problem is None:
        y = data.y[:, 0] if data.single else data.y
        problem = build_problem(data.matrix, y, settings.options._replace(sample_weight=weights))
    fit = PathFit(problem, settings.options.l1_ratio, settings.tol, settings.max_iter, None)
    grid = fold_grid(settings, fit, weights.sum())
    return judge(data, settings, split, fit, grid, fit.run(grid, Watcher(problem, report, Stops())))


def judge(
    data: Data, settings: Settings, split: Split, fit: PathFit, grid: np.ndarray, fits: list[Fits]
) -> FoldFit:  # fmt: skip
    """Return the fold's result and the scores of the held-out rows."""
    result = fit.result(grid, fits, Watcher(fit.problem, None, Stops()), None)
    coefs = listed(result.coefs)
    intercepts = result.intercepts.reshape(len(grid), -1)
    relaxed = free = None
    if settings.gammas is not None:
        unpenalized = [relaxed_fits(fit, k, part.starts, part.features) for k, part in enumerate(fits)]
        relaxed = [fit.problem.user_coefficients(*part.points).matrix for part in unpenalized]
        free = np.stack(
            [fit.problem.user_intercepts(k, *part.intercepts) for k, part in enumerate(unpenalized)], axis=1
        )
    scores = _scores(data, settings, split.test, (coefs, intercepts), None if relaxed is None else (relaxed, free))
    return FoldFit(result, scores, relaxed, free)


def _scores(data: Data, settings: Settings, rows: np.ndarray, fits: Any, relaxed: Any) -> np.ndarray:
    """Return the scores (n_gammas, n_alphas) of the held-out rows."""
    gammas = np.ones(1) if settings.gammas is None else settings.gammas
    loss = as_loss(settings.options.loss)
    weights, y = data.weights[rows], data.y[rows]
    predictor = RowPredictor(data, *fits)
    free = None if relaxed is None else RowPredictor(data, *relaxed)
    scores, total = np.zeros((len(gammas), len(settings.alphas))), weights.sum()
    # A deviance is a weighted mean: it is put together from blocks of rows, whose predictions are gone at once.
    size = len(rows) if settings.score is not None else predictor.step
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        share = weights[part].sum()
        if settings.score is None and share == 0:
            continue
        predictions = predict_rows(rows[part], predictor)
        others = None if free is None else predict_rows(rows[part], free)
        for g, gamma in enumerate(gammas):
            mixed = predictions if others is None else gamma * predictions + (1.0 - gamma) * others
            if settings.score is None:
                scores[g] += share / total * _deviances(loss, y[part], mixed, weights[part] / share)
            else:
                scores[g] = [settings.score(y, loss.mean(mixed[:, i]), weights) for i in range(scores.shape[1])]
    return scores


def _deviances(loss: Any, y: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the deviance (n_alphas,) of predictions (m, n_alphas, n_targets); of several targets the mean."""
    if isinstance(loss, Multinomial):
        return loss.deviance(y[:, 0], predictions, weights)
    return np.mean([loss.deviance(y[:, k], predictions[:, :, k], weights) for k in range(y.shape[1])], axis=0)


class RowPredictor:
    """A path, ready to predict some rows from the columns that are used at all.

    Attributes
    ----------
    step : int, rows whose columns and predictions stay in the cache together
    """

    def __init__(self, data: Data, coefs: list[sp.csc_array], intercepts: np.ndarray) -> None:
        self.intercepts, self.matrix = intercepts, data.matrix
        self.offset = data.offset if data.offset.any() else None
        self.used = np.unique(np.concatenate([coef.indices for coef in coefs]))
        # Every target has coefficients of its own columns only.
        own = [np.unique(coef.indices) for coef in coefs]
        self.dense = [coef[used].toarray() for coef, used in zip(coefs, own, strict=True)]
        self.places = [np.searchsorted(self.used, used) for used in own]
        strides = () if sp.issparse(self.matrix) else self.matrix.strides
        self.by_row = bool(strides) and abs(strides[1]) < abs(strides[0])
        self.columns = None if strides else self.matrix[:, self.used].tocsr()
        width = self.matrix.shape[1] if self.by_row else len(self.used)
        self.step = max(1, CACHED // (width + intercepts.size))

    def predict_block(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Write the predictions of some rows, without intercepts, to out (m, n_alphas, n_targets)."""
        block = self._gathered(rows) if self.columns is None else self.columns[rows]
        for k, (places, dense) in enumerate(zip(self.places, self.dense, strict=True)):
            if len(places) == len(self.used):
                out[:, :, k] = block @ dense
            elif self.columns is None:
                out[:, :, k] = block[:, places] @ dense
            else:
                spread = np.zeros((len(self.used), dense.shape[1]))
                spread[places] = dense
                out[:, :, k] = block @ spread

    def _gathered(self, rows: np.ndarray) -> np.ndarray:
        """Return some rows of the used columns as float64, read in the order in which X lies."""
        X = self.matrix
        if self.by_row:
            return pick(X, rows).take(self.used, axis=1).astype(float)
        block = np.empty((len(rows), len(self.used)), order="F")
        for k, column in enumerate(self.used):
            block[:, k] = pick(X[:, column], rows)
        return block


def pick(X: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return some rows; ``take`` is the faster way, but first copies all of what is not in one piece."""
    return X.take(rows, axis=0) if X.flags.c_contiguous else X[rows]


def predict_rows(rows: np.ndarray, predictor: RowPredictor) -> np.ndarray:
    """Return predictions (m, n_alphas, n_targets) for some rows."""
    out = np.empty((len(rows), *predictor.intercepts.shape))
    for start in range(0, len(rows), predictor.step):
        chosen, part = rows[start : start + predictor.step], out[start : start + predictor.step]
        predictor.predict_block(chosen, part)
        part += predictor.intercepts
        if predictor.offset is not None:
            part += predictor.offset[chosen][:, None, :]
    return out
