"""The active set of exact tracing and the Cholesky factor of its matrix, row by row.

S is a list of positions in the working set, and L L' = Q_SS + a2 l2_S with one row of L for each of them. Appending
a position costs one triangular solve, removing one costs Givens rotations: O(|S|^2) either way. L grows with S, which
is much smaller than the working set.
"""

import numpy as np

from libc.math cimport sqrt
from scipy.linalg.cython_lapack cimport dpotrf

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport axpy, dot
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.subproblem.forms cimport GramForm

# A pivot below this fraction of the diagonal means that the column depends on S.
cdef double DEPENDENT = 1e-13


cdef class ActiveSet:
    """Positions, their places in the factor (-1 outside), and the factor."""

    def __init__(self):
        self.active = np.empty(0, dtype=np.intp)
        self.L = np.empty((0, 0))

    def _grow_factor(self, used, capacity):
        L = np.zeros((capacity, capacity))
        L[:used, :used] = self.L[:used, :used]
        self.L = L

    cdef int reserve_factor(self, index_t rows) except -1 nogil:
        # Room for a factor of so many rows; those in use are kept. The active set is much smaller than W.
        if self.L.shape[0] < rows:
            with gil:
                self._grow_factor(min(self.size, self.L.shape[0]), max(rows, 2 * self.L.shape[0], 64))
        return 0


cdef void forward(ActiveSet self, double* x, index_t size) noexcept nogil:
    # x <- L^-1 x
    cdef index_t k
    for k in range(size):
        x[k] = (x[k] - dot(&self.L[k, 0], x, k)) / self.L[k, k]


cdef void backward(ActiveSet self, double* x, index_t size) noexcept nogil:
    # x <- L'^-1 x
    cdef index_t k
    for k in range(size - 1, -1, -1):
        x[k] /= self.L[k, k]
        axpy(-x[k], &self.L[k, 0], x, k)


cdef int factorize(ActiveSet self, GramForm form, const Penalty* pen) except -1 nogil:
    # L of the whole active set at once; False if its columns are dependent.
    cdef index_t k, j
    cdef int n, info, ld
    if self.size == 0:
        return True
    self.reserve_factor(self.size)
    for k in range(self.size):
        for j in range(k + 1):
            self.L[k, j] = form.Q[self.active[k], self.active[j]]
        self.L[k, k] += pen.a2 * pen.l2[form.feature[self.active[k]]]
        self.w[k] = self.L[k, k]
    # LAPACK sees the rows of L as columns: its upper triangle is our lower one.
    n, ld = <int> self.size, <int> self.L.shape[1]
    dpotrf("U", &n, &self.L[0, 0], &ld, &info)
    if info != 0:
        return False
    for k in range(self.size):
        if not self.L[k, k] * self.L[k, k] > DEPENDENT * self.w[k]:
            return False
    return True


cdef int append_row(ActiveSet self, GramForm form, const Penalty* pen, index_t i) except -1 nogil:
    # Make i the last of S; False if it depends on S, with w = L^-1 Q_Si either way.
    cdef double diagonal = form.Q[i, i] + pen.a2 * pen.l2[form.feature[i]]
    cdef double pivot
    cdef index_t k
    for k in range(self.size):
        self.w[k] = form.Q[i, self.active[k]]
    forward(self, &self.w[0], self.size)
    pivot = diagonal - dot(&self.w[0], &self.w[0], self.size)
    if not pivot > DEPENDENT * diagonal:
        return False
    self.reserve_factor(self.size + 1)
    for k in range(self.size):
        self.L[self.size, k] = self.w[k]
    self.L[self.size, self.size] = sqrt(pivot)
    self.active[self.size] = i
    self.place[i] = self.size
    self.size += 1
    return True


cdef void remove_row(ActiveSet self, index_t k) noexcept nogil:
    # Delete row k of L and restore the triangle.
    cdef index_t row, col
    cdef double x, y, r, c, s
    self.place[self.active[k]] = -1
    for row in range(k, self.size - 1):
        self.active[row] = self.active[row + 1]
        self.place[self.active[row]] = row
        for col in range(row + 2):
            self.L[row, col] = self.L[row + 1, col]
    self.size -= 1
    # Row `row` now reaches one past the diagonal; rotate columns (row, row + 1) in all rows from there on.
    for col in range(k, self.size):
        x, y = self.L[col, col], self.L[col, col + 1]
        r = sqrt(x * x + y * y)
        c, s = x / r, y / r
        self.L[col, col] = r
        self.L[col, col + 1] = 0.0
        for row in range(col + 1, self.size):
            x, y = self.L[row, col], self.L[row, col + 1]
            self.L[row, col] = c * x + s * y
            self.L[row, col + 1] = c * y - s * x
