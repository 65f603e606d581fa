/* Losses row by row: the loss, u = -dl/deta and the curvature h of every row, in one sweep without branches.
 *
 * In C for the reason given in design/lines.h: GCC builds each function three times and the loader picks one. That pays
 * only if exp and log1p are part of the loop, so they are here: by range reduction and Taylor's series, to a few units
 * in the last place. Measured on one core against libm's functions: see docs/performance.md.
 */
#ifndef FASTREG_ROWS_H
#define FASTREG_ROWS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "../design/lines.h"

/* Partial sums: SIMD without leave to reorder additions, so that the order of every sum is fixed. */
#define FASTREG_LANES 16
/* Curvatures are kept above this fraction of |u|; see generalized.pyx. */
#define FASTREG_LEAST_CURVATURE 0.01
#define FASTREG_TINY 1e-290

/* e^x: x = k log 2 + r with |r| <= log(2)/2, a polynomial for e^r (its next term is below 5e-18), and 2^k by its bits.
 * Beyond the range of numbers x is taken for the end of it. */
static inline double fastreg_exp(double x)
{
    const double shift = 6755399441055744.0; /* 1.5 * 2^52: adding it rounds to an integer */
    double k, r, p;
    int64_t bits;
    x = x < -708.0 ? -708.0 : x > 709.0 ? 709.0 : x;
    k = x * 1.4426950408889634 + shift;
    memcpy(&bits, &k, sizeof bits);
    k -= shift;
    r = x - k * 6.93147180369123816490e-01;
    r -= k * 1.90821492927058770002e-10;
    p = 1.0 / 6227020800.0;
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    bits = (int64_t)(((uint64_t)bits + 1023u) << 52);
    memcpy(&k, &bits, sizeof k);
    return p * k;
}

/* log(1 + e) for -1/2 <= e <= 1, as 2 artanh(e / (2 + e)); the next term of the series is below 2e-18. */
static inline double fastreg_log1p(double e)
{
    double t = e / (2.0 + e), q = t * t, p = 1.0 / 33.0;
    p = p * q + 1.0 / 31.0;
    p = p * q + 1.0 / 29.0;
    p = p * q + 1.0 / 27.0;
    p = p * q + 1.0 / 25.0;
    p = p * q + 1.0 / 23.0;
    p = p * q + 1.0 / 21.0;
    p = p * q + 1.0 / 19.0;
    p = p * q + 1.0 / 17.0;
    p = p * q + 1.0 / 15.0;
    p = p * q + 1.0 / 13.0;
    p = p * q + 1.0 / 11.0;
    p = p * q + 1.0 / 9.0;
    p = p * q + 1.0 / 7.0;
    p = p * q + 1.0 / 5.0;
    p = p * q + 1.0 / 3.0;
    return 2.0 * t * (p * q + 1.0);
}

/* One row each: the loss; u, h, the steepness u^2/h and the tilt u (r - u) through pointers. */
static inline double fastreg_logistic(double y, double eta, double unused, double *u, double *h, double *steep,
                                    double *tilt)
{
    double e = fastreg_exp(-fabs(eta)), whole = 1.0 / (1.0 + e), rest = e * whole;
    /* y - p with the smaller of p and 1 - p, so that small u keep their digits. */
    double force = eta > 0.0 ? (y - 1.0) + rest : y - rest, bend = rest * whole, least;
    (void)unused;
    *tilt = 0.0;
    least = FASTREG_LEAST_CURVATURE * fabs(force);
    *u = force;
    *h = bend > least ? bend : least;
    *steep = force * force / (bend > FASTREG_TINY ? bend : FASTREG_TINY);
    return fastreg_log1p(e) + (eta > 0.0 ? eta : 0.0) - y * eta;
}

static inline double fastreg_poisson(double y, double eta, double unused, double *u, double *h, double *steep,
                                    double *tilt)
{
    double mu = fastreg_exp(eta), force = y - mu, least = FASTREG_LEAST_CURVATURE * fabs(force);
    (void)unused;
    *tilt = 0.0;
    *u = force;
    *h = mu > least ? mu : least;
    *steep = force * force / mu;
    return mu - y * eta;
}

