"""Products of many lines with few vectors, as several classes need them; see few.h for why BLAS does not do it."""

import numpy as np

from cython cimport floating
from cython.parallel cimport prange

from fastreg.design.base cimport ceil_div, index_t, threads_for


cdef extern from "few.h" nogil:
    enum:
        STRETCH "FASTREG_STRETCH"
    void few_dots "fastreg_few_dots_f64"(
        const double* x, index_t lines, index_t n, const double* v, index_t vectors, double* out, index_t height
    )
    void few_dots_single "fastreg_few_dots_f32"(
        const float* x, index_t lines, index_t n, const float* v, index_t vectors, double* out, index_t height
    )
    void few_sums "fastreg_few_sums_f64"(
        const double* x, index_t lines, index_t n, index_t length, const double* f, index_t vectors, double* out
    )
    void few_sums_single "fastreg_few_sums_f32"(
        const float* x, index_t lines, index_t n, index_t length, const float* f, index_t vectors, float* out
    )

# Lines that one thread takes at once.
cdef index_t SHEAF = 32


def dots(const floating[:, ::1] lines, const floating[:, ::1] vectors, int n_threads):
    """Return the inner products (k, m) of vectors (k, n) with lines (m, n), float64; their order is always the same."""
    cdef index_t m = lines.shape[0], n = lines.shape[1], k = vectors.shape[0]
    out = np.zeros((k, m))
    cdef double[:, ::1] products = out
    cdef int threads = threads_for(<double> m * n * k, n_threads)
    cdef index_t item, first, count
    if m == 0 or n == 0 or k == 0:
        return out
    for item in prange(ceil_div(m, SHEAF), nogil=True, num_threads=threads, schedule="static"):
        first = item * SHEAF
        count = min(SHEAF, m - first)
        if floating is double:
            few_dots(&lines[first, 0], count, n, &vectors[0, 0], k, &products[0, first], m)
        else:
            few_dots_single(&lines[first, 0], count, n, &vectors[0, 0], k, &products[0, first], m)
    return out


def sums(const floating[:, ::1] lines, const floating[:, ::1] factors, int n_threads):
    """Return factors (k, m) times lines (m, n), in the lines' precision."""
    cdef index_t m = lines.shape[0], n = lines.shape[1], k = factors.shape[0]
    out = np.zeros((k, n), dtype=np.float64 if floating is double else np.float32)
    cdef floating[:, ::1] totals = out
    cdef int threads = threads_for(<double> m * n * k, n_threads)
    cdef index_t item, first, count
    if m == 0 or n == 0 or k == 0:
        return out
    for item in prange(ceil_div(n, STRETCH), nogil=True, num_threads=threads, schedule="static"):
        first = item * STRETCH
        count = min(<index_t> STRETCH, n - first)
        if floating is double:
            few_sums(&lines[0, first], m, n, count, &factors[0, 0], k, &totals[0, first])
        else:
            few_sums_single(&lines[0, first], m, n, count, &factors[0, 0], k, &totals[0, first])
    return out
