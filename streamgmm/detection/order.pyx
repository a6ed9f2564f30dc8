"""Sorted values that are kept sorted while some of them come and go."""

import numpy as np


def exchanged(const double[::1] ordered, const double[::1] gone, const double[::1] came):
    """Return ascending values (n,) and those that ``came``, less those ``gone``; all ascending.

    Every value of ``gone`` must be among the two others, as often as it is given; ValueError if one
    is not. One pass over them, where sorting anew would take log n.
    """
    cdef Py_ssize_t i = 0, g = 0, c = 0, o = 0
    cdef Py_ssize_t n = ordered.shape[0], n_gone = gone.shape[0], n_came = came.shape[0]
    cdef Py_ssize_t left = n - n_gone + n_came
    values = np.empty(left)
    cdef double[::1] out = values
    cdef double value
    with nogil:
        while i < n or c < n_came:
            if c == n_came or (i < n and ordered[i] <= came[c]):
                value = ordered[i]
                i += 1
            else:
                value = came[c]
                c += 1
            if g < n_gone and gone[g] == value:
                g += 1
            else:
                if o == left:
                    break
                out[o] = value
                o += 1
    if g < n_gone:
        raise ValueError("some of the values that are gone were not there")
    return values
