/* What depends on the covariance type, for engine.c: triangles with correlations (full.h) for full and
 * tied, diagonals (diag.h) for diag and spherical; one factor for all components if tied. */
#ifndef STREAMGMM_COVARIANCE_H
#define STREAMGMM_COVARIANCE_H

#include "diag.h"
#include "full.h"
#include "lanes.h"
#include "model.h"

INLINE int is_tied(const model_t *m) { return m->covariance == COVARIANCE_TIED; }

INLINE int is_triangular(const model_t *m) {
    return m->covariance == COVARIANCE_FULL || m->covariance == COVARIANCE_TIED;
}

/* where the factor of group g begins, and what is derived from it */
INLINE int64_t factor_at(const model_t *m, int64_t g) {
    return is_tied(m) ? 0 : g * m->size * LANES;
}

/* squared Mahalanobis distance, nothing missing */
INLINE lanes shape_distance(const model_t *m, int64_t g, const double *delta) {
    const double *factor = m->factor + factor_at(m, g);
    return is_triangular(m) ? full_distance(factor, delta, m->d)
                            : diag_distance(factor, delta, m->d);
}

/* What depends on the columns that are missing and not on the others' values: R^-1 and log |P_mm|.
 * Groups come in order: what the first one of a tied mixture leaves is good for all. */
INLINE void shape_missing_root(const model_t *m, scratch_t *s, int64_t g) {
    const double *factor = m->factor + factor_at(m, g);
    double *root = s->missing_root + factor_at(m, g);
    lanes log_det;
    if (is_tied(m) && g > 0)
        log_det = lanes_all(s->missing_log_det[0]);
    else if (is_triangular(m))
        log_det = full_missing_root(factor, m->d, s->missing, s->n_missing, root, s->work);
    else
        log_det = diag_missing_root(factor, s->missing, s->n_missing, root);
    lanes_store(GROUP(s->missing_log_det, g), log_det);
}

/* The squared distance of what is observed. Missing entries of delta, 0 so far, become what they are
 * expected to be, which without correlations is 0. */
INLINE lanes shape_condition(const model_t *m, scratch_t *s, int64_t g, double *delta) {
    if (!is_triangular(m)) return shape_distance(m, g, delta);
    return full_condition(m->factor + factor_at(m, g), delta, m->d, s->missing, s->n_missing,
                          s->missing_root + factor_at(m, g), s->work);
}

/* S <- keep S + add delta delta^T */
INLINE void shape_blend(const model_t *m, double *scatter, lanes keep, lanes add,
                        const double *delta) {
    if (is_triangular(m))
        full_blend(scatter, keep, add, delta, m->d);
    else
        diag_blend(scatter, keep, add, delta, m->d);
}

/* S <- S + add (C - ridge) in the missing columns of the event last scored */
INLINE void shape_add_conditional(const model_t *m, const scratch_t *s, int64_t g, double *scatter,
                                  lanes add) {
    if (s->n_missing == 0) return;
    const double *root = s->missing_root + factor_at(m, g);
    if (is_triangular(m))
        full_add_conditional(m, scatter, add, root, s->missing, s->n_missing);
    else
        diag_add_conditional(m, scatter, add, root, s->missing, s->n_missing);
}

/* Share of the traffic that the belief in the pooled scatter is worth: kappa d events of N. */
INLINE double belief(const model_t *m) {
    return m->kappa * (double)m->d / (m->mass[0] > 1.0 ? m->mass[0] : 1.0);
}

/* What its own scatter counts in the covariance in force of each component of a group; the pooled one
 * has the rest. What was accepted, and as it was, is believed after d events. */
INLINE lanes own_share(const model_t *m, int64_t g) {
    lanes weight = lanes_load(GROUP(m->weight, g)), count = lanes_load(GROUP(m->count, g));
    lanes by_traffic = weight / lanes_max(weight + belief(m), lanes_all(1e-300));
    lanes by_itself = count / (count + (double)m->d);
    if (m->kappa == 0.0) by_itself = by_traffic;
    return lanes_select(lanes_load(GROUP(m->tenure, g)) >= ACCEPTED,
                        lanes_max(by_itself, by_traffic), by_traffic);
}

