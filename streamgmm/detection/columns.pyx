"""From a dictionary to a row: features take their columns in the order in which they appear."""

from cpython.bytearray cimport PyByteArray_FromStringAndSize
from cpython.dict cimport PyDict_GetItemWithError, PyDict_Next
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.long cimport PyLong_AsLongLongAndOverflow, PyLong_AsSsize_t, PyLong_CheckExact
from cpython.mem cimport PyMem_RawFree, PyMem_RawRealloc
from cpython.ref cimport PyObject
from cpython.unicode cimport PyUnicode_CheckExact
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
        is changed but ``values`` if a value is refused. No Python code runs between the first
        value that is written and the return, so that threads do not mix their events.
        """
        if not self._write_plain(x, grow):
            self._write_any(x, grow)
        return 0

    cdef bint _write_plain(self, dict x, bint grow) noexcept:
        """Write x if that takes nothing that could run Python code; returns whether it did.

        The dictionary's references are borrowed: whoever ran meanwhile could take them away.
        """
        cdef Py_ssize_t position = 0, at = 0, column, i
        cdef PyObject *key
        cdef PyObject *item
        cdef PyObject *found
        cdef double value
        cdef int overflow = 0
        for i in range(self.width):
            self.values[i] = NAN
        while PyDict_Next(x, &position, &key, &item):
            if PyFloat_Check(<object>item):
                value = PyFloat_AS_DOUBLE(<object>item)
                if isinf(value):
                    return False
            elif PyLong_CheckExact(<object>item):
                value = <double>PyLong_AsLongLongAndOverflow(<object>item, &overflow)
                if overflow:
                    return False
            elif <object>item is None:
                value = NAN
            else:
                return False
            # the usual event brings the known features in their order
            if at < self.width and <PyObject *>self.names[at] == key:
                column = at
            elif PyUnicode_CheckExact(<object>key) or PyLong_CheckExact(<object>key):
                found = PyDict_GetItemWithError(self.index, <object>key)
                column = -1 if found == NULL else PyLong_AsSsize_t(<object>found)
            else:
                return False
            at = column + 1
            if column >= 0:
                self.values[column] = value
            elif grow:
                return False
        return True

    cdef int _write_any(self, dict x, bint grow) except -1:
        """Write x, whatever its names and numbers are: first read it, then write."""
        cdef list numbers = [(name, number(name, value)) for name, value in list(x.items())]
        cdef list placed = []
        cdef Py_ssize_t column, i
        cdef double known
        for name, value in numbers:
            if name not in self.index:
                if not grow:
                    continue
                self._add(name)
            placed.append((self.index[name], value))
        for i in range(self.width):
            self.values[i] = NAN
        for column, known in placed:
            self.values[column] = known
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
        self.write(x if type(x) is dict else dict(x), grow)
        if self.width == 0:
            return np.empty((1, 0))
        # copied before anything else can run
        copied = PyByteArray_FromStringAndSize(<char *>self.values, self.width * sizeof(double))
        return np.frombuffer(copied, dtype=np.float64).reshape(1, -1)

    def shrink(self, Py_ssize_t width):
        """Drop the columns from ``width`` on; returns their names."""
        cdef list dropped = self.names[width:]
        for name in dropped:
            del self.index[name]
        del self.names[width:]
        self.width = len(self.names)
        return dropped


def number_of(name, value):
    """Return the number that ``value`` of feature ``name`` is, NaN where it is missing.

    Raises
    ------
    TypeError, ValueError
        As :meth:`Columns.row`.
    """
    return number(name, value)


cdef double number(object name, object value) except? -1.0:
    cdef double x
    if value is None or missing(value):
        return NAN
    if isinstance(value, (str, bytes, complex, np.complexfloating, np.datetime64, np.timedelta64)):
        raise TypeError(refusal(name, value))
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


cdef bint missing(object value):
    """Whether value is one of pandas' marks for nothing, told without importing it."""
    kind = type(value)
    return kind.__name__ in ("NAType", "NaTType") and kind.__module__.startswith("pandas.")


def refusal(name, value):
    """The message about a value that is not a number."""
    return (
        f"feature {name!r} is {value!r} of type {type(value).__name__}; features are numbers. "
        "Encode it first (river.preprocessing has encoders) or leave it out "
        "(river.compose.Discard). Nothing was learned from the event"
    )
