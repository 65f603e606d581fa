"""A dense matrix used as it lies: any order, any strides, ten dtypes, read-only or memory-mapped.

All operations walk over tiles: a few kilobytes of X, converted to float64 in the order in which X lies, so
that the dtype and the strides are known to one function (``load``) and the arithmetic is float64 from there
on (a float32 product would spoil the certificate). The two products of a pass, ``correlate_tile`` and
``predict_tile``, read contiguous float64 and float32 without that detour. Tiles are shared out to threads in
such a way that the order of every sum depends on the shape alone: answers do not depend on the number of threads.
"""

import numpy as np

from cython.parallel cimport prange, threadid
from libc.string cimport memset

from fastreg.design.base cimport (
    CUBE, MOST_WEIGHTS, STRIP, Affine, Columns, Design, Panel, Survey, Vectors, ceil_div, column_at, index_t, place_in,
)
from fastreg.design.cubes cimport turn_lines
from fastreg.design.look cimport LONGEST, Look, survey_tile
from fastreg.design.tiles cimport (
    Tile, combine, combine_single, dot, dot_single, load_tile, map_across, map_along, project,
    sum_of,
)
from fastreg.runtime.interrupt cimport poll

DTYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")

cdef int DOUBLE = 0
cdef int SINGLE = 1
# A tile of 64 KiB stays in the second-level cache; long in the direction in which X is contiguous.
cdef index_t TILE_LONG = LONGEST
cdef index_t TILE_SHORT = 16
# Lines that are read where they lie can be longer.
cdef index_t LINES = 2048
# Entries between two looks at Ctrl-C: about 10 ms from memory, half a second from a slow disk.
cdef double BATCH_ENTRIES = 1.6e7
# Room for the partial sums of blocks of rows, and the rows worth a block.
cdef index_t PARTIAL = 1 << 16
cdef index_t BLOCK_ROWS = 4096
# Rows that lie in one piece are taken whole for this fraction of their columns.
cdef double WHOLE_ROWS = 0.25


