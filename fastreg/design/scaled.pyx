"""The design as the solver sees it: columns chosen, scaled and centered, rows weighted, nothing copied.

The solver's column for feature j is  sqrt(w / W) * (s_j x_j - m_j),  with s_j a power of two that brings the
largest entry near 1 (so that no square overflows, and no digit changes), and m_j the weighted mean of s_j x_j
where an intercept is fitted, else 0. In these columns the weighted problem is an unweighted one without an
intercept, and u = sqrt(w / W) * residual. Scaling and centering are scalars around the raw operations:

    correlate:  s_j * sum_i x_ij root_i u_i  -  m_j * sum_i root_i u_i
    predict:    root_i * (sum_j x_ij s_j coef_j  -  sum_j m_j coef_j)
"""

import numpy as np

from libc.math cimport fabs, frexp, ldexp, sqrt
from libc.string cimport memcpy

from fastreg.design.base cimport Affine, Columns, Compressed, Design, Vectors, column_at, index_t
from fastreg.design.tiles cimport sum_of

from fastreg.design.scan import survey

# A column whose standard deviation is below this multiple of its mean is constant up to rounding.
cdef double CONSTANT = 32 * np.finfo(float).eps
# The squares of entries between 1 / TAME and TAME are far from the limits of numbers.
cdef double TAME = 1e100
# Products with so many vectors are left to BLAS, with columns packed for it, so many numbers at a time: 16 MB.
MANY = 16
cdef index_t BLOCK = 2**21


