/* Products of cubes, the kernel of every Gram matrix and factor: 64 x 64 numbers, times 64 x 64 others.
 *
 * A cube holds 64 rows of 64 columns, row after row. BLAS libraries know the AVX-512 units of some processors only, and
 * pack what is packed already: on one core of a Zen 5 processor dgemm reached 57 Gflop/s (its kernels for AVX2), this
 * kernel 126. With AVX2 the gain is what packing costs, a seventh of a path on 50,000 x 500. Where there are neither
 * units, dgemm does it (cubes.pxd).
 */
#ifndef FASTREG_CUBES_H
#define FASTREG_CUBES_H

#include <stddef.h>
#include <stdlib.h>

#define FASTREG_CUBE 64

#if defined(__GNUC__)
#define FASTREG_MAYBE_UNUSED __attribute__((unused))
#else
#define FASTREG_MAYBE_UNUSED
#endif

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__gnu_linux__)

typedef double fastreg_eight __attribute__((vector_size(64), aligned(8), may_alias));
typedef long long fastreg_order __attribute__((vector_size(64)));

typedef double fastreg_quad __attribute__((vector_size(32), aligned(8), may_alias));

/* 2 for AVX-512, 1 for AVX2, 0 for dgemm; FASTREG_NO_AVX512 and FASTREG_NO_AVX2 in the environment leave one out. */
FASTREG_MAYBE_UNUSED static int fastreg_cube_kernel(void)
{
    static int known = -1;
    if (known < 0) {
        if (__builtin_cpu_supports("x86-64-v4") && getenv("FASTREG_NO_AVX512") == NULL)
            known = 2;
        else
            known = __builtin_cpu_supports("x86-64-v3") && getenv("FASTREG_NO_AVX2") == NULL;
    }
    return known;
}

/* cube[k * 64 + i] = lines[i * stride + k] for 8 values of i and of k: halves of lines that follow one another, then
 * halves of those, change places until every register holds a column. */
