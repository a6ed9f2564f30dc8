/* Covariances with correlations: lower triangles packed by rows, entry (i, j) at
 * i (i + 1) / 2 + j. */
#ifndef STREAMGMM_FULL_H
#define STREAMGMM_FULL_H

#include "lanes.h"
#include "model.h"

#define ROW(i) ((i) * ((i) + 1) / 2)

/* |W delta|^2 with W the inverse Cholesky factor. Rows go in fours: chains of sums that do not wait
 * for each other, for one load of delta. */
INLINE lanes full_distance(const double *restrict factor, const double *restrict delta, int64_t d) {
    lanes total = lanes_all(0.0);
    int64_t i = 0;
    for (; i + 3 < d; i += 4) {
        const double *a = AT(factor, ROW(i)), *b = AT(factor, ROW(i + 1));
        const double *c = AT(factor, ROW(i + 2)), *e = AT(factor, ROW(i + 3));
        lanes x = lanes_load(delta);
        lanes p = lanes_load(a) * x, q = lanes_load(b) * x;
        lanes r = lanes_load(c) * x, s = lanes_load(e) * x;
        for (int64_t j = 1; j <= i; j++) {
            x = lanes_load(AT(delta, j));
            p += lanes_load(AT(a, j)) * x;
            q += lanes_load(AT(b, j)) * x;
            r += lanes_load(AT(c, j)) * x;
            s += lanes_load(AT(e, j)) * x;
        }
        x = lanes_load(AT(delta, i + 1));
        q += lanes_load(AT(b, i + 1)) * x;
        r += lanes_load(AT(c, i + 1)) * x;
        s += lanes_load(AT(e, i + 1)) * x;
        x = lanes_load(AT(delta, i + 2));
        r += lanes_load(AT(c, i + 2)) * x;
        s += lanes_load(AT(e, i + 2)) * x;
        s += lanes_load(AT(e, i + 3)) * lanes_load(AT(delta, i + 3));
        total += p * p;
        total += q * q;
        total += r * r;
        total += s * s;
    }
    for (; i < d; i++) {
        const double *row = AT(factor, ROW(i));
        lanes y = lanes_load(row) * lanes_load(delta);
        for (int64_t j = 1; j <= i; j++) y += lanes_load(AT(row, j)) * lanes_load(AT(delta, j));
        total += y * y;
    }
    return total;
}

/* S <- keep S + add delta delta^T */
INLINE void full_blend(double *restrict scatter, lanes keep, lanes add,
                       const double *restrict delta, int64_t d) {
    for (int64_t i = 0; i < d; i++) {
        double *row = AT(scatter, ROW(i));
        lanes scaled = add * lanes_load(AT(delta, i));
        for (int64_t j = 0; j <= i; j++) {
            lanes old = lanes_load(AT(row, j));
            lanes_store(AT(row, j), keep * old + scaled * lanes_load(AT(delta, j)));
        }
    }
}

/* S <- S + add (C - ridge), C = R^-T R^-1 the conditional covariance of the missing columns, R^-1
 * packed over them. S is the part of Sigma without the ridge: a column that is never seen again
 * must keep its variance. */
INLINE void full_add_conditional(const model_t *m, double *restrict scatter, lanes add,
                                 const double *restrict root, const int64_t *missing,
                                 int64_t n_missing) {
    for (int64_t a = 0; a < n_missing; a++)
        for (int64_t b = 0; b <= a; b++) {
            lanes c = lanes_all(0.0);
            for (int64_t i = a; i < n_missing; i++)
                c += lanes_load(AT(root, ROW(i) + a)) * lanes_load(AT(root, ROW(i) + b));
            if (a == b) c = lanes_max(c - m->ridge[missing[a]], lanes_all(0.0));
            double *entry = AT(scatter, ROW(missing[a]) + missing[b]);
            lanes_store(entry, lanes_load(entry) + add * c);
        }
}

/* sum_k a_k b_k over n entries, in two chains that do not wait for each other */
INLINE lanes full_dot(const double *restrict a, const double *restrict b, int64_t n) {
    lanes even = lanes_all(0.0), odd = lanes_all(0.0);
    int64_t k = 0;
    for (; k + 1 < n; k += 2) {
        even += lanes_load(AT(a, k)) * lanes_load(AT(b, k));
        odd += lanes_load(AT(a, k + 1)) * lanes_load(AT(b, k + 1));
    }
    if (k < n) even += lanes_load(AT(a, k)) * lanes_load(AT(b, k));
    return even + odd;
}

