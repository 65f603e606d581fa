"""Certified lazy gradients: bounds on all correlations x_j'u without reading X.

Kept are a few reference residuals U = [u_1 .. u_m] with their full correlations G = X'U. For a new u let
a = argmin ||u - U a|| and delta = u - U a; then for every column, by Cauchy and Schwarz,

    | x_j'u - (G a)_j |  <=  ||x_j|| ||delta||  +  rounding.

The bound holds for any a, so the least-squares problem may be solved cheaply; on a path whose support does not
change u is linear in alpha and two references give delta = 0. The rounding term covers the error with which G
was computed: a multiple of eps ||raw x_j|| sum_k |a_k| ||u_k||, where the raw column is not centered.

Where n is large and W small, u itself is costly, and for the bound it is not needed. With u = y - X b, c = X'y and
g = X'u on W,

    u_k'u = ||y||^2 - c'b_k - g_k'b,        ||delta||^2 = e^2 ||y||^2 - e c'd - d'(g - sum_k a_k g_k)

where e = 1 - sum_k a_k and d = b - sum_k a_k b_k: both are small near the references, and so are all three terms.
"""

import numpy as np

from libc.math cimport fabs, sqrt
from libc.string cimport memset

from fastreg.design.base cimport NO_ROWS, index_t
from fastreg.design.tiles cimport axpy, dot

# Rounding of inner products of residuals by coefficients, as a fraction of the products of the norms they are made of.
cdef double PLACED = 1e-15
# A reference whose part orthogonal to the newer ones is below this fraction of its norm is not used.
cdef double COLLINEAR = 1e-6


cdef class LazyGradients:
    """References and the current bound: ``fit`` a residual, then ``estimate`` its correlations.

    The correlation of feature j is within ``norm[j] * distance + raw_norm[j] * rounding`` of its estimate.
    """

    def __init__(self, index_t n_rows, norm, raw_norm):
        self.n_rows = n_rows
        self.norm = norm
        self.raw_norm = raw_norm
        self.U = self.B = NO_ROWS
        self.placed = True

    def _begin(self):
        self.U = np.empty((REFERENCES, self.n_rows))
        self.G = np.empty((REFERENCES, self.norm.shape[0]))
        self.delta = np.empty(self.n_rows)
        self.B = np.zeros((REFERENCES, 0))

    cdef int reserve(self) except -1 nogil:
        # Room for references, which a Gram matrix of everything does without.
        if self.U.shape[0] == 0:
            with gil:
                self._begin()
        return 0

    def _grow(self, positions):
        B = np.zeros((REFERENCES, positions))
        B[:, :self.B.shape[1]] = self.B
        self.B = B

    def forget(self):
        """Drop all references."""
        self.count = 0
        self.placed = True

    def displace(self):
        """Forget the coefficients of the references: positions are others now."""
        self.placed = False

    def add_reference(self, const double[::1] u, const double[::1] z):
        """Make u (n_rows,) with its correlations z (n_features,) a reference."""
        self.add(&u[0], &z[0])

    def add_place(self, const double[::1] b, const double[::1] c):
        """Tell the coefficients b (count,) of the newest reference, those of the first features, and c = X'y."""
        cdef const index_t[::1] feature = np.arange(len(b))
        cdef Place at = place_of(feature, b, c, b, 0.0)
        self.place(&at)

    def place_bounds(self, const double[::1] b, const double[::1] c, const double[::1] g, double target2):
        """Return what ``bounds`` does for y - X b; c = X'y, g (count,) are its correlations, target2 = ||y||^2."""
        cdef double[::1] z = np.empty(self.norm.shape[0])
        cdef const index_t[::1] feature = np.arange(len(b))
        cdef Place at = place_of(feature, b, c, g, target2)
        self.fit_place(&at)
        self.estimate(&z[0])
        return np.asarray(z), np.asarray(self.norm) * self.distance + np.asarray(self.raw_norm) * self.rounding

    def bounds(self, const double[::1] u):
        """Return estimates of the correlations of u and the radius within which each is certified."""
        cdef double[::1] z = np.empty(self.norm.shape[0])
        self.fit(&u[0])
        self.estimate(&z[0])
        return np.asarray(z), np.asarray(self.norm) * self.distance + np.asarray(self.raw_norm) * self.rounding

    cdef int add(self, const double* u, const double* z) except -1 nogil:
        # Make u with its correlations z a reference, in the place of the oldest; line[0] is the newest.
        cdef index_t slot = self.count if self.count < REFERENCES else self.line[REFERENCES - 1]
        cdef index_t i, k
        self.reserve()
        if self.count < REFERENCES:
            self.count += 1
        for k in range(self.count - 1, 0, -1):
            self.line[k] = self.line[k - 1]
        self.line[0] = <int> slot
        for i in range(self.n_rows):
            self.U[slot, i] = u[i]
        for i in range(self.norm.shape[0]):
            self.G[slot, i] = z[i]
        for k in range(self.count):
            self.inner[slot * REFERENCES + k] = dot(&self.U[slot, 0], &self.U[k, 0], self.n_rows)
            self.inner[k * REFERENCES + slot] = self.inner[slot * REFERENCES + k]
        return 0

    cdef int place(self, const Place* at) except -1 nogil:
        # Keep the coefficients of the newest reference.
        cdef index_t slot = self.line[0]
        cdef index_t i
        if self.B.shape[1] < at.count:
            with gil:
                self._grow(2 * at.count)
        self.explained[slot] = 0.0
        for i in range(self.B.shape[1]):
            self.B[slot, i] = at.b[i] if i < at.count else 0.0
        for i in range(at.count):
            self.explained[slot] += at.c[at.feature[i]] * at.b[i]
        return 0

    cdef void fit_place(self, const Place* at) noexcept nogil:
        # As ``fit``, for a residual that is known by its coefficients.
        cdef double[REFERENCES] right
        cdef double rest = 1.0
        cdef double spread = 0.0
        cdef double size = sqrt(at.target2)
        cdef double square, step, bend
        cdef index_t i, k
        for k in range(self.count):
            right[k] = at.target2 - self.explained[k]
            for i in range(at.count):
                right[k] -= at.b[i] * self.G[k, at.feature[i]]
        solve_references(self, right)
        for k in range(self.count):
            rest -= self.factor[k]
        square = rest * rest * at.target2
        for i in range(at.count):
            step, bend = at.b[i], at.g[i]
            for k in range(self.count):
                if i < self.B.shape[1]:
                    step -= self.factor[k] * self.B[k, i]
                bend -= self.factor[k] * self.G[k, at.feature[i]]
            square -= step * (rest * at.c[at.feature[i]] + bend)
            spread += fabs(step) * self.norm[at.feature[i]]
            size += fabs(at.b[i]) * self.norm[at.feature[i]]
        bound(self, max(square, 0.0) + PLACED * (rest * rest * at.target2 + spread * size))

    cdef int fit(self, const double* u) except -1 nogil:
        cdef double[REFERENCES] right
        cdef index_t i, k
        self.reserve()
        for k in range(self.count):
            right[k] = dot(&self.U[k, 0], u, self.n_rows)
        solve_references(self, right)
        for i in range(self.n_rows):
            self.delta[i] = u[i]
        for k in range(self.count):
            if self.factor[k] != 0.0:
                axpy(-self.factor[k], &self.U[k, 0], &self.delta[0], self.n_rows)
        bound(self, dot(&self.delta[0], &self.delta[0], self.n_rows))
        return 0

    cdef void estimate(self, double* z) noexcept nogil:
        cdef index_t k
        memset(z, 0, self.norm.shape[0] * sizeof(double))
        for k in range(self.count):
            axpy(self.factor[k], &self.G[k, 0], z, self.norm.shape[0])