static inline double fastreg_gamma(double y, double eta, double unused, double *u, double *h, double *steep,
                                    double *tilt)
{
    double ratio = y * fastreg_exp(-eta), force = ratio - 1.0, least = FASTREG_LEAST_CURVATURE * fabs(force);
    (void)unused;
    *tilt = 0.0;
    *u = force;
    *h = ratio > least ? ratio : least;
    *steep = force * force / (ratio > FASTREG_TINY ? ratio : FASTREG_TINY);
    return ratio + eta;
}

static inline double fastreg_huber(double y, double eta, double delta, double *u, double *h, double *steep,
                                    double *tilt)
{
    double r = y - eta, size = fabs(r), cut = size < delta ? size : delta;
    double least = FASTREG_LEAST_CURVATURE * delta / (size > delta ? size : delta);
    *u = r < 0.0 ? -cut : cut;
    *h = size <= delta ? 1.0 : least;
    *steep = cut * cut;
    *tilt = cut * (size - cut);
    return cut * (size - 0.5 * cut);
}

/* Rows that are taken at once: what is made of them stays in the nearest cache. */
#define FASTREG_ROWS 256
/* Sums over rows, and partial sums of each. */
#define FASTREG_SUMS 7
#define FASTREG_ABREAST 8

/* Weighted sums of what a row has, in the order of ``Sums`` in base.pxd. */
#define FASTREG_ADD_ROW(lane, i)           \
    part[0][lane] += w[i] * value[i];      \
    part[1][lane] += w[i] * steep[i];      \
    part[2][lane] += w[i] * tilt[i];       \
    part[3][lane] += w[i] * u[i];          \
    part[4][lane] += w[i] * fabs(u[i]);    \
    part[5][lane] += w[i] * (u[i] * u[i]); \
    part[6][lane] += w[i] * h[i];

FASTREG_INLINE void fastreg_add_rows(const double *FASTREG_RESTRICT w, const double *FASTREG_RESTRICT value,
                                     const double *FASTREG_RESTRICT steep, const double *FASTREG_RESTRICT tilt,
                                     const double *FASTREG_RESTRICT u, const double *FASTREG_RESTRICT h, ptrdiff_t n,
                                     double (*FASTREG_RESTRICT part)[FASTREG_ABREAST])
{
    ptrdiff_t i = 0;
    int lane;
    for (; i + FASTREG_ABREAST <= n; i += FASTREG_ABREAST)
        for (lane = 0; lane < FASTREG_ABREAST; lane++) {
            FASTREG_ADD_ROW(lane, i + lane)
        }
    for (; i < n; i++) {
        FASTREG_ADD_ROW(0, i)
    }
}

/* The sums over all rows, and u and h of every row. The order of the sums is fixed. */
#define FASTREG_SWEEP(loss)                                                                                            \
    FASTREG_CLONES static void fastreg_sweep_##loss(                                                                   \
        const double *FASTREG_RESTRICT y, const double *FASTREG_RESTRICT w, const double *FASTREG_RESTRICT eta,        \
        ptrdiff_t n, double parameter, double *FASTREG_RESTRICT u, double *FASTREG_RESTRICT h,                         \
        double *FASTREG_RESTRICT sums)                                                                                 \
    {                                                                                                                  \
        double value[FASTREG_ROWS], steep[FASTREG_ROWS], tilt[FASTREG_ROWS];                                           \
        double part[FASTREG_SUMS][FASTREG_ABREAST] = {{0}};                                                            \
        ptrdiff_t first, i;                                                                                            \
        int k, lane;                                                                                                   \
        for (first = 0; first < n; first += FASTREG_ROWS) {                                                            \
            ptrdiff_t length = n - first < FASTREG_ROWS ? n - first : FASTREG_ROWS;                                    \
            for (i = 0; i < length; i++)                                                                               \
                value[i] = fastreg_##loss(y[first + i], eta[first + i], parameter, u + first + i, h + first + i,       \
                                          steep + i, tilt + i);                                                        \
            fastreg_add_rows(w + first, value, steep, tilt, u + first, h + first, length, part);                       \
        }                                                                                                              \
        for (k = 0; k < FASTREG_SUMS; k++)                                                                             \
            for (sums[k] = 0, lane = 0; lane < FASTREG_ABREAST; lane++)                                                \
                sums[k] += part[k][lane];                                                                              \
    }

