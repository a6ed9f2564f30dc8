/* Covariances without correlations: one entry a feature. Each function is full.h's, simpler. */
#ifndef STREAMGMM_DIAG_H
#define STREAMGMM_DIAG_H

#include "lanes.h"
#include "model.h"


INLINE lanes diag_distance(const double *restrict factor, const double *restrict delta, int64_t d) {
    lanes total = lanes_all(0.0);
    for (int64_t i = 0; i < d; i++) {
        lanes y = lanes_load(AT(factor, i)) * lanes_load(AT(delta, i));
        total += y * y;
    }
    return total;
}

INLINE void diag_blend(double *restrict scatter, lanes keep, lanes add,
                       const double *restrict delta, int64_t d) {
    for (int64_t i = 0; i < d; i++) {
        lanes x = lanes_load(AT(delta, i));
        lanes_store(AT(scatter, i), keep * lanes_load(AT(scatter, i)) + add * x * x);
    }
}

INLINE void diag_add_conditional(const model_t *m, double *restrict scatter, lanes add,
                                 const double *restrict root, const int64_t *missing,
                                 int64_t n_missing) {
    for (int64_t a = 0; a < n_missing; a++) {
        double *entry = AT(scatter, missing[a]);
        lanes r = lanes_load(AT(root, a));
        lanes c = lanes_max(r * r - m->ridge[missing[a]], lanes_all(0.0));
        lanes_store(entry, lanes_load(entry) + add * c);
    }
}

INLINE lanes diag_freedom(const double *restrict factor, const double *restrict scatter, int64_t d) {
    lanes total = lanes_all(0.0);
    for (int64_t i = 0; i < d; i++) {
        lanes w = lanes_load(AT(factor, i));
        total += w * w * lanes_load(AT(scatter, i));
    }
    return total;
}

/* From variances to their inverse roots, in place; returns the log of their product. */
INLINE lanes diag_invert_roots(double *factor, int64_t d) {
    lanes log_det = lanes_all(0.0);
    for (int64_t i = 0; i < d; i++) {
        lanes sigma = lanes_load(AT(factor, i));
        for (int l = 0; l < LANES; l++) sigma[l] = 1.0 / sqrt(sigma[l]);
        lanes_store(AT(factor, i), sigma);
        log_det += lanes_log(sigma);
    }
    return log_det;
}

/* sigma_i^2 = own S_i + (1 - own) T_i + ridge_i */
INLINE lanes diag_factorise(const model_t *m, const double *restrict scatter, lanes own,
                            const double *restrict pooled, double *restrict factor) {
    for (int64_t i = 0; i < m->d; i++) {
        lanes blend = own * lanes_load(AT(scatter, i)) + (1.0 - own) * pooled[i];
        lanes_store(AT(factor, i), blend + m->ridge[i]);
    }
    return diag_invert_roots(factor, m->d);
}

/* sigma_i^2 = mean_j (own S_j + (1 - own) T_j) + ridge_i */
INLINE lanes spherical_factorise(const model_t *m, const double *restrict scatter, lanes own,
                                 const double *restrict pooled, double *restrict factor) {
    lanes sum = lanes_all(0.0);
    for (int64_t i = 0; i < m->d; i++)
        sum += own * lanes_load(AT(scatter, i)) + (1.0 - own) * pooled[i];
    lanes mean = sum * (1.0 / (double)m->d);
    for (int64_t i = 0; i < m->d; i++) lanes_store(AT(factor, i), mean + m->ridge[i]);
    return diag_invert_roots(factor, m->d);
}

INLINE lanes diag_missing_root(const double *restrict factor, const int64_t *missing,
                               int64_t n_missing, double *restrict root) {
    lanes log_det = lanes_all(0.0);
    for (int64_t a = 0; a < n_missing; a++) {
        lanes w = lanes_load(AT(factor, missing[a]));
        log_det += 2.0 * lanes_log(w);
        lanes_store(AT(root, a), 1.0 / w);
    }
    return log_det;
}

INLINE lanes diag_missing_freedom(const double *restrict factor, const double *restrict scatter,
                                  const int64_t *missing, int64_t n_missing) {
    lanes total = lanes_all(0.0);
    for (int64_t a = 0; a < n_missing; a++) {
        lanes w = lanes_load(AT(factor, missing[a]));
        total += w * w * lanes_load(AT(scatter, missing[a]));
    }
    return total;
}

#endif
