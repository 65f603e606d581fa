"""From whatever the user holds to a design, with no copy where the data can be used as they lie."""

import math
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from fastreg.design.base import Design
from fastreg.design.dense import DenseDesign
from fastreg.design.dense_tiles import DTYPES
from fastreg.design.scan import extremes, look_at_rows, survey
from fastreg.design.sparse import SparseDesign

# Beyond, even powers of two cannot scale a column without losing digits.
LARGEST = 1e300


def as_design(X: Any, n_threads: int = 1) -> tuple[Design, Any]:
    """Return a design over X, whose entries have not been looked at, and the names of the columns.

    Used without a copy: NumPy arrays of native bool, integer, float32 or float64 dtype with any strides, read-only or
    memory-mapped; CSC of float32 or float64. CSR (and other sparse formats) are converted to CSC once; unsorted or
    duplicated sparse indices are put in order in a copy; data frames go through ``to_numpy``.

    Raises
    ------
    ValueError, TypeError
        If X is not a two-dimensional matrix of real numbers with at least one row and one column.
    """
    names = column_names(X)
    return (_sparse(X, n_threads) if sp.issparse(X) else _dense(_to_array(X), n_threads)), names


class Entries(NamedTuple):
    """What one look at X tells: max_i |x_ij|, means and spreads under weights, inner products with vectors."""

    largest: np.ndarray
    moments: tuple[np.ndarray, np.ndarray] | None
    sums: np.ndarray


def check_entries(
    design: Design, weights: np.ndarray | None = None, vectors: np.ndarray | None = None
) -> Entries:  # fmt: skip
    """Look at X: refuse entries that are not finite, and return what else there is to be seen of every column.

    Raises
    ------
    ValueError
        If an entry is not finite, or columns are too large or too small.
    """
    largest, mean, spread, sums = survey(design, weights, further=vectors)
    low, top = extremes(largest)
    if math.isnan(top):
        column = int(np.flatnonzero(np.isnan(largest))[0])
        raise ValueError(
            f"X: expected finite numbers, got NaN or infinity in column {column}. "
            "Impute or drop such rows or columns first."
        )
    if top > LARGEST or low < 1 / LARGEST:
        raise ValueError(
            f"X: expected columns whose largest entries are 0 or between {1 / LARGEST:g} and {LARGEST:g}, got "
            f"{low:g} to {top:g}. Change the units of such columns."
        )
    return Entries(largest, None if weights is None else (mean, spread), sums)


def column_names(X: Any) -> Any:
    """Return the column names of a data frame whose names are all strings, else None."""
    columns = getattr(X, "columns", None)
    if columns is None or not all(isinstance(name, str) for name in columns):
        return None
    return np.asarray(list(columns), dtype=object)


def check_names(X: Any, names: Any, message: str) -> None:
    """Refuse a data frame whose columns are not those with these names (None: it had none), in their order."""
    found = column_names(X)
    if found is not None and names is not None and list(found) != list(names):
        raise ValueError(f"{message}, in their order, got other names.")


def twin(design: Design, n_threads: int) -> Design:
    """Return another design over the same matrix, with scratch of its own: such two may be used side by side."""
    if design.is_sparse:
        return SparseDesign(*design.owner, (design.n_rows, design.n_cols), n_threads)
    return DenseDesign(design.owner, n_threads)


def _to_array(X: Any) -> np.ndarray:
    if np.ma.isMaskedArray(X):
        raise TypeError("X: expected an array without a mask, got a masked array. Fill or drop the masked entries.")
    if isinstance(X, np.ndarray):
        return X
    if hasattr(X, "sparse") and hasattr(X, "dtypes"):
        raise TypeError("X: expected dense columns, got a sparse data frame. Pass X.sparse.to_coo() instead.")
    if not hasattr(X, "to_numpy"):
        return np.asarray(X)
    array = X.to_numpy()
    numeric = all(getattr(dtype, "kind", "O") in "biuf" for dtype in getattr(X, "dtypes", [array.dtype]))
    # A frame of several numeric types, or of nullable ones, arrives as objects.
    return X.to_numpy(dtype=float, na_value=np.nan) if array.dtype == object and numeric else array


def _check_shape(X: Any) -> None:
    if X.ndim != 2:
        raise ValueError(
            f"X: expected a matrix of shape (n_samples, n_features), got {X.ndim} dimension(s). "
            "Reshape your data: a single feature with X.reshape(-1, 1), a single sample with X.reshape(1, -1)."
        )
    if X.shape[0] == 0 or X.shape[1] == 0:
        found = "sample" if X.shape[0] == 0 else "feature"
        raise ValueError(
            "X: expected at least one sample and one feature, "
            f"found 0 {found}(s) (shape={tuple(X.shape)}) while a minimum of 1 is required."
        )
    if X.shape[0] >= 2**31:
        raise ValueError(f"X: expected fewer than 2**31 samples, got {X.shape[0]}.")


def _check_dtype(dtype: np.dtype, name: str = "X") -> None:
    if dtype.kind == "c":
        raise ValueError(f"{name}: Complex data not supported: expected real numbers, got dtype {dtype}.")
    if dtype.kind not in "biuf":
        raise TypeError(
            f"{name}: expected real numbers, got dtype {dtype}. "
            "Encode categories as numbers and convert with astype(float)."
        )


def _dense(X: np.ndarray, n_threads: int) -> Design:
    _check_shape(X)
    _check_dtype(X.dtype)
    if type(X) is not np.ndarray:
        X = np.asarray(X)
    if X.dtype.kind == "b":
        X = X.view(np.uint8)
    if X.dtype not in DTYPES or any(stride % X.itemsize for stride in X.strides):
        X = X.astype(np.float64)
    return DenseDesign(X, n_threads)


def _sparse(X: Any, n_threads: int) -> Design:
    _check_shape(X)
    _check_dtype(X.dtype)
    if X.format != "csc":
        X = X.tocsc()
    if X.dtype not in (np.float32, np.float64) or not X.dtype.isnative:
        X = X.astype(np.float64)
    data, indices, indptr = (np.ascontiguousarray(part) for part in (X.data, X.indices, X.indptr))
    if indices.dtype not in (np.int32, np.int64):
        indices = indices.astype(np.int64)
    _check_pointer(data, indices, indptr, X.shape)
    low, high, increase = look_at_rows(indices, np.ascontiguousarray(indptr, dtype=np.intp))
    if low < 0 or high >= X.shape[0]:
        raise ValueError(f"X: expected row indices from 0 to {X.shape[0] - 1}, got {low} to {high} in a sparse matrix.")
    if not increase:
        ordered = sp.csc_array((data.copy(), indices.copy(), indptr.copy()), shape=X.shape)
        ordered.sum_duplicates()
        data, indices, indptr = ordered.data, ordered.indices, ordered.indptr
    return SparseDesign(data, indices, indptr, X.shape, n_threads)


def _check_pointer(data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, shape: tuple[int, int]) -> None:
    steps_back = bool((np.diff(indptr) < 0).any())
    if len(indptr) != shape[1] + 1 or indptr[0] != 0 or steps_back or indptr[-1] > min(len(data), len(indices)):
        raise ValueError("X: expected a valid CSC matrix, got an index pointer that does not fit its data.")
