"""The operations on a dense matrix: walks over its tiles (``DenseTiles``), shared out to threads.

The order of every sum depends on the shape alone: answers do not depend on the number of threads.
"""

import numpy as np

from cython.parallel cimport prange, threadid
from libc.string cimport memset

from fastreg.design.base cimport MOST_WEIGHTS, NO_NUMBERS, Affine, Columns, Survey, Vectors, ceil_div, index_t
from fastreg.design.dense_tiles cimport DenseTiles, map_tile
from fastreg.design.look cimport Look, survey_tile
from fastreg.design.tiles cimport Tile, sum_of
from fastreg.runtime.interrupt cimport poll

# Lines that are read where they lie can be longer.
cdef index_t LINES = 2048
# Entries between two looks at Ctrl-C: about 10 ms from memory, half a second from a slow disk.
cdef double BATCH_ENTRIES = 1.6e7
# Room for the partial sums of blocks of rows, and the rows worth a block.
cdef index_t PARTIAL = 1 << 16
cdef index_t BLOCK_ROWS = 4096
# Rows that lie in one piece are taken whole for this fraction of their columns; for a single vector, for a column in so
# many bytes, which is one in a line of memory and a half.
cdef double WHOLE_ROWS = 0.25
cdef double WHOLE_BYTES = 96.0


cdef class DenseDesign(DenseTiles):
    """Dense X; see ``fastreg.design.base`` for the operations."""

    def __init__(self, X, int n_threads=1):
        super().__init__(X, n_threads)
        self.partial = self.whole = NO_NUMBERS

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
        cdef double entries = <double> self.n_rows * self.tile_cols * (1 + out.vectors.count)
        job.cols.index, job.cols.count = NULL, self.n_cols
        job.vectors, job.scale, job.survey = weights, scale, out
        self.entries_read += self.n_entries
        return self.each(survey_chunk, &job, ceil_div(self.n_cols, self.tile_cols), entries)

    cdef bint whole_rows_pay(self, Columns cols, index_t vectors) noexcept nogil:
        # Where rows lie in one piece, picking columns out of them costs more than taking the rows as they are, unless
        # the columns are few, or vectors many that would be multiplied by all of them.
        cdef double length = (8.0 if self.in_place else 4.0) * self.n_cols * vectors
        if not self.direct or not self.by_row or cols.index == NULL:
            return False
        return cols.count >= WHOLE_ROWS * self.n_cols or WHOLE_BYTES * cols.count >= length

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
        if self.whole_rows_pay(cols, u.count):
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
        if self.whole_rows_pay(cols, coef.count):
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


# The pieces of work. A chunk is tile_cols columns.

cdef void survey_chunk(DenseDesign X, Job* job, index_t item) noexcept nogil:
    # Every tile is looked at once for each vector of weights, about a center near its mean; float64 is read where it
    # lies. ``lead`` is the distance of the tile's lines.
    cdef double* buffer = &X.tiles[threadid(), 0]
    cdef double[MOST_WEIGHTS] seen
    cdef bint in_place = X.in_place
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
        # The tile is in the cache.
        for k in range(job.survey.vectors.count):
            X.correlate_tile(
                job.cols, look.tile, job.survey.vectors.data + k * X.n_rows + look.tile.row,
                job.survey.sums + k * X.n_cols + first,
            )


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
