"""Exact solution over more columns than rows, under an l2 part: Newton's method on the dual, which has n variables.

With q_j = a2 l2_j > 0 for every column the conjugates h_j* are smooth, and the residual u of the solution minimizes

    D(u) = ||u||^2 / 2 - y'u + sum_j h_j*(x_j'u),     D'(u) = u - (y - sum_j b_j x_j),     b_j = h_j*'(x_j'u).

D is strongly convex and piecewise quadratic. With S the columns whose b_j is neither 0 nor at a bound its Hessian is

    H = I + K / a2,     K = sum_S x_j x_j' / l2_j     (n x n, where tracing would factor |S| x |S|),

and a full step that leaves S as it was ends at the solution. K follows S from step to step and from alpha to alpha:
what enters or leaves costs n^2, the factor n^3 / 3 (semismooth Newton; Li, Sun & Toh 2018 for the lasso).
"""

import numpy as np

from cython.parallel cimport prange
from libc.math cimport fabs
from libc.string cimport memcpy, memset

from fastreg.design.base cimport CUBE, STRIP, ceil_div, index_t
from fastreg.design.cubes cimport multiply_cubes
from fastreg.design.tiles cimport axpy, dot
from fastreg.penalty.elastic_net cimport Penalty, bind, conjugate_point
from fastreg.runtime.interrupt cimport poll
from fastreg.subproblem.active_set cimport ActiveSet, backward, decompose, forward
from fastreg.subproblem.columns cimport DenseColumns

# A gradient below this multiple of ||y|| is rounding.
cdef double ROUNDING = 1e-14
# The slope at the end of a step may be this part of that at its beginning.
cdef double FLAT = 1e-3
cdef int MAX_SECANTS = 40


