"""The compiled mixture: engine.c over arrays that Python owns.

An :class:`Engine` is a view: it allocates nothing but names the arrays that it works on, which
:mod:`streamgmm.mixture.statistics` lays out. Every call takes its own scratch memory and releases
the GIL; scoring writes nothing but its result, learning needs the engine to itself.
"""

import numpy as np

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc


cdef extern from "lanes.h":
    double scalar_exp(double) nogil
    double scalar_log(double) nogil

cdef extern from "model.h":
    const double STREAMGMM_REACH "REACH"
    int64_t scratch_bytes(const model_t *m) nogil
    void scratch_lay_out(const model_t *m, scratch_t *s, void *memory) nogil
    void expect_event(const model_t *m, scratch_t *s, const double *x) nogil
    double score_event(const model_t *m, scratch_t *s, const double *x) nogil
    double log_likelihood(const model_t *m, const scratch_t *s) nogil
    void learn_event(const model_t *m, scratch_t *s, double u, double t) nogil
    void factorise(const model_t *m, scratch_t *s) nogil
    void factorise_towards(const model_t *m, scratch_t *s, const double *pooled) nogil
    ctypedef struct sums_t:
        double *r
        double *bounded
        double *delta
        double *outer
    void accumulate_event(const model_t *m, const scratch_t *s, double weight, int bounded,
                          sums_t *sums) nogil
    void maximise(const model_t *m, sums_t *sums) nogil


LANES = 4
THRESHOLDS = 8
REACH = STREAMGMM_REACH


def exp(const double[::1] x):
    """e^x elementwise, the same bits on every processor."""
    cdef Py_ssize_t i
    values = np.empty(x.shape[0])
    cdef double[::1] out = values
    for i in range(x.shape[0]):
        out[i] = scalar_exp(x[i])
    return values


def log(const double[::1] x):
    """ln x elementwise for normal, positive x, the same bits on every processor."""
    cdef Py_ssize_t i
    values = np.empty(x.shape[0])
    cdef double[::1] out = values
    for i in range(x.shape[0]):
        out[i] = scalar_log(x[i])
    return values


cdef class Scratch:
    def __cinit__(self):
        self.memory = NULL

    def __dealloc__(self):
        PyMem_RawFree(self.memory)


cdef Scratch new_scratch(Engine engine):
    cdef Scratch scratch = Scratch.__new__(Scratch)
    scratch.memory = PyMem_RawMalloc(scratch_bytes(&engine.model))
    if scratch.memory == NULL:
        raise MemoryError("no memory for the working space of one event")
    scratch_lay_out(&engine.model, &scratch.s, scratch.memory)
    return scratch


cdef double score_row(Engine engine, Scratch scratch, const double *x) noexcept nogil:
    return score_event(&engine.model, &scratch.s, x)


cdef void learn_row(Engine engine, Scratch scratch, double u, double t) noexcept nogil:
    learn_event(&engine.model, &scratch.s, u, t)
    engine.changes += 1


cdef double *data_of(dict arrays, str name, shape) except NULL:
    cdef object array = arrays[name]
    if array.dtype != np.float64 or array.shape != tuple(shape) or not array.flags.c_contiguous:
        raise ValueError(
            f"array {name!r} must be C-contiguous float64 of shape {tuple(shape)}, "
            f"got {array.dtype} of shape {array.shape}"
        )
    cdef double[::1] flat = array.reshape(-1)
    return &flat[0]


