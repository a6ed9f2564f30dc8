"""The short way from flat JSON objects to columns, for events that hold nothing unusual.

msgspec makes an object of every event and of every number in it, and NumPy takes them apart again.
Here numbers go from the text into their columns. Only what is plain is read: where anything is
unusual (an escape in a text that is kept, a number with more digits than it has to have, a type
that does not fit, any error) the event is given up and left to msgspec, which alone decides what
it means and what is wrong with it. What is read here is, bit for bit, what msgspec would make of it.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp

cdef extern from "Python.h":
    double PyOS_string_to_double(const char *, char **, object) except? -1.0

ctypedef const unsigned char *Text

cdef enum:
    # Beside null, what a member may be.
    TEXT = 1
    WHOLE = 2  # an integer stays one
    REAL = 4
    TRUTH = 8
    NUMBER = 16  # goes into a column
    REFUSED = 32
    DEEPEST = 32  # nesting in what is passed over
    MOST_DIGITS = 19  # fit into 64 bits, whatever they are

cdef double NAN = float("nan")
# Ten to these powers is exact, so that one product or quotient with a whole number below 2^53 is
# rounded once, as it has to be.
cdef double[23] TENS
TENS[:] = [10.0**i for i in range(23)]
cdef uint64_t EXACT = 1 << 53
KINDS = {str: TEXT, int: WHOLE, float: REAL, bool: TRUTH}


cdef struct Place:
    Text at
    Text end


cdef inline void pass_space(Place *p) noexcept:
    while p.at < p.end and (p.at[0] == 32 or p.at[0] == 10 or p.at[0] == 13 or p.at[0] == 9):
        p.at += 1


cdef inline bint pass_text(Place *p) noexcept:
    """Go behind the closing quote of a text without escapes; the place is behind the opening one."""
    cdef Text at = p.at
    while at < p.end and at[0] != 34:
        if at[0] == 92 or at[0] < 32:
            return False
        at += 1
    p.at = at + 1
    return at < p.end


cdef inline bint pass_word(Place *p, const char *word, Py_ssize_t length) noexcept:
    if p.end - p.at < length or memcmp(p.at, word, length) != 0:
        return False
    p.at += length
    return True


cdef inline bint is_digit(Place *p) noexcept:
    return p.at < p.end and 48 <= p.at[0] <= 57


cdef struct Number:
    bint negative
    bint whole
    uint64_t digits  # all of them, without the point
    int count  # of significant ones
    int exponent  # of ten


cdef inline void digits_into(Place *p, Number *number) noexcept:
    cdef Text at = p.at
    cdef uint64_t digits = number.digits
    cdef int count = number.count
    while at < p.end and 48 <= at[0] <= 57:
        if count or at[0] != 48:
            count += 1
        if count <= MOST_DIGITS:
            digits = 10 * digits + (at[0] - 48)
        at += 1
    p.at, number.digits, number.count = at, digits, count


cdef inline bint pass_number(Place *p, Number *number) noexcept:
    """Go behind a number; False where there is none by JSON's grammar."""
    cdef Text begin
    cdef int power = 0
    cdef bint down = False
    number.negative = p.at < p.end and p.at[0] == 45
    number.whole = True
    number.digits = number.count = number.exponent = 0
    p.at += number.negative
    begin = p.at
    digits_into(p, number)
    if p.at == begin or (begin[0] == 48 and p.at - begin > 1):
        return False
    if p.at < p.end and p.at[0] == 46:
        number.whole = False
        p.at += 1
        begin = p.at
        digits_into(p, number)
        if p.at == begin or p.at - begin > 300:
            return False
        number.exponent = -<int>(p.at - begin)
    if p.at < p.end and (p.at[0] == 101 or p.at[0] == 69):
        number.whole = False
        p.at += 1
        if p.at < p.end and (p.at[0] == 43 or p.at[0] == 45):
            down = p.at[0] == 45
            p.at += 1
        begin = p.at
        while is_digit(p):
            power = 10 * power + (p.at[0] - 48)
            p.at += 1
            if p.at - begin > 3:
                return False
        if p.at == begin:
            return False
        number.exponent += -power if down else power
    return True


cdef inline bint value_of(Number *number, Text begin, double *value) except -1:
    """Give the float nearest to a number that begins at ``begin``; False if there is none."""
    cdef char *end
    cdef double x
    if number.count <= MOST_DIGITS and number.digits <= EXACT and -22 <= number.exponent <= 22:
        x = <double>number.digits
        if number.exponent < 0:
            x /= TENS[-number.exponent]
        else:
            x *= TENS[number.exponent]
        # A whole number is an integer first, and -0 is 0.
        value[0] = -x if number.negative and not (number.whole and x == 0.0) else x
        return True
    try:
        value[0] = PyOS_string_to_double(<const char *>begin, &end, OverflowError)
    except OverflowError:
        return False
    return True


