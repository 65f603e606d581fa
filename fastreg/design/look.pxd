# One look at a tile of a dense matrix: largest entries, means and spreads of its columns.

from libc.math cimport NAN

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport Tile, combine, dot, look_across, look_along, sum_of

# The most columns of a tile.
cdef enum:
    LONGEST = 512
    # Rows that tell about where the mean of a column is.
    HEAD = 32
    # How often the center of a column is corrected; every time adds all the digits of a number to what is right of it.
    MOST_ROUNDS = 3


cdef struct Look:
    # A tile, whose lines are `lead` apart, the weights of its rows, `here` in all after `seen`, and where the figures
    # of its columns are.
    Tile tile
    const double* data
    index_t lead
    const double* weight
    double seen
    double here
    const double* scale
    double* largest
    double* mean
    double* spread


cdef inline void find_centers(const Look* look, double* center) noexcept nogil:
    # The scaled means of a tile that weighs more than what has been seen, or of the first rows of its columns; else the
    # means of what has been seen.
    cdef bint own = look.here > look.seen
    cdef index_t rows = min(look.tile.nr, HEAD)
    cdef double weight
    cdef index_t j
    for j in range(look.tile.nc):
        center[j] = 0.0 if own else look.mean[j]
    if not own:
        return
    if look.tile.by_row:
        rows = look.tile.nr
        combine(look.data, rows, look.lead, look.tile.nc, look.weight, center)
    weight = sum_of(look.weight, rows)
    if weight == 0.0:
        rows, weight = look.tile.nr, look.here
    for j in range(look.tile.nc):
        if not look.tile.by_row:
            center[j] = dot(look.data + j * look.lead, look.weight, rows)
        center[j] = center[j] / weight * look.scale[j]


cdef inline double see_column(const Look* look, index_t j, double* center, double* sums) noexcept nogil:
    # The largest entry of a column and its sums about the center. Where its distance from the mean makes more than
    # three quarters of the squares they would cancel each other, and are made again about the mean that they tell; a
    # few times if something of hardly any weight is far beyond the rest.
    cdef const double* column = look.data + j * look.lead
    cdef double largest = look_along(column, look.weight, look.tile.nr, look.scale[j], center[0], sums)
    cdef int _
    for _ in range(MOST_ROUNDS):
        if not sums[0] * sums[0] > 0.75 * sums[1] * look.here:
            break
        center[0] += sums[0] / look.here
        look_along(column, look.weight, look.tile.nr, look.scale[j], center[0], sums)
    return largest


cdef inline void survey_tile(const Look* look) noexcept nogil:
    # The sums of a tile of weight `here`, merged with what has been seen (Chan, Golub & LeVeque 1983). They are about
    # the mean of what has been seen, if that is at least as much: then nothing cancels that does not count anyway.
    # Otherwise they are about something near the tile's own mean.
    cdef double[LONGEST] center
    cdef double[LONGEST] first
    cdef double[LONGEST] second
    cdef double[2] sums
    cdef double* largest = look.largest
    cdef double here = look.here
    cdef double size, d
    cdef index_t nr = look.tile.nr
    cdef index_t nc = look.tile.nc
    cdef index_t j
    center[0] = 0.0
    find_centers(look, center)
    if look.tile.by_row:
        look_across(look.data, nr, look.lead, nc, look.weight, look.scale, center, first, second, largest)
    else:
        for j in range(nc):
            size = see_column(look, j, &center[j], sums)
            largest[j] = NAN if size != size or largest[j] != largest[j] else max(size, largest[j])
            first[j], second[j] = sums[0], sums[1]
    for j in range(nc if here > 0.0 else 0):
        d = first[j] / here
        look.spread[j] += max(second[j] - first[j] * d, 0.0)
        d += center[j] - look.mean[j]
        look.spread[j] += d * d * (look.seen * here / (look.seen + here))
        look.mean[j] += d * (here / (look.seen + here))