cdef class DualNewton(ActiveSet):
    """The method, with what it remembers of the columns between calls."""

    def minimize(self, DenseColumns form, penalty, double a1, double a2, const double[::1] target, index_t most):
        """Solve the subproblem of a form from its coefficients and return (coefficients, whether it is exact).

        Parameters
        ----------
        form : DenseColumns
        penalty : dict of l1, l2, lower, upper (n_features,)
        a1, a2 : float, scales of the two parts
        target : (n_rows,)
        most : int, steps
        """
        cdef const double[::1] l1 = penalty["l1"], l2 = penalty["l2"]
        cdef const double[::1] lower = penalty["lower"], upper = penalty["upper"]
        cdef Penalty pen = bind(l1, l2, lower, upper, a1, a2)
        form.refresh(&target[0])
        exact = self.solve(form, &pen, &target[0], most)
        return np.array(form.beta[:form.count]), exact

    def _begin(self, index_t n):
        cdef double[:, ::1] rows = np.zeros((5, n))
        cdef double[:, ::1] cubes = np.zeros((2, ceil_div(n, CUBE) * CUBE * CUBE))
        self.K = np.zeros((n, n))
        self.u, self.du, self.slope, self.w, self.target = rows[0], rows[1], rows[2], rows[3], rows[4]
        self.plain, self.scaled = cubes[0], cubes[1]

    def _grow(self, index_t capacity):
        cdef index_t old = self.inside.shape[0]
        cdef index_t[:, ::1] lists = np.zeros((2, capacity), dtype=np.intp)
        cdef unsigned char[::1] inside = np.zeros(capacity, dtype=np.uint8)
        cdef double[:, ::1] numbers = np.empty((3, capacity))
        if old:
            inside[:old], lists[0, :old] = self.inside, self.owner
        self.inside, self.owner, self.changed = inside, lists[0], lists[1]
        self.z, self.dz, self.b = numbers[0], numbers[1], numbers[2]

    cdef int prepare(self, DenseColumns form) except -1 nogil:
        # Room for this form; what is known of other columns at these places is forgotten.
        cdef index_t n = form.design.n_rows
        cdef bint known = self.version == form.version
        cdef index_t i
        self.version = form.version
        if self.K.shape[0] != n:
            with gil:
                self._begin(n)
        if self.inside.shape[0] < form.capacity:
            with gil:
                self._grow(form.capacity)
        self.size = 0
        self.reserve_factor(n)
        self.size = n
        for i in range(self.inside.shape[0]):
            if self.inside[i] and (i >= form.count or self.owner[i] != form.feature[i]):
                known = False
        if not known:
            memset(&self.inside[0], 0, self.inside.shape[0])
            memset(&self.K[0, 0], 0, n * n * sizeof(double))
        return 0

    cdef bint solve(
        self, DenseColumns form, const Penalty* pen, const double* target, index_t most
    ) except -1 nogil:
        # False where a column bears no l2 penalty, H has no factor, or the steps ran out: the form is as it was then.
        # Without a target (NULL) it is what the form's residual and coefficients add up to.
        cdef index_t n = form.design.n_rows
        cdef double length = 0.0
        cdef double enough
        cdef index_t i, count
        cdef bint jumped
        self.steps = 0
        for i in range(form.count):
            if not pen.a2 * pen.l2[form.feature[i]] > 0.0:
                return False
        self.prepare(form)
        if target != NULL:
            form.refresh(target)
        memcpy(&self.u[0], &form.u[0], n * sizeof(double))
        memcpy(&self.target[0], &form.u[0], n * sizeof(double))
        for i in range(form.count):
            if form.beta[i] != 0.0:
                axpy(form.beta[i], form.line(i), &self.target[0], n)
            self.z[i] = form.gradient(i)
        self.shrink(form.count, n, pen.a1)
        enough = ROUNDING * ROUNDING * dot(&self.target[0], &self.target[0], n)
        while True:
            poll()
            count = look(self, form, pen, &jumped)
            if count == 0 and not jumped and length == 1.0:
                break
            differentiate(self, form)
            if dot(&self.slope[0], &self.slope[0], n) <= enough:
                break
            if self.steps == most:
                return False
            self.steps += 1
            follow(self, form, pen, count)
            if not find_step(self, form, pen.a2):
                return False
            length = step_length(self, form, pen)
            axpy(length, &self.du[0], &self.u[0], n)
            axpy(length, &self.dz[0], &self.z[0], form.count)
        self.a1 = pen.a1
        memcpy(&form.beta[0], &self.b[0], form.count * sizeof(double))
        if target != NULL:
            form.refresh(target)
        return True

    cdef void shrink(self, index_t count, index_t n, double a1) noexcept nogil:
        # Begin at as much of u as a1 is of that of the last solution: then no |x_j'u| passes its threshold or falls
        # below it before the first step, which knows where they go.
        cdef double part = a1 / self.a1 if 0.0 < a1 < self.a1 else 1.0
        cdef index_t i
        for i in range(n):
            self.u[i] *= part
        for i in range(count):
            self.z[i] *= part


cdef index_t look(DualNewton self, DenseColumns form, const Penalty* pen, bint* jumped) noexcept nogil:
    # b at the current z, and the places at which S is not what K is made of; return how many there are. Another one may
    # have jumped from 0 or a bound to a bound or 0, which K does not show.
    cdef index_t count = 0
    cdef index_t i, j
    cdef bint inside
    cdef double before
    jumped[0] = False
    for i in range(form.count):
        j = form.feature[i]
        before = self.b[i]
        self.b[i] = conjugate_point(pen, j, self.z[i])
        inside = self.b[i] != 0.0 and pen.lower[j] < self.b[i] < pen.upper[j]
        if inside != self.inside[i]:
            self.changed[count] = i
            count += 1
        elif not inside and self.b[i] != before:
            jumped[0] = True
    return count


cdef void differentiate(DualNewton self, DenseColumns form) noexcept nogil:
    # D'(u) = u - y + the columns times b.
    cdef index_t i
    for i in range(form.design.n_rows):
        self.slope[i] = self.u[i] - self.target[i]
    for i in range(form.count):
        if self.b[i] != 0.0:
            axpy(self.b[i], form.line(i), &self.slope[0], form.design.n_rows)


