/* Products of many lines (contiguous columns) with few vectors: matrix products of which one side is 2 to 20 long.
 *
 * BLAS packs both sides first, which here costs more than the product. Every line is read once for up to 8 vectors:
 * 600 lines of 500 single-precision numbers with 5 vectors take 62 microseconds where sgemm takes 185, 100 lines of
 * 20,000 with 4 vectors 0.35 ms where it takes 1.07.
 */
#ifndef FASTREG_FEW_H
#define FASTREG_FEW_H

#include <stddef.h>
#include <string.h>

#include "cubes.h"
#include "lines.h"

/* Numbers of a line that are taken at once: so many of 8 vectors stay in the nearest cache. */
#define FASTREG_STRETCH 1024
/* Vectors taken at once: with two lines each has two accumulators, half of the registers of AVX-512. */
#define FASTREG_FEW 8

#if defined(__GNUC__)
typedef double fastreg_wide_f64 __attribute__((vector_size(64), aligned(8), may_alias));
typedef float fastreg_wide_f32 __attribute__((vector_size(64), aligned(4), may_alias));
typedef float fastreg_half_f32 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double fastreg_quarter_f64 __attribute__((vector_size(16), aligned(8), may_alias));
#else
typedef double fastreg_wide_f64;
typedef float fastreg_wide_f32;
typedef double fastreg_quarter_f64;
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

/* Inner products for one width of vectors, `most` of them at a time: twice as many accumulators, and three registers
 * more, are to be had.
 *
 * tile: out[k * height + l] += sum_i v[k * n + i] x[l * n + i] over `length` numbers, for few k and one or two l.
 * dots: the same for `lines` values of l and `vectors` of k. */
