"""The compiled mixture, for the package's other compiled modules."""

from libc.stdint cimport int32_t, int64_t, uint64_t


cdef extern from "model.h":
    enum: COVARIANCE_TIED

    ctypedef struct model_t:
        int64_t components, groups, d, size, occupied, active
        int32_t covariance, decay, score
        double rate, alpha, kappa, rho, nu, tolerance, weight_floor
        double thresholds[8]
        double tenure_worth
        double tenure_kept
        double log_scale
        double *mass
        double *weight
        double *count
        double *tenure
        double *mean
        double *scatter
        double *factor
        double *log_det
        double *freedom
        double *traffic
        double *experience
        double *change
        const double *location
        const double *inverse_scale
        const double *ridge

    ctypedef struct scratch_t:
        double *z
        double *delta
        double *distance
        double *log_density
        double *responsibility
        double *missing_root
        int64_t *missing
        int64_t n_missing
        int64_t component
        double score


cdef class Scratch


cdef class Engine:
    cdef model_t model
    cdef readonly dict arrays
    cdef uint64_t changes  # how often the arrays were written to: an E step is of one such state

    cdef Scratch scratch_for(self, const double[:, ::1] X)
    cdef void count_occupied(self)


cdef class Scratch:
    """Working memory of one call: the engine itself holds none, so scoring is reentrant."""

    cdef scratch_t s
    cdef void *memory


cdef Scratch new_scratch(Engine engine)
cdef double score_row(Engine engine, Scratch scratch, const double *x) noexcept nogil
cdef void learn_row(Engine engine, Scratch scratch, double u, double t) noexcept nogil
