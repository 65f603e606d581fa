from fastreg.design.base cimport index_t


cdef struct Sums:
    # Weighted sums over rows: of the loss; of what bounds the divergence, D(s) <= (1 - s) tilt + (1 - s)^2 / (2 s^2)
    # steep; of u, |u|, u^2 and h.
    double value
    double steep
    double tilt
    double total
    double size
    double square
    double bend


cdef class Loss:
    # How far predictors may move in one step.
    cdef double reach

    cdef void evaluate(
        self, const double* y, const double* weight, const double* eta, index_t n, double* u, double* h, Sums* sums
    ) noexcept nogil
    cdef double divergence(
        self, const double* y, const double* weight, const double* eta, index_t n, double s
    ) noexcept nogil


cdef enum:
    # Many rows are taken in so many pieces at most, each of so many rows at least: sums do not depend on threads then.
    PIECES = 64
    PIECE_ROWS = 8192


cdef index_t rows_of_piece(index_t n) noexcept nogil
cdef void add_up(const Sums* part, index_t count, Sums* sums) noexcept nogil
cdef double diverge(
    Loss loss, const double* y, const double* weight, const double* eta, index_t n, double s, int n_threads
) noexcept nogil
