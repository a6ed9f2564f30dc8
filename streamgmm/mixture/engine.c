/* One event through the mixture: E step and score, M step over decaying statistics, lazy factors.
 *
 * The formulas are those of docs/mathematics.md; the order of every operation is fixed, so the
 * result does not depend on how events are cut into blocks.
 */
#include "model.h"

#include "covariance.h"
#include "established.h"
#include "lanes.h"
#include "missing.h"
#include "upper_gamma.h"

/* Compiled once for each width of the registers (engine_v3.c); dispatch.c chooses. */
#ifndef VARIANT
#define VARIANT(name) name##_base
#endif

#define LOG_2PI 1.8378770664093454836
#define FARTHEST 1e100       /* |z| is held to it: its square, summed, still is a number */
#define NEGLIGIBLE 1e-9      /* responsibility below which a component's shape does not learn */

/* ---- E step ---------------------------------------------------------------------------------- */

/* A column into the frame: linear up to REACH, logarithmic beyond; adds log(dx / dz) to `stretch`. */
INLINE double placed(double z, double *stretch) {
    double size = z < 0.0 ? -z : z;
    if (!(size > REACH)) return z;
    double far = scalar_log((size < FARTHEST ? size : FARTHEST) * (1.0 / REACH));
    *stretch += far;
    return z < 0.0 ? -REACH * (1.0 + far) : REACH * (1.0 + far);
}

/* The event into the frame, and which of its columns are missing. Columns are lanes here: of four that
 * are all there and within REACH, as nearly always, nothing more needs to be asked. */
INLINE void place(const model_t *m, scratch_t *s, const double *x) {
    const double *location = m->location, *inverse_scale = m->inverse_scale;
    const int64_t d = m->d;
    double *z = s->z, stretch = 0.0;
    int64_t n_missing = 0, i = 0;
    int same = 1;
    while (i < d) {
        int64_t end = i + 1;
        if (i + LANES <= d) {
            lanes four = (lanes_load(x + i) - lanes_load(location + i)) * lanes_load(inverse_scale + i);
            lanes_store(z + i, four);
            end = i + LANES;
            if (lanes_all_true(lanes_max(four, -four) <= REACH)) i = end;
        } else {
            z[i] = (x[i] - location[i]) * inverse_scale[i];
        }
        for (; i < end; i++) {
            if (x[i] != x[i]) {
                same &= n_missing < s->n_missing && s->missing[n_missing] == i;
                s->missing[n_missing++] = i;
            }
            z[i] = placed(z[i], &stretch);
        }
    }
    s->same_missing = same && n_missing == s->n_missing;
    s->n_missing = n_missing;
    s->stretch = stretch;
}

/* delta = z - mu_k in every group, 0 where x is missing */
INLINE void centre(const model_t *m, scratch_t *s) {
    const int64_t d = m->d;
    const double *z = s->z;
    for (int64_t g = 0; g < m->active; g++) {
        const double *mean = m->mean + g * d * LANES;
        double *delta = s->delta + g * d * LANES;
        for (int64_t i = 0; i < d; i++)
            lanes_store(AT(delta, i), z[i] - lanes_load(AT(mean, i)));
        for (int64_t a = 0; a < s->n_missing; a++)
            lanes_store(AT(delta, s->missing[a]), lanes_all(0.0));
    }
}

INLINE lanes density_at(const model_t *m, int64_t g, lanes distance, lanes log_det, double d) {
    lanes density = log_det - 0.5 * (d * LOG_2PI) - 0.5 * distance;
    /* an empty component, be it the nearest, must not be what the others are measured by */
    lanes_int empty = lanes_load(GROUP(m->weight, g)) <= 0.0;
    return lanes_select(empty, lanes_all(-1e300), density);
}

/* `kept`: what depends on the missing columns alone is there already */
INLINE void group_density(const model_t *m, scratch_t *s, int64_t g, int kept) {
    double *delta = s->delta + g * m->d * LANES;
    double observed = (double)(m->d - s->n_missing);
    lanes log_det = lanes_load(GROUP(m->log_det, g));
    lanes distance;
    if (s->n_missing == 0) {
        distance = shape_distance(m, g, delta);
    } else {
        if (!kept) shape_missing_root(m, s, g);
        /* log |Sigma_oo| = log |Sigma| + log |P_mm| */
        log_det -= 0.5 * lanes_load(GROUP(s->missing_log_det, g));
        distance = shape_condition(m, s, g, delta);
    }
    lanes_store(GROUP(s->distance, g), distance);
    lanes_store(GROUP(s->log_density, g), density_at(m, g, distance, log_det, observed));
}

