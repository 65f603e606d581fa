from fastreg.design.base cimport Columns, index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.solver.lazy_gradients cimport LazyGradients
from fastreg.subproblem.coordinate_descent cimport CoordinateDescent
from fastreg.subproblem.tracing cimport Tracer
from fastreg.subproblem.columns cimport Form


cdef class WorkingSetSolver:
    cdef readonly ScaledDesign design
    cdef public Form form
    cdef readonly CoordinateDescent inner
    cdef readonly Tracer tracer
    cdef LazyGradients lazy
    cdef Penalty pen
    cdef readonly index_t n_features
    cdef readonly bint complete
    cdef double pass_fraction
    cdef double entries
    cdef object keep
    cdef object full_target
    cdef index_t limit
    cdef index_t gram_limit
    cdef double gram_pays
    cdef double[::1] outside
    cdef readonly index_t n_outside
    cdef const double[::1] norm
    cdef double[::1] target
    cdef double[::1] correlation
    cdef double[::1] u
    cdef double[::1] z
    cdef unsigned char[::1] working
    cdef index_t[::1] chosen
    cdef double[::1] chosen_beta
    cdef double[::1] chosen_z
    cdef double[::1] scratch
    cdef readonly double residual2
    cdef readonly double gap
    cdef public index_t epochs
    cdef public index_t events
    cdef double target2

    cdef int solve(self, double a1, double a2, double target, index_t max_iter) except -1 nogil
    cdef int reconsider(self) except -1 nogil
    cdef int approach(self, double a1, double a2, index_t max_iter) except -1 nogil
    cdef double level(self) noexcept nogil
    cdef int prepare(self, double a1_old, double a1_new) except -1 nogil
    cdef double zero_level(self, double target) noexcept nogil
    cdef void measure(self, double zero_level) noexcept nogil
    cdef int trace(self, index_t max_iter) except -1 nogil
    cdef int certify(self) except -1 nogil
    cdef int evaluate(self) except -1 nogil
    cdef int full_pass(self) except -1 nogil
    cdef index_t grow(self) except -1 nogil
    cdef int adopt(self, index_t count, index_t most) except -1 nogil
