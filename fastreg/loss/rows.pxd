from fastreg.design.base cimport index_t


# Sweeps return, in sums, what ``Sums`` holds; see ``base.pxd``.
cdef extern from "rows.h" nogil:
    void sweep_logistic "fastreg_sweep_logistic"(
        const double* y, const double* w, const double* eta, index_t n, double none, double* u, double* h, double* sums
    )
    void sweep_poisson "fastreg_sweep_poisson"(
        const double* y, const double* w, const double* eta, index_t n, double none, double* u, double* h, double* sums
    )
    void sweep_gamma "fastreg_sweep_gamma"(
        const double* y, const double* w, const double* eta, index_t n, double none, double* u, double* h, double* sums
    )
    void sweep_huber "fastreg_sweep_huber"(
        const double* y, const double* w, const double* eta, index_t n, double delta, double* u, double* h, double* sums
    )
    # Divergences, of predictors of at most 300; for gamma loss y is from 1e-100 to 1e100.
    double diverge_logistic "fastreg_diverge_logistic"(
        const double* y, const double* w, const double* eta, index_t n, double s
    )
    double diverge_poisson "fastreg_diverge_poisson"(
        const double* y, const double* w, const double* eta, index_t n, double s
    )
    double diverge_gamma "fastreg_diverge_gamma"(
        const double* y, const double* w, const double* eta, index_t n, double s
    )
    # Of several classes (classes, n).
    double class_point "fastreg_class_point"(
        const double* y, const double* w, const double* eta, index_t classes, index_t n, double* p
    )
    double class_diverge "fastreg_class_diverge"(
        const double* y, const double* w, const double* p, index_t classes, index_t n, double s
    )