/* Where the largest of n values is, the first of them. Without a branch, which would be foretold no
 * better than which component comes next. */
INLINE int64_t first_largest(const double *values, int64_t n) {
    int64_t at = 0;
    double best = values[0];
    for (int64_t k = 1; k < n; k++) {
        double value = values[k];
        int higher = value > best;
        best = higher ? value : best;
        at = higher ? k : at;
    }
    return at;
}

/* from e^(a_k - top) to responsibilities */
INLINE void normalise(const model_t *m, scratch_t *s) {
    lanes sum = lanes_all(0.0);
    for (int64_t g = 0; g < m->active; g++) {
        lanes joint = lanes_load(GROUP(m->weight, g)) * lanes_load(GROUP(s->responsibility, g));
        lanes_store(GROUP(s->responsibility, g), joint);
        sum += joint;
    }
    s->total = lanes_sum(sum);
    double inverse = 1.0 / s->total;
    for (int64_t g = 0; g < m->active; g++)
        lanes_store(GROUP(s->responsibility, g),
                    lanes_load(GROUP(s->responsibility, g)) * inverse);
    s->component = first_largest(s->responsibility, m->active * LANES);
}

/* ---- score ----------------------------------------------------------------------------------- */

/* The complete event in the place of one with missing columns: these as the most responsible
 * component expects them, and all of it as far from there as is equally unlikely. */
INLINE void complete(const model_t *m, scratch_t *s) {
    int64_t k = s->component;
    int64_t own = (k / LANES) * m->d * LANES + k % LANES;
    for (int64_t a = 0; a < s->n_missing; a++) {
        int64_t at = own + s->missing[a] * LANES;
        s->z[s->missing[a]] = m->mean[at] + s->delta[at];
    }
    double d = (double)m->d;
    double unseen = shape_missing_freedom(m, s, k / LANES)[k % LANES], seen = m->freedom[k] - unseen;
    double farther = s->n_missing == m->d ? m->freedom[k]
                                          : farther_over_all(s->distance[k], seen, unseen);
    double *density = s->completed, *distances = s->completed + m->groups * LANES;
    for (int64_t g = 0; g < m->active; g++) {
        const double *mean = m->mean + g * m->d * LANES;
        for (int64_t i = 0; i < m->d; i++)
            lanes_store(AT(s->work, i), s->z[i] - lanes_load(AT(mean, i)));
        lanes distance = shape_distance(m, g, s->work) + farther;
        lanes log_det = lanes_load(GROUP(m->log_det, g));
        lanes_store(GROUP(distances, g), distance);
        lanes_store(GROUP(density, g), density_at(m, g, distance, log_det, d));
    }
}

/* e = e^(a_k - top); returns top, the largest a_k */
INLINE double exponentiate(const model_t *m, const double *a, double *e) {
    double top = largest(a, m->active);
    for (int64_t g = 0; g < m->active; g++)
        lanes_store(GROUP(e, g), lanes_exp(lanes_load(GROUP(a, g)) - top));
    return top;
}

INLINE double tail_score(const model_t *m, scratch_t *s, const double *distance) {
    double *log_q = s->work, *e = s->work + m->groups * LANES;
    double half = 0.5 * (double)m->d;
    for (int64_t k = 0; k < m->active * LANES; k++)
        log_q[k] = m->weight[k] > 0.0 ? log_upper_gamma(half, 0.5 * distance[k]) : -1e300;
    double top = exponentiate(m, log_q, e);
    return graded(m, log_q, e, top);
}

/* after the E step and complete() */
INLINE double completed_score(const model_t *m, scratch_t *s) {
    const double *density = s->completed, *distance = s->completed + m->groups * LANES;
    if (m->score == SCORE_TAIL) return tail_score(m, s, distance);
    double top = exponentiate(m, density, s->work);
    return graded(m, density, s->work, top) + m->log_scale + s->stretch;
}

/* densities of the components at an event, relative to the largest; `unchanged`: no factor is another
 * than at the event before */
INLINE void densities(const model_t *m, scratch_t *s, const double *x, int unchanged) {
    place(m, s, x);
    centre(m, s);
    int kept = unchanged && s->same_missing;
    for (int64_t g = 0; g < m->active; g++) group_density(m, s, g, kept);
    s->top = exponentiate(m, s->log_density, s->responsibility);
}

