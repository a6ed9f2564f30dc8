/* How far from a component an event with missing columns is taken to be over all of them.
 *
 * With the covariance in force, Sigma, m^2 of the events that a component explains has the mean
 * tr(Sigma^-1 S), S their scatter: d, were Sigma no wider than S. It is taken for chi-squared with so
 * many degrees of freedom f, and f_o of them over the observed columns alone. The two are equally
 * unlikely where Wilson & Hilferty's normal deviates of them agree (PNAS 17, 1931):
 *   z = (c - (1 - v)) / sqrt(v),   c = (m^2 / f)^(1/3),   v = 2 / (9 f).
 */
#ifndef STREAMGMM_MISSING_H
#define STREAMGMM_MISSING_H

#include "lanes.h"

#define LEAST_FREEDOM 0.5 /* below it a deviate says nothing: of columns that hardly vary */

/* What is to be added to m^2 over columns of `seen` degrees of freedom where `unseen` more are missing.
 * It rises with m^2. Far out, where the deviates undershoot, no less than at the middle of the
 * distributions, about `unseen`. */
INLINE double farther_over_all(double distance, double seen, double unseen) {
    double some = seen > LEAST_FREEDOM ? seen : LEAST_FREEDOM, all = some + unseen;
    double v = 2.0 / (9.0 * some), v_all = 2.0 / (9.0 * all);
    double ratio = distance / some > 1e-300 ? distance / some : 1e-300;
    double above = scalar_exp(scalar_log(ratio) * (1.0 / 3.0)) - (1.0 - v);
    double root = (1.0 - v_all) + above * sqrt(some / all);
    double added = (root > 0.0 ? all * root * root * root : 0.0) - distance;
    double middle = all * (1.0 - v_all) * (1.0 - v_all) * (1.0 - v_all) -
                    some * (1.0 - v) * (1.0 - v) * (1.0 - v);
    return above > 0.0 && added < middle ? middle : added;
}

#endif
