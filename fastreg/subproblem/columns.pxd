from cython cimport final

from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.design.tiles cimport axpy, dot
from fastreg.subproblem.weights cimport RowWeights


cdef class Form:
    cdef ScaledDesign design
    cdef public index_t count
    cdef readonly index_t capacity
    cdef public index_t limit
    cdef index_t[::1] feature
    cdef double[::1] beta
    cdef double[::1] curvature
    cdef readonly int kind
    # Other weights of the rows than the design's, or None, and the means of its columns under them.
    cdef public RowWeights weights
    cdef double[::1] moved

    cdef int reserve(self, index_t count) except -1 nogil
    cdef int append(self, const index_t* features, index_t count) except -1 nogil
    cdef int refresh(self, const double* target) except -1 nogil
    cdef int residual(self, const double* target, double* u) except -1 nogil
    cdef void correlations(self, index_t first, double* g) noexcept nogil
    cdef double entries(self) noexcept nogil
    cdef int products(self, index_t first, double* Q, index_t stride) except -1 nogil
    cdef int weigh(self, index_t first) except -1 nogil
    cdef int predict(self, const double* coef, double* eta) except -1 nogil
    cdef int correlate(self, const double* u, double* z) except -1 nogil
    cdef void load(self, const double* residual) noexcept nogil


@final
cdef class DenseColumns(Form):
    cdef double[:, ::1] P
    # The same under the weights, for what works on the columns themselves and not on a Gram matrix of them (``alone``).
    cdef double[:, ::1] own
    cdef bint alone
    # Where the lines of one or the other begin, and how often all of them have changed.
    cdef const double* lines
    cdef index_t version
    cdef double[::1] u
    cdef double[::1] cubes

    cdef int weigh_lines(self, index_t first) except -1 nogil
    cdef void turn(self, index_t col, index_t row, double* cube) noexcept nogil

    cdef inline const double* line(self, index_t i) noexcept nogil:
        return self.lines + i * self.design.n_rows

    cdef inline double gradient(self, index_t i) noexcept nogil:
        return dot(self.line(i), &self.u[0], self.design.n_rows)

    cdef inline void step(self, index_t i, double delta) noexcept nogil:
        self.beta[i] += delta
        axpy(-delta, self.line(i), &self.u[0], self.design.n_rows)

    cdef inline double residual2(self) noexcept nogil:
        return dot(&self.u[0], &self.u[0], self.design.n_rows)