void VARIANT(expect_event)(const model_t *m, scratch_t *s, const double *x) {
    densities(m, s, x, 1);
    normalise(m, s);
}

double VARIANT(score_event)(const model_t *m, scratch_t *s, const double *x) {
    densities(m, s, x, 0);
    if (s->n_missing > 0 && m->score != SCORE_OBSERVED) {
        normalise(m, s);
        complete(m, s);
        return s->score = completed_score(m, s);
    }
    if (m->score == SCORE_TAIL) {
        s->score = tail_score(m, s, s->distance);
    } else {
        s->score = graded(m, s->log_density, s->responsibility, s->top) + m->log_scale + s->stretch;
        for (int64_t a = 0; a < s->n_missing; a++) /* scales of what is there only */
            s->score += scalar_log(m->inverse_scale[s->missing[a]]);
    }
    normalise(m, s);
    return s->score;
}

double VARIANT(log_likelihood)(const model_t *m, const scratch_t *s) {
    return s->top + scalar_log(s->total) - m->log_scale - s->stretch;
}

/* ---- M step ---------------------------------------------------------------------------------- */

/* Moves N on; returns g = u / N', the step of the weights. */
INLINE double decay_mass(const model_t *m, scratch_t *s, double u, double t) {
    double *mass = m->mass;
    if (u != s->u) { /* nearly always the same: 1, or the gate's */
        s->u = u;
        s->kept = scalar_exp(-m->rate * u);
    }
    if (m->decay == DECAY_POWER) {
        mass[0] += u;
        double g = u * scalar_exp(-m->alpha * scalar_log(mass[0]));
        return g < 1.0 ? g : 1.0;
    }
    if (m->decay == DECAY_TIME) {
        double elapsed = t > mass[2] ? t - mass[2] : 0.0; /* late, missing or first: none */
        if (!(t <= mass[2]) && t == t) mass[2] = t;
        double kept = mass[0] * scalar_exp(-m->rate * elapsed);
        mass[0] = (kept > mass[1] ? kept : mass[1]) + u;
    } else {
        mass[0] = mass[0] * s->kept + u;
    }
    return u / mass[0];
}

/* Moves n_k on; returns eta_k, the step of mu_k and S_k before its influence is bounded. */
INLINE lanes decay_count(const model_t *m, const scratch_t *s, int64_t g, lanes ur) {
    lanes n = lanes_load(GROUP(m->count, g));
    lanes step = ur, exponent = ur * -m->rate;
    switch (m->decay) {
    case DECAY_OWN:
        n = n * (s->u * m->rate < 1e-3 ? lanes_exp_small(exponent) : lanes_exp(exponent)) + ur;
        break;
    case DECAY_COMMON:
        n = n * s->kept + ur;
        break;
    case DECAY_TIME:
        n = lanes_min(n + ur, lanes_all(m->mass[0]));
        break;
    default: /* DECAY_POWER: eta = u r / n^alpha */
        n = n + ur;
        step = ur * lanes_exp(-m->alpha * lanes_log(lanes_max(n, lanes_all(1e-300)))) * n;
    }
    lanes_store(GROUP(m->count, g), n);
    return lanes_min(step / lanes_max(n, lanes_all(1e-300)), lanes_all(1.0));
}

/* min(1, (nu + d) / (nu + m^2)): how much of an event a component's shape takes in */
INLINE lanes influence(const model_t *m, lanes distance, double observed) {
    return lanes_min((m->nu + observed) / (m->nu + distance), lanes_all(1.0));
}

INLINE void move_shape(const model_t *m, const scratch_t *s, int64_t g, lanes eta) {
    double *mean = m->mean + g * m->d * LANES;
    double *scatter = m->scatter + g * m->size * LANES;
    const double *delta = s->delta + g * m->d * LANES;
    lanes keep = 1.0 - eta;
    for (int64_t i = 0; i < m->d; i++) {
        int64_t at = i * LANES;
        lanes_store(mean + at, lanes_load(mean + at) + eta * lanes_load(delta + at));
    }
    shape_blend(m, scatter, keep, eta * keep, delta);
    shape_add_conditional(m, s, g, scatter, eta);
}

/* Notes that the factor of a group is new. */
INLINE void renewed(const model_t *m, int64_t g, lanes log_det) {
    for (int l = 0; l < LANES; l++)
        if (g * LANES + l >= m->components) log_det[l] = -1e300;
    lanes_store(GROUP(m->log_det, g), log_det);
    lanes_store(GROUP(m->freedom, g), shape_freedom(m, g));
    lanes_store(GROUP(m->change, g), lanes_all(0.0));
}