FASTREG_SWEEP(logistic)
FASTREG_SWEEP(poisson)
FASTREG_SWEEP(gamma)
FASTREG_SWEEP(huber)

/* log x with less = x - 1, a finite number where x is 0: x = 2^k m with m from sqrt(1/2) to sqrt(2), by its bits; where
 * k = 0 the logarithm is that of 1 + less, which keeps all digits. */
static inline double fastreg_log(double x, double less)
{
    const uint64_t least = 0x3fe6a09e667f3bcdu; /* the bits of sqrt(1/2) */
    double k, m;
    uint64_t bits, power;
    memcpy(&bits, &x, sizeof bits);
    bits += 0x3ff0000000000000u - least;
    power = (bits >> 52) | 0x4330000000000000u; /* the bits of 2^52 + k + 1023 */
    memcpy(&k, &power, sizeof k);
    k -= 4503599627370496.0 + 1023.0;
    bits = (bits & 0x000fffffffffffffu) + least;
    memcpy(&m, &bits, sizeof m);
    m -= 1.0;
    return k * 6.93147180559945286227e-01 + fastreg_log1p(k == 0.0 ? less : m);
}

/* q log(q / p) with q = p + difference, 0 where q is. */
static inline double fastreg_share(double q, double p, double difference)
{
    return q * fastreg_log(q / p, difference / p);
}

/* The divergences D(s) of one row, as in generalized.pyx. */
static inline double fastreg_between_logistic(double y, double eta, double s)
{
    double e = fastreg_exp(-fabs(eta)), whole = 1.0 / (1.0 + e), rest = e * whole;
    double p = eta > 0.0 ? whole : rest, complement = eta > 0.0 ? rest : whole;
    double difference = (1.0 - s) * (y * complement - (1.0 - y) * p);
    return fastreg_share((1.0 - s) * y + s * p, p, difference) +
           fastreg_share((1.0 - s) * (1.0 - y) + s * complement, complement, -difference);
}

static inline double fastreg_between_poisson(double y, double eta, double s)
{
    double mu = fastreg_exp(eta);
    return fastreg_share((1.0 - s) * y + s * mu, mu, (1.0 - s) * (y - mu)) + (1.0 - s) * (mu - y);
}

static inline double fastreg_between_gamma(double y, double eta, double s)
{
    double ratio = y * fastreg_exp(-eta);
    return fastreg_share((1.0 - s) + s * ratio, ratio, (1.0 - s) * (1.0 - ratio)) + (1.0 - s) * (ratio - 1.0);
}

/* sum_i w_i D_i(s) of predictors of at most 300, so that ratios stay in the range of numbers; for gamma loss y is from
 * 1e-100 to 1e100. */
#define FASTREG_DIVERGE(loss)                                                                                          \
    FASTREG_CLONES static double fastreg_diverge_##loss(                                                               \
        const double *FASTREG_RESTRICT y, const double *FASTREG_RESTRICT w, const double *FASTREG_RESTRICT eta,        \
        ptrdiff_t n, double s)                                                                                         \
    {                                                                                                                  \
        double part[FASTREG_LANES] = {0}, total = 0, term;                                                             \
        ptrdiff_t i = 0;                                                                                               \
        int lane;                                                                                                      \
        for (; i + FASTREG_LANES <= n; i += FASTREG_LANES)                                                             \
            for (lane = 0; lane < FASTREG_LANES; lane++) {                                                             \
                term = w[i + lane] * fastreg_between_##loss(y[i + lane], eta[i + lane], s);                            \
                part[lane] += w[i + lane] == 0.0 ? 0.0 : term;                                                         \
            }                                                                                                          \
        for (; i < n; i++)                                                                                             \
            part[0] += w[i] == 0.0 ? 0.0 : w[i] * fastreg_between_##loss(y[i], eta[i], s);                             \
        for (lane = 0; lane < FASTREG_LANES; lane++)                                                                   \
            total += part[lane];                                                                                       \
        return total;                                                                                                  \
    }

