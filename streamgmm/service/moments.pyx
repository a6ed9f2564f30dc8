"""Moments as text, many at once: ISO 8601 in UTC, to the microsecond."""

from cpython.unicode cimport PyUnicode_DecodeASCII
from libc.stdint cimport int64_t

cdef int64_t DAY = 86_400_000_000
cdef int64_t BEGIN = -62_135_596_800_000_000  # of year 1


cdef inline void write(char *at, int64_t number, int digits) noexcept:
    cdef int i
    for i in range(digits - 1, -1, -1):
        at[i] = <char>(48 + number % 10)
        number //= 10


cdef void write_date(char *at, int64_t days) noexcept:
    """Write the date so many days after 1 January of year 1, in the Gregorian calendar.

    Years are counted from March, so that the day that is sometimes there is the last of one.
    """
    cdef int64_t century, year, month
    days += 306
    century = (4 * days + 3) // 146_097
    days -= 146_097 * century // 4
    year = (4 * days + 3) // 1_461
    days -= 1_461 * year // 4
    month = (5 * days + 2) // 153  # five months of 31, 30, 31, 30 and 31 days are 153
    days -= (153 * month + 2) // 5
    year += 100 * century + (month >= 10)
    write(at, year, 4)
    write(at + 5, month + 3 if month < 10 else month - 9, 2)
    write(at + 8, days + 1, 2)


def iso_times(const int64_t[::1] microseconds):
    """Return texts for moments (n,) since the epoch, in the years 1 to 9999."""
    cdef list texts = []
    cdef char[27] text = b"0000-00-00T00:00:00.000000Z"
    cdef int64_t now, day, today = -1, second
    cdef Py_ssize_t i
    for i in range(microseconds.shape[0]):
        now = microseconds[i] - BEGIN
        day = now // DAY
        if day != today:
            write_date(text, day)
            today = day
        now -= day * DAY
        second = now // 1_000_000
        write(text + 11, second // 3600, 2)
        write(text + 14, second // 60 % 60, 2)
        write(text + 17, second % 60, 2)
        write(text + 20, now % 1_000_000, 6)
        texts.append(PyUnicode_DecodeASCII(text, 27, NULL))
    return texts
