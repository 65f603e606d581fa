ctypedef Py_ssize_t index_t


cdef struct Columns:
    # Some columns of X: their indices, or all of them in order where index is NULL.
    const index_t* index
    index_t count


cdef struct Vectors:
    # Several vectors of the same length, one after the other.
    const double* data
    index_t count


cdef struct Affine:
    # The map x_ij -> (x_ij * scale_j - center_j) * root_i that turns raw columns into the columns the
    # solver sees: root_i = sqrt(w_i / W) makes the weighted inner product a plain one. scale and center
    # run over all columns of X, root over its rows.
    const double* scale
    const double* center
    const double* root


cdef struct Compressed:
    # Where packed sparse columns go: entries starts[c] .. starts[c + 1] of rows and values.
    index_t* starts
    int* rows
    double* values


# Panels are CUBE rows high: cubes of CUBE x CUBE numbers stay in the nearest caches. They are made of strips of STRIP
# columns (cubes.h), and SHARE columns are the smallest share of a product that a thread is given.
cdef enum:
    CUBE = 64
    STRIP = 8
    SHARE = 16
    # Vectors of weights that a survey takes at once.
    MOST_WEIGHTS = 32
    # Work that is worth a team of threads.
    THREADS_PAY = 1000000


cdef struct Panel:
    # nr rows from `row` on and nc columns from position `first` on, and where they go: `blocks` cubes side by side hold
    # CUBE rows, the next CUBE rows are in the `blocks` cubes that follow; column 0 is at `cubes`.
    index_t row
    index_t nr
    index_t first
    index_t nc
    double* cubes
    index_t blocks


cdef struct Survey:
    # One number a column each; means and spreads for one vector of weights after the other, and inner products with
    # one of further vectors after the other.
    double* largest
    double* mean
    double* spread
    Vectors vectors
    double* sums


# What holds nothing yet: a small problem is solved in less time than it takes to make a dozen views of empty arrays.
cdef double[::1] NO_NUMBERS
cdef double[:, ::1] NO_ROWS
cdef index_t[::1] NO_INDICES


cdef class Design:
    cdef readonly index_t n_rows
    cdef readonly index_t n_cols
    cdef readonly double n_entries
    cdef public double entries_read
    cdef readonly int n_threads
    cdef readonly bint is_sparse
    cdef readonly bint by_row
    cdef double[::1] panel

    cdef int survey(self, Vectors weights, const double* scale, Survey out) except -1 nogil
    cdef int correlate(self, Vectors u, Columns cols, double* out) except -1 nogil
    cdef int predict(self, Columns cols, Vectors coef, double* eta) except -1 nogil
    cdef int pack(self, Affine* affine, Columns cols, double* out) except -1 nogil
    cdef int compress(self, Affine* affine, Columns cols, Compressed out) except -1 nogil
    cdef void load_panel(self, Affine* affine, Columns cols, Panel panel) noexcept nogil
    cdef double size_of(self, Columns cols) noexcept nogil
    cdef bint equal(self, index_t a, index_t b) noexcept nogil
    cdef int gram(self, Affine* affine, Columns a, Columns b, double* out, index_t stride) except -1 nogil
    cdef int team(self, double work) noexcept nogil
    cdef int missing(self) except -1 nogil


cdef inline index_t column_at(Columns cols, index_t position) noexcept nogil:
    return cols.index[position] if cols.index != NULL else position


cdef inline index_t in_cube(index_t row, index_t column) noexcept nogil:
    # Where an entry of a cube lies: strips of columns one after the other, each row by row.
    return (column // STRIP * CUBE + row) * STRIP + column % STRIP


cdef inline double* place_in(Panel panel, index_t row, index_t column) noexcept nogil:
    # Where row `row` of the panel and column `column` of X's chosen ones go.
    cdef index_t cube = (row // CUBE) * panel.blocks + column // CUBE
    return panel.cubes + cube * CUBE * CUBE + in_cube(row % CUBE, column % CUBE)


cdef inline int threads_for(double work, int n_threads) noexcept nogil:
    # How many of n_threads an operation of so much work (in entries or small multiples of a flop) should have: waking a
    # team takes microseconds on an idle machine and milliseconds on a busy one.
    return n_threads if work >= THREADS_PAY else 1


cdef inline index_t ceil_div(index_t a, index_t b) noexcept nogil:
    return (a + b - 1) // b
