"""Cross-validation over whole paths."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from fastreg.design.convert import as_design
from fastreg.loss.losses import as_loss
from fastreg.loss.multinomial import Multinomial
from fastreg.loss.squared import SquaredLoss
from fastreg.path.fits import GridRequest
from fastreg.path.progress import Progress
from fastreg.path.source import Source
from fastreg.problem.problem import Options
from fastreg.problem.validate import check_count, check_flag, check_offset, check_scalar, check_weights, check_y
from fastreg.runtime.exceptions import ConvergenceWarning
from fastreg.runtime.threads import resolve_threads
from fastreg.selection.assemble import Choice, make_result
from fastreg.selection.cv_result import CVResult
from fastreg.selection.fold_grams import classes_of
from fastreg.selection.folds import Data, fold_weights, shared_matrix
from fastreg.selection.splits import Split, make_splits
from fastreg.selection.study import Study


def cross_validate_path(
    X: Any,
    y: Any,
    *,
    loss: Any = "squared",
    cv: Any = 10,
    groups: Any = None,
    scoring: Callable[..., float] | None = None,
    greater_is_better: bool = True,
    l1_ratio: float | Sequence[float] = 1.0,
    relax: Sequence[float] | None = None,
    alphas: Any = None,
    n_alphas: int = 100,
    alpha_min_ratio: float | None = None,
    fold_alphas: str = "own",
    sample_weight: Any = None,
    offset: Any = None,
    penalty_factors: Any = None,
    lower_bounds: Any = None,
    upper_bounds: Any = None,
    fit_intercept: bool = True,
    standardize: bool = False,
    tol: float = 1e-6,
    max_iter: int = 10_000,
    n_threads: int | None = None,
    keep_folds: bool = False,
    progress: bool = False,
) -> CVResult:
    """Fit a path on the training rows of every fold, judge it by the held-out rows, and fit all rows.

    A fold is fitted by giving its held-out rows the weight 0: X is not copied, and columns are centered and scaled by
    the training rows alone. Every fit of every fold is certified like any other. Where X has few columns for its rows,
    all folds together read it once: their Gram matrices are sums of those of the rows that they hold out.

    Parameters
    ----------
    X, y, loss : as in ``fit_path``
    cv : int, scikit-learn splitter, or iterable of (train, test)
        An integer stands for so many blocks of consecutive rows (shuffle rows that are sorted, or pass a splitter),
        or with ``groups`` for scikit-learn's ``GroupKFold``. Train and test are row numbers or masks.
    groups : None or array (n_samples,)
        Labels; rows with the same one are held out together. With a splitter they are handed to it.
    scoring : None or callable(y_true, y_pred, sample_weight=...) -> float
        None: the mean deviance of the held-out rows, which for squared loss is the mean squared error. y_pred are
        predicted means (probabilities for the logistic loss). The metrics of ``sklearn.metrics`` fit. For several
        targets y_true and y_pred have shape (m, n_targets).
    greater_is_better : bool, about ``scoring``; deviances are better when they are small
    l1_ratio : float or sequence of floats
    relax : None or sequence of floats in [0, 1]
        Mixing parameters of relaxed fits to choose among; see ``relax``. 1 is the penalized fit.
    alphas, n_alphas, alpha_min_ratio : as in ``fit_path``
    fold_alphas : "own", "shared" or "sum"
        The penalties of a fold. "own": a grid from the fold's own largest penalty down, with the ratios of the grid of
        all rows; given alphas are shared. "shared": the same in every fold. "sum": alpha times the sum of the weights
        is the same in every fold, which is how scikit-learn's ridge counts.
    sample_weight : None or array (n_samples,)
        Used in fitting and in scoring.
    offset, penalty_factors, lower_bounds, upper_bounds, fit_intercept, standardize, tol, max_iter : as in ``fit_path``
    n_threads : None or int
        Folds run side by side in so many threads.
    keep_folds : bool
        Keep the paths of all folds in ``folds``.
    progress : bool

    Returns
    -------
    CVResult

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described; nothing has been computed then.
    KeyboardInterrupt
        On Ctrl-C, within a second.

    Warns
    -----
    ConvergenceWarning
        Once, if the gap of any fit of any fold stayed above its target.

    References
    ----------
    Hastie, Tibshirani & Friedman (2009), The Elements of Statistical Learning, 7.10 (the one-standard-error rule).

    Examples
    --------
    >>> import numpy as np, fastreg
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((100, 30))
    >>> y = X[:, 0] - X[:, 1] + rng.standard_normal(100)
    >>> cv = fastreg.cross_validate_path(X, y, cv=5)
    >>> cv.fold_scores.shape
    (5, 100)
    >>> cv.alpha_1se >= cv.alpha_best
    True
    """
    threads = resolve_threads(n_threads)
    loss = as_loss(loss)
    choice = _check_choice(X, l1_ratio, relax, scoring, greater_is_better, keep_folds, loss)
    if fold_alphas not in ("own", "shared", "sum"):
        raise ValueError(f"fold_alphas: expected 'own', 'shared' or 'sum', got {fold_alphas!r}.")
    data, names, targets = _check_data(X, y, sample_weight, offset, loss)
    splits = make_splits(cv, data.y, groups)
    _check_weighted(splits, data.weights)
    _check_folds(splits, data, targets, loss, check_flag(fit_intercept, "fit_intercept"))
    options = Options(
        1.0, sample_weight, offset, penalty_factors, lower_bounds, upper_bounds, fit_intercept, standardize, n_threads,
        loss,
    )  # fmt: skip
    asked = GridRequest.checked(alphas, n_alphas, alpha_min_ratio)
    tol, max_iter = check_scalar(tol, "tol", 0.0), check_count(max_iter, "max_iter")
    kind = "shared" if alphas is not None and fold_alphas == "own" else fold_alphas
    classes = classes_of(splits, len(data.y))
    study = Study(data, splits, classes, choice.gammas, _scorer(scoring), kind, tol, max_iter, threads)
    paths, table = [], []
    for ratio in choice.l1_ratios:
        chosen = options._replace(l1_ratio=float(ratio))
        size = asked.n_alphas if asked.alphas is None else len(asked.alphas)
        begun = study.begin(y, chosen, size)
        with Progress(progress, (len(splits) + 1) * size * data.y.shape[1]) as report:
            path, folds = study.fit(begun, asked, Source(X, y, chosen), report)
        paths.append(replace(path, feature_names=names))
        table.append(folds)
    result = make_result(data, splits, table, paths, choice, study.n_passes)
    _warn(result, tol, max_iter)
    return result


def _warn(result: CVResult, tol: float, max_iter: int) -> None:
    """Warn the caller of the public function where a gap stayed large."""
    if not result.converged:
        warnings.warn(
            f"Some fits of the folds did not reach tol={tol:g}: the largest relative duality gap is "
            f"{result.largest_gap:.3g}. The gaps are certified all the same. Raise max_iter (now {max_iter}) or tol.",
            ConvergenceWarning,
            stacklevel=3,
        )


def _check_choice(
    X: Any, l1_ratio: Any, relax: Any, scoring: Any, greater_is_better: Any, keep_folds: Any, loss: Any
) -> Choice:
    """Return what is to be chosen from, and how."""
    ratios, gammas = _check_ratios(l1_ratio), None if relax is None else _check_gammas(relax)
    if scoring is not None and not callable(scoring):
        raise TypeError(f"scoring: expected None or a callable(y_true, y_pred, sample_weight=...), got {scoring!r}.")
    if gammas is not None and not isinstance(loss, SquaredLoss):
        raise ValueError(f"relax: expected None for the {loss.name} loss; relaxed fits are there for squared loss.")
    scored = scoring is not None
    greater_is_better = check_flag(greater_is_better, "greater_is_better") and scored
    keep_folds = check_flag(keep_folds, "keep_folds")
    return Choice(X, ratios, gammas, np.ndim(l1_ratio) > 0, scored, greater_is_better, keep_folds)


def _check_ratios(l1_ratio: Any) -> np.ndarray:
    values = l1_ratio if np.ndim(l1_ratio) else [l1_ratio]
    if np.ndim(values) != 1 or len(values) == 0:
        raise ValueError(f"l1_ratio: expected a number or a nonempty list of numbers, got {l1_ratio!r}.")
    return np.array([check_scalar(value, "l1_ratio", 0.0, 1.0) for value in values])


def _check_gammas(relax: Any) -> np.ndarray:
    if np.ndim(relax) != 1 or len(relax) == 0:
        raise ValueError(f"relax: expected a nonempty list of numbers in [0, 1], got {relax!r}.")
    return np.array([check_scalar(value, "relax", 0.0, 1.0) for value in relax])


def _check_data(X: Any, y: Any, sample_weight: Any, offset: Any, loss: Any) -> tuple[Data, Any, np.ndarray]:
    """Return the data in the form that all folds share, the names of the columns, and targets (k, n_samples)."""
    design, names = as_design(X)
    targets, single = check_y(y, design.n_rows)
    weights = check_weights(sample_weight, design.n_rows)
    # Every class has a predictor.
    predicted = loss.encode(targets[0]) if isinstance(loss, Multinomial) and single else targets
    shift = np.broadcast_to(check_offset(offset, predicted.shape), predicted.shape).T
    return Data(shared_matrix(design), targets.T, weights, shift, single), names, predicted


def _check_weighted(splits: list[Split], weights: np.ndarray) -> None:
    for k, split in enumerate(splits):
        for name, rows in zip(("training", "held-out"), split, strict=True):
            if not weights[rows].any():
                raise ValueError(
                    f"cv: expected {name} rows of positive weight in every fold, got none in fold {k}. "
                    "Leave rows of weight 0 out, or shuffle the folds."
                )


def _check_folds(splits: list[Split], data: Data, targets: np.ndarray, loss: Any, fit_intercept: bool) -> None:
    for k, split in enumerate(splits):
        weights = fold_weights(data, split)
        try:
            loss.check(targets, weights / weights.sum(), fit_intercept)
        except ValueError as error:
            raise ValueError(f"cv: training rows of fold {k}: {error} Stratify or shuffle the folds.") from None


def _scorer(scoring: Callable[..., float] | None) -> Callable[..., float] | None:
    """Return scoring as a function of y, predictions (m, n_targets) and weights; one target is handed over flat."""
    if scoring is None:
        return None

    def score(y: np.ndarray, predictions: np.ndarray, weights: np.ndarray) -> float:
        if y.shape[1] == 1:
            y = y[:, 0]
        if predictions.shape[1] == 1:
            predictions = predictions[:, 0]
        return scoring(y, predictions, sample_weight=weights)

    return score
