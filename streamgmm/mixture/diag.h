/* Diagonal covariance: one entry a feature. Each function is full.h's, without correlations. */
#ifndef STREAMGMM_DIAG_H
#define STREAMGMM_DIAG_H

#include "lanes.h"
#include "model.h"

#define AT(base, i) ((base) + (i) * LANES)

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
                                 const double *restrict conditional, const int64_t *missing,
                                 int64_t n_missing) {
    for (int64_t a = 0; a < n_missing; a++) {
        double *entry = AT(scatter, missing[a]);
        lanes c = lanes_load(AT(conditional, a)) - m->ridge[missing[a]];
        lanes_store(entry, lanes_load(entry) + add * lanes_max(c, lanes_all(0.0)));
    }
}

INLINE lanes diag_factorise(const model_t *m, const double *restrict scatter, lanes weight,
                            const double *restrict pooled, double *restrict factor) {
    lanes own = weight / lanes_max(weight + m->kappa, lanes_all(1e-300));
    lanes log_det = lanes_all(0.0);
    for (int64_t i = 0; i < m->d; i++) {
        lanes sigma = own * lanes_load(AT(scatter, i)) + (1.0 - own) * pooled[i] + m->ridge[i];
        for (int l = 0; l < LANES; l++) sigma[l] = 1.0 / __builtin_sqrt(sigma[l]);
        lanes_store(AT(factor, i), sigma);
        log_det += lanes_log(sigma);
    }
    return log_det;
}

/* A missing column is expected at the mean, with its own variance. */
INLINE lanes diag_condition(const double *restrict factor, double *restrict delta, int64_t d,
                            const int64_t *missing, int64_t n_missing,
                            double *restrict conditional, lanes *log_det_mm) {
    lanes log_det = lanes_all(0.0);
    for (int64_t a = 0; a < n_missing; a++) {
        lanes w = lanes_load(AT(factor, missing[a]));
        log_det += 2.0 * lanes_log(w);
        lanes_store(AT(conditional, a), 1.0 / (w * w));
    }
    *log_det_mm = log_det;
    return diag_distance(factor, delta, d); /* missing deltas are 0 here */
}

#endif