cdef class ScaledDesign:
    """Scaled, centered and weighted view of a raw design.

    Parameters
    ----------
    raw : Design
    largest : ndarray (n_cols,), largest absolute entry of every column
    weights : ndarray (n_rows,), sample weights that sum to 1
    center : bool, whether columns are centered (an intercept is fitted)
    moments : None or (mean, spread), ndarrays (n_cols,), where they are known
    scaled : bool, whether these moments are those of the scaled columns

    Attributes
    ----------
    scale, mean, deviation : ndarray (n_cols,)
        Power-of-two scale of every raw column; weighted mean and standard deviation after scaling.
    center : ndarray (n_cols,), what is subtracted from every scaled column: its mean, or 0 without an intercept
    root : ndarray (n_rows,), square roots of the weights
    norm, raw_norm : ndarray (n_features,)
        Euclidean norms of the solver's columns, with their centers subtracted and without.
    columns : None or ndarray (n_features,), the raw columns that are features
    """

    def __init__(self, Design raw, largest, weights, bint center, moments=None, bint scaled=False):
        cdef double[:, ::1] numbers
        self.raw, self.largest = raw, largest
        self.n_rows, self.n_features, self.centered = raw.n_rows, raw.n_cols, center
        # Rows of one array: for a small problem to make a view of an array costs more than to use it.
        lines = np.empty((6, raw.n_cols))
        self.scale, self.mean, self.deviation, self.norm, self.raw_norm, _ = lines
        numbers = lines
        self._scale, self._coef = numbers[0], numbers[5:]
        cdef bint tame = self.choose_scales(largest) and moments is not None
        self.unscaled = tame and not scaled
        # Powers of two change no digit as long as nothing over- or underflows.
        mean, spread = moments if tame or scaled else survey(raw, weights, self.scale)[1:3]
        self.root = np.sqrt(weights)
        self._root = self.root
        self.derive(mean, spread, self.unscaled, numbers)
        if center:
            self.center, self._center = self.mean, numbers[1]
        else:
            self.center = np.zeros(raw.n_cols)
            self._center = self.center
        self.affine.scale = &self._scale[0]
        self.affine.center = &self._center[0]
        self.affine.root = &self._root[0]
        self._rows = np.empty((1, self.n_rows))
        self._index = np.empty((2, raw.n_cols), dtype=np.intp)

    cdef bint choose_scales(self, const double[::1] largest) except -1:
        # The power of two that brings each column below 1; whether no square of unscaled entries is out of range.
        cdef bint tame = True
        cdef int exponent
        cdef unsigned long long bits
        cdef index_t j
        for j in range(largest.shape[0]):
            if 1.0 / TAME < largest[j] < TAME:
                # 2**(1022 - e) for the exponent e in the number's bits, which is what follows, without a call.
                memcpy(&bits, &largest[j], sizeof(double))
                bits = (2045 - (bits >> 52)) << 52
                memcpy(&self._scale[j], &bits, sizeof(double))
                continue
            frexp(largest[j], &exponent)
            self._scale[j] = ldexp(1.0, min(max(-exponent, -1000), 1000))
            tame = tame and largest[j] == 0.0
        return tame

    cdef int derive(
        self, const double[::1] mean, const double[::1] spread, bint unscaled, double[:, ::1] numbers
    ) except -1:
        # Means, deviations and norms of the scaled columns from moments of the unscaled or of the scaled ones.
        cdef double[::1] m = numbers[1], deviation = numbers[2], norm = numbers[3], raw_norm = numbers[4]
        cdef double s
        cdef index_t j
        with nogil:
            for j in range(self.n_features):
                s = self._scale[j] if unscaled else 1.0
                m[j] = mean[j] * s
                deviation[j] = sqrt(spread[j] * s * s)
                if deviation[j] <= CONSTANT * fabs(m[j]):
                    deviation[j] = 0.0
                raw_norm[j] = sqrt(deviation[j] * deviation[j] + m[j] * m[j])
                norm[j] = deviation[j] if self.centered else raw_norm[j]
        return 0

    def restrict(self, columns):
        """Keep these raw columns as the features, in this order."""
        cdef const index_t[::1] index = np.ascontiguousarray(columns, dtype=np.intp)
        self.columns = np.asarray(index)
        # Without any feature there is nothing to select, and all of nothing is nothing.
        self._columns = &index[0] if index.shape[0] else NULL
        self.n_features = len(columns)
        self.norm, self.raw_norm = self.norm[self.columns], self.raw_norm[self.columns]

    def raw_columns(self, features=None):
        """Return what indexes an array over the raw columns to give the values of some features (all by default)."""
        if self.columns is None:
            return slice(None) if features is None else features
        return self.columns if features is None else self.columns[features]

    @property
    def n_passes(self):
        """Entries of X read so far over entries of X."""
        return self.raw.entries_read / self.raw.n_entries

    cdef Columns select(self, Columns features, int slot) noexcept nogil:
        # The raw columns of some features; slot 0 or 1 says where their indices may be written.
        cdef Columns cols = features
        cdef index_t j
        if self._columns == NULL:
            return cols
        if features.index == NULL:
            cols.index = self._columns
            return cols
        for j in range(features.count):
            self._index[slot, j] = self._columns[features.index[j]]
        cols.index = &self._index[slot, 0]
        return cols

    cdef int reserve(self, index_t count) except -1 nogil:
        # Room for `count` vectors at once.
        if self._rows.shape[0] < count:
            with gil:
                self._rows = np.empty((count, self.n_rows))
                self._coef = np.empty((count, self.raw.n_cols))
        return 0

    cdef double size_of(self, Columns features) noexcept nogil:
        return self.raw.size_of(self.select(features, 0))

    cdef int correlate(self, Vectors u, Columns features, double* out) except -1 nogil:
        cdef Columns cols = self.select(features, 0)
        cdef Vectors weighted
        cdef double total
        cdef index_t i, j, t, col
        self.reserve(u.count)
        weighted.data = &self._rows[0, 0]
        weighted.count = u.count
        for t in range(u.count):
            for i in range(self.n_rows):
                self._rows[t, i] = self._root[i] * u.data[t * self.n_rows + i]
        self.raw.correlate(weighted, cols, out)
        for t in range(u.count):
            total = 0.0
            for i in range(self.n_rows):
                total += self._rows[t, i]
            for j in range(cols.count):
                col = column_at(cols, j)
                out[t * cols.count + j] = self.corrected(col, out[t * cols.count + j], total)
        return 0

    cdef int predict(self, Columns features, Vectors coef, double* eta) except -1 nogil:
        # eta += the solver's columns times coef.
        cdef Columns cols = self.select(features, 0)
        cdef Vectors scaled
        cdef double shift
        cdef double* out
        cdef index_t i, j, t
        self.reserve(coef.count)
        scaled.data = &self._coef[0, 0]
        scaled.count = coef.count
        for t in range(coef.count):
            for i in range(self.n_rows):
                self._rows[t, i] = 0.0
            out = &self._coef[0, 0] + t * cols.count
            for j in range(cols.count):
                out[j] = self._scale[column_at(cols, j)] * coef.data[t * cols.count + j]
        self.raw.predict(cols, scaled, &self._rows[0, 0])
        for t in range(coef.count):
            shift = 0.0
            for j in range(cols.count):
                shift += self._center[column_at(cols, j)] * coef.data[t * cols.count + j]
            for i in range(self.n_rows):
                eta[t * self.n_rows + i] += self._root[i] * (self._rows[t, i] - shift)
        return 0

    cdef int gram(self, Columns a, Columns b, double* out, index_t stride) except -1 nogil:
        return self.weighted_gram(self.affine.root, self.affine.center, a, b, out, stride)

    cdef int weighted_gram(
        self, const double* root, const double* center, Columns a, Columns b, double* out, index_t stride
    ) except -1 nogil:
        # Inner products under other root weights and centers (n_cols,).
        cdef bint same = a.index == b.index and a.count == b.count
        cdef Columns left = self.select(a, 0)
        cdef Affine affine
        affine.scale, affine.center, affine.root = self.affine.scale, center, root
        return self.raw.gram(&affine, left, left if same else self.select(b, 1), out, stride)

    cdef int pack(self, Columns features, double* out) except -1 nogil:
        return self.raw.pack(&self.affine, self.select(features, 0), out)

    cdef int compress(self, Columns features, Compressed out) except -1 nogil:
        return self.raw.compress(&self.affine, self.select(features, 0), out)

    # The same operations for Python, on arrays: k vectors are the k rows of a matrix.

    def correlations(self, U, features=None):
        """Return (k, m): inner products of the solver's columns with the k rows of U (k, n_rows)."""
        cdef const double[:, ::1] u = np.ascontiguousarray(np.atleast_2d(U), dtype=float)
        cdef const index_t[::1] index = as_index(features, self.n_features)
        cdef Columns cols = self.columns_of(index)
        cdef Vectors vectors
        cdef double[:, ::1] out = np.zeros((u.shape[0], cols.count))
        if u.shape[0] >= MANY and not self.raw.is_sparse:
            for part, columns in self.blocks(index):
                np.matmul(u, columns.T, out=np.asarray(out)[:, part])
            return np.asarray(out)
        vectors.data = &u[0, 0]
        vectors.count = u.shape[0]
        if cols.count:
            with nogil:
                self.correlate(vectors, cols, &out[0, 0])
        return np.asarray(out)

    def correlations_of(self, sums, vectors):
        """Return (k, n_cols): correlations from inner products of all raw columns with vectors that hold the weights.

        ``sums`` (k, n_cols) are overwritten.
        """
        cdef double[:, ::1] out = sums
        cdef const double[:, ::1] v = vectors
        cdef double total
        cdef index_t t, j
        for t in range(out.shape[0]):
            total = sum_of(&v[t, 0], self.n_rows)
            for j in range(out.shape[1]):
                out[t, j] = self.corrected(j, out[t, j], total)
        return sums

    def predictions(self, coefs, features=None):
        """Return (k, n_rows): the solver's columns times the k rows of coefs (k, m)."""
        cdef const double[:, ::1] coef = np.ascontiguousarray(np.atleast_2d(coefs), dtype=float)
        cdef const index_t[::1] index = as_index(features, self.n_features)
        cdef Columns cols = self.columns_of(index)
        cdef Vectors vectors
        cdef double[:, ::1] out = np.zeros((coef.shape[0], self.n_rows))
        if coef.shape[0] >= MANY and not self.raw.is_sparse:
            return sum((np.asarray(coef)[:, part] @ columns for part, columns in self.blocks(index)), np.asarray(out))
        if cols.count:
            vectors.data = &coef[0, 0]
            vectors.count = coef.shape[0]
            with nogil:
                self.predict(cols, vectors, &out[0, 0])
        return np.asarray(out)

    def gram_matrix(self, features=None):
        """Return the (m, m) Gram matrix of the solver's columns."""
        cdef const index_t[::1] index = as_index(features, self.n_features)
        cdef Columns cols = self.columns_of(index)
        cdef double[:, ::1] out = np.zeros((cols.count, cols.count))
        if cols.count:
            with nogil:
                self.gram(cols, cols, &out[0, 0], cols.count)
        return np.asarray(out)

    def packed(self, features=None):
        """Return (m, n_rows): the solver's columns, one a row."""
        cdef const index_t[::1] index = as_index(features, self.n_features)
        cdef Columns cols = self.columns_of(index)
        cdef double[:, ::1] out = np.zeros((cols.count, self.n_rows))
        if cols.count:
            with nogil:
                self.pack(cols, &out[0, 0])
        return np.asarray(out)

    def blocks(self, features=None):
        """Yield slices of the features (all by default) and their packed columns, a few megabytes at a time."""
        chosen = np.arange(self.n_features) if features is None else np.asarray(features)
        size = max(1, BLOCK // max(1, self.n_rows))
        for first in range(0, len(chosen), size):
            part = slice(first, first + size)
            yield part, self.packed(chosen[part])

    def unweighted(self, lines):
        """Return lines (..., n_rows) in the solver's units without the root weights; 0 in rows of weight 0."""
        root = self.root
        return np.divide(lines, root, out=np.zeros_like(lines), where=root > 0)

    def compressed(self, features=None):
        """Return starts, rows and values of the solver's columns without centers and zeros (sparse designs only)."""
        cdef const index_t[::1] index = as_index(features, self.n_features)
        cdef Columns cols = self.columns_of(index)
        cdef Compressed place
        cdef index_t size = <index_t> self.size_of(cols) + 1
        cdef index_t[::1] starts = np.zeros(cols.count + 1, dtype=np.intp)
        cdef int[::1] rows = np.empty(size, dtype=np.int32)
        cdef double[::1] values = np.empty(size)
        place.starts, place.rows, place.values = &starts[0], &rows[0], &values[0]
        with nogil:
            self.compress(cols, place)
        end = starts[cols.count]
        return np.asarray(starts), np.asarray(rows)[:end], np.asarray(values)[:end]

    cdef Columns columns_of(self, const index_t[::1] index) noexcept:
        cdef Columns cols
        cols.index = &index[0] if index is not None and index.shape[0] else NULL
        cols.count = self.n_features if index is None else index.shape[0]
        return cols


cdef object as_index(features, index_t n_features):
    # Kernels do not look whether there is such a column.
    if features is None:
        return None
    index = np.ascontiguousarray(features, dtype=np.intp)
    if len(index) and not 0 <= index.min() <= index.max() < n_features:
        raise IndexError(f"features: expected numbers from 0 to {n_features - 1}, got {index.min()} to {index.max()}.")
    return index