cdef class DenseDesign(Design):
    """Dense X; see ``fastreg.design.base`` for the operations."""

    def __init__(self, X, int n_threads=1):
        code = X.dtype.newbyteorder("=").str[1:]
        if X.ndim != 2 or code not in DTYPES or not X.dtype.isnative or any(s % X.itemsize for s in X.strides):
            raise TypeError("DenseDesign: expected a native two-dimensional array of real numbers.")
        address, _ = X.__array_interface__["data"]
        self.owner = X
        self.data = <const void*> <size_t> address
        self.code = DTYPES.index(code)
        self.n_rows, self.n_cols = X.shape
        self.row_stride, self.col_stride = (stride // X.itemsize for stride in X.strides)
        self.by_row = abs(self.col_stride) < abs(self.row_stride)
        self.direct = self.code <= SINGLE and 1 == (self.col_stride if self.by_row else self.row_stride)
        self.tile_rows, self.tile_cols = (TILE_SHORT, TILE_LONG) if self.by_row else (TILE_LONG, TILE_SHORT)
        self.n_entries = <double> self.n_rows * self.n_cols
        self.n_threads = n_threads
        self.tiles = np.empty((n_threads, min(TILE_LONG * TILE_SHORT, self.n_rows * self.n_cols)))
        self.partial, self.whole = np.empty(0), np.empty(0)
        self.is_sparse = False

    cdef void load(self, Columns cols, Tile t, double* out) noexcept nogil:
        cdef index_t rs = self.row_stride
        cdef index_t cs = self.col_stride
        if self.code == DOUBLE:
            load_tile(<const double*> self.data, rs, cs, t, cols.index, out)
        elif self.code == SINGLE:
            load_tile(<const float*> self.data, rs, cs, t, cols.index, out)
        elif self.code == 2:
            load_tile(<const signed char*> self.data, rs, cs, t, cols.index, out)
        elif self.code == 3:
            load_tile(<const unsigned char*> self.data, rs, cs, t, cols.index, out)
        elif self.code == 4:
            load_tile(<const short*> self.data, rs, cs, t, cols.index, out)
        elif self.code == 5:
            load_tile(<const unsigned short*> self.data, rs, cs, t, cols.index, out)
        elif self.code == 6:
            load_tile(<const int*> self.data, rs, cs, t, cols.index, out)
        elif self.code == 7:
            load_tile(<const unsigned int*> self.data, rs, cs, t, cols.index, out)
        elif self.code == 8:
            load_tile(<const long long*> self.data, rs, cs, t, cols.index, out)
        else:
            load_tile(<const unsigned long long*> self.data, rs, cs, t, cols.index, out)

    cdef Tile tile(self, index_t row, index_t end, index_t first, index_t count) noexcept nogil:
        # The tile at (row, first), cut off at row `end` and at `count` columns.
        cdef Tile t
        t.row, t.first, t.by_row = row, first, self.by_row
        t.nr = min(self.tile_rows, end - row)
        t.nc = min(self.tile_cols, count - first)
        return t

    cdef void correlate_tile(self, Columns cols, Tile t, const double* u, double* out) noexcept nogil:
        # out[j] += sum of x_ij u_i over the rows of the tile.
        cdef double* buffer
        cdef index_t at, j
        if self.direct and not t.by_row:
            for j in range(t.nc):
                at = t.row + column_at(cols, t.first + j) * self.col_stride
                if self.code == DOUBLE:
                    out[j] += dot(<const double*> self.data + at, u, t.nr)
                else:
                    out[j] += dot_single(<const float*> self.data + at, u, t.nr)
        elif self.direct and cols.index == NULL:
            at = t.row * self.row_stride + t.first
            if self.code == DOUBLE:
                combine(<const double*> self.data + at, t.nr, self.row_stride, t.nc, u, out)
            else:
                combine_single(<const float*> self.data + at, t.nr, self.row_stride, t.nc, u, out)
        else:
            buffer = &self.tiles[threadid(), 0]
            self.load(cols, t, buffer)
            if t.by_row:
                combine(buffer, t.nr, t.nc, t.nc, u, out)
            else:
                project(buffer, t.nc, t.nr, u, out)

    cdef void predict_tile(self, Columns cols, Tile t, const double* coef, double* eta) noexcept nogil:
        # eta[i] += sum of x_ij coef_j over the columns of the tile.
        cdef double* buffer
        cdef index_t at, j
        if self.direct and not t.by_row:
            for j in range(t.nc):
                at = t.row + column_at(cols, t.first + j) * self.col_stride
                if self.code == DOUBLE:
                    combine(<const double*> self.data + at, 1, 0, t.nr, coef + j, eta)
                else:
                    combine_single(<const float*> self.data + at, 1, 0, t.nr, coef + j, eta)
        elif self.direct and cols.index == NULL:
            for j in range(t.nr):
                at = (t.row + j) * self.row_stride + t.first
                if self.code == DOUBLE:
                    eta[j] += dot(<const double*> self.data + at, coef, t.nc)
                else:
                    eta[j] += dot_single(<const float*> self.data + at, coef, t.nc)
        else:
            buffer = &self.tiles[threadid(), 0]
            self.load(cols, t, buffer)
            if t.by_row:
                project(buffer, t.nr, t.nc, coef, eta)
            else:
                combine(buffer, t.nc, t.nr, t.nr, coef, eta)

    cdef int each(self, Work work, Job* job, index_t items, double entries) except -1 nogil:
        # Share pieces of work, of so many entries each, out to the threads; look at Ctrl-C between batches of them.
        cdef index_t batch = max(self.n_threads, <index_t> (BATCH_ENTRIES / max(entries, 1.0)))
        cdef int threads = self.team(entries * items)
        cdef index_t block, item, end
        for block in range(ceil_div(items, batch)):
            poll()
            end = min((block + 1) * batch, items)
            for item in prange(block * batch, end, num_threads=threads, schedule="static"):
                work(self, job, item)
        return 0

    cdef int survey(self, Vectors weights, const double* scale, Survey out) except -1 nogil:
        cdef Job job
        cdef double entries = <double> self.n_rows * self.tile_cols
        job.cols.index, job.cols.count = NULL, self.n_cols
        job.vectors, job.scale, job.survey = weights, scale, out
        self.entries_read += self.n_entries
        return self.each(survey_chunk, &job, ceil_div(self.n_cols, self.tile_cols), entries)

    cdef bint whole_rows_pay(self, Columns cols) noexcept nogil:
        # Where rows lie in one piece, picking columns out of them costs more than taking the rows as they are, unless
        # the columns are few.
        return self.direct and self.by_row and cols.index != NULL and cols.count >= WHOLE_ROWS * self.n_cols

    cdef Columns all_columns(self) noexcept nogil:
        cdef Columns cols
        cols.index, cols.count = NULL, self.n_cols
        return cols

    cdef int reserve_whole(self, index_t count) except -1 nogil:
        if self.whole.shape[0] < count * self.n_cols:
            with gil:
                self.whole = np.empty(count * self.n_cols)
        return 0

    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil:
        cdef Job job
        cdef index_t size = cols.count * u.count
        cdef index_t blocks = 1
        cdef index_t b, j
        if cols.count == 0:
            return 0
        if self.whole_rows_pay(cols):
            self.reserve_whole(u.count)
            self.correlate(u, self.all_columns(), &self.whole[0])
            for b in range(u.count):
                for j in range(cols.count):
                    out[b * cols.count + j] = self.whole[b * self.n_cols + cols.index[j]]
            return 0
        job.cols, job.vectors, job.out = cols, u, out
        job.chunks = ceil_div(cols.count, self.tile_cols)
        # Too few columns for the threads: share out blocks of rows too, and add their sums up in order.
        if job.chunks < 8:
            blocks = max(1, min(min(16, PARTIAL // size), self.n_rows // BLOCK_ROWS))
        job.rows = ceil_div(self.n_rows, blocks)
        if blocks > 1:
            if self.partial.shape[0] == 0:
                with gil:
                    self.partial = np.empty(PARTIAL)
            job.out = &self.partial[0]
        self.entries_read += <double> self.n_rows * cols.count
        self.each(correlate_chunk, &job, job.chunks * blocks, <double> job.rows * self.tile_cols * u.count)
        for j in range(size if blocks > 1 else 0):
            out[j] = 0.0
            for b in range(blocks):
                out[j] += self.partial[b * size + j]
        return 0

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        cdef Job job
        cdef double entries = <double> self.tile_rows * cols.count * coef.count
        cdef Vectors spread
        cdef index_t j, k
        if self.whole_rows_pay(cols):
            self.reserve_whole(coef.count)
            memset(&self.whole[0], 0, coef.count * self.n_cols * sizeof(double))
            for k in range(coef.count):
                for j in range(cols.count):
                    self.whole[k * self.n_cols + cols.index[j]] = coef.data[k * cols.count + j]
            spread.data, spread.count = &self.whole[0], coef.count
            return self.predict(self.all_columns(), spread, eta)
        job.cols, job.vectors, job.out = cols, coef, eta
        self.entries_read += <double> self.n_rows * cols.count
        return self.each(predict_rows, &job, ceil_div(self.n_rows, self.tile_rows), entries)

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        cdef Job job
        cdef double entries = <double> self.n_rows * self.tile_cols
        job.cols, job.affine, job.out = cols, affine, out
        self.entries_read += <double> self.n_rows * cols.count
        return self.each(pack_chunk, &job, ceil_div(cols.count, self.tile_cols), entries)

    cdef void load_panel(self, Affine* affine, Columns cols, Panel panel) noexcept nogil:
        if self.by_row:
            load_rows(self, affine, cols, panel)
        else:
            load_columns(self, affine, cols, panel)

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        cdef index_t[2] pair
        cdef Columns columns
        cdef Tile t
        cdef index_t block, i
        cdef double* tile = &self.tiles[0, 0]
        cdef index_t step = 2 if self.by_row else 1
        pair[0], pair[1] = a, b
        columns.index, columns.count = pair, 2
        for block in range(ceil_div(self.n_rows, self.tile_rows)):
            t = self.tile(block * self.tile_rows, self.n_rows, 0, 2)
            self.load(columns, t, tile)
            self.entries_read += 2 * t.nr
            for i in range(t.nr):
                if tile[i * step] != tile[i * step + (1 if self.by_row else t.nr)]:
                    return False
        return True


# The pieces of work. A chunk is tile_cols columns; the entry (i, j) of a loaded tile is tile[j * at + i * step].

cdef void survey_chunk(DenseDesign X, Job* job, index_t item) noexcept nogil:
    # Every tile is looked at once for each vector of weights, about a center near its mean; float64 is read where it
    # lies. ``lead`` is the distance of the tile's lines.
    cdef double* buffer = &X.tiles[threadid(), 0]
    cdef double[MOST_WEIGHTS] seen
    cdef bint in_place = X.direct and X.code == DOUBLE
    cdef index_t first = item * X.tile_cols
    cdef index_t high = LINES if in_place and not X.by_row else X.tile_rows
    cdef index_t block, k
    cdef Look look
    for k in range(job.vectors.count):
        seen[k] = 0.0
    for block in range(ceil_div(X.n_rows, high)):
        look.tile = X.tile(block * high, X.n_rows, first, X.n_cols)
        look.tile.nr = min(high, X.n_rows - look.tile.row)
        if in_place:
            look.data = <const double*> X.data + look.tile.row * X.row_stride + first * X.col_stride
            look.lead = X.row_stride if X.by_row else X.col_stride
        else:
            X.load(job.cols, look.tile, buffer)
            look.data, look.lead = buffer, look.tile.nc if X.by_row else look.tile.nr
        look.scale = job.scale + first
        look.largest = job.survey.largest + first
        for k in range(job.vectors.count):
            look.weight = job.vectors.data + k * X.n_rows + look.tile.row
            look.mean = job.survey.mean + k * X.n_cols + first
            look.spread = job.survey.spread + k * X.n_cols + first
            look.seen, look.here = seen[k], sum_of(look.weight, look.tile.nr)
            survey_tile(&look)
            seen[k] += look.here


cdef void correlate_chunk(DenseDesign X, Job* job, index_t item) noexcept nogil:
    cdef index_t first = (item % job.chunks) * X.tile_cols
    cdef index_t begin = (item // job.chunks) * job.rows
    cdef index_t end = min(begin + job.rows, X.n_rows)
    cdef double* out = job.out + (item // job.chunks) * job.cols.count * job.vectors.count + first
    cdef Tile t
    cdef index_t block, j, k
    cdef index_t high = LINES if X.direct and not X.by_row else X.tile_rows
    for k in range(job.vectors.count):
        for j in range(min(X.tile_cols, job.cols.count - first)):
            out[k * job.cols.count + j] = 0.0
    for block in range(ceil_div(end - begin, high)):
        t = X.tile(begin + block * high, end, first, job.cols.count)
        t.nr = min(high, end - t.row)
        for k in range(job.vectors.count):
            X.correlate_tile(job.cols, t, job.vectors.data + k * X.n_rows + t.row, out + k * job.cols.count)


cdef void predict_rows(DenseDesign X, Job* job, index_t item) noexcept nogil:
    cdef Tile t
    cdef index_t block, k
    for block in range(ceil_div(job.cols.count, X.tile_cols)):
        t = X.tile(item * X.tile_rows, X.n_rows, block * X.tile_cols, job.cols.count)
        for k in range(job.vectors.count):
            X.predict_tile(
                job.cols, t, job.vectors.data + k * job.cols.count + t.first, job.out + k * X.n_rows + t.row
            )


cdef void pack_chunk(DenseDesign X, Job* job, index_t item) noexcept nogil:
    cdef Tile t
    cdef index_t block
    for block in range(ceil_div(X.n_rows, X.tile_rows)):
        t = X.tile(block * X.tile_rows, X.n_rows, item * X.tile_cols, job.cols.count)
        map_tile(X, job.affine, job.cols, t, job.out + t.first * X.n_rows + t.row, X.n_rows)


cdef void map_tile(DenseDesign X, Affine* affine, Columns cols, Tile t, double* out, index_t stride) noexcept nogil:
    # out[j * stride + i] = the affinely mapped entries of the tile; columns of float64 are read where they lie.
    cdef bint in_place = X.direct and not t.by_row and X.code == DOUBLE
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef const double* source
    cdef index_t at = 1 if t.by_row else t.nr
    cdef index_t step = t.nc if t.by_row else 1
    cdef double scale, center
    cdef index_t i, j, col
    if t.nc and not in_place:
        X.load(cols, t, tile)
    for j in range(t.nc):
        col = column_at(cols, t.first + j)
        scale, center = affine.scale[col], affine.center[col]
        source = <const double*> X.data + t.row + col * X.col_stride if in_place else tile + j * at
        if step == 1:
            map_along(source, t.nr, scale, center, affine.root + t.row, out + j * stride)
        else:
            for i in range(t.nr):
                out[j * stride + i] = (source[i * step] * scale - center) * affine.root[t.row + i]


cdef void load_columns(DenseDesign X, Affine* affine, Columns cols, Panel panel) noexcept nogil:
    # CUBE rows of a strip after the others, mapped and turned.
    cdef double[STRIP * CUBE] lines
    cdef Tile t
    cdef index_t block, row
    t.first, t.nc, t.by_row = panel.first, panel.nc, False
    for block in range(ceil_div(panel.nr, CUBE)):
        row = block * CUBE
        t.row, t.nr = panel.row + row, min(<index_t> CUBE, panel.nr - row)
        map_tile(X, affine, cols, t, lines, CUBE)
        turn_lines(lines, CUBE, <int> t.nc, <int> t.nr, STRIP, place_in(panel, row, panel.first))


cdef void load_rows(DenseDesign X, Affine* affine, Columns cols, Panel panel) noexcept nogil:
    # Tiles of some rows; the part of a row that belongs to one cube lies there as it lies in X.
    cdef double[LONGEST] scale
    cdef double[LONGEST] center
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef Tile t
    cdef index_t blocks = ceil_div(panel.nc, CUBE)
    cdef index_t block, i, j, k, row, width
    for row in range(panel.nr, ceil_div(panel.nr, CUBE) * CUBE):
        for k in range(blocks):
            memset(place_in(panel, row, panel.first + k * CUBE), 0, CUBE * sizeof(double))
    for j in range(panel.nc):
        scale[j] = affine.scale[column_at(cols, panel.first + j)]
        center[j] = affine.center[column_at(cols, panel.first + j)]
    for block in range(ceil_div(panel.nr, TILE_SHORT)):
        row = block * TILE_SHORT
        t.row, t.nr, t.by_row = panel.row + row, min(TILE_SHORT, panel.nr - row), True
        t.first, t.nc = panel.first, panel.nc
        X.load(cols, t, tile)
        for i in range(t.nr):
            for k in range(blocks):
                j = k * CUBE
                width = min(<index_t> CUBE, panel.nc - j)
                map_across(
                    tile + i * t.nc + j, 1, width, scale + j, center + j, affine.root + t.row + i,
                    place_in(panel, row + i, panel.first + j), CUBE,
                )
                if width < CUBE:
                    memset(place_in(panel, row + i, panel.first + j + width), 0, (CUBE - width) * sizeof(double))