cdef Place place_of(
    const index_t[::1] feature, const double[::1] b, const double[::1] c, const double[::1] g, double target2
) noexcept:
    cdef Place at
    at.feature, at.b, at.count, at.c, at.g, at.target2 = &feature[0], &b[0], b.shape[0], &c[0], &g[0], target2
    return at


cdef void bound(LazyGradients self, double square) noexcept nogil:
    # The two parts of the bound, from ||delta||^2 and the factors of the references.
    cdef double weight = 0.0
    cdef index_t k
    for k in range(self.count):
        weight += fabs(self.factor[k]) * sqrt(self.inner[k * REFERENCES + k])
    self.distance = sqrt(square)
    self.rounding = 2.2e-16 * (4.0 + 2.0 * sqrt(<double> self.n_rows)) * (weight + self.distance)


cdef void solve_references(LazyGradients self, const double* right) noexcept nogil:
    # Cholesky on the inner products, newest reference first; nearly dependent ones get the factor 0.
    cdef double[REFERENCES * REFERENCES] L
    cdef double[REFERENCES] half
    cdef int[REFERENCES] used
    cdef index_t size = 0
    cdef index_t k, a, b, c
    cdef double pivot
    for k in range(self.count):
        self.factor[k] = 0.0
    for k in range(self.count):
        c = self.line[k]
        pivot = self.inner[c * REFERENCES + c]
        for a in range(size):
            L[size * REFERENCES + a] = self.inner[c * REFERENCES + used[a]]
            for b in range(a):
                L[size * REFERENCES + a] -= L[size * REFERENCES + b] * L[a * REFERENCES + b]
            L[size * REFERENCES + a] /= L[a * REFERENCES + a]
            pivot -= L[size * REFERENCES + a] ** 2
        if not pivot > COLLINEAR * COLLINEAR * self.inner[c * REFERENCES + c]:
            continue
        L[size * REFERENCES + size] = sqrt(pivot)
        half[size] = right[c]
        for a in range(size):
            half[size] -= L[size * REFERENCES + a] * half[a]
        half[size] /= L[size * REFERENCES + size]
        used[size] = <int> c
        size += 1
    for a in range(size - 1, -1, -1):
        pivot = half[a]
        for b in range(a + 1, size):
            pivot -= L[b * REFERENCES + a] * self.factor[used[b]]
        self.factor[used[a]] = pivot / L[a * REFERENCES + a]
