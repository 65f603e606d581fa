"""The contract between the solver and the matrix: a handful of bulk operations.

A design knows how X is stored (dense or sparse, C or F order, float32 or float64, int32 or int64 indices,
in memory or on disk) and nobody else does. The operations are bulk operations: one call serves many
columns, so that a virtual call costs nothing and threads have something to share. In the formulas X is the
raw matrix of n_rows x n_cols and ``cols`` names some of its columns.

========== ==================================================================================
survey     max_i |x_ij| for every column, NaN where a column holds NaN or infinity; and, given weights that sum to 1,
           mean_j = sum_i w_i s_j x_ij and spread_j = sum_i w_i (s_j x_ij - mean_j)^2
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

cdef double THREADS_PAY = 1e6
# Numbers in a slab of panels (16 MB).
cdef index_t SLAB_ENTRIES = 1 << 21


cdef struct Panels:
    # A slab of `depth` times CUBE rows: for each, `blocks` panels of CUBE columns, wa of them from a, wb from b.
    Columns a
    Columns b
    index_t wa
    index_t wb
    index_t blocks
    index_t row
    index_t depth
    double* data
    bint same


cdef class Design:
    """Abstract base; see the module's docstring for the operations."""

    def __cinit__(self, *args, **kwargs):
        self.panel = np.empty(0)

    cdef int survey(self, const double* weight, const double* scale, Survey out) except -1 nogil:
        # largest or the moments (with weight and scale) may be NULL: not wanted. Moments count as a pass.
        return self.missing()

    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil:
        return self.missing()

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        return self.missing()

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        return self.missing()

    cdef int compress(self, Affine* affine, Columns cols, Compressed out) except -1 nogil:
        return self.missing()

    cdef void load_panel(self, Affine* affine, index_t row, Columns cols, index_t first, double* out) noexcept nogil:
        # At most STRIP mapped columns of CUBE rows from `row` on, one after the other; zero past either end.
        out[0] = 0.0

    cdef double size_of(self, Columns cols) noexcept nogil:
        return <double> self.n_rows * cols.count

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        return a == b

    cdef int team(self, double work) noexcept nogil:
        # Threads for an operation of so much work (in entries or small multiples of a flop): waking a team takes
        # microseconds on an idle machine and milliseconds on a busy one.
        return self.n_threads if work >= THREADS_PAY else 1

    cdef int gram(self, Affine* affine, Columns a, Columns b, double* out, index_t stride) except -1 nogil:
        # Slabs of rows: all panels of a slab are loaded, then multiplied; two teams of threads a slab.
        cdef Panels panels
        cdef index_t slab, item, j, depth
        cdef double work = <double> self.n_rows * a.count * (1 + b.count // 8)
        cdef int threads = self.team(work)
        panels.same = a.index == b.index and a.count == b.count
        panels.a, panels.b = a, b
        panels.wa, panels.wb = ceil_div(a.count, CUBE), ceil_div(b.count, CUBE)
        panels.blocks = panels.wa if panels.same else panels.wa + panels.wb
        depth = max(1, min(SLAB_ENTRIES // (panels.blocks * CUBE * CUBE), ceil_div(self.n_rows, CUBE)))
        if work < THREADS_PAY:
            # No team to wake: one panel at a time stays in the cache.
            depth = 1
        if self.panel.shape[0] < depth * panels.blocks * CUBE * CUBE:
            with gil:
                self.panel = np.empty(depth * panels.blocks * CUBE * CUBE)
        panels.data = &self.panel[0]
        for item in range(a.count):
            for j in range(b.count):
                out[item * stride + j] = 0.0
        self.entries_read += self.size_of(a) + (0.0 if panels.same else self.size_of(b))
        for slab in range(ceil_div(self.n_rows, depth * CUBE)):
            poll()
            panels.row = slab * depth * CUBE
            panels.depth = min(depth, ceil_div(self.n_rows - panels.row, CUBE))
            for item in prange(panels.depth * panels.blocks * (CUBE // STRIP), num_threads=threads, schedule="static"):
                load_strip(self, affine, &panels, item)
            for item in prange(panels.wa * panels.wb, num_threads=threads, schedule="dynamic"):
                multiply_panels(&panels, item // panels.wb, item % panels.wb, out, stride)
        if panels.same:
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


cdef void load_strip(Design X, Affine* affine, Panels* panels, index_t item) noexcept nogil:
    # Strip `item` of the slab: STRIP columns of CUBE rows, turned into rows of its cube; cubes of a come before those
    # of b.
    cdef double[STRIP * CUBE] lines
    cdef index_t strips = panels.blocks * (CUBE // STRIP)
    cdef index_t row = panels.row + (item // strips) * CUBE
    cdef index_t first = (item % strips) * STRIP
    cdef double* cube = panels.data + (item // (CUBE // STRIP)) * CUBE * CUBE + (item % (CUBE // STRIP)) * STRIP
    cdef index_t i, j
    if first < panels.wa * CUBE:
        X.load_panel(affine, row, panels.a, first, lines)
    else:
        X.load_panel(affine, row, panels.b, first - panels.wa * CUBE, lines)
    for i in range(CUBE):
        for j in range(STRIP):
            cube[i * CUBE + j] = lines[j * CUBE + i]


cdef void multiply_panels(Panels* panels, index_t ia, index_t ib, double* out, index_t stride) noexcept nogil:
    # out[block ia, block ib] += left' right, summed over the slab.
    cdef int na = <int> min(CUBE, panels.a.count - ia * CUBE)
    cdef int nb = <int> min(CUBE, panels.b.count - ib * CUBE)
    cdef double* cubes
    cdef index_t right = ib if panels.same else panels.wa + ib
    cdef index_t d
    if panels.same and ia > ib:
        return
    for d in range(panels.depth):
        cubes = panels.data + d * panels.blocks * CUBE * CUBE
        multiply_cubes(
            cubes + ia * CUBE * CUBE, cubes + right * CUBE * CUBE, out + ia * CUBE * stride + ib * CUBE, stride, na, nb
        )
