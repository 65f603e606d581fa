from fastreg.design.base cimport index_t
from fastreg.penalty.elastic_net cimport Penalty


cdef struct Rows:
    # A loss (a borrowed reference) at n rows, and with how many threads; NULL stands for squared loss.
    void* loss
    const double* y
    const double* weight
    const double* eta
    index_t n
    int n_threads


cdef struct Evidence:
    # What the gap is made of: `count` features with their coefficients and correlations. Features that are left
    # out must have coefficient 0 and a conjugate of 0, that is correlations proved to be below their thresholds.
    const index_t* feature
    const double* beta
    const double* z
    index_t count
    const double* norm
    # ||u||^2 for squared loss, the steepness of the dual for others, with its tilt (``Sums``); and of what size a
    # bound on their gap will do.
    double residual2
    double tilt
    Rows rows
    double enough
    # Whether a bound will do also where the rest of the gap is larger than that already.
    bint rough
    # An unpenalized feature's correlation must be 0; below zero_level * norm it counts as rounding.
    double zero_level


cdef double dual_gap(const Penalty* pen, const Evidence* evidence, double* scale) noexcept nogil
