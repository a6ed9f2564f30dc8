/* Lanes as a class of C++, for compilers without vectors of their own (MSVC): each operation is done
 * lane by lane, in IEEE doubles, and so comes to the bits that lanes_vector.h comes to. */
#ifndef STREAMGMM_LANES_CLASS_H
#define STREAMGMM_LANES_CLASS_H

#if defined(_MSC_VER)
#define INLINE static __forceinline
#else
#define INLINE static inline __attribute__((always_inline))
#endif

struct lanes;

/* whole numbers, and masks of all ones or all zeros */
struct lanes_int {
    int64_t at[LANES];
    lanes_int() = default;
    explicit lanes_int(const lanes &bits);
    int64_t &operator[](int64_t l) { return at[l]; }
    int64_t operator[](int64_t l) const { return at[l]; }
};

struct lanes {
    double at[LANES];
    lanes() = default;
    explicit lanes(const lanes_int &bits) { memcpy(at, bits.at, sizeof at); }
    double &operator[](int64_t l) { return at[l]; }
    double operator[](int64_t l) const { return at[l]; }
};

inline lanes_int::lanes_int(const lanes &bits) { memcpy(at, bits.at, sizeof at); }

INLINE lanes lanes_all(double x) {
    lanes all;
    for (int l = 0; l < LANES; l++) all.at[l] = x;
    return all;
}
INLINE lanes lanes_load(const double *p) {
    lanes a;
    memcpy(a.at, p, sizeof a.at);
    return a;
}
INLINE void lanes_store(double *p, const lanes &a) { memcpy(p, a.at, sizeof a.at); }

INLINE lanes_int lanes_int_all(int64_t x) {
    lanes_int all;
    for (int l = 0; l < LANES; l++) all.at[l] = x;
    return all;
}

/* `OF(l)` is what lane l of the result is; a number beside lanes stands for four of it */
#define EACH(result, OF)                                                                         \
    result out;                                                                                  \
    for (int l = 0; l < LANES; l++) out.at[l] = (OF);                                            \
    return out;
#define OPERATOR(result, taken, number, all, symbol, OF)                                         \
    INLINE result operator symbol(const taken &a, const taken &b) { EACH(result, OF) }           \
    INLINE result operator symbol(const taken &a, number b) { return a symbol all(b); }          \
    INLINE result operator symbol(number a, const taken &b) { return all(a) symbol b; }

#define ARITHMETIC(symbol)                                                                       \
    OPERATOR(lanes, lanes, double, lanes_all, symbol, a.at[l] symbol b.at[l])                    \
    INLINE lanes &operator symbol##=(lanes &a, const lanes &b) { return a = a symbol b; }        \
    INLINE lanes &operator symbol##=(lanes &a, double b) { return a = a symbol b; }
ARITHMETIC(+)
ARITHMETIC(-)
ARITHMETIC(*)
ARITHMETIC(/)

#define COMPARISON(symbol)                                                                       \
    OPERATOR(lanes_int, lanes, double, lanes_all, symbol, a.at[l] symbol b.at[l] ? -1 : 0)
COMPARISON(<)
COMPARISON(>)
COMPARISON(<=)
COMPARISON(>=)

#define BITWISE(symbol)                                                                          \
    OPERATOR(lanes_int, lanes_int, int64_t, lanes_int_all, symbol, a.at[l] symbol b.at[l])
BITWISE(&)
BITWISE(|)

/* without overflow, which vectors do not mind */
#define WRAPPING(symbol)                                                                         \
    OPERATOR(lanes_int, lanes_int, int64_t, lanes_int_all, symbol,                               \
             (int64_t)((uint64_t)a.at[l] symbol(uint64_t) b.at[l]))
WRAPPING(+)
WRAPPING(-)

INLINE lanes operator-(const lanes &a) { EACH(lanes, -a.at[l]) }
INLINE lanes_int operator~(const lanes_int &a) { EACH(lanes_int, ~a.at[l]) }
INLINE lanes_int operator<<(const lanes_int &a, int by) {
    EACH(lanes_int, (int64_t)((uint64_t)a.at[l] << by))
}
INLINE lanes_int operator>>(const lanes_int &a, int by) { EACH(lanes_int, a.at[l] >> by) }

INLINE lanes lanes_select(const lanes_int &mask, const lanes &yes, const lanes &no) {
    EACH(lanes, mask.at[l] ? yes.at[l] : no.at[l])
}
INLINE int lanes_all_true(const lanes_int &mask) {
    return (mask[0] & mask[1] & mask[2] & mask[3]) != 0;
}

/* b unless a is beyond it */
INLINE lanes lanes_min(const lanes &a, const lanes &b) {
    EACH(lanes, a.at[l] < b.at[l] ? a.at[l] : b.at[l])
}
INLINE lanes lanes_max(const lanes &a, const lanes &b) {
    EACH(lanes, a.at[l] > b.at[l] ? a.at[l] : b.at[l])
}

#undef EACH
#undef OPERATOR
#undef ARITHMETIC
#undef COMPARISON
#undef BITWISE
#undef WRAPPING

#endif
