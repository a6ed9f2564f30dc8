/* log Q(a, x), the regularised upper incomplete gamma function: the probability that a chi-squared
 * variable with 2a degrees of freedom exceeds 2x. Series below a + 1 and Lentz's continued fraction
 * above (Press et al., Numerical Recipes, section 6.2), in logs so that far tails do not vanish. */
#ifndef STREAMGMM_UPPER_GAMMA_H
#define STREAMGMM_UPPER_GAMMA_H

#include "lanes.h"

/* Stirling's series from 10 on, reached by Gamma(a + 1) = a Gamma(a) */
INLINE double log_gamma(double a) {
    double shift = 1.0;
    while (a < 10.0) shift *= a++;
    double r = 1.0 / (a * a);
    double series = (1.0 / 12.0 - r * (1.0 / 360.0 - r * (1.0 / 1260.0 - r / 1680.0))) / a;
    return (a - 0.5) * scalar_log(a) - a + 0.91893853320467274178 + series - scalar_log(shift);
}

INLINE double log_upper_gamma(double a, double x) {
    if (x <= 0.0 || a <= 0.0) return 0.0;
    double log_front = a * scalar_log(x) - x - log_gamma(a);
    if (x < a + 1.0) {
        double term = 1.0 / a, sum = term;
        for (int i = 1; i < 10000 && term > sum * 1e-17; i++) {
            term *= x / (a + i);
            sum += term;
        }
        double lower = sum * scalar_exp(log_front);
        return scalar_log(lower < 1.0 ? 1.0 - lower : 1e-300);
    }
    double b = x + 1.0 - a, c = 1e300, d = 1.0 / b, h = d;
    for (int i = 1; i < 10000; i++) {
        double an = -i * (i - a);
        b += 2.0;
        d = 1.0 / (an * d + b);
        c = b + an / c;
        double step = d * c;
        h *= step;
        if (step < 1.0 + 1e-15 && step > 1.0 - 1e-15) break;
    }
    return log_front + scalar_log(h);
}

#endif
