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


cdef struct Tile:
    # nr rows from `row` on and nc columns from position `first` on of some columns; by_row says how X lies.
    index_t row
    index_t nr
    index_t first
    index_t nc
    bint by_row


cdef inline void load_tile(
    const number* x, index_t rs, index_t cs, Tile t, const index_t* cols, double* out
) noexcept nogil:
    # out = the tile as float64, row after row or column after column, as X itself lies, so that both streams are
    # read in order. x has the strides rs and cs; cols NULL stands for all columns in order.
    cdef index_t i, j
    cdef const number* source
    cdef double* target
    if t.by_row:
        for i in range(t.nr):
            target = out + i * t.nc
            source = x + (t.row + i) * rs
            if cols != NULL:
                for j in range(t.nc):
                    target[j] = <double> source[cols[t.first + j] * cs]
            elif cs == 1:
                for j in range(t.nc):
                    target[j] = <double> source[t.first + j]
            else:
                for j in range(t.nc):
                    target[j] = <double> source[(t.first + j) * cs]
    else:
        for j in range(t.nc):
            target = out + j * t.nr
            source = x + t.row * rs + (cols[t.first + j] if cols != NULL else t.first + j) * cs
            if rs == 1:
                for i in range(t.nr):
                    target[i] = <double> source[i]
            else:
                for i in range(t.nr):
                    target[i] = <double> source[i * rs]


# Products of lines, contiguous rows or columns, with a vector; see lines.h.
cdef extern from "lines.h" nogil:
    void fetch "FASTREG_FETCH"(const void* address)
    double dot "fastreg_dot_f64"(const double* x, const double* v, index_t n)
    double dot_single "fastreg_dot_f32"(const float* x, const double* v, index_t n)
    bint mark_above "fastreg_mark_above"(
        const double* z, const double* norm, const double* raw_norm, const double* l1, index_t n, double distance,
        double rounding, double a1, unsigned char* above
    )
    double sum_of "fastreg_sum"(const double* x, index_t n)
    double look_along "fastreg_look"(
        const double* x, const double* w, index_t n, double scale, double center, double* sums
    )
    void look_across "fastreg_look_across"(
        const double* x, index_t count, index_t stride, index_t n, const double* w, const double* scale,
        const double* center, double* first, double* second, double* largest
    )
    void map_along "fastreg_map"(
        const double* x, index_t n, double scale, double center, const double* root, double* out
    )
    void map_across "fastreg_map_across"(
        const double* x, index_t count, index_t stride, index_t n, const double* scale, const double* center,
        const double* root, double* out, index_t wide
    )
    double dot_at "fastreg_dot_at"(const double* x, const index_t* at, const double* v, index_t n)
    void combine_at "fastreg_combine_at"(
        const double* x, const index_t* at, index_t count, index_t stride, index_t n, const double* factors, double* out
    )
    void rotate "fastreg_rotate"(
        double* x, index_t rows, index_t stride, index_t n, const double* c, const double* s
    )
    void combine "fastreg_combine_f64"(
        const double* x, index_t count, index_t stride, index_t n, const double* factors, double* out
    )
    void combine_single "fastreg_combine_f32"(
        const float* x, index_t count, index_t stride, index_t n, const double* factors, double* out
    )


cdef inline void axpy(double factor, const double* x, double* out, index_t n) noexcept nogil:
    combine(x, 1, 0, n, &factor, out)


cdef inline void project(
    const double* matrix, index_t count, index_t length, const double* vector, double* out
) noexcept nogil:
    # out[c] += matrix[c, :] . vector over count lines that follow one another.
    cdef index_t c
    for c in range(count):
        out[c] += dot(matrix + c * length, vector, length)
