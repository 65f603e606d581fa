/* Products of many lines (contiguous columns) with few vectors: matrix products of which one side is 2 to 20 long.
 *
 * BLAS packs both sides first, which here costs more than the product. Every line is read once for up to 8 vectors:
 * 600 lines of 500 single-precision numbers with 5 vectors take 62 microseconds where sgemm takes 185, 100 lines of
 * 20,000 with 4 vectors 0.35 ms where it takes 1.07.
 */
#ifndef FASTREG_FEW_H
#define FASTREG_FEW_H

#include <stddef.h>

#include "lines.h"

/* Numbers of a line that are taken at once: so many of 8 vectors stay in the nearest cache. */
#define FASTREG_STRETCH 1024
/* Vectors taken at once: with two lines each has two accumulators, half of the registers of AVX-512. */
#define FASTREG_FEW 8

#if defined(__GNUC__)
#define FASTREG_WIDE(T) ((ptrdiff_t)(64 / sizeof(T)))
#define FASTREG_INLINE static inline __attribute__((always_inline, unused))
typedef double fastreg_wide_f64 __attribute__((vector_size(64), aligned(8), may_alias));
typedef float fastreg_wide_f32 __attribute__((vector_size(64), aligned(4), may_alias));
#else
#define FASTREG_WIDE(T) ((ptrdiff_t)1)
#define FASTREG_INLINE static __inline
typedef double fastreg_wide_f64;
typedef float fastreg_wide_f32;
#endif

/* Call a tile with the number of vectors, its last argument, as a constant, so that the accumulators are registers. */
#define FASTREG_FOR_FEW(few, TILE, ...)   \
    switch (few) {                        \
    case 1: TILE(__VA_ARGS__, 1); break;  \
    case 2: TILE(__VA_ARGS__, 2); break;  \
    case 3: TILE(__VA_ARGS__, 3); break;  \
    case 4: TILE(__VA_ARGS__, 4); break;  \
    case 5: TILE(__VA_ARGS__, 5); break;  \
    case 6: TILE(__VA_ARGS__, 6); break;  \
    case 7: TILE(__VA_ARGS__, 7); break;  \
    default: TILE(__VA_ARGS__, 8);        \
    }

#define FASTREG_PRAGMA(text) _Pragma(#text)
#if defined(__GNUC__) && !defined(__clang__)
#define FASTREG_UNROLL(count) FASTREG_PRAGMA(GCC unroll count)
#else
#define FASTREG_UNROLL(count)
#endif

/* The sum of all lanes, halved until one is left: in their order it would take as long as the product. */
#if defined(__GNUC__)
FASTREG_INLINE double fastreg_total_f64(fastreg_wide_f64 x)
{
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}
FASTREG_INLINE double fastreg_total_f32(fastreg_wide_f32 x)
{
    double half[8];
    int lane;
    FASTREG_UNROLL(8) for (lane = 0; lane < 8; lane++) half[lane] = (double)x[lane] + (double)x[lane + 8];
    return ((half[0] + half[4]) + (half[2] + half[6])) + ((half[1] + half[5]) + (half[3] + half[7]));
}
#else
FASTREG_INLINE double fastreg_total_f64(fastreg_wide_f64 x) { return x; }
FASTREG_INLINE double fastreg_total_f32(fastreg_wide_f32 x) { return x; }
#endif

