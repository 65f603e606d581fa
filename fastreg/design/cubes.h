/* Products of cubes, the kernel of every Gram matrix and factor: 64 x 64 numbers, times 64 x 64 others.
 *
 * A cube holds 64 rows of 64 columns as strips of 8 columns, one after the other, each row by row: what a product reads
 * lies in a piece of 4 KB. (With whole rows of the cube one after the other, lines that are read together are 512 bytes
 * apart and compete for the same eighth of the nearest cache: 33 Gflop/s instead of 44 with AVX2 on a Zen 3 processor.)
 * BLAS libraries know the AVX-512 units of some processors only, and pack what is packed already: on one core of a Zen 5
 * processor dgemm reached 57 Gflop/s (its kernels for AVX2), this kernel 126.
 */
#ifndef FASTREG_CUBES_H
#define FASTREG_CUBES_H

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FASTREG_CUBE 64
#define FASTREG_STRIP 8

#if defined(__GNUC__)
#define FASTREG_MAYBE_UNUSED __attribute__((unused))
#else
#define FASTREG_MAYBE_UNUSED
#endif

/* Where row k of column i of a cube lies. */
#define FASTREG_IN_CUBE(k, i) \
    ((ptrdiff_t)(i) / FASTREG_STRIP * FASTREG_STRIP * FASTREG_CUBE + (ptrdiff_t)(k) * FASTREG_STRIP + (i) % FASTREG_STRIP)

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12 && defined(__x86_64__) && defined(__gnu_linux__)
#define FASTREG_UNITS
#endif

/* 2 for AVX-512, 1 for AVX2, 0 for what every processor has; FASTREG_NO_AVX512 and FASTREG_NO_AVX2 in the environment
 * leave one out. */
FASTREG_MAYBE_UNUSED static int fastreg_cube_kernel(void)
{
#ifdef FASTREG_UNITS
    static int known = -1;
    if (known < 0) {
        if (__builtin_cpu_supports("x86-64-v4") && getenv("FASTREG_NO_AVX512") == NULL)
            known = 2;
        else
            known = __builtin_cpu_supports("x86-64-v3") && getenv("FASTREG_NO_AVX2") == NULL;
    }
    return known;
#else
    return 0;
#endif
}

#if defined(__GNUC__)

typedef double fastreg_eight __attribute__((vector_size(64), aligned(8), may_alias));
typedef double fastreg_quad __attribute__((vector_size(32), aligned(8), may_alias));
typedef double fastreg_pair __attribute__((vector_size(16), aligned(8), may_alias));

/* Products for one width of vectors of so many doubles.
 *
 * tile: out[i * stride + j] += sum_k a[k, i] b[k, j] for `high` values of i and two vectors of j: two accumulators a
 * row, and for every k two loads and `high` broadcasts for 2 * high multiply-adds.
 * cube: the same for i < rows, j < columns, both at most 64. */