cdef bint pass_value(Place *p, int depth) noexcept:
    """Go behind a value of any kind; False where it is unusual."""
    cdef Number number
    cdef unsigned char kind
    if p.at >= p.end:
        return False
    kind = p.at[0]
    if kind == 34:
        p.at += 1
        return pass_text(p)
    if kind == 45 or 48 <= kind <= 57:
        return pass_number(p, &number)
    if kind == 116:
        return pass_word(p, b"true", 4)
    if kind == 102:
        return pass_word(p, b"false", 5)
    if kind == 110:
        return pass_word(p, b"null", 4)
    if (kind == 123 or kind == 91) and depth < DEEPEST:
        p.at += 1
        return pass_members(p, depth + 1, kind == 123)
    return False


cdef bint pass_members(Place *p, int depth, bint named) noexcept:
    """Go behind the closing bracket of an object, whose members are named, or of an array."""
    cdef unsigned char closing = 125 if named else 93
    pass_space(p)
    if p.at < p.end and p.at[0] == closing:
        p.at += 1
        return True
    while True:
        if named:
            pass_space(p)
            if p.at >= p.end or p.at[0] != 34:
                return False
            p.at += 1
            if not pass_text(p):
                return False
            pass_space(p)
            if p.at >= p.end or p.at[0] != 58:
                return False
            p.at += 1
        pass_space(p)
        if not pass_value(p, depth):
            return False
        pass_space(p)
        if p.at < p.end and p.at[0] == closing:
            p.at += 1
            return True
        if p.at >= p.end or p.at[0] != 44:
            return False
        p.at += 1


cdef struct Member:
    const char *name
    Py_ssize_t length
    int kind
    bint required
    Py_ssize_t seen  # in which event, counted from 1, last


cdef inline bint pass_name(Place *p, Member *member) noexcept:
    """Go behind the closing quote of this member's name; the place is behind the opening one."""
    cdef Py_ssize_t length = member.length
    if p.end - p.at <= length or p.at[length] != 34 or memcmp(p.at, member.name, length) != 0:
        return False
    p.at += length + 1
    return True


cdef inline Py_ssize_t find(
    Member *members, Py_ssize_t n, Py_ssize_t expected, Text name, Py_ssize_t length
) noexcept:
    """Return which member has this name, -1 if none; events mostly keep to one order."""
    cdef Py_ssize_t i, k
    for i in range(n):
        k = expected + i
        if k >= n:
            k -= n
        if members[k].length == length and memcmp(members[k].name, name, length) == 0:
            return k
    return -1