#define FASTREG_INTERLEAVE(x, y, a, b, c, d, e, f, g, h) __builtin_shuffle(x, y, (fastreg_order){a, b, c, d, e, f, g, h})
__attribute__((target("arch=x86-64-v4"), unused)) static void
fastreg_turn_eight(const double *restrict lines, ptrdiff_t stride, double *restrict cube)
{
    fastreg_eight even[4], odd[4], quarter[4][2];
    int i;
#pragma GCC unroll 4
    for (i = 0; i < 4; i++) {
        fastreg_eight low = *(const fastreg_eight *)(lines + 2 * i * stride);
        fastreg_eight high = *(const fastreg_eight *)(lines + (2 * i + 1) * stride);
        even[i] = FASTREG_INTERLEAVE(low, high, 0, 8, 2, 10, 4, 12, 6, 14);
        odd[i] = FASTREG_INTERLEAVE(low, high, 1, 9, 3, 11, 5, 13, 7, 15);
    }
#pragma GCC unroll 2
    for (i = 0; i < 2; i++) {
        quarter[0][i] = FASTREG_INTERLEAVE(even[2 * i], even[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13);
        quarter[1][i] = FASTREG_INTERLEAVE(odd[2 * i], odd[2 * i + 1], 0, 1, 8, 9, 4, 5, 12, 13);
        quarter[2][i] = FASTREG_INTERLEAVE(even[2 * i], even[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
        quarter[3][i] = FASTREG_INTERLEAVE(odd[2 * i], odd[2 * i + 1], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma GCC unroll 4
    for (i = 0; i < 4; i++) {
        *(fastreg_eight *)(cube + i * FASTREG_CUBE) =
            FASTREG_INTERLEAVE(quarter[i][0], quarter[i][1], 0, 1, 2, 3, 8, 9, 10, 11);
        *(fastreg_eight *)(cube + (i + 4) * FASTREG_CUBE) =
            FASTREG_INTERLEAVE(quarter[i][0], quarter[i][1], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* Products for one width of vectors of so many doubles.
 *
 * tile: out[i * stride + j] += sum_k a[k * 64 + i] b[k * 64 + j] for `high` values of i and two vectors of j: two
 * accumulators a row, and for every k two loads and `high` broadcasts for 2 * high multiply-adds.
 * cube: the same for i < rows, j < columns, both at most 64. */
#define FASTREG_CUBES_OF(name, arch, vector, lanes, high)                                                              \
    __attribute__((target(arch), always_inline)) static inline void name##_tile(                                       \
        const double *restrict a, const double *restrict b, double *restrict out, ptrdiff_t stride)                    \
    {                                                                                                                  \
        vector left_sum[high] = {0}, right_sum[high] = {0};                                                            \
        int i, k;                                                                                                      \
        for (k = 0; k < FASTREG_CUBE; k++) {                                                                           \
            vector left = *(const vector *)(b + k * FASTREG_CUBE);                                                     \
            vector right = *(const vector *)(b + k * FASTREG_CUBE + lanes);                                            \
            _Pragma("GCC unroll 8") for (i = 0; i < high; i++) {                                                       \
                left_sum[i] += a[k * FASTREG_CUBE + i] * left;                                                         \
                right_sum[i] += a[k * FASTREG_CUBE + i] * right;                                                       \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 8") for (i = 0; i < high; i++) {                                                           \
            *(vector *)(out + i * stride) += left_sum[i];                                                              \
            *(vector *)(out + i * stride + lanes) += right_sum[i];                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    __attribute__((target(arch), unused)) static void name(                                                            \
        const double *a, const double *b, double *out, ptrdiff_t stride, int rows, int columns)                        \
    {                                                                                                                  \
        int i, j, r, c;                                                                                                \
        for (j = 0; j < columns; j += 2 * lanes)                                                                       \
            for (i = 0; i < rows; i += high) {                                                                         \
                if (i + high <= rows && j + 2 * lanes <= columns) {                                                    \
                    name##_tile(a + i, b + j, out + i * stride + j, stride);                                           \
                } else {                                                                                               \
                    double rest[high * 2 * lanes] = {0};                                                               \
                    name##_tile(a + i, b + j, rest, 2 * lanes);                                                        \
                    for (r = 0; r < high && i + r < rows; r++)                                                         \
                        for (c = 0; c < 2 * lanes && j + c < columns; c++)                                             \
                            out[(i + r) * stride + j + c] += rest[r * 2 * lanes + c];                                  \
                }                                                                                                      \
            }                                                                                                          \
    }

FASTREG_CUBES_OF(fastreg_cube_v4, "arch=x86-64-v4", fastreg_eight, 8, 8)
FASTREG_CUBES_OF(fastreg_cube_v3, "arch=x86-64-v3", fastreg_quad, 4, 4)

FASTREG_MAYBE_UNUSED static void
fastreg_cube(const double *a, const double *b, double *out, ptrdiff_t stride, int rows, int columns)
{
    if (fastreg_cube_kernel() == 2)
        fastreg_cube_v4(a, b, out, stride, rows, columns);
    else
        fastreg_cube_v3(a, b, out, stride, rows, columns);
}

#else

FASTREG_MAYBE_UNUSED static int fastreg_cube_kernel(void) { return 0; }
FASTREG_MAYBE_UNUSED static void
fastreg_cube(const double *a, const double *b, double *out, ptrdiff_t stride, int rows, int columns)
{
    (void)a, (void)b, (void)out, (void)stride, (void)rows, (void)columns;
}
FASTREG_MAYBE_UNUSED static void fastreg_turn_eight(const double *lines, ptrdiff_t stride, double *cube)
{
    (void)lines, (void)stride, (void)cube;
}

#endif

/* cube[k * 64 + i] = lines[i * stride + k] for i < count, k < length; 0 for the rest of i < width, k < 64. */
FASTREG_MAYBE_UNUSED static void
fastreg_turn(const double *lines, ptrdiff_t stride, int count, int length, int width, double *cube)
{
    int quick = fastreg_cube_kernel() == 2;
    int i, k, first;
    if (count < width || length < FASTREG_CUBE)
        for (k = 0; k < FASTREG_CUBE; k++)
            for (i = 0; i < width; i++)
                cube[k * FASTREG_CUBE + i] = 0;
    for (first = 0; first < count; first += 8) {
        k = 0;
        if (quick && first + 8 <= count)
            for (; k + 8 <= length; k += 8)
                fastreg_turn_eight(lines + first * stride + k, stride, cube + k * FASTREG_CUBE + first);
        for (; k < length; k++)
            for (i = first; i < first + 8 && i < count; i++)
                cube[k * FASTREG_CUBE + i] = lines[i * stride + k];
    }
}

#endif