/* Cholesky in place; a pivot that rounding has eaten is put back to 1e-14 of its diagonal */
INLINE void full_cholesky(double *a, int64_t d) {
    for (int64_t i = 0; i < d; i++) {
        double *row = AT(a, ROW(i));
        for (int64_t j = 0; j < i; j++) {
            const double *other = AT(a, ROW(j));
            lanes rest = lanes_load(AT(row, j)) - full_dot(row, other, j);
            lanes_store(AT(row, j), rest / lanes_load(AT(other, j)));
        }
        lanes diagonal = lanes_load(AT(row, i));
        lanes pivot = lanes_max(diagonal - full_dot(row, row, i), diagonal * 1e-14);
        for (int l = 0; l < LANES; l++) pivot[l] = sqrt(pivot[l]);
        lanes_store(AT(row, i), pivot);
    }
}

/* W = L^-1 in place, row by row: W_i = -(sum_{k<i} L_ik W_k) / L_ii, W_k a row up to column k */
INLINE void full_invert(double *a, double *restrict sums, int64_t d) {
    for (int64_t i = 0; i < d; i++) {
        double *row = AT(a, ROW(i));
        lanes inverse = 1.0 / lanes_load(AT(row, i));
        for (int64_t j = 0; j < i; j++) lanes_store(AT(sums, j), lanes_all(0.0));
        for (int64_t k = 0; k < i; k++) {
            lanes l = lanes_load(AT(row, k));
            const double *upper = AT(a, ROW(k));
            for (int64_t j = 0; j <= k; j++)
                lanes_store(AT(sums, j), lanes_load(AT(sums, j)) + l * lanes_load(AT(upper, j)));
        }
        for (int64_t j = 0; j < i; j++)
            lanes_store(AT(row, j), -(lanes_load(AT(sums, j)) * inverse));
        lanes_store(AT(row, i), inverse);
    }
}

/* Sigma = shrink_rho[own S + (1 - own) T] + diag(ridge); its inverse Cholesky factor into `factor`,
 * returns log |factor|. */
INLINE lanes full_factorise(const model_t *m, const double *restrict scatter, lanes own,
                            const double *restrict pooled, double *restrict factor,
                            double *restrict work) {
    lanes off_diagonal = lanes_all(1.0 - m->rho);
    for (int64_t i = 0; i < m->d; i++)
        for (int64_t j = 0; j <= i; j++) {
            int64_t at = ROW(i) + j;
            lanes sigma = own * lanes_load(AT(scatter, at)) + (1.0 - own) * pooled[at];
            sigma = i == j ? sigma + m->ridge[i] : sigma * off_diagonal;
            lanes_store(AT(factor, at), sigma);
        }
    full_cholesky(factor, m->d);
    full_invert(factor, work, m->d);
    lanes log_det = lanes_all(0.0);
    for (int64_t i = 0; i < m->d; i++) log_det += lanes_log(lanes_load(AT(factor, ROW(i) + i)));
    return log_det;
}

/* x S x^T over the first n columns */
INLINE lanes full_quadratic(const double *restrict scatter, const double *restrict x, int64_t n) {
    lanes total = lanes_all(0.0);
    for (int64_t i = 0; i < n; i++) {
        const double *row = AT(scatter, ROW(i));
        lanes own = lanes_load(AT(x, i)), across = full_dot(row, x, i);
        total += own * (own * lanes_load(AT(row, i)) + 2.0 * across);
    }
    return total;
}

/* tr(Sigma^-1 S) = sum of W_i S W_i^T over the rows of W */
INLINE lanes full_freedom(const double *restrict factor, const double *restrict scatter, int64_t d) {
    lanes total = lanes_all(0.0);
    for (int64_t i = 0; i < d; i++) total += full_quadratic(scatter, AT(factor, ROW(i)), i + 1);
    return total;
}

/* ---- missing columns: with P = W^T W of a group, P_mm = R R^T ---------------------------------- */