#define FASTREG_FEW_PRODUCTS(T, S)                                                                                    \
    /* out[k * height + l] += sum_i v[k * n + i] x[l * n + i] over `length` numbers, for few k and one or two l. */   \
    FASTREG_INLINE void fastreg_few_dots_tile_##S(const T *FASTREG_RESTRICT x, const T *FASTREG_RESTRICT v,           \
                                                  ptrdiff_t n, ptrdiff_t length, double *FASTREG_RESTRICT out,        \
                                                  ptrdiff_t height, const int lines, const int few)                   \
    {                                                                                                                 \
        fastreg_wide_##S part[2][FASTREG_FEW], a[2], b;                                                               \
        double rest[2][FASTREG_FEW];                                                                                  \
        ptrdiff_t i = 0;                                                                                              \
        int k, l;                                                                                                     \
        FASTREG_UNROLL(8) for (k = 0; k < few; k++) FASTREG_UNROLL(2) for (l = 0; l < lines; l++)                     \
            part[l][k] = (fastreg_wide_##S){0}, rest[l][k] = 0;                                                       \
        for (; i + FASTREG_WIDE(T) <= length; i += FASTREG_WIDE(T)) {                                                 \
            FASTREG_UNROLL(2) for (l = 0; l < lines; l++) a[l] = *(const fastreg_wide_##S *)(x + l * n + i);          \
            FASTREG_UNROLL(8) for (k = 0; k < few; k++)                                                               \
            {                                                                                                         \
                b = *(const fastreg_wide_##S *)(v + k * n + i);                                                       \
                FASTREG_UNROLL(2) for (l = 0; l < lines; l++) part[l][k] += a[l] * b;                                 \
            }                                                                                                         \
        }                                                                                                             \
        for (; i < length; i++)                                                                                       \
            for (k = 0; k < few; k++)                                                                                 \
                for (l = 0; l < lines; l++)                                                                           \
                    rest[l][k] += (double)x[l * n + i] * v[k * n + i];                                                \
        FASTREG_UNROLL(8) for (k = 0; k < few; k++) FASTREG_UNROLL(2) for (l = 0; l < lines; l++)                     \
            out[k * height + l] += rest[l][k] + fastreg_total_##S(part[l][k]);                                        \
    }                                                                                                                 \
                                                                                                                      \
    /* out[k * height + l] += sum_i v[k * n + i] x[l * n + i] for `lines` values of l and `vectors` of k. */          \
    FASTREG_CLONES static void fastreg_few_dots_##S(const T *FASTREG_RESTRICT x, ptrdiff_t lines, ptrdiff_t n,        \
                                                    const T *FASTREG_RESTRICT v, ptrdiff_t vectors,                   \
                                                    double *FASTREG_RESTRICT out, ptrdiff_t height)                   \
    {                                                                                                                 \
        ptrdiff_t at, k, l;                                                                                           \
        for (at = 0; at < n; at += FASTREG_STRETCH) {                                                                 \
            ptrdiff_t length = n - at < FASTREG_STRETCH ? n - at : FASTREG_STRETCH;                                   \
            for (k = 0; k < vectors; k += FASTREG_FEW) {                                                              \
                int few = vectors - k < FASTREG_FEW ? (int)(vectors - k) : FASTREG_FEW;                               \
                const T *part = x + at, *few_v = v + k * n + at;                                                      \
                double *few_out = out + k * height;                                                                   \
                for (l = 0; l + 2 <= lines; l += 2)                                                                   \
                    FASTREG_FOR_FEW(few, fastreg_few_dots_tile_##S, part + l * n, few_v, n, length, few_out + l,      \
                                    height, 2)                                                                        \
                if (l < lines)                                                                                        \
                    FASTREG_FOR_FEW(few, fastreg_few_dots_tile_##S, part + l * n, few_v, n, length, few_out + l,      \
                                    height, 1)                                                                        \
            }                                                                                                         \
        }                                                                                                             \
    }                                                                                                                 \
                                                                                                                      \
    /* out[k * n + i] += sum_l f[k * height + l] x[l * n + i] over `length` numbers, for few k and one or four l. */  \
    FASTREG_INLINE void fastreg_few_sums_tile_##S(const T *FASTREG_RESTRICT x, const T *FASTREG_RESTRICT f,           \
                                                  ptrdiff_t height, ptrdiff_t n, ptrdiff_t length,                    \
                                                  T *FASTREG_RESTRICT out, const int lines, const int few)            \
    {                                                                                                                 \
        fastreg_wide_##S a[4], sum;                                                                                   \
        ptrdiff_t i = 0;                                                                                              \
        int k, l;                                                                                                     \
        for (; i + FASTREG_WIDE(T) <= length; i += FASTREG_WIDE(T)) {                                                 \
            FASTREG_UNROLL(4) for (l = 0; l < lines; l++) a[l] = *(const fastreg_wide_##S *)(x + l * n + i);          \
            FASTREG_UNROLL(8) for (k = 0; k < few; k++)                                                               \
            {                                                                                                         \
                sum = *(fastreg_wide_##S *)(out + k * n + i);                                                         \
                FASTREG_UNROLL(4) for (l = 0; l < lines; l++) sum += f[k * height + l] * a[l];                        \
                *(fastreg_wide_##S *)(out + k * n + i) = sum;                                                         \
            }                                                                                                         \
        }                                                                                                             \
        for (; i < length; i++)                                                                                       \
            for (k = 0; k < few; k++)                                                                                 \
                for (l = 0; l < lines; l++)                                                                           \
                    out[k * n + i] += f[k * height + l] * x[l * n + i];                                               \
    }                                                                                                                 \
                                                                                                                      \
    /* out[k * n + i] += sum_l f[k * lines + l] x[l * n + i] for `length` (at most a stretch) values of i. */         \
    FASTREG_CLONES static void fastreg_few_sums_##S(const T *FASTREG_RESTRICT x, ptrdiff_t lines, ptrdiff_t n,        \
                                                    ptrdiff_t length, const T *FASTREG_RESTRICT f, ptrdiff_t vectors, \
                                                    T *FASTREG_RESTRICT out)                                          \
    {                                                                                                                 \
        ptrdiff_t k, l;                                                                                               \
        for (k = 0; k < vectors; k += FASTREG_FEW) {                                                                  \
            int few = vectors - k < FASTREG_FEW ? (int)(vectors - k) : FASTREG_FEW;                                   \
            const T *few_f = f + k * lines;                                                                           \
            T *few_out = out + k * n;                                                                                 \
            for (l = 0; l + 4 <= lines; l += 4)                                                                       \
                FASTREG_FOR_FEW(few, fastreg_few_sums_tile_##S, x + l * n, few_f + l, lines, n, length, few_out, 4)   \
            for (; l < lines; l++)                                                                                    \
                FASTREG_FOR_FEW(few, fastreg_few_sums_tile_##S, x + l * n, few_f + l, lines, n, length, few_out, 1)   \
        }                                                                                                             \
    }

FASTREG_FEW_PRODUCTS(double, f64)
FASTREG_FEW_PRODUCTS(float, f32)

#endif