/* T = sum_k w_k S_k */
INLINE void pool(const model_t *m, double *pooled) {
    for (int64_t i = 0; i < m->size; i++) {
        lanes sum = lanes_all(0.0);
        for (int64_t g = 0; g < m->active; g++)
            sum += lanes_load(GROUP(m->weight, g)) *
                   lanes_load(m->scatter + (g * m->size + i) * LANES);
        pooled[i] = lanes_sum(sum);
    }
}

/* Factor of the covariance in force from a group's scatter and the pooled one, of which its own
 * counts own_share, and nothing if tied; returns log |factor|. */
INLINE lanes shape_factorise(const model_t *m, scratch_t *s, int64_t g) {
    const double *scatter = m->scatter + g * m->size * LANES;
    double *factor = m->factor + factor_at(m, g);
    lanes own = own_share(m, g);
    switch (m->covariance) {
    case COVARIANCE_TIED:
        return full_factorise(m, scatter, lanes_all(0.0), s->pooled, factor, s->work);
    case COVARIANCE_DIAG:
        return diag_factorise(m, scatter, own, s->pooled, factor);
    case COVARIANCE_SPHERICAL:
        return spherical_factorise(m, scatter, own, s->pooled, factor);
    default:
        return full_factorise(m, scatter, own, s->pooled, factor, s->work);
    }
}

/* A component's mean m^2 over `columns`, of which its own scatter says tr(Sigma^-1 S) = `trace`: it is
 * believed after d events. */
INLINE lanes believed_freedom(const model_t *m, int64_t g, lanes trace, int64_t columns) {
    lanes count = lanes_load(GROUP(m->count, g));
    double d = (double)m->d;
    return (count * trace + d * (double)columns) / (count + d);
}

/* the mean m^2 of the events that each component of a group explains */
INLINE lanes shape_freedom(const model_t *m, int64_t g) {
    const double *factor = m->factor + factor_at(m, g);
    const double *scatter = m->scatter + g * m->size * LANES;
    lanes trace = is_triangular(m) ? full_freedom(factor, scatter, m->d)
                                   : diag_freedom(factor, scatter, m->d);
    return believed_freedom(m, g, trace, m->d);
}

/* what the columns missing from the event last scored have of it */
INLINE lanes shape_missing_freedom(const model_t *m, const scratch_t *s, int64_t g) {
    const double *factor = m->factor + factor_at(m, g);
    const double *scatter = m->scatter + g * m->size * LANES;
    const double *root = s->missing_root + factor_at(m, g);
    lanes trace = is_triangular(m)
                      ? full_missing_freedom(factor, scatter, m->d, s->missing, s->n_missing, root,
                                             s->work)
                      : diag_missing_freedom(factor, scatter, s->missing, s->n_missing);
    return believed_freedom(m, g, trace, s->n_missing);
}

/* Factor of the covariance that all components share, into s->missing_root: what tied would be. */
INLINE void pooled_factorise(const model_t *m, scratch_t *s) {
    const lanes own = lanes_all(0.0); /* of any scatter, so that it does not matter whose */
    if (is_triangular(m))
        full_factorise(m, m->scatter, own, s->pooled, s->missing_root, s->work);
    else if (m->covariance == COVARIANCE_SPHERICAL)
        spherical_factorise(m, m->scatter, own, s->pooled, s->missing_root);
    else
        diag_factorise(m, m->scatter, own, s->pooled, s->missing_root);
}

/* squared distance in it */
INLINE lanes pooled_distance(const model_t *m, const scratch_t *s, const double *delta) {
    return is_triangular(m) ? full_distance(s->missing_root, delta, m->d)
                            : diag_distance(s->missing_root, delta, m->d);
}

#endif