/* R^-1 into `root`, packed over the missing columns; returns log |P_mm|. */
INLINE lanes full_missing_root(const double *restrict factor, int64_t d, const int64_t *missing,
                               int64_t n_missing, double *restrict root, double *restrict work) {
    for (int64_t a = 0; a < n_missing; a++)
        for (int64_t b = 0; b <= a; b++) {
            lanes p = lanes_all(0.0);
            for (int64_t i = missing[a]; i < d; i++)
                p += lanes_load(AT(factor, ROW(i) + missing[a])) *
                     lanes_load(AT(factor, ROW(i) + missing[b]));
            lanes_store(AT(root, ROW(a) + b), p);
        }
    full_cholesky(root, n_missing);
    full_invert(root, work, n_missing);
    lanes log_det = lanes_all(0.0);
    for (int64_t a = 0; a < n_missing; a++)
        log_det -= 2.0 * lanes_log(lanes_load(AT(root, ROW(a) + a)));
    return log_det;
}

/* Conditioning on the observed columns. `delta` comes with 0 in the missing ones and leaves with
 * their conditional expectations. For y = W delta, a = P_mo delta_o = (W^T y)_m, v = R^-1 a:
 *   m^2 = y.y - v.v,   delta_m = -R^-T v.
 * Returns m^2. */
INLINE lanes full_condition(const double *restrict factor, double *restrict delta, int64_t d,
                            const int64_t *missing, int64_t n_missing, const double *restrict root,
                            double *restrict work) {
    double *y = work, *v = AT(work, d);
    lanes total = lanes_all(0.0);
    for (int64_t i = 0; i < d; i++) {
        lanes sum = full_dot(AT(factor, ROW(i)), delta, i + 1);
        lanes_store(AT(y, i), sum);
        total += sum * sum;
    }
    for (int64_t a = 0; a < n_missing; a++) {
        lanes sum = lanes_all(0.0);
        for (int64_t i = missing[a]; i < d; i++)
            sum += lanes_load(AT(factor, ROW(i) + missing[a])) * lanes_load(AT(y, i));
        lanes_store(AT(v, a), sum);
    }
    for (int64_t a = n_missing - 1; a >= 0; a--) { /* v <- R^-1 a, from the last row up, in place */
        lanes sum = full_dot(AT(root, ROW(a)), v, a + 1);
        lanes_store(AT(v, a), sum);
        total -= sum * sum;
    }
    for (int64_t a = 0; a < n_missing; a++) {
        lanes expected = lanes_all(0.0);
        for (int64_t i = a; i < n_missing; i++)
            expected -= lanes_load(AT(root, ROW(i) + a)) * lanes_load(AT(v, i));
        lanes_store(AT(delta, missing[a]), expected);
    }
    return lanes_max(total, lanes_all(0.0));
}

/* What the missing columns have of tr(Sigma^-1 S): that of Sigma_oo^-1 S_oo is so much less. The sum of
 * v S v^T over the rows v of R^-1 P_m = (R^-1 (W^T)_m) W. */
INLINE lanes full_missing_freedom(const double *restrict factor, const double *restrict scatter,
                                  int64_t d, const int64_t *missing, int64_t n_missing,
                                  const double *restrict root, double *restrict work) {
    double *u = work, *v = AT(work, d);
    lanes total = lanes_all(0.0);
    for (int64_t a = 0; a < n_missing; a++) {
        for (int64_t i = 0; i < d; i++) {
            lanes sum = lanes_all(0.0);
            for (int64_t b = 0; b <= a; b++)
                if (missing[b] <= i)
                    sum += lanes_load(AT(root, ROW(a) + b)) *
                           lanes_load(AT(factor, ROW(i) + missing[b]));
            lanes_store(AT(u, i), sum);
            lanes_store(AT(v, i), lanes_all(0.0));
        }
        for (int64_t i = 0; i < d; i++) {
            const double *row = AT(factor, ROW(i));
            lanes x = lanes_load(AT(u, i));
            for (int64_t j = 0; j <= i; j++)
                lanes_store(AT(v, j), lanes_load(AT(v, j)) + x * lanes_load(AT(row, j)));
        }
        total += full_quadratic(scatter, v, d);
    }
    return total;
}

#endif
