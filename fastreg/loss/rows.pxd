from fastreg.design.base cimport index_t


cdef extern from "rows.h" nogil:
    void log_sum_others "fastreg_log_sum_others"(
        const double* eta, index_t count, index_t n, index_t skip, double* out
    )
