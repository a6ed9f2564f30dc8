/* How far from a component an event with missing columns is taken to be over all of them.
 *
 * m^2 over the o observed columns is about chi-squared with o degrees of freedom, over all d with d.
 * The two are equally unlikely where Wilson & Hilferty's normal deviates of them agree (PNAS 17, 1931):
 *   z = (c - (1 - v)) / sqrt(v),   c = (m^2 / o)^(1/3),   v = 2 / (9 o).
 */
#ifndef STREAMGMM_MISSING_H
#define STREAMGMM_MISSING_H

#include "lanes.h"

/* What is to be added to m^2 over `observed` of `d` columns. It rises with m^2. Far out, where the
 * deviates undershoot, no less than at the mean, about d - o; for nothing observed d, the mean. */
INLINE double farther_over_all(double distance, double observed, double d) {
    if (observed == 0.0) return d;
    double v = 2.0 / (9.0 * observed), v_all = 2.0 / (9.0 * d);
    double ratio = distance / observed > 1e-300 ? distance / observed : 1e-300;
    double above = scalar_exp(scalar_log(ratio) * (1.0 / 3.0)) - (1.0 - v);
    double root = (1.0 - v_all) + above * __builtin_sqrt(observed / d);
    double added = (root > 0.0 ? d * root * root * root : 0.0) - distance;
    double middle = d * (1.0 - v_all) * (1.0 - v_all) * (1.0 - v_all) -
                    observed * (1.0 - v) * (1.0 - v) * (1.0 - v);
    return above > 0.0 && added < middle ? middle : added;
}

#endif
