"""The contract between the solver and the matrix: a handful of bulk operations.

A design knows how X is stored (dense or sparse, C or F order, float32 or float64, int32 or int64 indices,
in memory or on disk) and nobody else does. The operations are bulk operations: one call serves many
columns, so that a virtual call costs nothing and threads have something to share. In the formulas X is the
raw matrix of n_rows x n_cols and ``cols`` names some of its columns.

========== ==================================================================================
survey     max_i |x_ij| for every column, NaN where a column holds NaN or infinity; and, for every vector w of weights
           that sum to 1, mean_j = sum_i w_i s_j x_ij and spread_j = sum_i w_i (s_j x_ij - mean_j)^2; and what
           ``correlate`` would say of all columns and further vectors
correlate  out[t, j] = sum_i x_ij u[t, i] for the columns and every vector u_t
predict    eta[t, i] += sum_j x_ij coef[t, j]
gram       out[a, b] = inner products of the affinely mapped columns a and b
pack       the affinely mapped columns, float64, one after the other
compress   the same without their zeros and their centers (sparse designs only)
========== ==================================================================================

``size_of`` says how many stored entries some columns hold and ``equal`` whether two columns are the same.
Every operation that reads X adds what it read to ``entries_read``; n_passes is made of nothing else.

The Gram matrix is written once: panels of mapped rows (``load_panel``), then small matrix products. It is
computed from centered panels, because subtracting n mean mean' afterwards loses everything at a mean of
1e6 standard deviations.
"""

import numpy as np

from cython.parallel cimport prange

from fastreg.design.cubes cimport multiply_cubes
from fastreg.runtime.interrupt cimport poll

# Numbers in a slab of panels: 16 MB where a team of threads is woken for each, else what stays in the cache (512 KB).
cdef index_t SLAB_ENTRIES = 1 << 21
# Shares of a cube, of which each is multiplied by itself: few columns are work for several threads too.
cdef index_t QUARTERS = CUBE // SHARE
cdef index_t SLAB_ENTRIES_ALONE = 1 << 16

NO_NUMBERS, NO_ROWS, NO_INDICES = np.empty(0), np.empty((0, 0)), np.empty(0, dtype=np.intp)

# Panels are so many cubes long in the direction in which X lies: short lines would be over before the processor has
# learnt to fetch them ahead.
cdef index_t LONG = 8


cdef struct Slab:
    # `depth` times CUBE rows from `row` on: for each, `blocks` cubes side by side, wa of them from a, then wb from b.
    Columns a
    Columns b
    index_t wa
    index_t wb
    index_t blocks
    index_t row
    index_t depth
    index_t most
    double* data
    bint same
    # Panels are `high` cubes high and `wide` columns wide: `pieces` of them side by side for a, `more` for b.
    index_t high
    index_t wide
    index_t pieces
    index_t more