cdef class FlatReader:
    """Reads the members of flat objects.

    There is at least one, and their names are such as take no escapes in JSON (msgspec insists).

    Parameters
    ----------
    numbers
        The members that go into columns, in their order.
    others
        Those that are kept as they are, and which of str, int, float and bool each may be.
    refused
        An event that has one of these is given up.
    required
        Members without which an event is given up.
    make
        Makes an object of the values of ``others``, None where there is none.
    """

    cdef list names  # keeps the bytes alive that the members point to
    cdef Member *members
    cdef Py_ssize_t n_members, n_numbers, n_others
    cdef object make

    def __cinit__(self, numbers, others, refused, required, make):
        cdef Py_ssize_t i
        self.names = [name.encode() for name in (*numbers, *others, *refused)]
        self.n_members, self.n_numbers = len(self.names), len(numbers)
        self.n_others = len(others)
        self.make = make
        self.members = <Member *>malloc(max(self.n_members, 1) * sizeof(Member))
        if self.members == NULL:
            raise MemoryError
        kinds = [NUMBER] * self.n_numbers + [sum(map(KINDS.get, one)) for one in others.values()]
        kinds += [REFUSED] * len(refused)
        for i in range(self.n_members):
            self.members[i].name = PyBytes_AS_STRING(self.names[i])
            self.members[i].length = PyBytes_GET_SIZE(self.names[i])
            self.members[i].kind = kinds[i]
            self.members[i].required = self.names[i].decode() in required

    def __dealloc__(self):
        free(self.members)

    def read(self, values, double[:, ::1] numbers):
        """Read n events.

        Parameters
        ----------
        values
            The events; None is given up.
        numbers : (n, m)
            Is filled; NaN = missing.

        Returns
        -------
        made
            What ``make`` made of each event; None if there is nothing to be made of.
        rows
            Of the events that were given up; what is told of them means nothing.
        """
        cdef list made = [], rows = [], kept = [None] * self.n_others
        cdef Py_ssize_t row = 0, i
        cdef Place p
        for i in range(self.n_members):
            self.members[i].seen = 0
        for value in values:
            if type(value) is bytes:
                p.at = <Text>PyBytes_AS_STRING(value)
                p.end = p.at + PyBytes_GET_SIZE(value)
                if not self._event(&p, row, numbers, kept):
                    rows.append(row)
            else:
                rows.append(row)
            made.append(self.make(*kept) if kept else None)
            row += 1
        return made, rows

    cdef bint _event(self, Place *p, Py_ssize_t row, double[:, ::1] numbers, list kept) except -1:
        cdef Py_ssize_t i, expected = 0
        cdef Text name
        cdef bint known
        for i in range(self.n_numbers):
            numbers[row, i] = NAN
        for i in range(len(kept)):
            kept[i] = None
        pass_space(p)
        if p.at >= p.end or p.at[0] != 123:
            return False
        p.at += 1
        pass_space(p)
        if p.at < p.end and p.at[0] == 125:
            p.at += 1
        else:
            while True:
                pass_space(p)
                if p.at >= p.end or p.at[0] != 34:
                    return False
                p.at += 1
                i = expected
                if not pass_name(p, &self.members[i]):
                    name = p.at
                    if not pass_text(p):
                        return False
                    i = find(self.members, self.n_members, i, name, p.at - 1 - name)
                pass_space(p)
                if p.at >= p.end or p.at[0] != 58:
                    return False
                p.at += 1
                pass_space(p)
                if i < 0:
                    known = pass_value(p, 0)
                elif i < self.n_numbers:
                    known = self._number(p, &self.members[i], &numbers[row, i])
                elif self.members[i].kind == REFUSED:
                    return False
                else:
                    known = self._other(p, &self.members[i], kept, i - self.n_numbers)
                if not known:
                    return False
                if i >= 0:
                    self.members[i].seen = row + 1
                    expected = i + 1 if i + 1 < self.n_members else 0
                pass_space(p)
                if p.at < p.end and p.at[0] == 125:
                    p.at += 1
                    break
                if p.at >= p.end or p.at[0] != 44:
                    return False
                p.at += 1
        pass_space(p)
        if p.at != p.end:
            return False
        for i in range(self.n_members):
            if self.members[i].required and self.members[i].seen != row + 1:
                return False
        return True

    cdef bint _number(self, Place *p, Member *member, double *value) except -1:
        cdef Number number
        cdef Text begin = p.at
        if p.at >= p.end:
            return False
        if begin[0] == 45 or 48 <= begin[0] <= 57:
            return pass_number(p, &number) and value_of(&number, begin, value)
        if begin[0] == 110:
            value[0] = NAN
            return not member.required and pass_word(p, b"null", 4)
        if begin[0] == 116:
            value[0] = 1.0
            return pass_word(p, b"true", 4)
        value[0] = 0.0
        return begin[0] == 102 and pass_word(p, b"false", 5)

    cdef bint _other(self, Place *p, Member *member, list kept, Py_ssize_t at) except -1:
        cdef Number number
        cdef Text begin = p.at
        cdef double real
        cdef int kind = member.kind
        if p.at >= p.end:
            return False
        if begin[0] == 34:
            p.at += 1
            if not (kind & TEXT and pass_text(p)):
                return False
            try:
                kept[at] = PyUnicode_DecodeUTF8(
                    <const char *>(begin + 1), p.at - begin - 2, "strict"
                )
            except UnicodeDecodeError:
                return False
            return True
        if begin[0] == 45 or 48 <= begin[0] <= 57:
            if not pass_number(p, &number):
                return False
            if number.whole and kind & WHOLE:
                if number.count >= MOST_DIGITS:
                    return False
                kept[at] = -<long long>number.digits if number.negative else number.digits
                return True
            if not (kind & REAL and value_of(&number, begin, &real)):
                return False
            kept[at] = real
            return True
        if begin[0] == 110:
            kept[at] = None
            return not member.required and pass_word(p, b"null", 4)
        if not kind & TRUTH:
            return False
        kept[at] = begin[0] == 116
        return pass_word(p, b"true", 4) if begin[0] == 116 else pass_word(p, b"false", 5)
