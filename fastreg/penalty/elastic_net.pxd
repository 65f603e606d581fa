# The penalty of one coefficient b at the current alpha, with bounds lower <= b <= upper that contain 0:
#
#     P_j(b) = t |b| + q/2 b^2 + indicator[lower, upper](b),     t = a1 * l1_j,  q = a2 * l2_j.
#
# Everything the solver needs of it: its value, its proximal step, and its conjugate
# h_j*(z) = max_b z b - P_j(b), with the b that attains it.

from libc.math cimport fabs

from fastreg.design.base cimport index_t


cdef struct Penalty:
    const double* l1
    const double* l2
    const double* lower
    const double* upper
    double a1
    double a2


cdef inline double threshold(const Penalty* pen, index_t j) noexcept nogil:
    return pen.a1 * pen.l1[j]


cdef inline double clip(const Penalty* pen, index_t j, double b) noexcept nogil:
    return min(max(b, pen.lower[j]), pen.upper[j])


cdef inline double soft_threshold(double z, double t) noexcept nogil:
    if z > t:
        return z - t
    if z < -t:
        return z + t
    return 0.0


cdef inline double penalty_value(const Penalty* pen, index_t j, double b) noexcept nogil:
    return fabs(b) * (threshold(pen, j) + 0.5 * (pen.a2 * pen.l2[j]) * fabs(b))


cdef inline double proximal_step(const Penalty* pen, index_t j, double z, double h) noexcept nogil:
    # argmin_b  h/2 b^2 - z b + P_j(b)
    return clip(pen, j, soft_threshold(z, threshold(pen, j)) / (h + pen.a2 * pen.l2[j]))


cdef inline double conjugate_point(const Penalty* pen, index_t j, double z) noexcept nogil:
    # argmax_b  z b - P_j(b); infinite where the conjugate is.
    cdef double s = soft_threshold(z, threshold(pen, j))
    cdef double q = pen.a2 * pen.l2[j]
    if s == 0.0:
        return 0.0
    if q > 0.0:
        return clip(pen, j, s / q)
    return pen.upper[j] if s > 0.0 else pen.lower[j]


cdef inline double conjugate_value(const Penalty* pen, index_t j, double z, double point) noexcept nogil:
    # h_j*(z) at its maximizer `point`, a finite one; |z| - t is taken first: no cancellation of two large numbers.
    return fabs(point) * ((z if point > 0.0 else -z) - threshold(pen, j) - 0.5 * (pen.a2 * pen.l2[j]) * fabs(point))


cdef inline bint may_enter(const Penalty* pen, index_t j, double z, double margin) noexcept nogil:
    # Whether a correlation within `margin` of z can make h_j* positive, that is move b_j away from 0.
    cdef double t = threshold(pen, j)
    return (z + margin > t and pen.upper[j] > 0.0) or (z - margin < -t and pen.lower[j] < 0.0)


cdef Penalty bind(
    const double[::1] l1, const double[::1] l2, const double[::1] lower, const double[::1] upper, double a1, double a2
) noexcept
