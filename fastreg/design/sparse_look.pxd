# One look at a sparse column: its largest entry, mean and spread, and its inner products with some vectors.

from libc.math cimport NAN, fabs, sqrt

from fastreg.design.base cimport Survey, index_t
from fastreg.design.entries cimport Entries, dot_entries, row_at, value_at
from fastreg.design.tiles cimport fetch


cdef enum:
    # What is needed of a row is asked for so many entries ahead.
    AHEAD = 16
    # How often the center of a column is corrected; every time adds all the digits of a number to what is right of it.
    MOST_ROUNDS = 3


cdef struct Rows:
    # Of the rows: how many there are, their weights or (NULL) the weight of each, and two vectors side by side, so that
    # a cache line serves both.
    index_t count
    const double* weights
    double weight
    const double* pairs


cdef struct Sums:
    # Of entries: the largest |x|, their weight, the weighted sums of d = scale x - center and of d^2, and inner
    # products with two vectors.
    double largest
    double seen
    double first
    double second
    double left
    double right


cdef inline void add_entry(
    Sums* sums, double value, index_t row, const Rows* rows, double scale, double center, bint products
) noexcept nogil:
    cdef double d = value * scale - center
    cdef double weight = rows.weight if rows.weights == NULL else rows.weights[row]
    sums.largest = max(sums.largest, fabs(value))
    if rows.weights != NULL:
        sums.seen += weight
    sums.first += weight * d
    sums.second += weight * d * d
    if products:
        sums.left += value * rows.pairs[2 * row]
        sums.right += value * rows.pairs[2 * row + 1]


cdef inline Sums sum_entries(
    Entries x, const Rows* rows, double scale, double center, bint products
) noexcept nogil:
    # By turns in two halves: a sum would wait for the one before.
    cdef Sums even, odd
    cdef index_t e
    even.largest = even.seen = even.first = even.second = even.left = even.right = 0.0
    odd.largest = odd.seen = odd.first = odd.second = odd.left = odd.right = 0.0
    for e in range(0, x.count - 1, 2):
        if products and e < x.count - AHEAD - 1:
            fetch(rows.pairs + 2 * row_at(x, e + AHEAD))
            fetch(rows.pairs + 2 * row_at(x, e + AHEAD + 1))
        add_entry(&even, value_at(x, e), row_at(x, e), rows, scale, center, products)
        add_entry(&odd, value_at(x, e + 1), row_at(x, e + 1), rows, scale, center, products)
    if x.count % 2:
        add_entry(&even, value_at(x, x.count - 1), row_at(x, x.count - 1), rows, scale, center, products)
    even.largest = max(even.largest, odd.largest)
    # Equal weights added up would drift away from their multiple.
    even.seen = even.seen + odd.seen if rows.weights != NULL else rows.weight * x.count
    even.first += odd.first
    even.second += odd.second
    even.left += odd.left
    even.right += odd.right
    return even


cdef inline bint are_equal(const double* x, index_t n) noexcept nogil:
    cdef index_t i
    for i in range(n):
        if x[i] != x[0]:
            return False
    return True


cdef inline bint is_spoiled(Entries x) noexcept nogil:
    # Whether an entry is NaN or infinite: times 0 it is 0 for a number only.
    cdef double sum = 0.0
    cdef index_t e
    for e in range(x.count):
        sum += value_at(x, e) * 0.0
    return sum != 0.0


cdef inline Sums see_entries(
    Entries x, const Rows* rows, double scale, bint products, double* mean, double* spread
) noexcept nogil:
    # Sums, and mean and spread of the scaled column, whose absent entries are zeros of weight 1 - seen. The sums are
    # about the first entry; where its distance from the mean of all makes more than three quarters of the squares they
    # would cancel each other, and are made again, a few times if that entry is far beyond all others.
    cdef double center = value_at(x, 0) * scale if x.count else 0.0
    cdef Sums sums = sum_entries(x, rows, scale, center, products)
    cdef Sums again
    cdef double shift, absent, apart
    cdef int _
    for _ in range(MOST_ROUNDS):
        if not sums.first * sums.first > 0.75 * sums.second * sums.seen:
            break
        center += sums.first / sums.seen
        again = sum_entries(x, rows, scale, center, False)
        sums.first, sums.second = again.first, again.second
    if sums.second - sums.second != 0.0 and is_spoiled(x):
        sums.largest = NAN
    shift = sums.first / sums.seen if sums.seen > 0.0 else 0.0
    mean[0], spread[0] = center * sums.seen + sums.first, max(sums.second - sums.first * shift, 0.0)
    absent = 1.0 - sums.seen
    if x.count == rows.count and sums.seen > 0.0:
        mean[0] = center + shift
    elif absent > 1e-6 or absent > 2.2e-16 * (4.0 + 2.0 * sqrt(<double> x.count)):
        # (Below that it is rounding, and nothing of weight is absent.)
        apart = center + shift - mean[0]
        spread[0] += sums.seen * apart * apart + absent * mean[0] * mean[0]
    return sums


cdef inline void survey_column(
    Entries x, index_t j, double scale, const Rows* rows, index_t n_weights, index_t n_cols, const Survey* out
) noexcept nogil:
    # Column j; further vectors than two have their products by themselves.
    cdef index_t k
    cdef Sums sums = see_entries(x, rows, scale, True, out.mean + j, out.spread + j)
    out.largest[j] = sums.largest
    if out.vectors.count > 0:
        out.sums[j] = sums.left
    if out.vectors.count > 1:
        out.sums[n_cols + j] = sums.right
    for k in range(2, out.vectors.count):
        out.sums[k * n_cols + j] = dot_entries(x, out.vectors.data + k * rows.count)
    for k in range(1, n_weights):
        see_entries(x, rows + k, scale, False, out.mean + k * n_cols + j, out.spread + k * n_cols + j)
