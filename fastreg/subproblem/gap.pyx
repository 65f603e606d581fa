"""The duality gap of a loss plus penalty, free of cancellation.

With u the residual, z_j = x_j'u and the dual point s u, 0 <= s <= 1, primal minus dual is

    G(s) = (1 - s)^2 / 2 ||u||^2  +  sum_j [ P_j(b_j) + h_j*(s z_j) - s z_j b_j ],

in which every bracket is nonnegative (Fenchel and Young) and small near the solution, so that G is accurate
far below the rounding error of either objective. G is convex in s and its derivative is piecewise linear:

    G'(s) = -(1 - s) ||u||^2  +  sum_j z_j (b_j*(s z_j) - b_j),        b_j* the maximizer inside h_j*.

For other losses (``Rows``) the first term is the divergence D(s) of ``fastreg.loss.generalized``, and ||u||^2 stands
for what bounds it: s is chosen by the bound, which is (1 - s)^2 ||u||^2 / (2 s^2), and any s gives a valid gap.

A coefficient without l2 part and without bound on the side of z_j needs |s z_j| <= t_j.
"""

import numpy as np

from libc.math cimport fabs, INFINITY

from fastreg.design.base cimport index_t
from fastreg.loss.base cimport Loss, Sums, add_up, diverge
from fastreg.penalty.elastic_net cimport (
    Penalty, bind, conjugate_point, conjugate_value, soft_threshold, threshold,
)

# Under an l2 part correlations vanish up to rounding, this fraction of the level at which others count as 0.
cdef double SMOOTH = 1e-3
cdef int MAX_NEWTON = 40
# A gap below this fraction of what is asked for need not be the smallest one.
cdef double NEGLIGIBLE = 1e-6
cdef int SECTIONS = 60
cdef double GOLDEN = 0.6180339887498949


cdef double lost(const Evidence* evidence, double s, double rest) noexcept nogil:
    # What the loss part of the dual loses at s u; a bound on it where that is enough, or at most the rest of the gap.
    cdef const Rows* rows = &evidence.rows
    cdef double quadratic = 0.5 * (1.0 - s) * (1.0 - s) * evidence.residual2
    cdef double bound
    if rows.loss == NULL or s == 1.0:
        return quadratic
    bound = (1.0 - s) * evidence.tilt + quadratic / (s * s)
    if bound <= max(rest, evidence.enough - rest) or (evidence.rough and rest > evidence.enough):
        return bound
    return diverge(<Loss> rows.loss, rows.y, rows.weight, rows.eta, rows.n, s, rows.n_threads)


cdef inline double modeled(const Penalty* pen, const Evidence* evidence, double s) noexcept nogil:
    # G(s) with the quadratic for the loss part.
    return (1.0 - s) * (evidence.tilt + 0.5 * (1.0 - s) * evidence.residual2) + penalty_gap(pen, evidence, s)


cdef double dual_gap(const Penalty* pen, const Evidence* evidence, double* scale) noexcept nogil:
    # The smallest G(s), or one that is small enough; `scale` is where it lies. Newton's method, guarded by bisection.
    cdef double high = largest_scale(pen, evidence, True)
    cdef double low = 0.0
    cdef double s = high
    cdef double slope, bend, step, total
    cdef int _
    # (For other losses a look at one s may cost a sweep over the rows.)
    if evidence.enough > 0.0 and evidence.rows.loss == NULL:
        total = gap_at(pen, evidence, high)
        if total <= NEGLIGIBLE * evidence.enough:
            scale[0] = high
            return total
    for _ in range(MAX_NEWTON):
        slope = derivative(pen, evidence, s, &bend)
        if (slope <= 0.0 and s >= high) or slope == 0.0:
            break
        if slope > 0.0:
            high = s
        else:
            low = s
        step = s - slope / bend if bend > 0.0 else low
        if not low < step < high:
            step = 0.5 * (low + high)
        if fabs(step - s) <= 1e-15:
            break
        s = step
    # A tiny l2 part makes G so steep that Newton's last step is below the spacing of floating-point numbers;
    # the scale at which no conjugate is positive is then the better one.
    step = largest_scale(pen, evidence, False)
    scale[0] = s if modeled(pen, evidence, s) <= modeled(pen, evidence, step) else step
    return gap_at(pen, evidence, scale[0])