/* every group's factor, from its own scatter and s->pooled */
INLINE void factorise_groups(const model_t *m, scratch_t *s) {
    lanes log_det = lanes_all(0.0);
    for (int64_t g = 0; g < m->groups; g++) {
        if (g == 0 || !is_tied(m)) log_det = shape_factorise(m, s, g);
        renewed(m, g, log_det);
    }
}

INLINE void factorise_all(const model_t *m, scratch_t *s) {
    pool(m, s->pooled);
    factorise_groups(m, s);
}

void VARIANT(factorise)(const model_t *m, scratch_t *s) {
    factorise_all(m, s);
    renew_vicinities(m, s);
}

void VARIANT(factorise_towards)(const model_t *m, scratch_t *s, const double *pooled) {
    memcpy(s->pooled, pooled, (size_t)m->size * sizeof(double));
    factorise_groups(m, s);
}

/* Whether some component of a group has changed more than the tolerance, and more than is known of
 * its covariance: a variance from n events has a relative standard error of sqrt(2 / n), and the
 * blend of own and pooled scatter rests on about (w + belief) N of them. */
INLINE int has_changed(const model_t *m, int64_t g) {
    lanes change = lanes_load(GROUP(m->change, g));
    if (lanes_largest(change) <= m->tolerance) return 0;
    if (m->tolerance == 0.0) return 1;
    lanes share = lanes_min(lanes_load(GROUP(m->weight, g)) + belief(m), lanes_all(1.0));
    if (is_tied(m)) share = lanes_all(1.0);
    lanes uncertain = 2.0 / lanes_max(share * m->mass[0], lanes_all(1e-300));
    lanes beyond = lanes_select(change > m->tolerance, change * change - uncertain, lanes_all(0.0));
    return lanes_largest(beyond) > 0.0;
}

INLINE void factorise_changed(const model_t *m, scratch_t *s) {
    int pooled = 0;
    for (int64_t g = 0; g < m->active; g++) {
        if (!has_changed(m, g)) continue;
        if (is_tied(m)) return factorise_all(m, s);
        if (!pooled) pool(m, s->pooled);
        pooled = 1;
        renewed(m, g, shape_factorise(m, s, g));
    }
}

/* Moves one group's weights, tenures and shapes; returns how far the pooled scatter goes with it. How
 * far Sigma_k goes, by its own scatter and by its share of the pooled one, which was `believed` before
 * the event, adds up in `change`. */
INLINE lanes learn_group(const model_t *m, scratch_t *s, int64_t g, double step,
                         double believed) {
    double observed = (double)(m->d - s->n_missing);
    lanes r = lanes_load(GROUP(s->responsibility, g));
    lanes distance = lanes_load(GROUP(s->distance, g));
    lanes weight = lanes_load(GROUP(m->weight, g));

    double uniform = m->weight_floor / (double)m->occupied;
    lanes smoothed = r * (1.0 - m->weight_floor) + uniform;
    lanes moved = step * (lanes_select(weight > 0.0, smoothed, lanes_all(0.0)) - weight);
    lanes arrived = weight + moved; /* one that has all but vanished is gone: no denormals */
    arrived = lanes_select(arrived < VANISHED, lanes_all(0.0), arrived);
    lanes_store(GROUP(m->weight, g), arrived);

    lanes tenure = lanes_load(GROUP(m->tenure, g)) * m->tenure_kept + r;
    lanes_store(GROUP(m->tenure, g), lanes_select(tenure < VANISHED, lanes_all(0.0), tenure));

    double negligible = m->tolerance > 0.0 ? NEGLIGIBLE : 0.0;
    lanes ur = s->u * lanes_select(r < negligible, lanes_all(0.0), r);
    lanes eta = decay_count(m, s, g, ur) * influence(m, distance, observed);
    if (lanes_largest(eta) > 0.0) move_shape(m, s, g, eta);

    lanes learned = eta + eta * distance * (1.0 / observed), own = weight * learned;
    double believes = belief(m);
    lanes inverse = 1.0 / lanes_max(weight + believes, lanes_all(1e-300));
    lanes change = (own + lanes_max(moved, -moved)) * inverse, borrowed = believes * inverse;
    if (believes > believed) /* N fell: what was a component's own share and is no more */
        change += weight / lanes_max(weight + believed, lanes_all(1e-300)) - weight * inverse;
    /* what was accepted is nearly all its own, however light */
    change = lanes_select(tenure >= ACCEPTED, lanes_max(change, learned), change);
    if (is_tied(m)) change = lanes_all(0.0), borrowed = lanes_all(1.0); /* as for infinite kappa */
    lanes_store(GROUP(m->change, g), lanes_load(GROUP(m->change, g)) + change);
    lanes_store(GROUP(s->work, g), borrowed);
    return own;
}

