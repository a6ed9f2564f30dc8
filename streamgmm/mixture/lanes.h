/* Four doubles that move together: one lane a component.
 *
 * The logical width is fixed, whatever the processor's registers are: the order of every sum is
 * then part of the source and not of the machine, which is what makes two runs equal bit for bit.
 * exp and log are our own for the same reason (libm changes their last bits with the CPU).
 *
 * GCC and Clang have vectors of their own, and need -ffp-contract=off. Other compilers take the same
 * source as C++, where a class does what the vectors do, to the same bits (lanes_class.h).
 */
#ifndef STREAMGMM_LANES_H
#define STREAMGMM_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LANES 4

#if defined(__GNUC__) && !defined(STREAMGMM_LANES_CLASS)
#include "lanes_vector.h"
#elif defined(__cplusplus)
#include "lanes_class.h"
#else
#error "this compiler has no vectors of its own: compile the kernels as C++ (setup.py)"
#endif

INLINE double lanes_sum(lanes a) {
    return (a[0] + a[1]) + (a[2] + a[3]);
}
INLINE double lanes_largest(lanes a) {
    double best = a[0];
    for (int l = 1; l < LANES; l++) best = a[l] > best ? a[l] : best;
    return best;
}

INLINE double lanes_least(lanes a) {
    double best = a[0];
    for (int l = 1; l < LANES; l++) best = a[l] < best ? a[l] : best;
    return best;
}

#define LOG2_E 1.4426950408889634074
#define LN2_HIGH 6.93147180369123816490e-01 /* ln 2 with its low 32 bits cleared */
#define LN2_LOW 1.90821492927058770002e-10

/* e^x, to about 1 ulp; 0 below -708, saturated above 709.
 * x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor series of e^r to r^13 (error 4e-18). */
INLINE lanes lanes_exp(lanes x) {
    const double round_to_int = 6755399441055744.0; /* 1.5 * 2^52: adding it drops the fraction */
    lanes_int dead = x < -708.0;
    lanes bounded = lanes_min(lanes_max(x, lanes_all(-708.0)), lanes_all(709.0));
    lanes shifted = bounded * LOG2_E + round_to_int;
    lanes k = shifted - round_to_int;
    lanes r = (bounded - k * LN2_HIGH) - k * LN2_LOW;
    /* pairs, then powers of r^2 (Estrin): a third of Horner's latency */
    lanes r2 = r * r, r4 = r2 * r2, r8 = r4 * r4;
    lanes low = (1.0 + r) + r2 * (0.5 + r * (1.0 / 6.0));
    lanes mid = (1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5040.0));
    lanes high = (1.0 / 40320.0 + r * (1.0 / 362880.0)) +
                 r2 * (1.0 / 3628800.0 + r * (1.0 / 39916800.0)) +
                 r4 * (1.0 / 479001600.0 + r * (1.0 / 6227020800.0));
    lanes p = low + r4 * mid + r8 * high;
    lanes_int exponent = (lanes_int)shifted << 52; /* the low bits of `shifted` hold k */
    return lanes_select(dead, lanes_all(0.0), (lanes)((lanes_int)p + exponent));
}

/* e^x for |x| below 1e-3, where five terms are exact to rounding */
INLINE lanes lanes_exp_small(lanes x) {
    return 1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0))));
}

/* ln x for normal, positive x, to about 1 ulp.
 * x = 2^e m with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh((m - 1) / (m + 1)) by its series. */
INLINE lanes lanes_log(lanes x) {
    lanes_int bits = (lanes_int)x;
    lanes_int above = bits - 0x3fe6a09e667f3bcd; /* distance from sqrt(1/2), in units of bits */
    lanes_int e = above >> 52;
    lanes m = (lanes)(bits - (e << 52));
    lanes k = (lanes)(e + 0x4338000000000000) - 6755399441055744.0; /* bits of 1.5 * 2^52, plus e */
    lanes s = (m - 1.0) / (m + 1.0);
    lanes t = s * s;
    lanes t2 = t * t, t4 = t2 * t2, t8 = t4 * t4;
    lanes low = (1.0 / 3.0 + t * (1.0 / 5.0)) + t2 * (1.0 / 7.0 + t * (1.0 / 9.0));
    lanes mid = (1.0 / 11.0 + t * (1.0 / 13.0)) + t2 * (1.0 / 15.0 + t * (1.0 / 17.0));
    lanes high = (1.0 / 19.0 + t * (1.0 / 21.0)) + t2 * (1.0 / 23.0 + t * (1.0 / 25.0));
    lanes p = low + t4 * mid + t8 * high;
    return k * LN2_HIGH + (k * LN2_LOW + 2.0 * (s * t * p) + 2.0 * s);
}

INLINE double scalar_exp(double x) { return lanes_exp(lanes_all(x))[0]; }
INLINE double scalar_log(double x) { return lanes_log(lanes_all(x))[0]; }

/* Values of components, innermost in groups of lanes: of a group, and of a column of one. */
#define AT(base, i) ((base) + (i) * LANES)
#define GROUP(base, g) ((base) + (g) * LANES)

INLINE double largest(const double *values, int64_t groups) {
    lanes best = lanes_load(values);
    for (int64_t g = 1; g < groups; g++) best = lanes_max(best, lanes_load(GROUP(values, g)));
    return lanes_largest(best);
}

#endif