#define FASTREG_FEW_DOTS(name, target, T, vector, most)                                                               \
    FASTREG_INLINE void name##_tile(const T *FASTREG_RESTRICT x, const T *FASTREG_RESTRICT v, ptrdiff_t n,            \
                                    ptrdiff_t length, double *FASTREG_RESTRICT out, ptrdiff_t height,                 \
                                    const int lines, const int few)                                                   \
    {                                                                                                                 \
        vector part[2][FASTREG_FEW], a[2], b;                                                                         \
        T lanes[FASTREG_IN(vector, T)];                                                                               \
        double rest[2][FASTREG_FEW];                                                                                  \
        ptrdiff_t i = 0;                                                                                              \
        int k, l, lane;                                                                                               \
        FASTREG_UNROLL(8) for (k = 0; k < few; k++) FASTREG_UNROLL(2) for (l = 0; l < lines; l++)                     \
            part[l][k] = (vector){0}, rest[l][k] = 0;                                                                 \
        for (; i + FASTREG_IN(vector, T) <= length; i += FASTREG_IN(vector, T)) {                                     \
            FASTREG_UNROLL(2) for (l = 0; l < lines; l++) a[l] = *(const vector *)(x + l * n + i);                    \
            FASTREG_UNROLL(8) for (k = 0; k < few; k++)                                                               \
            {                                                                                                         \
                b = *(const vector *)(v + k * n + i);                                                                 \
                FASTREG_UNROLL(2) for (l = 0; l < lines; l++) part[l][k] += a[l] * b;                                 \
            }                                                                                                         \
        }                                                                                                             \
        for (; i < length; i++)                                                                                       \
            for (k = 0; k < few; k++)                                                                                 \
                for (l = 0; l < lines; l++)                                                                           \
                    rest[l][k] += (double)x[l * n + i] * v[k * n + i];                                                \
        /* The sum of all lanes, in two halves: one chain of additions would take as long as a short product. */      \
        FASTREG_UNROLL(8) for (k = 0; k < few; k++) FASTREG_UNROLL(2) for (l = 0; l < lines; l++)                     \
        {                                                                                                             \
            double even = 0, odd = 0;                                                                                 \
            memcpy(lanes, &part[l][k], sizeof lanes);                                                                 \
            FASTREG_UNROLL(8) for (lane = 0; lane + 1 < FASTREG_IN(vector, T); lane += 2)                             \
                even += lanes[lane], odd += lanes[lane + 1];                                                          \
            out[k * height + l] += rest[l][k] + even + odd + (FASTREG_IN(vector, T) == 1 ? lanes[0] : 0);             \
        }                                                                                                             \
    }                                                                                                                 \
    target static void name(const T *FASTREG_RESTRICT x, ptrdiff_t lines, ptrdiff_t n, const T *FASTREG_RESTRICT v,   \
                            ptrdiff_t vectors, double *FASTREG_RESTRICT out, ptrdiff_t height)                        \
    {                                                                                                                 \
        ptrdiff_t at, k, l;                                                                                           \
        for (at = 0; at < n; at += FASTREG_STRETCH) {                                                                 \
            ptrdiff_t length = n - at < FASTREG_STRETCH ? n - at : FASTREG_STRETCH;                                   \
            for (k = 0; k < vectors; k += most) {                                                                     \
                int few = vectors - k < most ? (int)(vectors - k) : most;                                             \
                const T *part = x + at, *few_v = v + k * n + at;                                                      \
                double *few_out = out + k * height;                                                                   \
                for (l = 0; l + 2 <= lines; l += 2)                                                                   \
                    FASTREG_FOR_FEW(few, name##_tile, part + l * n, few_v, n, length, few_out + l, height, 2)         \
                if (l < lines)                                                                                        \
                    FASTREG_FOR_FEW(few, name##_tile, part + l * n, few_v, n, length, few_out + l, height, 1)         \
            }                                                                                                         \
        }                                                                                                             \
    }

#ifdef FASTREG_UNITS
#define FASTREG_FEW_DOTS_OF(T, S)                                                                                     \
    FASTREG_FEW_DOTS(fastreg_dots_v4_##S, __attribute__((target("arch=x86-64-v4"), unused)), T, fastreg_wide_##S, 8)  \
    FASTREG_FEW_DOTS(fastreg_dots_v3_##S, __attribute__((target("arch=x86-64-v3"), unused)), T, fastreg_half_##S, 6)  \
    FASTREG_FEW_DOTS(fastreg_dots_any_##S, FASTREG_MAYBE_UNUSED, T, fastreg_quarter_##S, 6)                           \
    FASTREG_MAYBE_UNUSED static void fastreg_few_dots_##S(const T *x, ptrdiff_t lines, ptrdiff_t n, const T *v,       \
                                                          ptrdiff_t vectors, double *out, ptrdiff_t height)           \
    {                                                                                                                 \
        int kernel = fastreg_cube_kernel();                                                                           \
        if (kernel == 2)                                                                                              \
            fastreg_dots_v4_##S(x, lines, n, v, vectors, out, height);                                                \
        else if (kernel == 1)                                                                                         \
            fastreg_dots_v3_##S(x, lines, n, v, vectors, out, height);                                                \
        else                                                                                                          \
            fastreg_dots_any_##S(x, lines, n, v, vectors, out, height);                                               \
    }
#else
#define FASTREG_FEW_DOTS_OF(T, S) FASTREG_FEW_DOTS(fastreg_few_dots_##S, FASTREG_MAYBE_UNUSED, T, fastreg_quarter_##S, 6)
#endif

FASTREG_FEW_DOTS_OF(double, f64)
FASTREG_FEW_DOTS_OF(float, f32)

#define FASTREG_FEW_SUMS(T, S)                                                                                        \
    /* out[k * n + i] += sum_l f[k * height + l] x[l * n + i] over `length` numbers, for few k and one or four l. */  \
    FASTREG_INLINE void fastreg_few_sums_tile_##S(const T *FASTREG_RESTRICT x, const T *FASTREG_RESTRICT f,           \
                                                  ptrdiff_t height, ptrdiff_t n, ptrdiff_t length,                    \
                                                  T *FASTREG_RESTRICT out, const int lines, const int few)            \
    {                                                                                                                 \
        fastreg_wide_##S a[4], sum;                                                                                   \
        ptrdiff_t i = 0;                                                                                              \
        int k, l;                                                                                                     \
        for (; i + FASTREG_IN(fastreg_wide_##S, T) <= length; i += FASTREG_IN(fastreg_wide_##S, T)) {                 \
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

FASTREG_FEW_SUMS(double, f64)
FASTREG_FEW_SUMS(float, f32)

#endif
