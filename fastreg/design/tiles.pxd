from fastreg.design.base cimport index_t

ctypedef fused number:
    double
    float
    signed char
    unsigned char
    short
    unsigned short
    int
    unsigned int
    long long
    unsigned long long


cdef inline void load_tile(
    const number* x, index_t rs, index_t cs, index_t nr, const index_t* cols, index_t first, index_t nc, double* out, bint by_row
) noexcept nogil:
    # out = the nr rows from x on, of the columns cols[first:first + nc] (cols NULL: the columns first, ...),
    # as float64; row after row or column after column, as X itself lies, so that both streams are read in order.
    cdef index_t i, j
    cdef const number* source
    cdef double* target
    if by_row:
        for i in range(nr):
            target = out + i * nc
            source = x + i * rs
            if cols != NULL:
                for j in range(nc):
                    target[j] = <double> source[cols[first + j] * cs]
            elif cs == 1:
                for j in range(nc):
                    target[j] = <double> source[first + j]
            else:
                for j in range(nc):
                    target[j] = <double> source[(first + j) * cs]
    else:
        for j in range(nc):
            target = out + j * nr
            source = x + (cols[first + j] if cols != NULL else first + j) * cs
            if rs == 1:
                for i in range(nr):
                    target[i] = <double> source[i]
            else:
                for i in range(nr):
                    target[i] = <double> source[i * rs]


cdef inline double dot(const double* a, const double* b, index_t n) noexcept nogil:
    # Eight partial sums: the compiler may use SIMD without being allowed to reorder additions at will.
    cdef double[8] part
    cdef double total
    cdef index_t i, l
    for l in range(8):
        part[l] = 0.0
    for i in range(0, n - 7, 8):
        for l in range(8):
            part[l] += a[i + l] * b[i + l]
    total = ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7]))
    for i in range(n - n % 8, n):
        total += a[i] * b[i]
    return total


cdef inline void axpy(double factor, const double* a, double* out, index_t n) noexcept nogil:
    cdef index_t i
    for i in range(n):
        out[i] += factor * a[i]


cdef inline void combine(const double* matrix, index_t count, index_t length, const double* factors, double* out) noexcept nogil:
    # out[:] += sum_c factors[c] * matrix[c, :] over count contiguous lines; four lines at a time, so that
    # out is read and written once for four.
    cdef index_t c, i
    cdef const double* m
    cdef double f0, f1, f2, f3
    for c in range(0, count - 3, 4):
        m = matrix + c * length
        f0 = factors[c]
        f1 = factors[c + 1]
        f2 = factors[c + 2]
        f3 = factors[c + 3]
        for i in range(length):
            out[i] += (f0 * m[i] + f1 * m[length + i]) + (f2 * m[2 * length + i] + f3 * m[3 * length + i])
    for c in range(count - count % 4, count):
        axpy(factors[c], matrix + c * length, out, length)


cdef inline void project(const double* matrix, index_t count, index_t length, const double* vector, double* out) noexcept nogil:
    # out[c] += matrix[c, :] . vector over count contiguous lines.
    cdef index_t c
    for c in range(count):
        out[c] += dot(matrix + c * length, vector, length)
