from fastreg.design.base cimport index_t
from fastreg.loss.generalized cimport Loss, Slope
from fastreg.penalty.elastic_net cimport Penalty
from fastreg.solver.working_set cimport WorkingSetSolver
from fastreg.subproblem.weights cimport RowWeights


cdef class NewtonSolver(WorkingSetSolver):
    cdef Loss loss
    cdef RowWeights weights
    cdef Penalty model
    cdef double[::1] y
    cdef double[::1] weight
    cdef double[::1] start
    # The loss at the predictors eta, which is `best` at least, with u and h of every row; the same for a trial point.
    cdef double value
    cdef double best
    cdef double null_value
    cdef Slope slope
    # What a smaller scale of the dual point costs elsewhere: (1 - s) times this.
    cdef double burden
    cdef double[::1] eta
    cdef double[::1] force
    cdef double[::1] curvature
    cdef double[::1] trial
    cdef double[::1] line
    # Sums over the rows: of the model's curvatures, and of u, which the intercept is to make 0.
    cdef double total
    cdef double imbalance
    # Whether the model's curvatures are those of this point, and whether they had better be.
    cdef bint fresh
    cdef bint stale
    # Whether the last step was too short for the objective to tell anything.
    cdef bint blind
    # One number for every feature of W: correlations with u, coefficients before a step, and the step.
    cdef double[::1] held
    cdef double[::1] before
    cdef double[::1] delta

    cdef int reserve(self) except -1 nogil
    cdef double held_gap(self) noexcept nogil
    cdef double held_penalty(self) noexcept nogil
    cdef bint step(self, double gap) except -1 nogil
    cdef int reweigh(self) except -1 nogil
    cdef void pose(self) noexcept nogil
    cdef bint move(self) except -1 nogil
    cdef double evaluate(self, double length) noexcept nogil
    cdef double assess(self) noexcept nogil
    cdef double slope_at_trial(self) noexcept nogil
    cdef int accept(self, double value) except -1 nogil
    cdef bint far(self) noexcept nogil
    cdef int predictors(self, const double* base, double* out) except -1 nogil
    cdef int straighten(self) except -1 nogil
    cdef int look(self) except -1 nogil
    cdef double enter(self, const double* eta, bint balanced) except -1 nogil