cdef int follow(DualNewton self, DenseColumns form, const Penalty* pen, index_t count) except -1 nogil:
    # Let K follow S, a batch of the changed columns after the other.
    cdef index_t n = form.design.n_rows
    cdef index_t blocks = ceil_div(n, CUBE)
    cdef index_t batch, first, i, k, block, length
    cdef int team = form.design.raw.team(<double> n * n * CUBE / 16)
    cdef double factor
    for batch in range(ceil_div(count, CUBE)):
        poll()
        first = batch * CUBE
        length = min(<index_t> CUBE, count - first)
        for k in range(CUBE):
            i = self.changed[first + k] if k < length else 0
            factor = 0.0
            if k < length:
                self.inside[i] = not self.inside[i]
                self.owner[i] = form.feature[i]
                factor = (1.0 if self.inside[i] else -1.0) / pen.l2[form.feature[i]]
            load_line(self, form.line(i), n, k, factor)
        for block in prange(blocks, num_threads=team, schedule="dynamic"):
            add_products(self, n, block)
    return 0


cdef void load_line(DualNewton self, const double* line, index_t n, index_t k, double factor) noexcept nogil:
    # Line k of all cubes: a column as it is, and times its factor.
    cdef index_t strip, i, at
    for strip in range(ceil_div(n, STRIP)):
        at = (strip * CUBE + k) * STRIP
        for i in range(min(<index_t> STRIP, n - strip * STRIP)):
            self.plain[at + i] = line[strip * STRIP + i]
            self.scaled[at + i] = factor * line[strip * STRIP + i]


cdef void add_products(DualNewton self, index_t n, index_t block) noexcept nogil:
    # The lines of K in this block, up to the diagonal.
    cdef int rows = <int> min(<index_t> CUBE, n - block * CUBE)
    cdef index_t left
    for left in range(block + 1):
        multiply_cubes(
            &self.scaled[block * CUBE * CUBE], &self.plain[left * CUBE * CUBE], &self.K[block * CUBE, left * CUBE], n,
            rows, <int> min(<index_t> CUBE, n - left * CUBE),
        )


cdef bint find_step(DualNewton self, DenseColumns form, double a2) except -1 nogil:
    # du = -H^-1 D'(u), and what it does to z.
    cdef index_t n = form.design.n_rows
    cdef index_t i, k
    for i in range(n):
        for k in range(i + 1):
            self.L[i, k] = self.K[i, k] / a2
        self.L[i, i] += 1.0
        self.w[i] = self.L[i, i]
    if not decompose(self, form.design.raw):
        return False
    for i in range(n):
        self.du[i] = -self.slope[i]
    forward(self, &self.du[0], n)
    backward(self, &self.du[0], n)
    for i in range(form.count):
        self.dz[i] = dot(form.line(i), &self.du[0], n)
    return True


cdef double step_length(DualNewton self, DenseColumns form, const Penalty* pen) noexcept nogil:
    # 1, or where the slope along the step, which rises from a negative value, has vanished before that.
    cdef index_t n = form.design.n_rows
    cdef double fixed = dot(&self.u[0], &self.du[0], n) - dot(&self.target[0], &self.du[0], n)
    cdef double square = dot(&self.du[0], &self.du[0], n)
    cdef double start = dot(&self.slope[0], &self.du[0], n)
    cdef double low = 0.0
    cdef double high = 1.0
    cdef double at_low = start
    cdef double at_high = fixed + square + pull(self, form, pen, 1.0)
    cdef double here = 1.0
    cdef double slope = at_high
    cdef int _
    if at_high <= -FLAT * start:
        return 1.0
    for _ in range(MAX_SECANTS):
        # The secant where it leaves either end well behind, else the middle.
        here = low - at_low * (high - low) / (at_high - at_low)
        if not low + 0.05 * (high - low) < here < high - 0.05 * (high - low):
            here = 0.5 * (low + high)
        slope = fixed + here * square + pull(self, form, pen, here)
        if fabs(slope) <= -FLAT * start:
            break
        if slope < 0.0:
            low, at_low = here, slope
        else:
            high, at_high = here, slope
    return here


cdef double pull(DualNewton self, DenseColumns form, const Penalty* pen, double length) noexcept nogil:
    # The slope of sum_j h_j* along the step.
    cdef double total = 0.0
    cdef index_t i
    for i in range(form.count):
        total += self.dz[i] * conjugate_point(pen, form.feature[i], self.z[i] + length * self.dz[i])
    return total
