/* A generalised Pareto law of excesses y > 0 that knows how little it knows of its shape.
 *
 * With theta = -xi / sigma the law is P(> y) = (1 - theta y)^(1 / k), k = -xi. Given theta, n excesses
 * are likeliest at k(theta) = -mean log(1 - theta y_i), with a logarithm of
 * n (log(theta / k) + k - 1): one unknown is left (Grimshaw 1993). Zhang & Stephens (2009) take it
 * from points that a prior gives, weighted by their likelihood. Here the laws at these points are
 * kept, and their weighted mean is the law: alerts by a law that was only the best guess would
 * exceed the budget, as the guess errs to both sides and the alerts grow faster than they shrink.
 *
 * Needs -ffp-contract=off; exp and log are those of lanes.h, the same bits on every machine.
 */
#ifndef STREAMGMM_PARETO_H
#define STREAMGMM_PARETO_H

#include "lanes.h"

#define PARETO_POINTS 56 /* a multiple of LANES */
#define PARETO_MOST 1e300
#define PARETO_LEAST 1e-300

typedef struct {
    double theta[PARETO_POINTS];
    double power[PARETO_POINTS];  /* 1 / k */
    double weight[PARETO_POINTS]; /* sum to 1 */
} pareto_t;

/* Set powers and weights for the thetas from n excesses. No theta may be 0, nor 1 / theta within
 * the excesses. */
static void pareto_weigh(pareto_t *law, const double *excess, int64_t n) {
    const lanes most = lanes_all(PARETO_MOST);
    double best = -PARETO_MOST, total = 0.0;
    for (int j = 0; j < PARETO_POINTS; j += LANES) {
        lanes theta = lanes_load(law->theta + j), k = lanes_all(0.0);
        for (int64_t i = 0; i < n; i++) k -= lanes_log(lanes_min(1.0 - theta * excess[i], most));
        k /= (double)n;
        lanes likelihood = (lanes_log(theta / k) + k) * (double)n;
        lanes_store(law->power + j, 1.0 / k);
        lanes_store(law->weight + j, likelihood);
        double largest = lanes_largest(likelihood);
        best = largest > best ? largest : best;
    }
    for (int j = 0; j < PARETO_POINTS; j += LANES) {
        lanes weight = lanes_exp(lanes_load(law->weight + j) - best);
        lanes_store(law->weight + j, weight);
        total += lanes_sum(weight);
    }
    for (int j = 0; j < PARETO_POINTS; j++) law->weight[j] /= total;
}

/* P(> y): the mean of the laws, 0 for those that end before y. */
static double pareto_survival(const pareto_t *law, double y) {
    const lanes most = lanes_all(PARETO_MOST);
    lanes sum = lanes_all(0.0);
    for (int j = 0; j < PARETO_POINTS; j += LANES) {
        lanes left = lanes_min(1.0 - lanes_load(law->theta + j) * y, most);
        lanes_int over = left < PARETO_LEAST;
        left = lanes_select(over, lanes_all(1.0), left);
        lanes p = lanes_exp(lanes_load(law->power + j) * lanes_log(left));
        sum += lanes_load(law->weight + j) * lanes_select(over, lanes_all(0.0), p);
    }
    return lanes_sum(sum);
}

#endif
