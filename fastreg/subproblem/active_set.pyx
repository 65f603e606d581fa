"""The active set of exact tracing and the Cholesky factor of its matrix, row by row.

S is a list of positions in the working set, and L L' = Q_SS + a2 l2_S with one row of L for each of them. Appending
a position costs one triangular solve, removing one costs Givens rotations: O(|S|^2) either way. L grows with S, which
is much smaller than the working set.
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport sqrt
from libc.string cimport memcpy, memset

from fastreg.design.base cimport CUBE, NO_INDICES, NO_ROWS, STRIP, Design, ceil_div, index_t
from fastreg.design.cubes cimport multiply_cubes, turn_lines
from fastreg.design.tiles cimport axpy, dot, rotate
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.runtime.interrupt cimport poll
from fastreg.subproblem.gram cimport GramForm
from fastreg.subproblem.triangles cimport factor_columns, solve_strip

# A pivot below this fraction of the diagonal means that the column depends on S.
cdef double DEPENDENT = 1e-13


cdef class ActiveSet:
    """Positions, their places in the factor (-1 outside), the factor, and y = L^-1 x for some right-hand side x."""

    def __init__(self):
        self.active, self.L = NO_INDICES, NO_ROWS

    def _grow_factor(self, index_t used, index_t capacity):
        cdef double[:, ::1] L = np.zeros((capacity, capacity))
        cdef double[:, ::1] numbers = np.zeros((3, capacity))
        if used:
            L[:used, :used], numbers[0, :used] = self.L[:used, :used], self.y[:used]
        self.L, self.y, self.cosine, self.sine = L, numbers[0], numbers[1], numbers[2]
        self.cubes = np.empty((capacity + CUBE) * CUBE)

    cdef int reserve_factor(self, index_t rows) except -1 nogil:
        # Room for a factor of so many rows; those in use are kept. The active set is much smaller than W.
        cdef index_t least = min(64, self.active.shape[0])
        if self.L.shape[0] < rows:
            with gil:
                self._grow_factor(min(self.size, self.L.shape[0]), max(rows, 2 * self.L.shape[0], least))
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
    # L of the whole active set at once, a block of columns after the other; False if its columns are dependent.
    cdef index_t k, j
    if self.size == 0:
        return True
    self.reserve_factor(self.size)
    for k in range(self.size):
        for j in range(k + 1):
            self.L[k, j] = form.Q[self.active[k], self.active[j]]
        self.L[k, k] += pen.a2 * pen.l2[form.feature[self.active[k]]]
        self.w[k] = self.L[k, k]
    return decompose(self, form.design.raw)


cdef int decompose(ActiveSet self, Design raw) except -1 nogil:
    # L in the place of the lower triangle of a matrix; w holds its diagonal. False if that is singular up to rounding.
    cdef index_t blocks = ceil_div(self.size, CUBE)
    cdef index_t k, j, block
    cdef int team
    for k in range(blocks):
        poll()
        team = raw.team((<double> self.size - k * CUBE) * k * CUBE * CUBE / 8)
        for j in range(k):
            turn_lines(
                &self.L[k * CUBE, j * CUBE], self.L.shape[1], <int> min(CUBE, self.size - k * CUBE), CUBE, CUBE,
                &self.cubes[j * CUBE * CUBE],
            )
        # Even a team of one costs a call of the system: a small factor has none.
        if k > 0:
            for block in prange(k, blocks, num_threads=team, schedule="dynamic"):
                subtract_products(self, block, k)
        if not factorize_block(self, k * CUBE, min(CUBE, self.size - k * CUBE)):
            return False
        for block in prange(k + 1, blocks, num_threads=team, schedule="dynamic"):
            solve_block(self, block * CUBE, min(CUBE, self.size - block * CUBE), k * CUBE)
    return True


cdef void subtract_products(ActiveSet self, index_t row, index_t col) noexcept nogil:
    # L[row, col] -= sum_k<col L[row, k] L[col, k]', block by block; the cubes of L[col, :] are there.
    cdef double[CUBE * CUBE] cube
    cdef double[CUBE * CUBE] sums
    cdef int nr = <int> min(CUBE, self.size - row * CUBE)
    cdef int nc = <int> min(CUBE, self.size - col * CUBE)
    cdef index_t k, i, j
    memset(sums, 0, CUBE * CUBE * sizeof(double))
    for k in range(col):
        turn_lines(&self.L[row * CUBE, k * CUBE], self.L.shape[1], nr, CUBE, CUBE, cube)
        multiply_cubes(cube, &self.cubes[k * CUBE * CUBE], sums, CUBE, nr, nc)
    for i in range(nr):
        for j in range(nc):
            self.L[row * CUBE + i, col * CUBE + j] -= sums[i * CUBE + j]


cdef bint factorize_block(ActiveSet self, index_t first, index_t count) noexcept nogil:
    # Cholesky of one diagonal block in place, by way of its transpose; False where a pivot vanishes.
    cdef double[CUBE * CUBE] columns
    cdef double[CUBE] least
    cdef index_t length = ceil_div(count, STRIP) * STRIP
    cdef index_t k, i
    for k in range(CUBE):
        least[k] = DEPENDENT * self.w[first + k] if k < count else 0.0
    for k in range(count):
        memset(&columns[k * CUBE], 0, length * sizeof(double))
        for i in range(k, count):
            columns[k * CUBE + i] = self.L[first + i, first + k]
    if factor_columns(columns, <int> count, CUBE, least) < count:
        return False
    for i in range(count):
        memset(&self.L[first + i, first], 0, count * sizeof(double))
        for k in range(i + 1):
            self.L[first + i, first + k] = columns[k * CUBE + i]
    return True


cdef void solve_block(ActiveSet self, index_t row, index_t count, index_t col) noexcept nogil:
    # X L' = C for X in the place of C, L the diagonal block at col: strips of eight rows, transposed there and back.
    cdef double[CUBE * CUBE] cube
    cdef double[CUBE] inverse
    cdef double* strip
    cdef index_t part, k, i
    turn_lines(&self.L[row, col], self.L.shape[1], <int> count, CUBE, CUBE, cube)
    for k in range(CUBE):
        inverse[k] = 1.0 / self.L[col + k, col + k]
    for part in range(ceil_div(count, STRIP)):
        strip = cube + part * STRIP * CUBE
        solve_strip(strip, &self.L[col, col], self.L.shape[1], inverse)
        for i in range(min(<index_t> STRIP, count - part * STRIP)):
            for k in range(CUBE):
                self.L[row + part * STRIP + i, col + k] = strip[k * STRIP + i]


cdef int append_row(ActiveSet self, GramForm form, const Penalty* pen, index_t i) except -1 nogil:
    # Make i the last of S; False if it depends on S, with w = L^-1 Q_Si either way. The last of y is for the caller.
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
    # Delete row k of L and restore the triangle: what stands beyond the diagonal in the rows below is rotated away.
    cdef index_t row, block, last, first
    cdef double x, y, r
    self.place[self.active[k]] = -1
    for row in range(k, self.size - 1):
        self.active[row] = self.active[row + 1]
        self.place[self.active[row]] = row
        memcpy(&self.L[row, 0], &self.L[row + 1, 0], (row + 2) * sizeof(double))
    self.size -= 1
    # Row `row` gives the rotation of columns (row, row + 1); CUBE rows at a time wait for those above them.
    for block in range(ceil_div(self.size - k, CUBE)):
        first = k + block * CUBE
        last = min(first + CUBE, self.size)
        if first > k:
            rotate(&self.L[first, k], last - first, self.L.shape[1], first - k, &self.cosine[k], &self.sine[k])
        for row in range(first, last):
            if row > first:
                rotate(&self.L[row, first], 1, 0, row - first, &self.cosine[first], &self.sine[first])
            x, y = self.L[row, row], self.L[row, row + 1]
            r = sqrt(x * x + y * y)
            self.cosine[row], self.sine[row] = x / r, y / r
            self.L[row, row] = r
    rotate(&self.y[k], 1, 0, self.size - k, &self.cosine[k], &self.sine[k])
