"""Weights of the rows that differ from those of the design: the curvatures of a loss.

Newton's model of a loss is a least-squares problem whose row i weighs w_i h_i. Its columns, centered at the means under
these weights, follow from the design's own columns v_j = root (s_j x_j - m_j), whatever form they are kept in:

    v_j'  =  ratio v_j - root' c_j,      c_j = sum_i root'_i ratio_i v_ij,      ratio = root' / root.
"""

import numpy as np

from libc.math cimport sqrt


cdef class RowWeights:
    """Root weights of n_rows rows, to be assigned."""

    def __init__(self, index_t n_rows):
        self.root, self.ratio, self.shift = np.empty(n_rows), np.empty(n_rows), np.empty(n_rows)

    cdef double assign(self, const double* weight, const double* curvature, const double* own) noexcept nogil:
        # Weights weight_i curvature_i, divided by their sum, which is returned; `own` are the design's root weights.
        cdef double total = 0.0
        cdef index_t i
        for i in range(self.root.shape[0]):
            total += weight[i] * curvature[i]
        for i in range(self.root.shape[0]):
            self.root[i] = sqrt(weight[i] * curvature[i] / total) if total > 0.0 else 0.0
            self.ratio[i] = self.root[i] / own[i] if own[i] > 0.0 else 0.0
            self.shift[i] = self.root[i] * self.ratio[i]
        return total
