# Loops over the stored entries of one sparse column: what type values and indices have is known to two accessors, and
# the compiler takes the question out of the loops.

from fastreg.design.base cimport index_t

# Vectors that are interleaved: those of a row side by side, so that the row's cache line serves them all.
cdef enum:
    FEW = 8


cdef struct Entries:
    # The stored entries of one column.
    const void* values
    const void* rows
    index_t count
    bint single
    bint wide


cdef inline double value_at(Entries x, index_t e) noexcept nogil:
    return (<const float*> x.values)[e] if x.single else (<const double*> x.values)[e]


cdef inline index_t row_at(Entries x, index_t e) noexcept nogil:
    return <index_t> (<const long long*> x.rows)[e] if x.wide else (<const int*> x.rows)[e]


cdef inline double dot_entries(Entries x, const double* u) noexcept nogil:
    cdef double even = 0.0
    cdef double odd = 0.0
    cdef index_t e
    for e in range(0, x.count - 1, 2):
        even += value_at(x, e) * u[row_at(x, e)]
        odd += value_at(x, e + 1) * u[row_at(x, e + 1)]
    if x.count % 2:
        even += value_at(x, x.count - 1) * u[row_at(x, x.count - 1)]
    return even + odd


cdef inline void add_entries(Entries x, double factor, double* out) noexcept nogil:
    cdef index_t e
    for e in range(x.count):
        out[row_at(x, e)] += factor * value_at(x, e)


cdef inline void dot_few(Entries x, const double* lines, double* sums) noexcept nogil:
    # Inner products with FEW vectors, interleaved: those of row i follow one another from lines[FEW * i] on.
    cdef const double* line
    cdef double value
    cdef index_t e, k
    for k in range(FEW):
        sums[k] = 0.0
    for e in range(x.count):
        value = value_at(x, e)
        line = lines + FEW * row_at(x, e)
        for k in range(FEW):
            sums[k] += value * line[k]


cdef inline void add_few(Entries x, const double* factors, double* lines) noexcept nogil:
    cdef double* line
    cdef double value
    cdef index_t e, k
    for e in range(x.count):
        value = value_at(x, e)
        line = lines + FEW * row_at(x, e)
        for k in range(FEW):
            line[k] += value * factors[k]


cdef inline index_t first_from(Entries x, index_t row, index_t n_rows) noexcept nogil:
    # The first entry at this row or below it: by steps that double from where it stands if rows are hit evenly, then by
    # bisection. If they are, that touches a few lines of memory near each other.
    cdef index_t low = min(<index_t> (<double> x.count * row / n_rows), x.count)
    cdef index_t high = low
    cdef index_t step = 1
    cdef index_t middle
    while low > 0 and row_at(x, low - 1) >= row:
        high, low, step = low - 1, max(low - step, 0), 2 * step
    while high < x.count and row_at(x, high) < row:
        low, high, step = high + 1, min(high + step, x.count), 2 * step
    while low < high:
        middle = (low + high) // 2
        if row_at(x, middle) < row:
            low = middle + 1
        else:
            high = middle
    return low