#define FASTREG_CUBES_OF(name, target, vector, lanes, high)                                                            \
    target static inline void name##_tile(                                                                             \
        const double *restrict a, const double *restrict left, const double *restrict right, double *restrict out,     \
        ptrdiff_t stride)                                                                                              \
    {                                                                                                                  \
        vector left_sum[high] = {0}, right_sum[high] = {0};                                                            \
        int i, k;                                                                                                      \
        for (k = 0; k < FASTREG_CUBE; k++) {                                                                           \
            vector l = *(const vector *)(left + k * FASTREG_STRIP);                                                    \
            vector r = *(const vector *)(right + k * FASTREG_STRIP);                                                   \
            _Pragma("GCC unroll 8") for (i = 0; i < high; i++) {                                                       \
                left_sum[i] += a[k * FASTREG_STRIP + i] * l;                                                           \
                right_sum[i] += a[k * FASTREG_STRIP + i] * r;                                                          \
            }                                                                                                          \
        }                                                                                                              \
        _Pragma("GCC unroll 8") for (i = 0; i < high; i++) {                                                           \
            *(vector *)(out + i * stride) += left_sum[i];                                                              \
            *(vector *)(out + i * stride + lanes) += right_sum[i];                                                     \
        }                                                                                                              \
    }                                                                                                                  \
    target FASTREG_MAYBE_UNUSED static void name(                                                                      \
        const double *a, const double *b, double *out, ptrdiff_t stride, int rows, int columns)                        \
    {                                                                                                                  \
        int i, j, r, c;                                                                                                \
        for (j = 0; j < columns; j += 2 * lanes) {                                                                     \
            const double *left = b + FASTREG_IN_CUBE(0, j), *right = b + FASTREG_IN_CUBE(0, j + lanes);                \
            for (i = 0; i < rows; i += high) {                                                                         \
                if (i + high <= rows && j + 2 * lanes <= columns) {                                                    \
                    name##_tile(a + FASTREG_IN_CUBE(0, i), left, right, out + i * stride + j, stride);                 \
                } else {                                                                                               \
                    double rest[high * 2 * lanes] = {0};                                                               \
                    name##_tile(a + FASTREG_IN_CUBE(0, i), left, right, rest, 2 * lanes);                              \
                    for (r = 0; r < high && i + r < rows; r++)                                                         \
                        for (c = 0; c < 2 * lanes && j + c < columns; c++)                                             \
                            out[(i + r) * stride + j + c] += rest[r * 2 * lanes + c];                                  \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
    }

/* Sums for all of `high` rows stay in registers: 32 of them, or 16. */
#ifdef __aarch64__
FASTREG_CUBES_OF(fastreg_cube_any, , fastreg_pair, 2, 8)
#else
FASTREG_CUBES_OF(fastreg_cube_any, , fastreg_pair, 2, 4)
#endif

#else

static void fastreg_cube_any(const double *a, const double *b, double *out, ptrdiff_t stride, int rows, int columns)
{
    int i, j, c, k;
    for (i = 0; i < rows; i++)
        for (j = 0; j < columns; j += FASTREG_STRIP) {
            const double *x = a + FASTREG_IN_CUBE(0, i), *y = b + FASTREG_IN_CUBE(0, j);
            double sum[FASTREG_STRIP] = {0};
            for (k = 0; k < FASTREG_CUBE; k++)
                for (c = 0; c < FASTREG_STRIP; c++)
                    sum[c] += x[k * FASTREG_STRIP] * y[k * FASTREG_STRIP + c];
            for (c = 0; c < FASTREG_STRIP && j + c < columns; c++)
                out[i * stride + j + c] += sum[c];
        }
}

#endif

#ifdef FASTREG_UNITS

FASTREG_CUBES_OF(fastreg_cube_v4, __attribute__((target("arch=x86-64-v4"))), fastreg_eight, 8, 8)
FASTREG_CUBES_OF(fastreg_cube_v3, __attribute__((target("arch=x86-64-v3"))), fastreg_quad, 4, 4)

typedef long long fastreg_order __attribute__((vector_size(64)));
typedef long long fastreg_order_of_four __attribute__((vector_size(32)));

/* strip[k * 8 + i] = lines[i * stride + k] for 8 values of i and of k: halves of lines that follow one another, then
 * halves of those, change places until every register holds a column. */
#define FASTREG_INTERLEAVE(x, y, a, b, c, d, e, f, g, h) __builtin_shuffle(x, y, (fastreg_order){a, b, c, d, e, f, g, h})
__attribute__((target("arch=x86-64-v4"), unused)) static void
fastreg_turn_v4(const double *restrict lines, ptrdiff_t stride, double *restrict strip)
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
        *(fastreg_eight *)(strip + i * FASTREG_STRIP) =
            FASTREG_INTERLEAVE(quarter[i][0], quarter[i][1], 0, 1, 2, 3, 8, 9, 10, 11);
        *(fastreg_eight *)(strip + (i + 4) * FASTREG_STRIP) =
            FASTREG_INTERLEAVE(quarter[i][0], quarter[i][1], 4, 5, 6, 7, 12, 13, 14, 15);
    }
}

/* The same, four values of i and of k at a time. */
#define FASTREG_FOUR(x, y, a, b, c, d) __builtin_shuffle(x, y, (fastreg_order_of_four){a, b, c, d})
__attribute__((target("arch=x86-64-v3"), unused)) static void
fastreg_turn_v3(const double *restrict lines, ptrdiff_t stride, double *restrict strip)
{
    int i, k;
#pragma GCC unroll 2
    for (i = 0; i < 8; i += 4)
#pragma GCC unroll 2
        for (k = 0; k < 8; k += 4) {
            const double *from = lines + i * stride + k;
            double *to = strip + k * FASTREG_STRIP + i;
            fastreg_quad a = *(const fastreg_quad *)from, b = *(const fastreg_quad *)(from + stride);
            fastreg_quad c = *(const fastreg_quad *)(from + 2 * stride), d = *(const fastreg_quad *)(from + 3 * stride);
            fastreg_quad even = FASTREG_FOUR(a, b, 0, 4, 2, 6), odd = FASTREG_FOUR(a, b, 1, 5, 3, 7);
            fastreg_quad next_even = FASTREG_FOUR(c, d, 0, 4, 2, 6), next_odd = FASTREG_FOUR(c, d, 1, 5, 3, 7);
            *(fastreg_quad *)to = FASTREG_FOUR(even, next_even, 0, 1, 4, 5);
            *(fastreg_quad *)(to + FASTREG_STRIP) = FASTREG_FOUR(odd, next_odd, 0, 1, 4, 5);
            *(fastreg_quad *)(to + 2 * FASTREG_STRIP) = FASTREG_FOUR(even, next_even, 2, 3, 6, 7);
            *(fastreg_quad *)(to + 3 * FASTREG_STRIP) = FASTREG_FOUR(odd, next_odd, 2, 3, 6, 7);
        }
}

#endif

FASTREG_MAYBE_UNUSED static void
fastreg_cube(const double *a, const double *b, double *out, ptrdiff_t stride, int rows, int columns)
{
#ifdef FASTREG_UNITS
    int kernel = fastreg_cube_kernel();
    if (kernel == 2)
        fastreg_cube_v4(a, b, out, stride, rows, columns);
    else if (kernel == 1)
        fastreg_cube_v3(a, b, out, stride, rows, columns);
    else
#endif
        fastreg_cube_any(a, b, out, stride, rows, columns);
}

FASTREG_MAYBE_UNUSED static void fastreg_turn_any(const double *lines, ptrdiff_t stride, double *strip)
{
    int i, k;
    for (i = 0; i < FASTREG_STRIP; i++)
        for (k = 0; k < FASTREG_STRIP; k++)
            strip[k * FASTREG_STRIP + i] = lines[i * stride + k];
}

/* cube[k, i] = lines[i * stride + k] for i < count, k < length; 0 for the rest of i < width, k < 64. */
FASTREG_MAYBE_UNUSED static void
fastreg_turn(const double *lines, ptrdiff_t stride, int count, int length, int width, double *cube)
{
    void (*turn)(const double *, ptrdiff_t, double *) = fastreg_turn_any;
    int i, k, first;
#ifdef FASTREG_UNITS
    if (fastreg_cube_kernel())
        turn = fastreg_cube_kernel() == 2 ? fastreg_turn_v4 : fastreg_turn_v3;
#endif
    for (first = 0; first < width; first += FASTREG_STRIP) {
        double *strip = cube + FASTREG_IN_CUBE(0, first);
        const double *line = lines + first * stride;
        int whole = first + FASTREG_STRIP <= count;
        if (!whole || length < FASTREG_CUBE)
            memset(strip, 0, FASTREG_STRIP * FASTREG_CUBE * sizeof(double));
        for (k = 0; whole && k + FASTREG_STRIP <= length; k += FASTREG_STRIP)
            turn(line + k, stride, strip + k * FASTREG_STRIP);
        for (; k < length; k++)
            for (i = 0; i < FASTREG_STRIP && first + i < count; i++)
                strip[k * FASTREG_STRIP + i] = line[i * stride + k];
    }
}

#endif
