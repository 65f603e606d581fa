"""A dense matrix used as it lies: any order, any strides, ten dtypes, read-only or memory-mapped.

All operations walk over tiles: a few kilobytes of X, converted to float64 in the order in which X lies, so
that the dtype and the strides are known to one function (``load``) and the arithmetic is float64 from there
on (a float32 product would spoil the certificate). Tiles are shared out to threads in such a way that the
order of every sum depends on the shape alone: the answers do not depend on the number of threads.
"""

import numpy as np

from cython.parallel cimport prange, threadid
from libc.math cimport fabs, NAN

from fastreg.design.base cimport CUBE, STRIP, Affine, Columns, Design, Vectors, ceil_div, column_at, index_t
from fastreg.design.tiles cimport combine, load_tile, project
from fastreg.runtime.interrupt cimport poll

DTYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")

# A tile of 64 KiB stays in the second-level cache; long in the direction in which X is contiguous.
cdef index_t TILE_LONG = 512
cdef index_t TILE_SHORT = 16
# Entries between two looks at Ctrl-C: about 10 ms from memory, half a second from a slow disk.
cdef double BATCH_ENTRIES = 1.6e7
cdef index_t PARTIAL = 1 << 16


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
        self.tile_rows, self.tile_cols = (TILE_SHORT, TILE_LONG) if self.by_row else (TILE_LONG, TILE_SHORT)
        self.n_entries = <double> self.n_rows * self.n_cols
        self.n_threads = n_threads
        self.tiles = np.empty((self.n_threads, TILE_LONG * TILE_SHORT))
        self.partial = np.empty(PARTIAL)
        self.is_sparse = False

    cdef void load(self, index_t row, index_t nr, Columns cols, index_t first, index_t nc, double* out) noexcept nogil:
        cdef index_t at = row * self.row_stride
        cdef index_t rs = self.row_stride
        cdef index_t cs = self.col_stride
        cdef bint r = self.by_row
        if self.code == 0:
            load_tile(<const double*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 1:
            load_tile(<const float*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 2:
            load_tile(<const signed char*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 3:
            load_tile(<const unsigned char*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 4:
            load_tile(<const short*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 5:
            load_tile(<const unsigned short*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 6:
            load_tile(<const int*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 7:
            load_tile(<const unsigned int*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        elif self.code == 8:
            load_tile(<const long long*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)
        else:
            load_tile(<const unsigned long long*> self.data + at, rs, cs, nr, cols.index, first, nc, out, r)

    cdef index_t batch(self, double entries_per_item) noexcept nogil:
        # Work items between two looks at Ctrl-C.
        return max(self.n_threads, <index_t> (BATCH_ENTRIES / max(entries_per_item, 1.0)))

    cdef int scan(self, double* largest) except -1 nogil:
        cdef index_t block
        cdef index_t items = ceil_div(self.n_cols, self.tile_cols)
        cdef index_t batch = self.batch(<double> self.n_rows * self.tile_cols)
        cdef index_t start, end, item
        for block in range(ceil_div(items, batch)):
            start = block * batch
            end = min(start + batch, items)
            poll()
            for item in prange(start, end, num_threads=self.team(self.n_entries), schedule="static"):
                scan_chunk(self, item * self.tile_cols, largest)
        return 0

    cdef int moments(self, const double* weight, const double* scale, double* mean, double* spread) except -1 nogil:
        cdef index_t block
        cdef index_t items = ceil_div(self.n_cols, self.tile_cols)
        cdef index_t batch = self.batch(<double> self.n_rows * self.tile_cols)
        cdef index_t start, end, item
        self.entries_read += self.n_entries
        for block in range(ceil_div(items, batch)):
            start = block * batch
            end = min(start + batch, items)
            poll()
            for item in prange(start, end, num_threads=self.team(self.n_entries), schedule="static"):
                moments_chunk(self, item * self.tile_cols, weight, scale, mean, spread)
        return 0

    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil:
        cdef index_t block
        cdef index_t chunks = ceil_div(cols.count, self.tile_cols)
        cdef index_t blocks = 1
        cdef index_t size = cols.count * u.count
        cdef index_t start, end, item, batch, rows, b, j
        cdef double* target
        if cols.count == 0:
            return 0
        # Too few columns for the threads: share out blocks of rows too, and add their sums up in order.
        if chunks < 8:
            blocks = max(1, min(min(16, PARTIAL // size), self.n_rows // 4096))
        rows = ceil_div(self.n_rows, blocks)
        batch = self.batch(<double> rows * self.tile_cols)
        self.entries_read += <double> self.n_rows * cols.count
        target = out if blocks == 1 else &self.partial[0]
        for block in range(ceil_div(chunks * blocks, batch)):
            start = block * batch
            end = min(start + batch, chunks * blocks)
            poll()
            for item in prange(start, end, num_threads=self.team(<double> self.n_rows * size), schedule="static"):
                correlate_chunk(self, u, cols, item % chunks, (item // chunks) * rows, rows, target + (item // chunks) * size)
        if blocks > 1:
            for j in range(size):
                out[j] = 0.0
                for b in range(blocks):
                    out[j] += target[b * size + j]
        return 0

    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil:
        cdef index_t block
        cdef index_t items = ceil_div(self.n_rows, self.tile_rows)
        cdef index_t batch = self.batch(<double> self.tile_rows * cols.count)
        cdef index_t start, end, item
        self.entries_read += <double> self.n_rows * cols.count
        for block in range(ceil_div(items, batch)):
            start = block * batch
            end = min(start + batch, items)
            poll()
            for item in prange(start, end, num_threads=self.team(<double> self.n_rows * cols.count * coef.count), schedule="static"):
                predict_rows(self, cols, coef, item * self.tile_rows, eta)
        return 0

    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil:
        cdef index_t block
        cdef index_t items = ceil_div(cols.count, self.tile_cols)
        cdef index_t batch = self.batch(<double> self.n_rows * self.tile_cols)
        cdef index_t start, end, item
        self.entries_read += <double> self.n_rows * cols.count
        for block in range(ceil_div(items, batch)):
            start = block * batch
            end = min(start + batch, items)
            poll()
            for item in prange(start, end, num_threads=self.team(<double> self.n_rows * cols.count), schedule="static"):
                pack_chunk(self, affine, cols, item * self.tile_cols, out)
        return 0

    cdef void load_panel(self, Affine* affine, index_t row, Columns cols, index_t first, double* out) noexcept nogil:
        cdef double* tile = &self.tiles[threadid(), 0]
        cdef index_t nr = min(CUBE, self.n_rows - row)
        cdef index_t nc = max(0, min(STRIP, cols.count - first))
        cdef index_t at = 1 if self.by_row else nr
        cdef index_t step = nc if self.by_row else 1
        cdef index_t i, j, col
        if nc:
            self.load(row, nr, cols, first, nc, tile)
        for j in range(nc):
            col = column_at(cols, first + j)
            for i in range(nr):
                out[j * CUBE + i] = (tile[j * at + i * step] * affine.scale[col] - affine.center[col]) * affine.root[row + i]
            for i in range(nr, CUBE):
                out[j * CUBE + i] = 0.0
        for i in range(nc * CUBE, STRIP * CUBE):
            out[i] = 0.0

    cdef bint equal(self, index_t a, index_t b) noexcept nogil:
        cdef index_t[2] pair
        cdef Columns columns
        cdef index_t block, row, nr, i
        cdef double* tile = &self.tiles[0, 0]
        pair[0] = a
        pair[1] = b
        columns.index = pair
        columns.count = 2
        for block in range(ceil_div(self.n_rows, TILE_LONG)):
            row = block * TILE_LONG
            nr = min(TILE_LONG, self.n_rows - row)
            self.load(row, nr, columns, 0, 2, tile)
            self.entries_read += 2 * nr
            for i in range(nr):
                if (tile[2 * i] != tile[2 * i + 1]) if self.by_row else (tile[i] != tile[nr + i]):
                    return False
        return True


cdef void scan_chunk(DenseDesign X, index_t first, double* largest) noexcept nogil:
    cdef Columns everything
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef index_t block
    cdef index_t nc = min(X.tile_cols, X.n_cols - first)
    cdef index_t row, nr, i, j, at, step
    cdef double poison, value
    everything.index = NULL
    everything.count = X.n_cols
    for j in range(nc):
        largest[first + j] = 0.0
    for block in range(ceil_div(X.n_rows, X.tile_rows)):
        row = block * X.tile_rows
        nr = min(X.tile_rows, X.n_rows - row)
        X.load(row, nr, everything, first, nc, tile)
        # x * 0 is 0 for a number and NaN for NaN and infinity: one branch a tile, not one an entry.
        poison = 0.0
        for i in range(nr * nc):
            poison += tile[i] * 0.0
        at = 1 if X.by_row else nr
        step = nc if X.by_row else 1
        for j in range(nc):
            value = largest[first + j]
            for i in range(nr):
                value = max(value, fabs(tile[j * at + i * step]))
                if poison != 0.0 and tile[j * at + i * step] * 0.0 != 0.0:
                    value = NAN
                    break
            largest[first + j] = value if largest[first + j] == largest[first + j] else NAN


cdef void moments_chunk(DenseDesign X, index_t first, const double* weight, const double* scale, double* mean, double* spread) noexcept nogil:
    # Two passes inside a tile, then the merge of Chan, Golub & LeVeque (1983): no cancellation at any mean/sd.
    cdef Columns everything
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef index_t block
    cdef index_t nc = min(X.tile_cols, X.n_cols - first)
    cdef index_t row, nr, i, j, at, step
    cdef double seen = 0.0
    cdef double here, m, s, d, x
    everything.index = NULL
    everything.count = X.n_cols
    for j in range(first, first + nc):
        mean[j] = 0.0
        spread[j] = 0.0
    for block in range(ceil_div(X.n_rows, X.tile_rows)):
        row = block * X.tile_rows
        nr = min(X.tile_rows, X.n_rows - row)
        here = 0.0
        for i in range(row, row + nr):
            here += weight[i]
        if here == 0.0:
            continue
        X.load(row, nr, everything, first, nc, tile)
        at = 1 if X.by_row else nr
        step = nc if X.by_row else 1
        for j in range(nc):
            x = scale[first + j]
            m = 0.0
            for i in range(nr):
                m += weight[row + i] * (tile[j * at + i * step] * x)
            m /= here
            s = 0.0
            for i in range(nr):
                d = tile[j * at + i * step] * x - m
                s += weight[row + i] * (d * d)
            d = m - mean[first + j]
            spread[first + j] += s + d * d * (seen * here / (seen + here))
            mean[first + j] += d * (here / (seen + here))
        seen += here


cdef void correlate_chunk(DenseDesign X, Vectors u, Columns cols, index_t chunk, index_t begin, index_t rows, double* out) noexcept nogil:
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef index_t block
    cdef index_t first = chunk * X.tile_cols
    cdef index_t nc = min(X.tile_cols, cols.count - first)
    cdef index_t end = min(begin + rows, X.n_rows)
    cdef index_t row, nr, j, t
    for t in range(u.count):
        for j in range(nc):
            out[t * cols.count + first + j] = 0.0
    for block in range(ceil_div(end - begin, X.tile_rows)):
        row = begin + block * X.tile_rows
        nr = min(X.tile_rows, end - row)
        X.load(row, nr, cols, first, nc, tile)
        for t in range(u.count):
            if X.by_row:
                combine(tile, nr, nc, u.data + t * X.n_rows + row, out + t * cols.count + first)
            else:
                project(tile, nc, nr, u.data + t * X.n_rows + row, out + t * cols.count + first)


cdef void predict_rows(DenseDesign X, Columns cols, Vectors coef, index_t row, double* eta) noexcept nogil:
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef index_t block
    cdef index_t nr = min(X.tile_rows, X.n_rows - row)
    cdef index_t first, nc, t
    for block in range(ceil_div(cols.count, X.tile_cols)):
        first = block * X.tile_cols
        nc = min(X.tile_cols, cols.count - first)
        X.load(row, nr, cols, first, nc, tile)
        for t in range(coef.count):
            if X.by_row:
                project(tile, nr, nc, coef.data + t * cols.count + first, eta + t * X.n_rows + row)
            else:
                combine(tile, nc, nr, coef.data + t * cols.count + first, eta + t * X.n_rows + row)


cdef void pack_chunk(DenseDesign X, Affine* affine, Columns cols, index_t first, double* out) noexcept nogil:
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef index_t block
    cdef index_t nc = min(X.tile_cols, cols.count - first)
    cdef index_t row, nr, i, j, at, step, col
    for block in range(ceil_div(X.n_rows, X.tile_rows)):
        row = block * X.tile_rows
        nr = min(X.tile_rows, X.n_rows - row)
        X.load(row, nr, cols, first, nc, tile)
        at = 1 if X.by_row else nr
        step = nc if X.by_row else 1
        for j in range(nc):
            col = column_at(cols, first + j)
            for i in range(nr):
                out[(first + j) * X.n_rows + row + i] = (tile[j * at + i * step] * affine.scale[col] - affine.center[col]) * affine.root[row + i]
