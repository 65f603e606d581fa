"""What curvatures of an earlier point will get wrong on the way to the next alpha, told by the way to the last one.

From the solution b' at the penalty scale a' to the solution b at a the gradient of the loss has changed by z' - z, of
which the model knows Q (b - b'). Curvatures change evenly with the scale: if those of the model were taken at a + t w,
w = a' - a, what it got wrong belongs to t - 1/2 of that change, and what it will get wrong on the way to a - r w, where
coefficients are to move by about r (b - b'), to t + r/2:

    m = (z' - z - Q (b - b')) r (t + r/2) / (t - 1/2).

With - m in the linear part of the model the first step to the next solution is of third order where that of the model
is of first order (old curvatures) or of second order (new ones), and reads nothing.
"""

import numpy as np

from libc.math cimport fabs

from fastreg.design.base cimport index_t
from fastreg.design.tiles cimport dot
from fastreg.subproblem.gram cimport GramForm

# Nearer than this to the middle of the last way, curvatures say nothing about how they change.
cdef double BESIDE = 0.25
# A way of so many times the last one is not foretold by that.
cdef double FURTHEST = 2.0


cdef class Secant:
    """The solution before the last; ``n_features`` is how many features the problem has."""

    def __init__(self, n_features):
        self.beta, self.z = np.zeros(n_features), np.zeros(n_features)
        self.seen, self.step = np.zeros(n_features, dtype=np.uint8), np.empty(0)
        self.here = self.curved = -1.0

    def remember(self, GramForm form, const double[::1] beta, const double[::1] z, double scale):
        """Remember coefficients of the form's features, with their correlations z, as the solution at this scale."""
        form.beta[:form.count] = beta
        self.keep(form, &z[0], scale)

    def corrected(self, GramForm form, const double[::1] beta, const double[::1] z, double last, double ahead):
        """Return by how much the gradients of the form are corrected where these coefficients are the last solution."""
        form.beta[:form.count] = beta
        before = np.array(form.g[:form.count])
        self.reserve(form)
        self.correct(form, &z[0], 1.0, last, ahead)
        return before - np.asarray(form.g[:form.count])

    cdef int reserve(self, GramForm form) except -1 nogil:
        if self.step.shape[0] < form.count:
            with gil:
                self.step = np.empty(form.capacity)
        return 0

    cdef void correct(self, GramForm form, const double* z, double total, double last, double ahead) noexcept nogil:
        # Take m off the gradients of a model whose form has the solution at the scale `last`; z are its correlations
        # with W, of which the model has those over `total`.
        cdef double width = self.here - last
        cdef double age, ratio, factor
        cdef index_t i, j
        if self.here < 0.0 or last < 0.0 or not width > 0.0:
            return
        age, ratio = (self.curved - last) / width, (last - ahead) / width
        if ratio > FURTHEST or fabs(age - 0.5) < BESIDE:
            return
        factor = ratio * (age + 0.5 * ratio) / (age - 0.5)
        for i in range(form.count):
            self.step[i] = form.beta[i] - self.beta[form.feature[i]]
        for i in range(form.count):
            j = form.feature[i]
            if self.seen[j]:
                form.g[i] -= factor * ((self.z[j] - z[i]) / total - dot(&form.Q[i, 0], &self.step[0], form.count))

    cdef void keep(self, GramForm form, const double* z, double scale) noexcept nogil:
        # Remember the solution at this scale; what is not in W has no coefficient.
        cdef index_t i, j
        for j in range(self.beta.shape[0]):
            self.beta[j], self.seen[j] = 0.0, 0
        for i in range(form.count):
            j = form.feature[i]
            self.beta[j], self.z[j], self.seen[j] = form.beta[i], z[i], 1
        self.here = scale
