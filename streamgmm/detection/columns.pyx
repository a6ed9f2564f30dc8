"""From a dictionary to a row: features take their columns in the order in which they appear."""

from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.long cimport PyLong_AsSsize_t
from cpython.mem cimport PyMem_RawFree, PyMem_RawRealloc
from cpython.ref cimport PyObject
from libc.math cimport INFINITY, NAN, isinf

import numpy as np


cdef class Columns:
    """The names of the features and a row to write an event's values into.

    ``names`` is the list of features by column. A feature's column never changes by itself.
    """

    def __cinit__(self):
        self.values = NULL

    def __init__(self, names=()):
        self.names = []
        self.index = {}
        for name in names:
            self._add(name)

    def __dealloc__(self):
        PyMem_RawFree(self.values)

    def __len__(self):
        return self.width

    def __reduce__(self):
        return Columns, (tuple(self.names),)

    cdef int _add(self, object name) except -1:
        if self.width == self.room:
            room = max(16, 2 * self.room)
            grown = <double *>PyMem_RawRealloc(self.values, room * sizeof(double))
            if grown == NULL:
                raise MemoryError(f"no memory for {room} features")
            self.values, self.room = grown, room
        self.index[name] = self.width
        self.names.append(name)
        self.values[self.width] = NAN
        self.width += 1
        return 0

    cdef int write(self, dict x, bint grow) except -1:
        """Write x into ``values``, NaN where a feature is absent or None.

        Unknown features get columns of their own if ``grow``, else they are passed over. Nothing
        is changed but ``values`` if a value is refused.
        """
        cdef Py_ssize_t position = 0, at = 0, column, i
        cdef PyObject *key
        cdef PyObject *item
        cdef PyObject *found
        cdef double value
        cdef list unknown = None
        for i in range(self.width):
            self.values[i] = NAN
        while PyDict_Next(x, &position, &key, &item):
            value = number(<object>key, <object>item)
            # the usual event brings the known features in their order
            if at < self.width and <PyObject *>self.names[at] == key:
                column = at
            else:
                found = PyDict_GetItemWithError(self.index, <object>key)
                column = -1 if found == NULL else PyLong_AsSsize_t(<object>found)
            at = column + 1
            if column >= 0:
                self.values[column] = value
            elif grow:
                if unknown is None:
                    unknown = []
                unknown.append((<object>key, value))
        if unknown is not None:
            for name, known in unknown:
                self._add(name)
                self.values[self.width - 1] = known
        return 0

    def row(self, x, bint grow=False):
        """Return x, any mapping, as an array (1, d).

        Raises
        ------
        TypeError
            If a value is not a number; it names the feature.
        ValueError
            If a value is infinite.
        """
        cdef Py_ssize_t i
        self.write(x if type(x) is dict else dict(x), grow)
        out = np.empty((1, self.width))
        cdef double[:, ::1] view = out
        for i in range(self.width):
            view[0, i] = self.values[i]
        return out

    def swap(self, Py_ssize_t a, Py_ssize_t b):
        """Let two features change columns."""
        self.names[a], self.names[b] = self.names[b], self.names[a]
        self.index[self.names[a]], self.index[self.names[b]] = a, b


cdef inline double number(object name, object value) except? -1.0:
    cdef double x
    if PyFloat_CheckExact(value):
        x = PyFloat_AS_DOUBLE(value)
    elif value is None:
        return NAN
    elif isinstance(value, (str, bytes, complex)):
        raise TypeError(refusal(name, value))
    else:
        try:
            x = float(value)
        except (TypeError, ValueError):
            raise TypeError(refusal(name, value)) from None
        except OverflowError:
            x = INFINITY
    if isinf(x):
        raise ValueError(
            f"feature {name!r} is {str(value):.30}; give a finite number, or NaN, None or no entry at "
            "all where it is missing. Nothing was learned from the event"
        )
    return x


def refusal(name, value):
    """The message about a value that is not a number."""
    return (
        f"feature {name!r} is {value!r} of type {type(value).__name__}; features are numbers. "
        "Encode it first (river.preprocessing has encoders) or leave it out "
        "(river.compose.Discard). Nothing was learned from the event"
    )
