/* engine.c for processors with AVX2 (x86-64-v3). Lanes keep their own sums and nothing is
 * contracted to fused operations, so the bits are those of the base variant. */
#if defined(__x86_64__) && defined(__GNUC__)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif
#define VARIANT(name) name##_v3
#include "engine.c"
#if defined(__clang__)
#pragma clang attribute pop
#endif
#endif
