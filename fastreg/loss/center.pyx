"""What the null model of squared loss leaves of the targets."""

import numpy as np

from libc.math cimport fabs

# A target whose residuals are so many times smaller than itself is constant up to rounding.
cdef double CONSTANT = 16 * np.finfo(float).eps


def center(const double[:, :] y, const double[::1] weights, bint fit_intercept):
    """Return the best intercepts without any feature, the residuals they leave, and how large either is.

    The mean is taken twice, the second time of what the first has left. A target that is constant up to rounding
    leaves exactly 0.

    Parameters
    ----------
    y : ndarray (n_targets, n_samples)
    weights : ndarray (n_samples,) of sum 1
    fit_intercept : bool
        Without it the intercepts are 0.

    Returns
    -------
    means : ndarray (n_targets,)
    residuals : ndarray (n_targets, n_samples)
    sizes, spreads : ndarray (n_targets,), the largest |y| and the largest |residual| in rows of positive weight
    """
    cdef Py_ssize_t count = y.shape[0], n = y.shape[1]
    cdef Py_ssize_t k
    cdef int _
    cdef double mean
    numbers, residuals = np.zeros((3, count)), np.empty((count, n))
    cdef double[:, ::1] found = numbers
    cdef double[:, ::1] left = residuals
    with nogil:
        for k in range(count):
            left[k] = y[k]
            found[1, k] = largest(left[k], weights)
            for _ in range(2 if fit_intercept else 0):
                mean = weighted_sum(left[k], weights)
                found[0, k] += mean
                shift(left[k], mean)
            found[2, k] = largest(left[k], weights)
            if fit_intercept and found[2, k] <= CONSTANT * found[1, k]:
                left[k, :] = 0.0
                found[2, k] = 0.0
    means, sizes, spreads = numbers
    return means, residuals, sizes, spreads


cdef double largest(const double[::1] line, const double[::1] weights) noexcept nogil:
    # The largest |line_i| in rows of positive weight.
    cdef double top = 0.0
    cdef Py_ssize_t i
    for i in range(line.shape[0]):
        if weights[i] > 0.0 and fabs(line[i]) > top:
            top = fabs(line[i])
    return top


cdef double weighted_sum(const double[::1] line, const double[::1] weights) noexcept nogil:
    # In four parts: one alone would wait for every addition.
    cdef double[4] part
    cdef Py_ssize_t i, n = line.shape[0]
    part[0] = part[1] = part[2] = part[3] = 0.0
    for i in range(0, n - 3, 4):
        part[0] += line[i] * weights[i]
        part[1] += line[i + 1] * weights[i + 1]
        part[2] += line[i + 2] * weights[i + 2]
        part[3] += line[i + 3] * weights[i + 3]
    for i in range(n - n % 4, n):
        part[0] += line[i] * weights[i]
    return (part[0] + part[1]) + (part[2] + part[3])


cdef void shift(double[::1] line, double amount) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(line.shape[0]):
        line[i] -= amount
