/* Working memory, and the choice of the variant that this processor runs. */
#include "lanes.h"
#include "model.h"

#define CACHE_LINE 64

typedef struct { double *at; } arena_t;

static double *take(arena_t *arena, int64_t n) {
    double *taken = arena->at;
    arena->at += n;
    return taken;
}

static int64_t work_doubles(const model_t *m) {
    return 2 * (m->d > m->groups ? m->d : m->groups) * LANES;
}

static int64_t scratch_doubles(const model_t *m) {
    int64_t padded = m->groups * LANES;
    return padded * (m->d + 6 + m->size) + work_doubles(m) + m->size + 2 * m->d;
}

int64_t scratch_bytes(const model_t *m) {
    return scratch_doubles(m) * (int64_t)sizeof(double) + CACHE_LINE;
}

void scratch_lay_out(const model_t *m, scratch_t *s, void *memory) {
    /* on a cache line: one vector load then never touches two */
    uintptr_t beyond = (uintptr_t)memory % CACHE_LINE;
    arena_t arena = {(double *)((char *)memory + (CACHE_LINE - beyond) % CACHE_LINE)};
    int64_t padded = m->groups * LANES;
    s->delta = take(&arena, padded * m->d);
    s->distance = take(&arena, padded);
    s->log_density = take(&arena, padded);
    s->completed = take(&arena, 2 * padded);
    s->responsibility = take(&arena, padded);
    s->missing_root = take(&arena, padded * m->size);
    s->missing_log_det = take(&arena, padded);
    s->work = take(&arena, work_doubles(m));
    s->pooled = take(&arena, m->size);
    s->z = take(&arena, m->d);
    s->missing = (int64_t *)take(&arena, m->d);
    s->n_missing = 0;
    s->same_missing = 0;
    s->u = 0.0; /* e^0 */
    s->kept = 1.0;
}

/* ---- variants -------------------------------------------------------------------------------- */

#define DECLARE(variant)                                                                         \
    void expect_event_##variant(const model_t *m, scratch_t *s, const double *x);               \
    double score_event_##variant(const model_t *m, scratch_t *s, const double *x);              \
    void learn_event_##variant(const model_t *m, scratch_t *s, double u, double t);             \
    void factorise_##variant(const model_t *m, scratch_t *s);                                   \
    void factorise_towards_##variant(const model_t *m, scratch_t *s, const double *pooled);     \
    void accumulate_event_##variant(const model_t *m, const scratch_t *s, double weight,        \
                                    int bounded, sums_t *sums);                                 \
    void maximise_##variant(const model_t *m, sums_t *sums);

double log_likelihood_base(const model_t *m, const scratch_t *s);
DECLARE(base)

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__cplusplus)
DECLARE(v3)
#define RUN(call) (__builtin_cpu_supports("avx2") ? call(v3) : call(base))
#else
#define RUN(call) call(base)
#endif

void expect_event(const model_t *m, scratch_t *s, const double *x) {
#define CALL(variant) expect_event_##variant(m, s, x)
    RUN(CALL);
#undef CALL
}

double score_event(const model_t *m, scratch_t *s, const double *x) {
#define CALL(variant) score_event_##variant(m, s, x)
    return RUN(CALL);
#undef CALL
}

double log_likelihood(const model_t *m, const scratch_t *s) {
    return log_likelihood_base(m, s);
}

void learn_event(const model_t *m, scratch_t *s, double u, double t) {
#define CALL(variant) learn_event_##variant(m, s, u, t)
    RUN(CALL);
#undef CALL
}

void factorise(const model_t *m, scratch_t *s) {
#define CALL(variant) factorise_##variant(m, s)
    RUN(CALL);
#undef CALL
}

void factorise_towards(const model_t *m, scratch_t *s, const double *pooled) {
#define CALL(variant) factorise_towards_##variant(m, s, pooled)
    RUN(CALL);
#undef CALL
}

void accumulate_event(const model_t *m, const scratch_t *s, double weight, int bounded,
                      sums_t *sums) {
#define CALL(variant) accumulate_event_##variant(m, s, weight, bounded, sums)
    RUN(CALL);
#undef CALL
}

void maximise(const model_t *m, sums_t *sums) {
#define CALL(variant) maximise_##variant(m, sums)
    RUN(CALL);
#undef CALL
}
