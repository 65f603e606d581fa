# Products of cubes; see cubes.h.

from fastreg.design.base cimport index_t


cdef extern from "cubes.h" nogil:
    # out[i * stride + j] += sum_k a[k, i] b[k, j] for i < rows, j < columns
    void multiply_cubes "fastreg_cube"(
        const double* a, const double* b, double* out, index_t stride, int rows, int columns
    )
    void turn_lines "fastreg_turn"(
        const double* lines, index_t stride, int count, int length, int width, double* cube
    )