cdef class Engine:
    """Kernels over one mixture's arrays.

    Parameters
    ----------
    components, d, size : int
        Number of components and features, and of packed entries of one covariance.
    rules : dict
        The scalars of ``model_t`` by name, ``thresholds`` as a sequence of 8.
    arrays : dict
        Statistics, factors and frame by name, shaped as ``model.h`` says; kept, not copied.
    """

    def __init__(self, int64_t components, int64_t d, int64_t size, dict rules, dict arrays):
        cdef model_t *m = &self.model
        groups = -(-components // LANES)
        self.arrays = arrays
        m.components, m.groups, m.d, m.size = components, groups, d, size
        m.covariance, m.decay, m.score = rules["covariance"], rules["decay"], rules["score"]
        m.rate, m.alpha = rules["rate"], rules["alpha"]
        m.kappa, m.rho, m.nu = rules["kappa"], rules["rho"], rules["nu"]
        m.tolerance, m.weight_floor = rules["tolerance"], rules["weight_floor"]
        for j in range(THRESHOLDS):
            m.thresholds[j] = rules["thresholds"][j]
        m.tenure_kept = rules["tenure_kept"]
        m.tenure_worth = rules["tenure_worth"]
        m.log_scale = rules["log_scale"]
        m.mass = data_of(arrays, "mass", (4,))
        m.weight = data_of(arrays, "weight", (groups, LANES))
        m.count = data_of(arrays, "count", (groups, LANES))
        m.tenure = data_of(arrays, "tenure", (groups, LANES))
        m.mean = data_of(arrays, "mean", (groups, d, LANES))
        m.scatter = data_of(arrays, "scatter", (groups, size, LANES))
        factors = 1 if m.covariance == COVARIANCE_TIED else groups
        m.factor = data_of(arrays, "factor", (factors, size, LANES))
        m.log_det = data_of(arrays, "log_det", (groups, LANES))
        m.freedom = data_of(arrays, "freedom", (groups, LANES))
        m.traffic = data_of(arrays, "traffic", (groups, LANES))
        m.experience = data_of(arrays, "experience", (groups, LANES))
        m.change = data_of(arrays, "change", (groups, LANES))
        m.location = data_of(arrays, "location", (d,))
        m.inverse_scale = data_of(arrays, "inverse_scale", (d,))
        m.ridge = data_of(arrays, "ridge", (d,))
        self.count_occupied()

    cdef void count_occupied(self):
        cdef int64_t k, occupied = 0, last = 0
        for k in range(self.model.components):
            if self.model.weight[k] > 0.0:
                occupied, last = occupied + 1, k
        self.model.occupied = max(occupied, 1)
        self.model.active = last // LANES + 1

    cdef Scratch scratch_for(self, const double[:, ::1] X):
        """Working memory for the rows of X, which must have the mixture's features."""
        if X.shape[1] != self.model.d:
            raise ValueError(
                f"X has {X.shape[1]} columns; the mixture has {self.model.d} features"
            )
        return new_scratch(self)

    def score(self, const double[:, ::1] X):
        """Scores (n,) and most responsible components (n,); nothing is learned."""
        cdef Py_ssize_t i, n = X.shape[0]
        cdef Scratch scratch = self.scratch_for(X)
        scores, components = np.empty(n), np.empty(n, dtype=np.int64)
        cdef double[::1] out = scores
        cdef int64_t[::1] nearest = components
        with nogil:
            for i in range(n):
                out[i] = score_event(&self.model, &scratch.s, &X[i, 0])
                nearest[i] = scratch.s.component
        return scores, components

    def expect(self, const double[:, ::1] X):
        """Log-likelihoods (n,) of the observed parts, responsibilities (n, K) and squared
        Mahalanobis distances (n, K), infinite beyond the last component; nothing is learned."""
        cdef Py_ssize_t i, k, n = X.shape[0], components = self.model.components
        cdef Scratch scratch = self.scratch_for(X)
        cdef Py_ssize_t active = min(components, self.model.active * LANES)
        likelihood, resp = np.empty(n), np.zeros((n, components))
        distance = np.full((n, components), np.inf)
        cdef double[::1] out = likelihood
        cdef double[:, ::1] r = resp, m2 = distance
        with nogil:
            for i in range(n):
                expect_event(&self.model, &scratch.s, &X[i, 0])
                out[i] = log_likelihood(&self.model, &scratch.s)
                for k in range(active):
                    r[i, k] = scratch.s.responsibility[k]
                    m2[i, k] = scratch.s.distance[k]
        return likelihood, resp, distance

    def learn(self, const double[:, ::1] X, const double[::1] u, const double[::1] t):
        """Learns the rows of X in order, with weights u and times t (NaN: none)."""
        cdef Py_ssize_t i
        cdef Scratch scratch = self.scratch_for(X)
        self.changes += 1
        with nogil:
            for i in range(X.shape[0]):
                score_event(&self.model, &scratch.s, &X[i, 0])
                learn_event(&self.model, &scratch.s, u[i], t[i])

    def score_learn(self, const double[:, ::1] X, const double[::1] u, const double[::1] t):
        """Scores each row of X, then learns it; returns the scores (n,)."""
        cdef Py_ssize_t i, n = X.shape[0]
        cdef Scratch scratch = self.scratch_for(X)
        scores = np.empty(n)
        cdef double[::1] out = scores
        self.changes += 1
        with nogil:
            for i in range(n):
                out[i] = score_event(&self.model, &scratch.s, &X[i, 0])
                learn_event(&self.model, &scratch.s, u[i], t[i])
        return scores

    def touch(self):
        """Takes note that the arrays were written to: what was scored before must be again."""
        self.changes += 1

    def factorise(self):
        """Renews every factor from the statistics."""
        cdef Scratch scratch = new_scratch(self)
        self.changes += 1
        self.count_occupied()
        with nogil:
            factorise(&self.model, &scratch.s)

    def expectation_maximisation(self, const double[:, ::1] X, const double[::1] weight,
                                 const double[:, ::1] given=None, const double[::1] pooled=None):
        """One step of batch EM over X; returns the weighted log-likelihood before it.

        ``given`` (n, K) puts known responsibilities in the place of the E step's; ``pooled``
        (size,) puts a scatter in the place of the one pooled from the components', and leaves
        what is established as it is.
        """
        cdef Py_ssize_t i, k, n = X.shape[0]
        cdef model_t *m = &self.model
        cdef Scratch scratch = self.scratch_for(X)
        cdef double[:, :, ::1] r = np.zeros((2, m.groups, LANES))
        cdef double[:, :, ::1] delta = np.zeros((m.groups, m.d, LANES))
        cdef double[:, :, ::1] outer = np.zeros((m.groups, m.size, LANES))
        cdef sums_t sums = sums_t(&r[0, 0, 0], &r[1, 0, 0], &delta[0, 0, 0], &outer[0, 0, 0])
        cdef double total = 0.0
        # distances from where known responsibilities do not come from bound nothing
        cdef bint known = given is not None
        cdef bint held = pooled is not None
        if held and (pooled.shape[0] != m.size or m.covariance == COVARIANCE_TIED):
            raise ValueError(f"pooled must have {m.size} entries, and components shapes of their own")
        self.changes += 1
        with nogil:
            for i in range(n):
                expect_event(m, &scratch.s, &X[i, 0])
                total += weight[i] * log_likelihood(m, &scratch.s)
                if known:
                    for k in range(m.components):
                        scratch.s.responsibility[k] = given[i, k]
                accumulate_event(m, &scratch.s, weight[i], not known, &sums)
            maximise(m, &sums)
            if held:
                factorise_towards(m, &scratch.s, &pooled[0])
            else:
                factorise(m, &scratch.s)
        return total
