# Products of cubes; see cubes.h.

from scipy.linalg.cython_blas cimport dgemm

from fastreg.design.base cimport CUBE, index_t


cdef extern from "cubes.h" nogil:
    int kernel_level "fastreg_cube_kernel"()
    void cube_kernel "fastreg_cube"(
        const double* a, const double* b, double* out, index_t stride, int rows, int columns
    )
    void turn_lines "fastreg_turn"(
        const double* lines, index_t stride, int count, int length, int width, double* cube
    )


cdef inline void multiply_cubes(
    const double* a, const double* b, double* out, index_t stride, int rows, int columns
) noexcept nogil:
    # out[i, j] += sum_k a[k, i] b[k, j] for i < rows, j < columns; lines of out are stride apart. So small that BLAS
    # stays in the calling thread; it sees rows as columns.
    cdef int cube = CUBE
    cdef int ld = <int> stride
    cdef double one = 1.0
    if kernel_level():
        cube_kernel(a, b, out, stride, rows, columns)
    else:
        dgemm("N", "T", &columns, &rows, &cube, &one, <double*> b, &cube, <double*> a, &cube, &one, out, &ld)
