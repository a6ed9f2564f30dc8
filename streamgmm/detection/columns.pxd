"""Where a feature's value goes, for the package's other compiled modules."""


cdef class Columns:
    cdef readonly list names
    cdef dict index
    cdef double *values
    cdef Py_ssize_t width, room

    cdef int _add(self, object name) except -1
    cdef int write(self, dict x, bint grow) except -1
    cdef bint _write_plain(self, dict x, bint grow) noexcept
    cdef int _write_any(self, dict x, bint grow) except -1
