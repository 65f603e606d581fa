"""A dense matrix used as it lies: any order, any strides, ten dtypes, read-only or memory-mapped.

All operations walk over tiles: a few kilobytes of X, converted to float64 in the order in which X lies, so
that the dtype and the strides are known to one function (``load``) and the arithmetic is float64 from there
on (a float32 product would spoil the certificate). The two products of a pass, ``correlate_tile`` and
``predict_tile``, read contiguous float64 and float32 without that detour.
"""

import numpy as np

from cpython.buffer cimport PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cython.parallel cimport threadid
from libc.string cimport memset

from fastreg.design.base cimport (
    CUBE, SHARE, STRIP, Affine, Columns, Design, Panel, ceil_div, column_at, index_t, place_in,
)
from fastreg.design.cubes cimport turn_lines
from fastreg.design.look cimport LONGEST
from fastreg.design.tiles cimport (
    Tile, combine, combine_at, combine_single, dot, dot_single, load_tile, map_across, map_along, project,
)

# Native types by the order of ``load``.
DTYPES = {np.dtype(name): code for code, name in enumerate("f8 f4 i1 u1 i2 u2 i4 u4 i8 u8".split())}

cdef int DOUBLE = 0
cdef int SINGLE = 1
# A tile of 64 KiB stays in the second-level cache; long in the direction in which X is contiguous.
cdef index_t TILE_LONG = LONGEST
cdef index_t TILE_SHORT = 16


cdef class DenseTiles(Design):
    """Dense X, tile by tile: the entry (i, j) of a loaded tile is tile[j * at + i * step]."""

    def __init__(self, X, int n_threads=1):
        cdef Py_buffer view
        if X.ndim != 2 or X.dtype not in DTYPES or any(s % X.itemsize for s in X.strides):
            raise TypeError("DenseDesign: expected a native two-dimensional array of real numbers.")
        self.owner, self.code = X, DTYPES[X.dtype]
        PyObject_GetBuffer(X, &view, PyBUF_STRIDES)
        self.data = view.buf
        self.n_rows, self.n_cols = view.shape[0], view.shape[1]
        self.row_stride, self.col_stride = view.strides[0] // view.itemsize, view.strides[1] // view.itemsize
        # The memory is there as long as its owner.
        PyBuffer_Release(&view)
        self.by_row = abs(self.col_stride) < abs(self.row_stride)
        self.direct = self.code <= SINGLE and 1 == (self.col_stride if self.by_row else self.row_stride)
        self.tile_rows, self.tile_cols = (TILE_SHORT, TILE_LONG) if self.by_row else (TILE_LONG, TILE_SHORT)
        self.n_entries = <double> self.n_rows * self.n_cols
        self.n_threads = n_threads
        self.tiles = np.empty((n_threads, min(TILE_LONG * TILE_SHORT, self.n_rows * self.n_cols)))
        self.in_place = self.direct and self.code == DOUBLE
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
        if self.in_place and not t.by_row and cols.index != NULL:
            combine_at(
                <const double*> self.data + t.row, cols.index + t.first, t.nc, self.col_stride, t.nr, coef, eta
            )
        elif self.in_place and not t.by_row:
            at = t.row + t.first * self.col_stride
            combine(<const double*> self.data + at, t.nc, self.col_stride, t.nr, coef, eta)
        elif self.direct and not t.by_row:
            for j in range(t.nc):
                at = t.row + column_at(cols, t.first + j) * self.col_stride
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

    cdef void load_panel(self, Affine* affine, Columns cols, Panel panel) noexcept nogil:
        if self.by_row:
            load_rows(self, affine, cols, panel)
        else:
            load_columns(self, affine, cols, panel)


cdef void map_tile(DenseTiles X, Affine* affine, Columns cols, Tile t, double* out, index_t stride) noexcept nogil:
    # out[j * stride + i] = the affinely mapped entries of the tile; columns of float64 are read where they lie.
    cdef bint in_place = X.in_place and not t.by_row
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


cdef void load_columns(DenseTiles X, Affine* affine, Columns cols, Panel panel) noexcept nogil:
    # CUBE rows of a share after the others, mapped and turned.
    cdef double[SHARE * CUBE] lines
    cdef Tile t
    cdef index_t block, row
    t.first, t.nc, t.by_row = panel.first, panel.nc, False
    for block in range(ceil_div(panel.nr, CUBE)):
        row = block * CUBE
        t.row, t.nr = panel.row + row, min(<index_t> CUBE, panel.nr - row)
        map_tile(X, affine, cols, t, lines, CUBE)
        turn_lines(lines, CUBE, <int> t.nc, <int> t.nr, SHARE, place_in(panel, row, panel.first))


cdef void load_rows(DenseTiles X, Affine* affine, Columns cols, Panel panel) noexcept nogil:
    # Tiles of some rows, strip by strip.
    cdef double[LONGEST] scale
    cdef double[LONGEST] center
    cdef double* tile = &X.tiles[threadid(), 0]
    cdef Tile t
    cdef index_t rest = ceil_div(panel.nr, CUBE) * CUBE - panel.nr
    cdef index_t strips = ceil_div(panel.nc, CUBE) * (CUBE // STRIP)
    cdef index_t block, strip, j, row
    for strip in range(strips if rest else 0):
        memset(place_in(panel, panel.nr, panel.first + strip * STRIP), 0, rest * STRIP * sizeof(double))
    for j in range(panel.nc):
        scale[j] = affine.scale[column_at(cols, panel.first + j)]
        center[j] = affine.center[column_at(cols, panel.first + j)]
    for block in range(ceil_div(panel.nr, TILE_SHORT)):
        row = block * TILE_SHORT
        t.row, t.nr, t.by_row = panel.row + row, min(TILE_SHORT, panel.nr - row), True
        t.first, t.nc = panel.first, panel.nc
        X.load(cols, t, tile)
        for strip in range(strips):
            j = strip * STRIP
            map_across(
                tile + j, t.nr, t.nc, max(0, min(<index_t> STRIP, panel.nc - j)), scale + j, center + j,
                affine.root + t.row, place_in(panel, row, panel.first + j), STRIP,
            )
