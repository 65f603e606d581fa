# Panels of sparse columns: what zeros become, a strip of columns at a time, then the entries where they belong.

from fastreg.design.base cimport CUBE, STRIP, Affine, Columns, Panel, column_at, index_t, place_in
from fastreg.design.entries cimport Entries, first_from, row_at, value_at


cdef inline void fill_strip(Affine* affine, Columns cols, Panel panel, index_t left, index_t block) noexcept nogil:
    # Zeros of the eight columns from `left` on, mapped: -center_j root_i, and 0 past either end.
    cdef double[STRIP] center
    cdef double* strip = place_in(panel, block * CUBE, left)
    cdef const double* root = affine.root + panel.row + block * CUBE
    cdef index_t high = min(CUBE, panel.nr - block * CUBE)
    cdef index_t i, j
    for j in range(STRIP):
        center[j] = affine.center[column_at(cols, left + j)] if left + j < panel.first + panel.nc else 0.0
    for i in range(high):
        for j in range(STRIP):
            strip[i * STRIP + j] = -center[j] * root[i]
    for i in range(high * STRIP, CUBE * STRIP):
        strip[i] = 0.0


cdef inline void add_panel_rows(
    Entries x, index_t n_rows, Affine* affine, index_t col, Panel panel, index_t j
) noexcept nogil:
    # The scaled entries of column j of those chosen, which is column `col` of X, in the rows of the panel.
    cdef index_t end = panel.row + panel.nr
    cdef double scale = affine.scale[col]
    cdef index_t e = first_from(x, panel.row, n_rows)
    cdef index_t row
    while e < x.count and row_at(x, e) < end:
        row = row_at(x, e)
        place_in(panel, row - panel.row, j)[0] += value_at(x, e) * scale * affine.root[row]
        e += 1
