/* What counts as established behaviour, and the likelihood under that alone.
 *
 * A component is established by the traffic in its vicinity or by the events explained there, at
 * eight thresholds; the score is the mean over these.
 */
#ifndef STREAMGMM_ESTABLISHED_H
#define STREAMGMM_ESTABLISHED_H

#include "covariance.h"
#include "lanes.h"
#include "model.h"

#define VANISHED 1e-200 /* a sum of densities below it is taken again from its own largest */

INLINE int is_established(const model_t *m, int64_t k, double threshold) {
    return m->weight[k] > 0.0 && (m->traffic[k] >= threshold || m->experience[k] >= threshold);
}

/* -log sum of w_k e^(a_k) over the components established at `threshold`, those by experience with at
 * least the weight that would do; taken from its own largest term. */
INLINE double sum_from_own_top(const model_t *m, const double *a, double threshold,
                               double heaviest) {
    double top = -1e308, sum = 0.0;
    for (int64_t k = 0; k < m->active * LANES; k++)
        if (is_established(m, k, threshold) && a[k] > top) top = a[k];
    for (int64_t k = 0; k < m->active * LANES; k++)
        if (is_established(m, k, threshold)) {
            double weight = m->weight[k], least = threshold * heaviest;
            if (m->experience[k] >= threshold && weight < least) weight = least;
            sum += weight * scalar_exp(a[k] - top);
        }
    return -(top + scalar_log(sum));
}

/* What a component counts at four thresholds, one lane each, where `own` is its weight: that, if it
 * is established by traffic; if by experience, at least the weight that would do. */
INLINE lanes established_weight(lanes traffic, lanes experience, lanes own, lanes threshold,
                                lanes least) {
    lanes busy = (lanes)((lanes_int)own & (traffic >= threshold));
    lanes old = (lanes)((lanes_int)lanes_max(own, least) & (experience >= threshold));
    return lanes_max(busy, old);
}

/* -log of four sums of e^(a_k - top) */
INLINE lanes graded_levels(const model_t *m, const double *a, double top, lanes sum,
                           const double *threshold, double heaviest) {
    lanes level = -(top + lanes_log(lanes_max(sum, lanes_all(VANISHED))));
    if (lanes_least(sum) < VANISHED)
        for (int j = 0; j < LANES; j++)
            if (sum[j] < VANISHED) level[j] = sum_from_own_top(m, a, threshold[j], heaviest);
    return level;
}

/* The mean over the thresholds of -log sum of the established w_k `e`, e = e^(a_k - top). All eight
 * in one pass over the components. */
INLINE double graded(const model_t *m, const double *a, const double *e, double top) {
    const double *traffic = m->traffic, *experience = m->experience, *weight = m->weight;
    const int64_t components = m->active * LANES;
    double heaviest = largest(weight, m->active);
    lanes lower = lanes_load(m->thresholds), upper = lanes_load(m->thresholds + LANES);
    lanes lower_least = lower * heaviest, upper_least = upper * heaviest;
    lanes lower_sum = lanes_all(0.0), upper_sum = lanes_all(0.0);
    for (int64_t k = 0; k < components; k++) {
        lanes busy = lanes_all(traffic[k]), old = lanes_all(experience[k]);
        lanes own = lanes_all(weight[k]), density = lanes_all(e[k]);
        lower_sum += established_weight(busy, old, own, lower, lower_least) * density;
        upper_sum += established_weight(busy, old, own, upper, upper_least) * density;
    }
    lanes sum = graded_levels(m, a, top, lower_sum, m->thresholds, heaviest) +
                graded_levels(m, a, top, upper_sum, m->thresholds + LANES, heaviest);
    return lanes_sum(sum) / THRESHOLDS;
}

/* What is in each component's vicinity, a component j at distance m_kj of the means in the pooled
 * covariance counting exp(-m_kj^2 / (2 d VICINITY^2)): its traffic, relative to the busiest
 * vicinity's, and the events explained there, relative to what is enough whatever the traffic. */
INLINE void renew_vicinities(const model_t *m, scratch_t *s) {
    double per_square = -0.5 / (VICINITY * VICINITY * (double)m->d);
    pool(m, s->pooled);
    pooled_factorise(m, s);
    for (int64_t g = 0; g < m->groups; g++) {
        const double *mean = m->mean + g * m->d * LANES;
        lanes traffic = lanes_all(0.0), tenure = lanes_load(GROUP(m->tenure, g));
        /* what an operator accepted, with a tenure without end, vouches for itself alone */
        lanes events = lanes_select(tenure < ACCEPTED, lanes_all(0.0), tenure);
        for (int64_t k = 0; k < m->components; k++) {
            if (m->weight[k] <= 0.0) continue;
            const double *other = m->mean + (k / LANES) * m->d * LANES + k % LANES;
            for (int64_t i = 0; i < m->d; i++)
                lanes_store(AT(s->work, i), lanes_load(AT(mean, i)) - other[i * LANES]);
            lanes near = lanes_exp(per_square * pooled_distance(m, s, s->work));
            traffic += m->weight[k] * near;
            if (m->tenure[k] < ACCEPTED) events += m->tenure[k] * near;
        }
        lanes_int there = lanes_load(GROUP(m->weight, g)) > 0.0;
        events *= m->tenure_worth;
        lanes_store(GROUP(m->traffic, g), lanes_select(there, traffic, lanes_all(0.0)));
        lanes_store(GROUP(m->experience, g), lanes_select(there, events, lanes_all(0.0)));
    }
    double busiest = largest(m->traffic, m->groups);
    for (int64_t g = 0; g < m->groups; g++)
        lanes_store(GROUP(m->traffic, g), lanes_load(GROUP(m->traffic, g)) / busiest);
    m->mass[3] = 0.0;
}

#endif