void VARIANT(learn_event)(const model_t *m, scratch_t *s, double u, double t) {
    if (u <= 0.0 || s->n_missing == m->d) return;
    double believed = belief(m), step = decay_mass(m, s, u, t);
    lanes pooled = lanes_all(0.0);
    for (int64_t g = 0; g < m->active; g++) pooled += learn_group(m, s, g, step, believed);
    double moved = lanes_sum(pooled);
    for (int64_t g = 0; g < m->active; g++) {
        lanes change = lanes_load(GROUP(m->change, g)) + moved * lanes_load(GROUP(s->work, g));
        lanes real = lanes_select(lanes_load(GROUP(m->weight, g)) > 0.0, change, lanes_all(0.0));
        lanes_store(GROUP(m->change, g), real);
    }
    factorise_changed(m, s);
    m->mass[3] += 1.0;
    if (m->tolerance <= 0.0 || m->mass[3] >= RENEW_VICINITIES) renew_vicinities(m, s);
}

/* ---- batch EM -------------------------------------------------------------------------------- */

void VARIANT(accumulate_event)(const model_t *m, const scratch_t *s, double weight, int bounded,
                               sums_t *sums) {
    double observed = (double)(m->d - s->n_missing);
    for (int64_t g = 0; g < m->active; g++) {
        lanes r = weight * lanes_load(GROUP(s->responsibility, g));
        r = lanes_select(r < VANISHED, lanes_all(0.0), r);
        lanes_store(GROUP(sums->r, g), lanes_load(GROUP(sums->r, g)) + r);
        if (lanes_largest(r) == 0.0) continue;
        if (bounded) r *= influence(m, lanes_load(GROUP(s->distance, g)), observed);
        const double *delta = s->delta + g * m->d * LANES;
        double *outer = sums->outer + g * m->size * LANES;
        lanes_store(GROUP(sums->bounded, g), lanes_load(GROUP(sums->bounded, g)) + r);
        for (int64_t i = 0; i < m->d; i++) {
            double *sum = sums->delta + (g * m->d + i) * LANES;
            lanes_store(sum, lanes_load(sum) + r * lanes_load(AT(delta, i)));
        }
        shape_blend(m, outer, lanes_all(1.0), r, delta);
        shape_add_conditional(m, s, g, outer, r);
    }
}

void VARIANT(maximise)(const model_t *m, sums_t *sums) {
    double total = 0.0;
    for (int64_t g = 0; g < m->groups; g++) total += lanes_sum(lanes_load(GROUP(sums->r, g)));
    double uniform = m->weight_floor / (double)m->occupied;
    m->mass[0] = total;
    for (int64_t g = 0; g < m->groups; g++) {
        lanes n = lanes_load(GROUP(sums->r, g));
        lanes shape = lanes_load(GROUP(sums->bounded, g));
        lanes inverse = lanes_select(shape > 0.0, 1.0 / lanes_max(shape, lanes_all(1e-300)),
                                     lanes_all(0.0));
        lanes real = lanes_load(GROUP(m->weight, g));
        lanes weight = n / total * (1.0 - m->weight_floor) + uniform;
        double *delta = sums->delta + g * m->d * LANES;
        double *outer = sums->outer + g * m->size * LANES;
        for (int64_t i = 0; i < m->d; i++) {
            double *mean = m->mean + (g * m->d + i) * LANES;
            lanes moved = lanes_load(AT(delta, i)) * inverse;
            lanes_store(AT(delta, i), moved);
            lanes_store(mean, lanes_load(mean) + moved);
        }
        shape_blend(m, outer, inverse, lanes_all(-1.0), delta);
        memcpy(m->scatter + g * m->size * LANES, outer,
               (size_t)(m->size * LANES) * sizeof(double));
        lanes_store(GROUP(m->count, g), n);
        lanes_store(GROUP(m->tenure, g), n);
        lanes_store(GROUP(m->weight, g), lanes_select(real > 0.0, weight, lanes_all(0.0)));
    }
}
