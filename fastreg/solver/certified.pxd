from fastreg.design.base cimport index_t
from fastreg.design.scaled cimport ScaledDesign
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.solver.lazy_gradients cimport LazyGradients, Place
from fastreg.subproblem.columns cimport Form
from fastreg.subproblem.gap cimport Evidence, Rows


cdef class CertifiedPoint:
    cdef readonly ScaledDesign design
    cdef public Form form
    cdef LazyGradients lazy
    cdef Penalty pen
    cdef object keep
    cdef readonly index_t n_features
    cdef readonly bint complete
    cdef double pass_fraction
    cdef double entries
    cdef const double[::1] norm
    # What W has to explain, with its correlations; the residual u, with its own, z.
    cdef double[::1] target
    cdef double target2
    cdef double[::1] correlation
    cdef double[::1] u
    cdef double[::1] z
    # Whether u has not been made yet: the Gram matrix tells what is needed of it.
    cdef bint lean
    # Which features W holds, their thresholds over a1 (infinite for those in W), and the fixed coefficients of those
    # outside.
    cdef unsigned char[::1] working
    cdef double[::1] barrier
    cdef double[::1] outside
    cdef readonly index_t n_outside
    # Some features under consideration; the first n_open of them those that no estimate has settled.
    cdef index_t n_open
    cdef index_t[::1] chosen
    cdef double[::1] chosen_beta
    cdef double[::1] chosen_z
    cdef double[::1] scratch
    # ||u||^2, twice the loss where that is squared loss; what other losses are made of (see ``gap.pxd``).
    cdef readonly double residual2
    cdef double tilt
    cdef Rows rows
    # A bound on the gap will do where it is at most this.
    cdef double enough
    cdef readonly double gap

    cdef double zero_level(self, double target) noexcept nogil
    cdef double level(self) noexcept nogil
    cdef void set_working(self, const index_t[::1] features) noexcept nogil
    cdef void clear_working(self) noexcept nogil
    cdef index_t candidates(self, index_t count, double distance, double rounding) noexcept nogil
    cdef double loss_value(self) noexcept nogil
    cdef bint is_lean(self) noexcept nogil
    cdef int renew(self) except -1 nogil
    cdef int recall(self) except -1 nogil
    cdef Place here(self) noexcept nogil
    cdef int refer(self) except -1 nogil
    cdef int place_reference(self) except -1 nogil
    cdef double certify(self) except -1 nogil
    cdef int settle(self) except -1 nogil
    cdef int resolve(self, double undecided) except -1 nogil
    cdef int full_pass(self) except -1 nogil
    cdef void gather(self, double zero_level, Evidence* evidence) noexcept nogil
    cdef void measure(self, double zero_level, bint rough) noexcept nogil
    cdef double hidden(self, const Evidence* evidence) noexcept nogil
    cdef double bounded_gap(self, const Evidence* evidence) noexcept nogil
