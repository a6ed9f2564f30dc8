# distutils: include_dirs = streamgmm/mixture
"""Score, gate, learn: the events of a block, strictly one after the other."""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcmp, memcpy

import numpy as np

from streamgmm.detection.columns cimport Columns
from streamgmm.mixture.kernels cimport (
    Engine, Scratch, learn_row, model_t, new_scratch, score_row, scratch_t
)

# The gate's numbers as an array, so that they are state like any other: see gate.py.
cdef enum:
    QUANTILE = 0   # q, the tracked level
    SPREAD = 1     # s, a running winsorised |score - q|
    TOKENS = 2

cdef enum:
    SHARE = 0      # share of events above the level
    HELD = 1       # learning weight of an event that is held back
    CAPACITY = 2   # most tokens
    STEP = 3       # of q, in units of s
    MEMORY = 4     # weight of one event in s
    WINSOR = 5     # |score - q| counts up to this many s

# The drift monitor's, likewise: see drift.py.
cdef enum:
    LEVEL = 0      # m and s, location and scale of the scores, ...
    SCALE = 1
    WORTH = 2      # ... and the events behind them
    RECENT = 3     # running mean of psi
    LATEST = 4     # psi of the latest event
    SEEN = 5       # events

cdef enum:
    PSI = 0        # |psi| is at most this
    SHORT = 1      # weight of one event in the running mean, ...
    LONG = 2       # ... and, at least, in level and scale
    LEAST = 3      # scale


cdef inline double gate_event(double *state, const double *rule, double score) noexcept nogil:
    """Learning weight of an event with this score; moves the gate on."""
    cdef double share = rule[SHARE], spread = state[SPREAD], away = score - state[QUANTILE]
    cdef bint above = away > 0.0
    cdef double u = 1.0
    state[TOKENS] += share
    if above and state[TOKENS] >= 1.0:
        state[TOKENS] -= 1.0
        u = rule[HELD]
    if state[TOKENS] > rule[CAPACITY]:
        state[TOKENS] = rule[CAPACITY]
    state[QUANTILE] += rule[STEP] * spread * ((1.0 if above else 0.0) - share)
    away = away if above else -away
    if away > rule[WINSOR] * spread:
        away = rule[WINSOR] * spread
    state[SPREAD] = spread + rule[MEMORY] * (away - spread)
    return u


cdef inline void watch_event(double *state, const double *rule, double *probes, Py_ssize_t d,
                             const double *x, double score) noexcept nogil:
    """Moves the signals of drift on by an event; keeps one in 64, each time elsewhere among them."""
    cdef double scale = state[SCALE], psi = (score - state[LEVEL]) / scale, step = rule[LONG]
    cdef int64_t seen = <int64_t>state[SEEN], slot = (seen >> 6) & 63
    psi = rule[PSI] if psi > rule[PSI] else (-rule[PSI] if psi < -rule[PSI] else psi)
    state[LATEST] = psi
    state[RECENT] += rule[SHORT] * (psi - state[RECENT])
    if state[WORTH] * step < 1.0:
        state[WORTH] += 1.0
        step = 1.0 / state[WORTH]
    state[LEVEL] += step * scale * psi
    scale += 0.5 * step * scale * (psi * psi - 1.0)
    state[SCALE] = scale if scale > rule[LEAST] else rule[LEAST]
    if (seen & 63) == ((37 * slot) & 63):
        memcpy(probes + slot * d, x, d * sizeof(double))
    state[SEEN] += 1.0
# The quarantine's counters, as an array like the gate's: see quarantine.py.
cdef enum:
    NEXT = 0       # row of the ring that is written next
    FILLED = 1     # rows written so far
    FRESH = 2      # rows since the last look
    DUE = 3        # so many make it time for one
    EVENTS = 4     # events learned

cdef enum:
    LANES = 4
cdef double SURE = 5.0      # an explained event lies beyond with a probability of at most e^-5


cdef inline bint unexplained(const model_t *m, const scratch_t *s) noexcept nogil:
    """Whether even its most likely component holds too little of this event's distance.

    m^2 > d + 2 sqrt(d t) + 2 t with d features observed, at least half of them.
    """
    cdef double observed = m.d - s.n_missing
    cdef double beyond = s.distance[s.component] - observed - 2.0 * SURE
    if 2 * s.n_missing > m.d:
        return False
    return beyond > 0.0 and beyond * beyond > 4.0 * observed * SURE


