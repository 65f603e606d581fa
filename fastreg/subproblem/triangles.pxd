# Factors and triangular systems of the size of a cube; see triangles.h.

from fastreg.design.base cimport index_t


cdef extern from "triangles.h" nogil:
    int factor_columns "fastreg_factor"(double* x, int n, int stride, const double* least)
    void solve_strip "fastreg_solve_strip"(double* x, const double* l, index_t stride, const double* inverse)