cdef class Design:
    """Abstract base; see the module's docstring for the operations."""

    def __cinit__(self, *args, **kwargs):
        self.panel = NO_NUMBERS

    cdef int survey(self, Vectors weights, const double* scale, Survey out) except -1 nogil:
        # ``out`` comes filled with zeros.
        return self.missing()

    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil:
        return self.missing()

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        return self.missing()

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        return self.missing()

    cdef int compress(self, Affine* affine, Columns cols, Compressed out) except -1 nogil:
        return self.missing()

    cdef void load_panel(self, Affine* affine, Columns cols, Panel panel) noexcept nogil:
        # The mapped entries of a panel into its cubes, zeros past either end: columns up to a multiple of SHARE (of
        # CUBE where X lies row by row), rows up to a multiple of CUBE.
        panel.cubes[0] = 0.0

    cdef double size_of(self, Columns cols) noexcept nogil:
        return <double> self.n_rows * cols.count

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        return a == b

    cdef int team(self, double work) noexcept nogil:
        # Threads for an operation of so much work.
        return threads_for(work, self.n_threads)

    cdef int gram(self, Affine* affine, Columns a, Columns b, double* out, index_t stride) except -1 nogil:
        # Slabs of rows: all panels of a slab are loaded, then multiplied; two teams of threads a slab.
        cdef Slab slab
        cdef index_t k, item, j
        cdef double work = <double> self.n_rows * a.count * (1 + b.count // 8)
        cdef int threads = self.team(work)
        slab.same = a.index == b.index and a.count == b.count
        slab.a, slab.b = a, b
        slab.wa, slab.wb = ceil_div(a.count, CUBE), ceil_div(b.count, CUBE)
        slab.blocks = slab.wa if slab.same else slab.wa + slab.wb
        k = SLAB_ENTRIES if threads > 1 else SLAB_ENTRIES_ALONE
        slab.most = max(1, min(k // (slab.blocks * CUBE * CUBE), ceil_div(self.n_rows, CUBE)))
        if self.panel.shape[0] < slab.most * slab.blocks * CUBE * CUBE:
            with gil:
                self.panel = np.empty(slab.most * slab.blocks * CUBE * CUBE)
        slab.data = &self.panel[0]
        slab.high = 1 if self.by_row else LONG
        slab.wide = LONG * CUBE if self.by_row else SHARE
        slab.pieces = ceil_div(a.count, slab.wide)
        slab.more = 0 if slab.same else ceil_div(b.count, slab.wide)
        for item in range(a.count):
            for j in range(b.count):
                out[item * stride + j] = 0.0
        self.entries_read += self.size_of(a) + (0.0 if slab.same else self.size_of(b))
        for k in range(ceil_div(self.n_rows, slab.most * CUBE)):
            poll()
            slab.row = k * slab.most * CUBE
            slab.depth = min(slab.most, ceil_div(self.n_rows - slab.row, CUBE))
            j = ceil_div(slab.depth, slab.high) * (slab.pieces + slab.more)
            for item in prange(j, num_threads=threads, schedule="static"):
                load_piece(self, affine, &slab, item)
            for item in prange(slab.wa * QUARTERS * slab.wb, num_threads=threads, schedule="dynamic"):
                multiply_panels(&slab, item // slab.wb, item % slab.wb, out, stride)
        if slab.same:
            for item in range(a.count):
                for j in range(item):
                    out[item * stride + j] = out[j * stride + item]
        return 0

    def product(self, coefs):
        """Return X times a csc_array (n_cols, k) as an array (n_rows, k), column by column of coefs."""
        cdef double[:, ::1] out = np.zeros((coefs.shape[1], self.n_rows))
        cdef const index_t[::1] index
        cdef const double[::1] value
        cdef Columns cols
        cdef Vectors vectors
        cdef index_t k
        for k in range(out.shape[0]):
            entries = slice(coefs.indptr[k], coefs.indptr[k + 1])
            index = np.ascontiguousarray(coefs.indices[entries], dtype=np.intp)
            value = np.ascontiguousarray(coefs.data[entries], dtype=float)
            cols.count = index.shape[0]
            vectors.count = 1
            if cols.count:
                cols.index, vectors.data = &index[0], &value[0]
                with nogil:
                    self.predict(cols, vectors, &out[k, 0])
        return np.asarray(out).T

    cdef int missing(self) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} does not implement this operation of Design.")


cdef void load_piece(Design X, Affine* affine, Slab* slab, index_t item) noexcept nogil:
    # Panel `item` of the slab: from top to bottom, at each height those of a before those of b.
    cdef index_t across = slab.pieces + slab.more
    cdef index_t top = (item // across) * slab.high
    cdef index_t left = item % across
    cdef bint of_a = left < slab.pieces
    cdef Columns cols = slab.a if of_a else slab.b
    cdef Panel panel
    panel.row = slab.row + top * CUBE
    panel.nr = min(min(slab.high, slab.depth - top) * CUBE, X.n_rows - panel.row)
    panel.first = (left if of_a else left - slab.pieces) * slab.wide
    panel.nc = max(0, min(slab.wide, cols.count - panel.first))
    panel.blocks = slab.blocks
    panel.cubes = slab.data + (top * slab.blocks + (0 if of_a else slab.wa)) * CUBE * CUBE
    X.load_panel(affine, cols, panel)


cdef void multiply_panels(Slab* slab, index_t share, index_t ib, double* out, index_t stride) noexcept nogil:
    # out[share, block ib] += left' right, summed over the slab; of a symmetric product the part above the diagonal.
    cdef index_t ia = share // QUARTERS
    cdef index_t top = (share % QUARTERS) * SHARE
    cdef index_t left = top if slab.same and ia == ib else 0
    cdef index_t row = ia * CUBE + top
    cdef index_t col = ib * CUBE + left
    cdef index_t right = ib if slab.same else slab.wa + ib
    cdef double* cubes
    cdef index_t d
    if (slab.same and ia > ib) or row >= slab.a.count or col >= slab.b.count:
        return
    for d in range(slab.depth):
        cubes = slab.data + d * slab.blocks * CUBE * CUBE
        multiply_cubes(
            cubes + ia * CUBE * CUBE + in_cube(0, top), cubes + right * CUBE * CUBE + in_cube(0, left),
            out + row * stride + col, stride,
            <int> min(<index_t> SHARE, slab.a.count - row), <int> min(CUBE - left, slab.b.count - col),
        )
