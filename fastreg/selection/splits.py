"""Which rows a fold is fitted on, and which rows it is judged by."""

from typing import Any, NamedTuple

import numpy as np


class Split(NamedTuple):
    """Row numbers of one fold."""

    train: np.ndarray
    test: np.ndarray


def make_splits(cv: Any, y: np.ndarray, groups: Any = None) -> list[Split]:
    """Return the splits that cv stands for.

    Parameters
    ----------
    cv : int, scikit-learn splitter, or iterable of (train, test)
        An integer stands for so many blocks of consecutive rows, or, with groups, for scikit-learn's ``GroupKFold``.
        Train and test are row numbers or boolean masks.
    y : ndarray (n_samples, ...), for splitters that look at it
    groups : None or array (n_samples,)

    Raises
    ------
    ValueError, TypeError
        If cv is none of these, or if its rows do not fit.
    """
    n = len(y)
    if groups is not None and len(groups) != n:
        raise ValueError(f"groups: expected one label for each of {n} rows, got {len(groups)}.")
    if isinstance(cv, (int, np.integer)) and not isinstance(cv, bool):
        if not 2 <= cv <= n:
            raise ValueError(f"cv: expected from 2 folds to as many as rows, got {cv} for n_samples={n}.")
        cv = _blocks(n, int(cv)) if groups is None else _group_folds(int(cv))
    elif groups is not None and not hasattr(cv, "split"):
        raise ValueError("groups: expected an integer or a splitter as cv, got splits that know nothing of groups.")
    if hasattr(cv, "split") and not isinstance(cv, str):
        # Splitters look at how many rows X has, and some at y.
        cv = cv.split(np.empty((n, 1)), y, groups)
    try:
        pairs = [] if isinstance(cv, str) else [tuple(pair) for pair in cv]
    except TypeError:
        raise TypeError(
            f"cv: expected an integer, an object with a method split, or (train, test) pairs, got {cv!r}."
        ) from None
    if not pairs or any(len(pair) != 2 for pair in pairs):
        raise ValueError("cv: expected at least one pair (train, test).")
    return [Split(*(_rows(part, n, k) for part in pair)) for k, pair in enumerate(pairs)]


def _blocks(n: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    tests = np.array_split(np.arange(n), count)
    return [(np.setdiff1d(np.arange(n), test, assume_unique=True), test) for test in tests]


def _group_folds(count: int) -> Any:
    try:
        from sklearn.model_selection import GroupKFold
    except ImportError as error:
        raise ImportError(
            "groups with an integer cv needs scikit-learn. Install it with: pip install 'fastreg[sklearn]', or pass "
            "the splits themselves as cv."
        ) from error
    return GroupKFold(count)


def _rows(part: Any, n: int, fold: int) -> np.ndarray:
    rows = np.asarray(part)
    if rows.dtype == bool and rows.shape == (n,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.size == 0 or rows.dtype.kind not in "iu":
        raise ValueError(f"cv: expected row numbers or a mask of {n} rows in fold {fold}, got shape {rows.shape}.")
    if rows.min() < 0 or rows.max() >= n:
        raise ValueError(f"cv: expected rows from 0 to {n - 1} in fold {fold}, got {rows.min()} to {rows.max()}.")
    return rows.astype(np.intp)
