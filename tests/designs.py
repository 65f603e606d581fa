"""The one list of designs that the tests run over: every way a matrix may lie in memory."""

import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp


def _read_only(A):
    copy = A.copy()
    copy.setflags(write=False)
    return copy


def _memmap(A, dtype=np.float64):
    folder = tempfile.mkdtemp(prefix="fastreg-tests-")
    path = Path(folder) / "X.bin"
    A.astype(dtype).tofile(path)
    mapped = np.memmap(path, dtype=dtype, mode="r", shape=A.shape)
    path.unlink()  # The mapping outlives the name.
    Path(folder).rmdir()
    return mapped


def _indices(X, dtype):
    X.indices, X.indptr = X.indices.astype(dtype), X.indptr.astype(dtype)
    return X


def _unsorted(A):
    """CSC with descending rows and every entry in two halves."""
    X = sp.csc_array(A)
    columns = [slice(X.indptr[j], X.indptr[j + 1]) for j in range(X.shape[1])]
    rows = np.concatenate([np.tile(X.indices[c][::-1], 2) for c in columns])
    data = np.concatenate([np.tile(X.data[c][::-1] / 2, 2) for c in columns])
    return sp.csc_array((data, rows, 2 * X.indptr), shape=X.shape)


def _strided(A):
    return np.repeat(np.repeat(A, 2, axis=0), 3, axis=1)[::2, ::3]


REPRESENTATIONS = {
    "dense-C-f64": np.ascontiguousarray,
    "dense-F-f64": np.asfortranarray,
    "dense-C-f32": lambda A: np.ascontiguousarray(A, dtype=np.float32),
    "dense-F-f32": lambda A: np.asfortranarray(A, dtype=np.float32),
    "read-only": _read_only,
    "memmap": _memmap,
    "memmap-f32": lambda A: _memmap(A, np.float32),
    "strided": _strided,
    "reversed": lambda A: A[::-1, ::-1].copy()[::-1, ::-1],
    "csc-f64-i32": lambda A: _indices(sp.csc_array(A), np.int32),
    "csc-f32-i64": lambda A: _indices(sp.csc_array(A.astype(np.float32)), np.int64),
    "csc-matrix": sp.csc_matrix,
    "csr-i32": lambda A: _indices(sp.csr_array(A), np.int32),
    "csr-i64": lambda A: _indices(sp.csr_array(A), np.int64),
    "coo": sp.coo_array,
    "csc-unsorted": _unsorted,
}


def make_data(n, p, *, kind="plain", seed=0):
    """Return A (n, p), exactly representable in float32, and y; `kind` adds pathological columns."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n, p)) * (rng.random((n, p)) < 0.6)
    A[:, 1 : p // 2] += 0.5 * A[:, : p // 2 - 1]
    if kind == "pathological":
        A[:, 2] = 0.0
        A[:, 5] = 1.5
        A[:, 7] = A[:, 3]
        A[:, 11] = A[:, 3]
        A[:, 13] = -A[:, 4]
    A = A.astype(np.float32).astype(float)
    b = np.zeros(p)
    b[rng.choice(p, min(p, 6), replace=False)] = rng.standard_normal(min(p, 6)) * 2
    return A, A @ b + 0.7 * rng.standard_normal(n) + 1.3


# Options that must work for every design, alone and together; `p` features, `n` samples.
def option_sets(n, p, seed=1):
    """Return named keyword arguments of fit_path."""
    rng = np.random.default_rng(seed)
    factors = rng.uniform(0.5, 2.0, p)
    weights = rng.integers(0, 4, n).astype(float)
    weights[0] = 1.0
    special = factors.copy()
    special[[0, 6]] = 0.0
    special[[1, 8]] = np.inf
    upper = np.where(np.arange(p) % 3 == 0, 0.2, np.inf)
    return {
        "lasso": {},
        "elastic-net": {"l1_ratio": 0.5},
        "ridge": {"l1_ratio": 0.0},
        "no-intercept": {"fit_intercept": False, "l1_ratio": 0.8},
        "standardize": {"standardize": True, "l1_ratio": 0.9},
        "weights": {"sample_weight": weights},
        "factors": {"penalty_factors": special},
        "bounds": {"lower_bounds": -0.1, "upper_bounds": upper},
        "positive": {"lower_bounds": 0.0, "l1_ratio": 0.7},
        "offset": {"offset": rng.standard_normal(n)},
        "ridge-bounds": {"l1_ratio": 0.0, "upper_bounds": upper},
        "ridge-factors": {"l1_ratio": 0.0, "penalty_factors": special, "sample_weight": weights},
        "together": {
            "l1_ratio": 0.6,
            "sample_weight": weights,
            "offset": rng.standard_normal(n),
            "penalty_factors": special,
            "lower_bounds": -0.4,
            "upper_bounds": upper,
            "standardize": True,
        },
    }