FASTREG_DIVERGE(logistic)
FASTREG_DIVERGE(poisson)
FASTREG_DIVERGE(gamma)

/* The cross-entropy sum_i w_i (log sum_k e^eta_ki - sum_k y_ki eta_ki) of one-hot y, and the probabilities p; all
 * (classes, n). Small losses are those of rows whose class is on top: there the others' sum has all digits. */
FASTREG_CLONES static double fastreg_class_point(
    const double *FASTREG_RESTRICT y, const double *FASTREG_RESTRICT w, const double *FASTREG_RESTRICT eta,
    ptrdiff_t classes, ptrdiff_t n, double *FASTREG_RESTRICT p)
{
    double top[FASTREG_ROWS], chosen[FASTREG_ROWS], total[FASTREG_ROWS], others[FASTREG_ROWS], value = 0;
    ptrdiff_t first, i, k;
    for (first = 0; first < n; first += FASTREG_ROWS) {
        ptrdiff_t length = n - first < FASTREG_ROWS ? n - first : FASTREG_ROWS;
        for (i = 0; i < length; i++) {
            top[i] = eta[first + i];
            chosen[i] = total[i] = others[i] = 0;
        }
        for (k = 1; k < classes; k++)
            for (i = 0; i < length; i++) {
                double here = eta[k * n + first + i];
                top[i] = here > top[i] ? here : top[i];
            }
        for (k = 0; k < classes; k++)
            for (i = 0; i < length; i++) {
                ptrdiff_t at = k * n + first + i;
                double below = eta[at] - top[i], e = fastreg_exp(below);
                p[at] = e;
                total[i] += e;
                others[i] += (1.0 - y[at]) * e;
                chosen[i] += y[at] * below;
            }
        for (i = 0; i < length; i++) {
            double less = chosen[i] == 0 ? others[i] : total[i] - 1.0;
            top[i] = fastreg_log(1.0 + less, less) - chosen[i];
        }
        for (i = 0; i < length; i++)
            value += w[first + i] * top[i];
        for (k = 0; k < classes; k++)
            for (i = 0; i < length; i++)
                p[k * n + first + i] /= total[i];
    }
    return value;
}

/* q log(q / p) - (q - p), which is not negative: summed over classes it is KL(q || p), since q - p sums to 0. Without
 * that a row that is nearly right would lose what 1 - p has no digits for. q = (1 - s) y + s p. */
static inline double fastreg_class_share(double y, double p, double s)
{
    double difference = (1.0 - s) * (y - p);
    return fastreg_share((1.0 - s) * y + s * p, p, difference) - difference;
}

/* sum_i w_i KL(q || p) of probabilities p of which none is below 1e-150. */
FASTREG_CLONES static double fastreg_class_diverge(
    const double *FASTREG_RESTRICT y, const double *FASTREG_RESTRICT w, const double *FASTREG_RESTRICT p,
    ptrdiff_t classes, ptrdiff_t n, double s)
{
    double part[FASTREG_LANES] = {0}, total = 0;
    ptrdiff_t k, i;
    int lane;
    for (k = 0; k < classes; k++) {
        const double *yk = y + k * n, *pk = p + k * n;
        for (i = 0; i + FASTREG_LANES <= n; i += FASTREG_LANES)
            for (lane = 0; lane < FASTREG_LANES; lane++)
                part[lane] += w[i + lane] * fastreg_class_share(yk[i + lane], pk[i + lane], s);
        for (; i < n; i++)
            total += w[i] * fastreg_class_share(yk[i], pk[i], s);
    }
    for (lane = 0; lane < FASTREG_LANES; lane++)
        total += part[lane];
    return total;
}

#endif
