# distutils: include_dirs = streamgmm/mixture
"""The law of excesses (pareto.h) over arrays, and the tokens that keep bursts out of it."""

from libc.stdint cimport int64_t


cdef extern from "pareto.h":
    enum: PARETO_POINTS
    ctypedef struct pareto_t:
        pass
    void pareto_weigh(pareto_t *law, const double *excess, int64_t n) nogil
    double pareto_survival(const pareto_t *law, double y) nogil

POINTS = PARETO_POINTS


def weigh(double[:, ::1] law, const double[::1] excesses):
    """Set the powers and weights of a law (3, POINTS), whose thetas are given, from excesses (n,)."""
    cdef int64_t n = excesses.shape[0]
    with nogil:
        pareto_weigh(<pareto_t *>&law[0, 0], &excesses[0], n)


def survival(const double[:, ::1] law, const double[::1] excesses, double[::1] out):
    """Fill ``out`` (n,) with the probabilities of more than the excesses (n,)."""
    cdef Py_ssize_t i
    with nogil:
        for i in range(excesses.shape[0]):
            out[i] = pareto_survival(<const pareto_t *>&law[0, 0], excesses[i])


def quantile(const double[:, ::1] law, double probability):
    """Return the least excess whose probability to be exceeded is at most ``probability``.

    Infinity where there is none.
    """
    cdef const pareto_t *given = <const pareto_t *>&law[0, 0]
    cdef double low = 0.0, high = 1.0, middle
    with nogil:
        while pareto_survival(given, high) > probability and high < 1e300:
            low, high = high, 2.0 * high
        while True:
            middle = low + 0.5 * (high - low)
            if middle <= low or middle >= high:
                break
            if pareto_survival(given, middle) > probability:
                low = middle
            else:
                high = middle
    return high if high < 1e300 else float("inf")


# What a rule of bursts says, in its order: see bursts.py.
cdef enum:
    PACE = 0
    CAPACITY = 1
    OUTSIDE = 2
    BENEFIT = 3


def admit(const double[:, ::1] law, const double[::1] known, double share,
          const double[::1] excesses, const double[::1] rule, double most_outside,
          double[::1] tokens, unsigned char[::1] admitted):
    """Decide which of n scores, given as excesses over the level (n,), shape the law.

    ``known`` (k,), ascending, are those that it was fitted to. ``tokens``: of each band, then those
    for leaving out, then the scores since they were last counted up. ``admitted`` (n,) is filled in.
    """
    cdef Py_ssize_t i, n = excesses.shape[0], bands = tokens.shape[0] - 2, reached
    cdef double p
    with nogil:
        for i in range(n):
            admitted[i] = 1
            tokens[bands + 1] += 1.0
            if excesses[i] <= 0.0:
                continue
            earn(&tokens[0], bands, share, &rule[0], most_outside)
            p = pareto_survival(<const pareto_t *>&law[0, 0], rule[BENEFIT] * excesses[i])
            p = max(p, share_above(&known[0], known.shape[0], excesses[i]))
            reached = bands_reached(p, bands)
            if not pay(&tokens[0], reached) and tokens[bands] >= 1.0:
                tokens[bands] -= 1.0
                admitted[i] = 0


cdef inline void earn(double *tokens, Py_ssize_t bands, double share, const double *rule,
                      double most_outside) noexcept nogil:
    """Let the scores since the last time count: band b earns its share of them, ``pace`` times."""
    cdef Py_ssize_t b
    cdef double events = tokens[bands + 1], rate = rule[PACE] * share
    tokens[bands + 1] = 0.0
    for b in range(bands):
        tokens[b] = min(tokens[b] + rate * events, rule[CAPACITY])
        rate *= 0.5
    tokens[bands] = min(tokens[bands] + rule[OUTSIDE] * events, most_outside)


cdef inline double share_above(const double *known, Py_ssize_t k, double excess) noexcept nogil:
    """Share of ``known`` that is at least as high: a law may miss a few far beyond the rest."""
    cdef Py_ssize_t low = 0, high = k, middle
    while low < high:
        middle = (low + high) // 2
        if known[middle] < excess:
            low = middle + 1
        else:
            high = middle
    return (k - low) / <double>k


cdef inline Py_ssize_t bands_reached(double p, Py_ssize_t bands) noexcept nogil:
    """Return how many of the bands p <= 1, 1/2, 1/4 ... are reached: at least one."""
    cdef Py_ssize_t reached = 1
    cdef double bound = 0.5
    while reached < bands and p <= bound:
        reached += 1
        bound *= 0.5
    return reached


cdef inline bint pay(double *tokens, Py_ssize_t reached) noexcept nogil:
    """Take a token of each of the first bands, or none where one of them has none."""
    cdef Py_ssize_t b
    for b in range(reached):
        if tokens[b] < 1.0:
            return False
    for b in range(reached):
        tokens[b] -= 1.0
    return True