cdef double gap_at(const Penalty* pen, const Evidence* evidence, double s) noexcept nogil:
    # G(s), or for other losses than squared loss a bound on it.
    cdef double rest = penalty_gap(pen, evidence, s)
    return max(rest + lost(evidence, s, rest), 0.0)


cdef bint is_zero(const Penalty* pen, const Evidence* evidence, index_t i) noexcept nogil:
    # A coefficient without l1 part whose correlation vanishes up to rounding: projected out, which costs
    # z^2 / (2 ||x||^2) + q b^2 / 2, where that is less than (q b - z)^2 / (2 q), the bracket of G(1). With an l2 part
    # that is a question of rounding alone; what columns that are nearly equal cost together grows with its square.
    cdef index_t j = evidence.feature[i]
    cdef double z = evidence.z[i]
    cdef double q = pen.a2 * pen.l2[j]
    cdef double b = evidence.beta[i]
    if threshold(pen, j) != 0.0 or not fabs(z) <= (
        evidence.zero_level * (1.0 if q == 0.0 else SMOOTH) * evidence.norm[j]
    ):
        return False
    return q == 0.0 or q * (z / evidence.norm[j]) ** 2 + (q * b) ** 2 < (q * b - z) ** 2


cdef double largest_scale(const Penalty* pen, const Evidence* evidence, bint finite) noexcept nogil:
    # The largest s <= 1 at which every h_j*(s z_j) is finite, or else 0.
    cdef double s = 1.0
    cdef double z, t
    cdef index_t i, j
    for i in range(evidence.count):
        j = evidence.feature[i]
        z = evidence.z[i]
        t = threshold(pen, j)
        if fabs(z) > t and not is_zero(pen, evidence, i):
            if fabs(conjugate_point(pen, j, z)) == INFINITY or not finite:
                s = min(s, t / fabs(z))
    return s


cdef inline double dual_point(const Penalty* pen, index_t j, double z) noexcept nogil:
    # The maximizer inside h_j*; on the very edge of an infinite conjugate rounding must not pick infinity.
    cdef double point = conjugate_point(pen, j, z)
    return 0.0 if fabs(point) == INFINITY else point


cdef double derivative(const Penalty* pen, const Evidence* evidence, double s, double* bend) noexcept nogil:
    # G'(s), and in `bend` the slope of that piece of G'.
    cdef double slope = -(1.0 - s) * evidence.residual2 - evidence.tilt
    cdef double z, q, point
    cdef index_t i, j
    bend[0] = evidence.residual2
    for i in range(evidence.count):
        j = evidence.feature[i]
        z = evidence.z[i]
        if is_zero(pen, evidence, i):
            continue
        point = dual_point(pen, j, s * z)
        slope += z * (point - evidence.beta[i])
        q = pen.a2 * pen.l2[j]
        if q > 0.0 and point != 0.0 and point == soft_threshold(s * z, threshold(pen, j)) / q:
            bend[0] += z * z / q
    return slope


cdef double penalty_gap(const Penalty* pen, const Evidence* evidence, double s) noexcept nogil:
    # The sum in G(s).
    cdef double total = 0.0
    cdef double z, b
    cdef index_t i, j
    for i in range(evidence.count):
        j = evidence.feature[i]
        z = s * evidence.z[i]
        b = evidence.beta[i]
        if is_zero(pen, evidence, i):
            # Removing z_j from u costs z_j^2 / (2 ||x_j||^2) where x_j is orthogonal to the other free columns; up to
            # zero_level that, like what it does to the other correlations, is beyond the digits asked for.
            total += 0.5 * ((z / evidence.norm[j]) ** 2 + pen.a2 * pen.l2[j] * b * b)
            continue
        total += conjugate_value(pen, j, z, dual_point(pen, j, z))
        if b != 0.0:
            # t |b| - z b as |b| (t - sign(b) z): each factor is small where it should be.
            total += fabs(b) * (threshold(pen, j) - (z if b > 0.0 else -z))
            total += 0.5 * (pen.a2 * pen.l2[j]) * b * b
    return total


