# One look at a sparse column: its largest entry, mean and spread, and its inner products with some vectors.

from libc.math cimport NAN, fabs, sqrt

from fastreg.design.base cimport Design, Survey, Vectors, ceil_div, index_t
from fastreg.design.entries cimport Entries, row_at, value_at


cdef struct Sums:
    # Of a column: the largest |entry|, NaN where one is NaN or infinite (times 0 it is 0 for a number only); the first
    # weight of its entries and their weighted sum, scaled; inner products with two vectors.
    double largest
    double spoiled
    double seen
    double mean
    double left
    double right


cdef inline void add_entry(
    Sums* sums, double value, index_t row, const double* weight, double scale, const double* left, const double* right
) noexcept nogil:
    sums.spoiled += value * 0.0
    sums.largest = max(sums.largest, fabs(value))
    sums.seen += weight[row]
    sums.mean += weight[row] * (value * scale)
    sums.left += value * left[row]
    sums.right += value * right[row]


cdef inline Sums sum_entries(
    Entries x, const double* weight, double scale, const double* left, const double* right
) noexcept nogil:
    # By turns in two halves: a sum would wait for the one before.
    cdef Sums even, odd
    cdef index_t e
    even.largest = even.spoiled = even.seen = even.mean = even.left = even.right = 0.0
    odd.largest = odd.spoiled = odd.seen = odd.mean = odd.left = odd.right = 0.0
    for e in range(0, x.count - 1, 2):
        add_entry(&even, value_at(x, e), row_at(x, e), weight, scale, left, right)
        add_entry(&odd, value_at(x, e + 1), row_at(x, e + 1), weight, scale, left, right)
    if x.count % 2:
        add_entry(&even, value_at(x, x.count - 1), row_at(x, x.count - 1), weight, scale, left, right)
    even.largest = max(even.largest, odd.largest) if even.spoiled + odd.spoiled == 0.0 else NAN
    even.seen += odd.seen
    even.mean += odd.mean
    even.left += odd.left
    even.right += odd.right
    return even


cdef inline double mean_entries(Entries x, const double* weight, double scale, double* seen) noexcept nogil:
    # The mean of the scaled column, and the weight of its entries.
    cdef double even = 0.0
    cdef double odd = 0.0
    cdef double even_seen = 0.0
    cdef double odd_seen = 0.0
    cdef index_t e
    for e in range(0, x.count - 1, 2):
        even_seen += weight[row_at(x, e)]
        even += weight[row_at(x, e)] * (value_at(x, e) * scale)
        odd_seen += weight[row_at(x, e + 1)]
        odd += weight[row_at(x, e + 1)] * (value_at(x, e + 1) * scale)
    if x.count % 2:
        even_seen += weight[row_at(x, x.count - 1)]
        even += weight[row_at(x, x.count - 1)] * (value_at(x, x.count - 1) * scale)
    seen[0] = even_seen + odd_seen
    return even + odd


cdef inline double spread_entries(
    Entries x, const double* weight, double scale, double mean, double seen
) noexcept nogil:
    # The spread of the scaled column, whose absent entries are zeros of weight 1 - seen; where that is rounding alone,
    # nothing of weight is absent.
    cdef double even = 0.0
    cdef double odd = 0.0
    cdef double absent = 1.0 - seen
    cdef double d
    cdef index_t e
    for e in range(0, x.count - 1, 2):
        d = value_at(x, e) * scale - mean
        even += weight[row_at(x, e)] * (d * d)
        d = value_at(x, e + 1) * scale - mean
        odd += weight[row_at(x, e + 1)] * (d * d)
    if x.count % 2:
        d = value_at(x, x.count - 1) * scale - mean
        even += weight[row_at(x, x.count - 1)] * (d * d)
    if absent <= 2.2e-16 * (4.0 + 2.0 * sqrt(<double> x.count)):
        absent = 0.0
    return even + odd + absent * (mean * mean)


cdef inline void survey_column(
    Entries x, index_t j, Design X, Vectors weights, double scale, const Survey* out
) noexcept nogil:
    # Column j of X: two vectors at a time; where there are fewer, one more product is of no account.
    cdef index_t n = X.n_rows
    cdef index_t k
    cdef const double* weight = weights.data
    cdef const double* left
    cdef const double* right
    cdef double mean, seen
    cdef Sums sums
    for k in range(max(1, ceil_div(out.vectors.count, 2))):
        left = out.vectors.data + 2 * k * n if 2 * k < out.vectors.count else weight
        right = out.vectors.data + (2 * k + 1) * n if 2 * k + 1 < out.vectors.count else weight
        sums = sum_entries(x, weight, scale, left, right)
        if 2 * k < out.vectors.count:
            out.sums[2 * k * X.n_cols + j] = sums.left
        if 2 * k + 1 < out.vectors.count:
            out.sums[(2 * k + 1) * X.n_cols + j] = sums.right
    out.largest[j] = sums.largest
    for k in range(weights.count):
        weight = weights.data + k * n
        mean, seen = sums.mean, sums.seen
        if k:
            mean = mean_entries(x, weight, scale, &seen)
        out.mean[k * X.n_cols + j] = mean
        out.spread[k * X.n_cols + j] = spread_entries(x, weight, scale, mean, seen)