cdef inline void quarantine_event(const model_t *m, const scratch_t *s, double u,
                                  double *ring, Py_ssize_t rows, double *counters) noexcept nogil:
    """Put the event that was just scored into the ring if nothing explains it."""
    cdef Py_ssize_t i, at, lane
    cdef double z
    cdef double *row
    counters[EVENTS] += 1.0
    if rows == 0 or not unexplained(m, s):
        return
    at = <Py_ssize_t>counters[NEXT]
    row = ring + at * (m.d + 2)
    for i in range(m.d):
        z = s.z[i]
        if z != z:  # missing: what the component expects, given the rest
            lane = ((s.component // LANES) * m.d + i) * LANES + s.component % LANES
            z = m.mean[lane] + s.delta[lane]
        row[i] = z
    row[m.d] = u
    row[m.d + 1] = counters[EVENTS]
    counters[NEXT] = (at + 1) % rows
    counters[FRESH] += 1.0
    if counters[FILLED] < rows:
        counters[FILLED] += 1.0


def score_learn(Engine engine, const double[:, ::1] X, const double[::1] weight,
                const double[::1] time, double[::1] gate, const double[::1] gate_rule,
                double[::1] drift, const double[::1] drift_rule, double[:, ::1] probes,
                double[:, ::1] ring, double[::1] counters, double[::1] scores,
                int64_t[::1] components, Py_ssize_t start, Py_ssize_t stop, double threshold,
                bint known):
    """Score and learn rows [start, stop) of X (n, d) into ``scores`` and ``components`` (n,).

    Stops at the first row that scores ``threshold`` or more, scored but not yet learned, so that
    it can be explained by the model that scored it; ``known`` says that the row ``start`` is such
    a one, which is now learned. It stops as well after the row that makes the quarantine (``ring``
    and ``counters``) due for a look. ``gate`` of length 0: no gate; ``drift`` and ``probes`` are a
    :class:`.drift.DriftMonitor`'s; ``ring`` of length 0: no quarantine. Returns the row it stopped
    at and whether that was for the threshold.
    """
    cdef Py_ssize_t i, reached = stop
    cdef bint at_threshold = False
    cdef double u
    cdef Scratch scratch = new_scratch(engine)
    cdef bint gated = gate.shape[0] > 0
    cdef Py_ssize_t rows = ring.shape[0]
    cdef double *first = &ring[0, 0] if rows > 0 else NULL
    with nogil:
        for i in range(start, stop):
            scores[i] = score_row(engine, scratch, &X[i, 0])
            components[i] = scratch.s.component
            if scratch.s.n_missing == engine.model.d:
                continue
            if scores[i] >= threshold and not (known and i == start):
                reached, at_threshold = i, True
                break
            if weight[i] <= 0.0:
                continue
            u = weight[i]
            if gated:
                u *= gate_event(&gate[0], &gate_rule[0], scores[i])
            watch_event(&drift[0], &drift_rule[0], &probes[0, 0], engine.model.d, &X[i, 0],
                        scores[i])
            quarantine_event(&engine.model, &scratch.s, u, first, rows, &counters[0])
            learn_row(engine, scratch, u, time[i])
            if counters[FRESH] >= counters[DUE]:
                reached = i + 1
                break
    return reached, bool(at_threshold)


cdef class Stepper:
    """One event at a time, from a dictionary, with nothing allocated on the way.

    Holds the GIL. The columns must begin with the mixture's features, in its order. ``gate`` and
    ``gate_rule`` are the arrays of a :class:`.gate.Gate`, ``drift``, ``drift_rule`` and ``probes``
    those of a :class:`.drift.DriftMonitor`, ``ring`` and ``counters`` those of a
    :class:`.quarantine.Quarantine`; all are moved on by what is learned. An event that has just
    been scored is not scored again to learn it. After `step`, ``learned`` says whether the event
    taught anything, and ``due`` whether it is time to look into the quarantine.
    """

    cdef readonly Engine engine
    cdef Scratch scratch
    cdef double[::1] gate
    cdef const double[::1] gate_rule
    cdef bint gated
    cdef double[::1] drift
    cdef const double[::1] drift_rule
    cdef double[:, ::1] probes
    cdef double[:, ::1] ring
    cdef double *first        # its first row; NULL if there is none
    cdef double[::1] counters
    cdef readonly bint learned
    cdef readonly bint due
    cdef double[::1] scored   # the row that the scratch memory is about, ...
    cdef uint64_t changes     # ... and the state of the engine when it was

    def __init__(self, Engine engine, double[::1] gate, const double[::1] gate_rule,
                 double[::1] drift, const double[::1] drift_rule, double[:, ::1] probes,
                 double[:, ::1] ring, double[::1] counters):
        self.engine = engine
        self.drift, self.drift_rule, self.probes = drift, drift_rule, probes
        self.scratch = new_scratch(engine)
        self.gate, self.gate_rule = gate, gate_rule
        self.gated = gate.shape[0] > 0
        self.ring, self.counters = ring, counters
        self.first = &ring[0, 0] if ring.shape[0] > 0 else NULL
        self.learned = self.due = False
        self.scored = np.full(engine.model.d, np.nan)
        self.changes = engine.changes - 1

    cdef double _score(self, const double *row) noexcept:
        cdef size_t size = self.engine.model.d * sizeof(double)
        if self.changes == self.engine.changes and memcmp(row, &self.scored[0], size) == 0:
            return self.scratch.s.score
        memcpy(&self.scored[0], row, size)
        self.changes = self.engine.changes
        return score_row(self.engine, self.scratch, row)

    def score(self, Columns columns, dict x):
        """Score x; features without a column are passed over."""
        columns.write(x, False)
        return self._score(columns.values)

    def step(self, Columns columns, dict x, double weight, double time):
        """Score x, then learn it.

        Returns None, with nothing learned, if x has features that the mixture does not have.
        """
        cdef double score, u = weight
        self.learned = self.due = False
        columns.write(x, True)
        if columns.width != self.engine.model.d:
            return None
        score = self._score(columns.values)
        if u <= 0.0 or self.scratch.s.n_missing == columns.width:
            return score
        if self.gated:
            u *= gate_event(&self.gate[0], &self.gate_rule[0], score)
        watch_event(&self.drift[0], &self.drift_rule[0], &self.probes[0, 0], columns.width,
                    columns.values, score)
        quarantine_event(&self.engine.model, &self.scratch.s, u, self.first,
                         self.ring.shape[0], &self.counters[0])
        self.learned, self.due = True, self.counters[FRESH] >= self.counters[DUE]
        learn_row(self.engine, self.scratch, u, time)
        return score
