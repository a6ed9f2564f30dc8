/* Lanes as vectors of GCC and Clang. */
#ifndef STREAMGMM_LANES_VECTOR_H
#define STREAMGMM_LANES_VECTOR_H

#if defined(__AVX__)
#include <immintrin.h>
#endif

/* everything here is inlined: how a vector would be passed between functions never matters */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#define INLINE static inline __attribute__((always_inline))
#define RESTRICT __restrict__

typedef double lanes __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t lanes_int __attribute__((vector_size(8 * LANES), aligned(8), may_alias));

INLINE lanes lanes_all(double x) { return (lanes){x, x, x, x}; }
INLINE lanes lanes_load(const double *p) { return *(const lanes *)p; }
INLINE void lanes_store(double *p, lanes a) { *(lanes *)p = a; }

/* mask is all ones or all zeros in each lane, as comparisons give it */
INLINE lanes lanes_select(lanes_int mask, lanes yes, lanes no) {
    return (lanes)(((lanes_int)yes & mask) | ((lanes_int)no & ~mask));
}
/* whether a mask is all ones */
INLINE int lanes_all_true(lanes_int mask) { return (mask[0] & mask[1] & mask[2] & mask[3]) != 0; }

/* The instruction where there is one, which says the same as the selection: b unless a is beyond it. */
#if defined(__AVX__)
INLINE lanes lanes_min(lanes a, lanes b) { return (lanes)_mm256_min_pd((__m256d)a, (__m256d)b); }
INLINE lanes lanes_max(lanes a, lanes b) { return (lanes)_mm256_max_pd((__m256d)a, (__m256d)b); }
#else
INLINE lanes lanes_min(lanes a, lanes b) { return lanes_select(a < b, a, b); }
INLINE lanes lanes_max(lanes a, lanes b) { return lanes_select(a > b, a, b); }
#endif

#endif
