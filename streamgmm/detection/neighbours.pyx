"""How many points lie close to each of the latest: the one quadratic step of a quarantine."""

from libc.stdint cimport int64_t

import numpy as np


def count_neighbours(const double[:, ::1] Y, Py_ssize_t first, double radius2):
    """Number of rows of Y (n, d) within sqrt(radius2) of each row from ``first`` on, itself too."""
    cdef Py_ssize_t i, j, k, n = Y.shape[0], d = Y.shape[1]
    cdef double distance2, gap
    counts = np.zeros(n - first, dtype=np.int64)
    cdef int64_t[::1] out = counts
    with nogil:
        for i in range(first, n):
            for j in range(n):
                distance2 = 0.0
                for k in range(d):
                    gap = Y[i, k] - Y[j, k]
                    distance2 = distance2 + gap * gap
                    if distance2 > radius2:
                        break
                out[i - first] += distance2 <= radius2
    return counts
