/* The mixture as the kernels see it: sizes, rules, and pointers into arrays that Python owns.
 *
 * Layout: components innermost, in groups of LANES; `groups * LANES` is the padded number of
 * components. A padded lane has weight 0, log_det -1e300 and an identity factor, so it takes part
 * in every formula and changes none. Matrices are lower triangles packed by rows, or diagonals
 * (`size` entries).
 */
#ifndef STREAMGMM_MODEL_H
#define STREAMGMM_MODEL_H

#include <stdint.h>

enum covariance_kind {
    COVARIANCE_FULL = 0,
    COVARIANCE_DIAG = 1,
    COVARIANCE_TIED = 2,     /* statistics as full, one factor */
    COVARIANCE_SPHERICAL = 3 /* statistics and factors as diag, their entries alike but for the ridge */
};
enum decay_kind { DECAY_OWN = 0, DECAY_COMMON = 1, DECAY_POWER = 2, DECAY_TIME = 3 };
/* with columns missing, NLL and TAIL take the complete event that is expected, OBSERVED the rest */
enum score_kind { SCORE_NLL = 0, SCORE_TAIL = 1, SCORE_OBSERVED = 2 };

#define THRESHOLDS 8
#define REACH 5.0       /* scales from a feature's location beyond which it is taken on a log scale */
#define VICINITY 0.7    /* spreads a feature over which a component counts for another */
#define ACCEPTED 1e300  /* a tenure beyond it is an operator's word */
#define RENEW_VICINITIES 64 /* events learned from one look at who is near whom to the next */

typedef struct {
    /* sizes */
    int64_t components, groups, d, size; /* components without the padding */
    int64_t occupied;                    /* of them, those that have a weight */
    int64_t active;                      /* groups up to the last of these: an event passes the rest by */
    /* rules */
    int32_t covariance, decay, score;
    double rate;        /* DECAY_OWN, DECAY_COMMON: ln 2 / half-life in events; DECAY_TIME: in s */
    double alpha;       /* DECAY_POWER */
    double kappa, rho;  /* events a feature in which the pooled shape is believed; of correlations */
    double nu;          /* bounded influence; infinite: off */
    double tolerance;   /* change at which a factor is renewed; 0: at every event */
    double weight_floor;
    double thresholds[THRESHOLDS]; /* of established behaviour */
    double tenure_worth;           /* experience in an event explained */
    double tenure_kept;            /* of the tenure, from one event to the next */
    double log_scale;              /* sum log(scale): from frame units to the user's */
    /* state: statistics */
    double *mass;    /* (4,) N, its floor (DECAY_TIME), time of the latest event (NaN: none), events
                        learned since the vicinities were renewed */
    double *weight;  /* (groups, LANES) */
    double *count;   /* (groups, LANES) n_k */
    double *tenure;  /* (groups, LANES) events explained so far, whatever they taught */
    double *mean;    /* (groups, d, LANES) */
    double *scatter; /* (groups, size, LANES) */
    /* state: factors */
    double *factor;  /* (groups, or 1 if tied; size, LANES) inverse Cholesky factor of Sigma_k */
    double *log_det; /* (groups, LANES) log |factor| = -log |Sigma_k| / 2 */
    double *freedom; /* (groups, LANES) mean m^2 of the events explained: missing.h */
    double *traffic; /* (groups, LANES) of the vicinity, relative to the busiest's ... */
    double *experience; /* ... and events explained there, relative to enough: renew_vicinities */
    double *change;  /* (groups, LANES) relative change of Sigma_k since its factorisation */
    /* the frame */
    const double *location, *inverse_scale, *ridge; /* (d,) */
} model_t;

/* What one event's E step leaves for its M step. One block of memory, owned by the caller. */
typedef struct {
    double *z;               /* (d,) the event in frame units; missing: as expected, if completed */
    double *delta;           /* (groups, d, LANES) x - mu_k; missing: conditional expectation */
    double *distance;        /* (groups, LANES) squared Mahalanobis distance, observed part */
    double *log_density;     /* (groups, LANES) log N(x_o; k), frame units */
    double *completed;       /* (2, groups, LANES) log_density, distance of the completed event */
    double *responsibility;  /* (groups, LANES) */
    double *missing_root;    /* (groups, or 1 if tied; size, LANES) R^-1 of P_mm = R R^T */
    double *missing_log_det; /* (groups, LANES) log |P_mm| */
    double *work;            /* (max(2 d, 2 groups), LANES) */
    double *pooled;          /* (size,) */
    int64_t *missing;        /* (d,) columns */
    int64_t n_missing;
    int same_missing;        /* whether they were missing from the event before, too */
    double stretch;          /* sum log(dx / dz) over the columns, without log_scale */
    int64_t component;       /* the most responsible one */
    double top, total;       /* of all components: sum_k w_k N(x_o; k) = e^top total */
    double score;
    double u, kept;          /* what exp(-rate u) was for the latest u (DECAY_OWN, _COMMON) */
} scratch_t;

int64_t scratch_bytes(const model_t *m);
void scratch_lay_out(const model_t *m, scratch_t *s, void *memory);

/* E step: fills s, which must have seen no other factors before than those in force: what depends on
 * the missing columns alone is taken from the event before if it missed the same ones. */
void expect_event(const model_t *m, scratch_t *s, const double *x);
/* E step and score: fills s; returns the score. */
double score_event(const model_t *m, scratch_t *s, const double *x);
/* Log-likelihood of what the E step last saw, all components, log_scale taken off. */
double log_likelihood(const model_t *m, const scratch_t *s);
/* M step for the event that score_event last saw; u >= 0 its learning weight, t its time or NaN. */
void learn_event(const model_t *m, scratch_t *s, double u, double t);
/* Recomputes every factor from the statistics. */
void factorise(const model_t *m, scratch_t *s);
/* The same with `pooled` (size,) in the place of the scatter pooled from the components'; vicinities
 * stay as they are. Not for tied ones, which have no scatter but the pooled. */
void factorise_towards(const model_t *m, scratch_t *s, const double *pooled);

/* Sums of batch EM over events, around the current means. */
typedef struct {
    double *r, *bounded; /* (groups, LANES) responsibilities, as they are and as influence bounds them */
    double *delta;       /* (groups, d, LANES) */
    double *outer;       /* (groups, size, LANES) */
} sums_t;

/* Adds the event that the E step last saw; `bounded`: its influence on shapes is. */
void accumulate_event(const model_t *m, const scratch_t *s, double weight, int bounded,
                      sums_t *sums);
/* From sums to statistics; the sums are used up. */
void maximise(const model_t *m, sums_t *sums);

#endif
