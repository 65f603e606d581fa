/* Cholesky factors and triangular systems of the size of a cube (64): the parts of a factor that are no products.
 *
 * Four columns, or rows, are taken together, so that what is read once serves four multiply-adds.
 */
#ifndef FASTREG_TRIANGLES_H
#define FASTREG_TRIANGLES_H

#include "../design/cubes.h"
#include "../design/lines.h"

/* other[i] -= sum of factors[k] * columns[k * stride + i] over `count` values of k, for `begin` <= i < `end`. */
FASTREG_INLINE void fastreg_take_out(double *other, const double *columns, ptrdiff_t stride, const double *factors,
                                     int begin, int end, const int count)
{
    const int step = (int)FASTREG_IN(fastreg_half_f64, double);
    int i, k;
    for (i = begin; i < end; i += step) {
        fastreg_half_f64 rest = *(const fastreg_half_f64 *)(other + i);
        for (k = 0; k < count; k++)
            rest -= factors[k] * *(const fastreg_half_f64 *)(columns + k * stride + i);
        *(fastreg_half_f64 *)(other + i) = rest;
    }
}

/* The Cholesky factor of the first n columns of x in their place: column k from x + k * stride on, of which what stands
 * above the diagonal is not used, and numbers up to the next multiple of 8 past n are there. Returns the first k whose
 * pivot is not larger than least[k], or n. Four columns are done and then taken out of those to their right. */
FASTREG_CLONES static int fastreg_factor(double *FASTREG_RESTRICT x, int n, int stride,
                                         const double *FASTREG_RESTRICT least)
{
    int first, i, j, k;
    for (first = 0; first < n; first += 4) {
        const double *columns = x + first * stride;
        int end = n - first < 4 ? n : first + 4;
        for (k = first; k < end; k++) {
            double *column = x + k * stride, inverse;
            if (!(column[k] > least[k]))
                return k;
            inverse = 1 / sqrt(column[k]);
            for (i = k; i < n; i++)
                column[i] *= inverse;
            for (j = k + 1; j < end; j++) {
                double factor = column[j];
                fastreg_take_out(x + j * stride, column, 0, &factor, j / 8 * 8, n, 1);
            }
        }
        for (j = end; j < n; j++) {
            double factors[4];
            for (k = 0; k < 4; k++)
                factors[k] = columns[k * stride + j];
            fastreg_take_out(x + j * stride, columns, stride, factors, j / 8 * 8, n, 4);
        }
    }
    return n;
}

/* x <- L^-1 x for a strip of eight right-hand sides, row k from x + 8 k on, and the lower triangle L of a cube, row k
 * from l + k * stride on; inverse[k] = 1 / l[k, k]. */
FASTREG_CLONES static void fastreg_solve_strip(double *FASTREG_RESTRICT x, const double *FASTREG_RESTRICT l,
                                               ptrdiff_t stride, const double *FASTREG_RESTRICT inverse)
{
    enum { PIECES = FASTREG_STRIP * sizeof(double) / sizeof(fastreg_half_f64) };
    fastreg_half_f64 *rows = (fastreg_half_f64 *)x;
    int first, j, k, piece;
    for (first = 0; first < FASTREG_CUBE; first += 4) {
        fastreg_half_f64 rest[4][PIECES];
        const double *factors = l + first * stride;
        for (k = 0; k < 4; k++)
            for (piece = 0; piece < PIECES; piece++)
                rest[k][piece] = rows[(first + k) * PIECES + piece];
        for (j = 0; j < first; j++)
            for (k = 0; k < 4; k++)
                for (piece = 0; piece < PIECES; piece++)
                    rest[k][piece] -= factors[k * stride + j] * rows[j * PIECES + piece];
        for (k = 0; k < 4; k++)
            for (piece = 0; piece < PIECES; piece++) {
                for (j = 0; j < k; j++)
                    rest[k][piece] -= factors[k * stride + first + j] * rest[j][piece];
                rest[k][piece] *= inverse[first + k];
                rows[(first + k) * PIECES + piece] = rest[k][piece];
            }
    }
}

#endif