def least(gap, double high):
    """Return the smallest value on [0, high] of a convex function of the scale s, by golden section.

    Any s gives a valid gap; the search by a bound on the loss part (``dual_gap``) may miss the best one.
    """
    cdef double low = 0.0
    cdef double best = min(gap(high), gap(low))
    cdef double left, right
    for _ in range(SECTIONS):
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if gap(left) < gap(right):
            high = right
        else:
            low = left
    return max(min(best, gap(0.5 * (low + high))), 0.0)


cdef class Proof:
    """The evidence of coefficients ``beta`` with correlations ``z``, all features given; see ``gap_of``."""

    cdef Penalty pen
    cdef Evidence evidence
    cdef object keep

    def __init__(self, penalty, double a1, double a2, const double[::1] beta, const double[::1] z,
                 const double[::1] norm, double zero_level):
        cdef const double[::1] l1 = penalty["l1"], l2 = penalty["l2"]
        cdef const double[::1] lower = penalty["lower"], upper = penalty["upper"]
        cdef const index_t[::1] feature = np.arange(beta.shape[0])
        self.keep = (l1, l2, lower, upper, feature, beta, z, norm)
        self.pen.a1, self.pen.a2 = a1, a2
        self.evidence.count, self.evidence.zero_level = beta.shape[0], zero_level
        self.evidence.residual2 = self.evidence.enough = self.evidence.tilt = 0.0
        self.evidence.rows.loss, self.evidence.rough = NULL, False
        if beta.shape[0]:
            self.pen = bind(l1, l2, lower, upper, a1, a2)
            self.evidence.feature, self.evidence.beta = &feature[0], &beta[0]
            self.evidence.z, self.evidence.norm = &z[0], &norm[0]

    cdef int take(self, Loss loss, const double[:, ::1] rows, double enough) except -1:
        # Take in the loss at n rows: y, weights and predictors (3, n).
        cdef double[:, ::1] scratch = np.empty((2, rows.shape[1]))
        cdef Rows* own = &self.evidence.rows
        cdef Sums sums
        self.keep += loss, rows
        own.loss, own.n, own.n_threads = <void*> loss, rows.shape[1], 1
        own.y, own.weight, own.eta = &rows[0, 0], &rows[1, 0], &rows[2, 0]
        loss.evaluate(own.y, own.weight, own.eta, own.n, &scratch[0, 0], &scratch[1, 0], &sums)
        add_up(&sums, 1, &sums)
        self.evidence.residual2, self.evidence.tilt, self.evidence.enough = sums.steep, sums.tilt, enough
        return 0

    def largest_scale(self):
        """Return the largest s <= 1 at which the penalty's part of the gap is finite."""
        return largest_scale(&self.pen, &self.evidence, True)

    def penalty_gap(self, double s):
        """Return the penalty's part of the gap at s u."""
        return penalty_gap(&self.pen, &self.evidence, s)


def gap_of(
    penalty,
    double a1,
    double a2,
    const double[::1] beta,
    const double[::1] z,
    const double[::1] norm,
    double residual2,
    double zero_level,
    Loss loss=None,
    const double[:, ::1] rows=None,
    double enough=0.0,
):
    """Return the duality gap at coefficients ``beta`` with correlations ``z``, all features given.

    Parameters
    ----------
    penalty : dict of l1, l2, lower, upper (n_features,)
    a1, a2 : float, scales of the two parts
    beta, z, norm : (n_features,)
    residual2 : float, squared norm of the residual; of no account for other losses
    zero_level : float, see ``Evidence``
    loss : None for squared loss
    rows : None or (3, n_rows): y, weights and predictors
    enough : float
        A bound will do where it is at most this; for other losses than squared loss the least gap costs more.
    """
    cdef double scale, bound
    cdef Proof proof = Proof(penalty, a1, a2, beta, z, norm, zero_level)
    proof.evidence.residual2 = residual2
    if loss is not None:
        proof.take(loss, rows, enough)
    bound = dual_gap(&proof.pen, &proof.evidence, &scale)
    if loss is None or bound <= enough:
        return bound
    y, weights, eta = np.asarray(rows)
    return min(bound, least(
        lambda s: proof.penalty_gap(s) + loss.divergence_at(y, weights, eta, s), proof.largest_scale()
    ))
