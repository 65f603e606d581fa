"""The elastic-net penalty with bounds.

Its formulas are inline functions, see ``elastic_net.pxd``; here they are for Python, over whole vectors.
"""

import numpy as np

from libc.math cimport fabs, INFINITY

from fastreg.design.base cimport index_t


def proximal_steps(penalty, double a1, double a2, const double[::1] z, const double[::1] h):
    """Return argmin_b h_j/2 b^2 - z_j b + P_j(b) for every feature j; penalty is a dict of l1, l2, lower, upper."""
    cdef const double[::1] l1 = penalty["l1"], l2 = penalty["l2"]
    cdef const double[::1] lower = penalty["lower"], upper = penalty["upper"]
    cdef Penalty pen = bind(l1, l2, lower, upper, a1, a2)
    cdef index_t j
    return np.array([proximal_step(&pen, j, z[j], h[j]) for j in range(z.shape[0])])


def conjugates(penalty, double a1, double a2, const double[::1] z):
    """Return h_j*(z_j) and the coefficient that attains it for every feature j, infinite where they are."""
    cdef const double[::1] l1 = penalty["l1"], l2 = penalty["l2"]
    cdef const double[::1] lower = penalty["lower"], upper = penalty["upper"]
    cdef Penalty pen = bind(l1, l2, lower, upper, a1, a2)
    cdef double[::1] value = np.empty(z.shape[0])
    cdef double[::1] point = np.empty(z.shape[0])
    cdef index_t j
    for j in range(z.shape[0]):
        point[j] = conjugate_point(&pen, j, z[j])
        value[j] = INFINITY if fabs(point[j]) == INFINITY else conjugate_value(&pen, j, z[j], point[j])
    return np.asarray(value), np.asarray(point)


cdef Penalty bind(
    const double[::1] l1, const double[::1] l2, const double[::1] lower, const double[::1] upper, double a1, double a2
) noexcept:
    cdef Penalty pen
    pen.l1, pen.l2, pen.lower, pen.upper = &l1[0], &l2[0], &lower[0], &upper[0]
    pen.a1, pen.a2 = a1, a2
    return pen
