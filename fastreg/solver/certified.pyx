"""A solution on the working set and the proof of how good it is for the whole problem.

For a fresh residual u all correlations outside the working set W are bounded (``LazyGradients``), those that the bound
cannot prove harmless are evaluated exactly, and the duality gap of the whole problem is made of them. Where W is
everything from the start (``complete``) the Gram matrix certifies by itself and X is not read again.
"""

import numpy as np

from libc.math cimport INFINITY, fabs

from fastreg.design.base cimport Columns, Vectors, ceil_div, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport dot, mark_above
from fastreg.penalty.elastic_net cimport may_enter
from fastreg.solver.lazy_gradients cimport LazyGradients, Place
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gap cimport Evidence, dual_gap
from fastreg.subproblem.gram cimport GramForm

# Half a unit in the last place of 1.
cdef double EPSILON = 1.1e-16
# A full pass leaves the working set out when that saves this much of it.
cdef double SKIP_FRACTION = 0.9
# Features looked at together for whether any may enter.
cdef enum:
    BLOCK = 64


cdef class CertifiedPoint:
    """Coefficients (in the form of W, and fixed ones outside), the residual, all correlations and the gap.

    Parameters
    ----------
    design : ScaledDesign
    form : Form
    penalty : dict of l1, l2, lower, upper (n_features,)
    pass_fraction : float
        Undecided correlations are evaluated one by one up to this fraction of X, by a full pass beyond it.
    """

    def __init__(self, ScaledDesign design, Form form, penalty, double pass_fraction):
        cdef const double[::1] l1 = penalty["l1"], l2 = penalty["l2"]
        cdef const double[::1] lower = penalty["lower"], upper = penalty["upper"]
        cdef Columns everything
        p = design.n_features
        self.design, self.form, self.n_features, self.pass_fraction = design, form, p, pass_fraction
        self.keep = penalty["l1"], penalty["l2"], penalty["lower"], penalty["upper"]
        if p:
            self.pen.l1, self.pen.l2 = &l1[0], &l2[0]
            self.pen.lower, self.pen.upper = &lower[0], &upper[0]
        room = max(p, 1)  # Kernels take the address of the first entry even where there is none.
        self.norm = design.norm if p else np.ones(1)
        # Rows of one array: for a small problem to make a view of an array costs more than to use it.
        cdef double[:, ::1] lines = np.empty((2, design.n_rows))
        cdef double[:, ::1] numbers = np.zeros((7, room))
        self.u, self.target = lines[0], lines[1]
        self.z, self.correlation, self.outside, self.barrier = numbers[0], numbers[1], numbers[2], numbers[3]
        self.chosen_beta, self.chosen_z, self.scratch = numbers[4], numbers[5], numbers[6]
        self.barrier[:p] = l1
        self.working = np.zeros(room, dtype=np.uint8)
        self.chosen = np.empty(room, dtype=np.intp)
        self.rows.loss, self.tilt = NULL, 0.0
        everything.index, everything.count = NULL, p
        self.entries = design.size_of(everything)
        self.lazy = LazyGradients(design.n_rows, design.norm, design.raw_norm)

    cdef double zero_level(self, double target) noexcept nogil:
        # The correlation of an unpenalized column counts as 0 below this multiple of its norm: far less than the
        # gap in question can feel, and not less than rounding leaves.
        cdef double size = self.target2 ** 0.5
        if size == 0.0:
            return 0.0
        return size * min(max(1e-3 * target / self.target2, 1e-13), 1e-9)

    cdef double level(self) noexcept nogil:
        # The smallest a1 at which the current correlations let nothing enter.
        cdef double top = 0.0
        cdef index_t j
        cdef double pull
        for j in range(self.n_features):
            pull = max(self.z[j] if self.pen.upper[j] > 0.0 else 0.0, -self.z[j] if self.pen.lower[j] < 0.0 else 0.0)
            if self.pen.l1[j] > 0.0:
                top = max(top, pull / self.pen.l1[j])
        return top

    cdef void set_working(self, const index_t[::1] features) noexcept nogil:
        # Let W consist of these features besides those that it holds.
        cdef index_t i
        for i in range(features.shape[0]):
            self.working[features[i]] = 1
            self.barrier[features[i]] = INFINITY

    cdef void clear_working(self) noexcept nogil:
        cdef index_t j
        for j in range(self.n_features):
            self.working[j] = 0
            self.barrier[j] = self.pen.l1[j]

    cdef index_t candidates(self, index_t count, double distance, double rounding) noexcept nogil:
        # Append to chosen[:count] the features outside W that hold a coefficient, or may have to as far as the current
        # correlations tell, which are certain up to norm_j distance + raw_norm_j rounding. Most blocks hold none.
        cdef unsigned char[BLOCK] above
        cdef index_t block, first, size, k, j
        cdef double margin
        cdef const double* raw_norm = &self.lazy.raw_norm[0]
        for block in range(ceil_div(self.n_features, BLOCK)):
            first = block * BLOCK
            size = min(BLOCK, self.n_features - first)
            if not mark_above(
                &self.z[first], &self.norm[first], raw_norm + first, &self.barrier[first], size, distance, rounding,
                self.pen.a1, above,
            ) and not self.n_outside:
                continue
            for k in range(size):
                j = first + k
                if self.working[j] or not (above[k] or self.n_outside):
                    continue
                margin = self.norm[j] * distance + raw_norm[j] * rounding
                if self.outside[j] != 0.0 or may_enter(&self.pen, j, self.z[j], margin):
                    self.chosen[count] = j
                    count += 1
        return count

    cdef double loss_value(self) noexcept nogil:
        return 0.5 * self.residual2

    cdef bint is_lean(self) noexcept nogil:
        # Whether the Gram matrix tells all that is needed of a residual that would have to be made of columns.
        if self.form.kind != 0 or self.form.weights is not None or not self.lazy.placed:
            return False
        return not (<GramForm> self.form).knows_residual()

    cdef int renew(self) except -1 nogil:
        # The residual with its squared norm, and the correlations of W with it, in scratch.
        self.lean = not self.complete and self.is_lean()
        if self.complete or self.lean:
            self.residual2 = (<GramForm> self.form).residual2()
        else:
            self.form.residual(&self.target[0], &self.u[0])
            self.residual2 = dot(&self.u[0], &self.u[0], self.design.n_rows)
        self.form.correlations(0, &self.scratch[0])
        return 0

    cdef int recall(self) except -1 nogil:
        # The residual itself, where it has not been needed so far.
        if self.lean:
            self.lean = False
            self.form.residual(&self.target[0], &self.u[0])
        return 0

    cdef Place here(self) noexcept nogil:
        cdef Place at
        at.feature, at.b, at.count = &self.form.feature[0], &self.form.beta[0], self.form.count
        at.c, at.g, at.target2 = &self.correlation[0], &self.scratch[0], self.target2
        return at

    cdef int refer(self) except -1 nogil:
        # Make this residual, all of whose correlations are known, a reference.
        self.lazy.add(&self.u[0], &self.z[0])
        return self.place_reference()

    cdef int place_reference(self) except -1 nogil:
        cdef Place at
        if self.form.kind != 1 and self.form.weights is None and self.lazy.placed:
            at = self.here()
            return self.lazy.place(&at)
        self.lazy.placed = False
        return 0

    cdef double certify(self) except -1 nogil:
        # Exact correlations on W; of every other feature an estimate that proves that it may stay out, but for n_open
        # features in chosen. Returns how many entries of X these have; `settle` or a full pass must follow.
        cdef Columns cols
        cdef Place at
        cdef index_t i
        self.n_open = 0
        self.renew()
        if self.lean:
            at = self.here()
            self.lazy.fit_place(&at)
        elif not self.complete:
            self.lazy.fit(&self.u[0])
        if not self.complete:
            self.lazy.estimate(&self.z[0])
        for i in range(self.form.count):
            self.z[self.form.feature[i]] = self.scratch[i]
        if self.complete:
            return 0.0
        self.n_open = self.candidates(0, self.lazy.distance, self.lazy.rounding)
        cols.index, cols.count = &self.chosen[0], self.n_open
        return self.design.size_of(cols) if self.n_open else 0.0

    cdef int settle(self) except -1 nogil:
        # The exact correlations of what the estimates have left open.
        cdef index_t i
        cdef Columns cols
        cdef Vectors vectors
        if self.n_open == 0:
            return 0
        self.recall()
        cols.index, cols.count = &self.chosen[0], self.n_open
        vectors.data, vectors.count = &self.u[0], 1
        self.design.correlate(vectors, cols, &self.scratch[0])
        for i in range(self.n_open):
            self.z[self.chosen[i]] = self.scratch[i]
        return 0

    cdef int resolve(self, double undecided) except -1 nogil:
        # Settle what is open one by one, or by a full pass where that reads too much of X.
        return self.full_pass() if undecided > self.pass_fraction * self.entries else self.settle()

    cdef int full_pass(self) except -1 nogil:
        # All correlations; those of W are known already, which is worth a gather where W is a good part of X.
        cdef Columns cols
        cdef Vectors vectors
        cdef index_t outside = 0
        cdef index_t i, j
        self.recall()
        vectors.data = &self.u[0]
        vectors.count = 1
        for j in range(self.n_features):
            if not self.working[j]:
                self.chosen[outside] = j
                outside += 1
        cols.index = &self.chosen[0]
        cols.count = outside
        if self.design.size_of(cols) < SKIP_FRACTION * self.entries:
            self.design.correlate(vectors, cols, &self.scratch[0])
            for i in range(outside):
                self.z[self.chosen[i]] = self.scratch[i]
        else:
            cols.index = NULL
            cols.count = self.n_features
            self.design.correlate(vectors, cols, &self.z[0])
        return self.refer()

    cdef void measure(self, double zero_level, bint rough) noexcept nogil:
        # The gap, or where it is far too large a bound on it, if that will do.
        cdef Evidence evidence
        self.gather(zero_level, &evidence)
        evidence.rough = rough
        self.gap = max(self.bounded_gap(&evidence), self.hidden(&evidence))

    cdef double hidden(self, const Evidence* evidence) noexcept nogil:
        # Predictions are known up to EPSILON sum_j |b_j| ||x_j||, x_j not centered: where coefficients cancel each
        # other on a grand scale no residual is what it seems to be, and no gap can be below the square of that.
        cdef double size = 0.0
        cdef index_t i
        for i in range(evidence.count):
            size += fabs(evidence.beta[i]) * self.lazy.raw_norm[evidence.feature[i]]
        return (EPSILON * size) ** 2

    cdef double bounded_gap(self, const Evidence* evidence) noexcept nogil:
        # The smallest gap that is found, and at most that at the scale s = 0.
        cdef double scale
        return dual_gap(&self.pen, evidence, &scale)

    cdef void gather(self, double zero_level, Evidence* evidence) noexcept nogil:
        # What the gap is made of: W, and every other feature whose threshold is exceeded.
        cdef index_t held = self.form.count
        cdef index_t count = held
        cdef index_t i
        for i in range(held):
            self.chosen[i] = self.form.feature[i]
        if not self.complete:
            count = self.candidates(held, 0.0, 0.0)
        for i in range(count):
            self.chosen_beta[i] = self.form.beta[i] if i < held else self.outside[self.chosen[i]]
            self.chosen_z[i] = self.z[self.chosen[i]]
        evidence.feature = &self.chosen[0]
        evidence.beta = &self.chosen_beta[0]
        evidence.z = &self.chosen_z[0]
        evidence.count = count
        evidence.norm = &self.norm[0]
        evidence.residual2, evidence.tilt = self.residual2, self.tilt
        evidence.rows, evidence.enough = self.rows, self.enough
        evidence.zero_level = zero_level
