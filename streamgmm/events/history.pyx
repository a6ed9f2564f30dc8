"""What a key's earlier events come to: when the last one was, how many, how much, what mean.

One table keeps several such numbers of each key, in rows that are reused when a key has to make
room. exp is the kernels' own, so that no last bit depends on the machine.
"""

from collections import OrderedDict

import numpy as np

from cpython cimport array

import array

cdef extern from "../mixture/lanes.h":
    double scalar_exp(double) nogil

cdef double LN2 = 0.6931471805599453
cdef double NAN = float("nan")
# Numbers beyond are taken for this, so that neither sums nor differences overflow.
cdef double LARGEST = 1e300
cdef array.array NO_NUMBERS = array.array("d")

cdef enum:
    SINCE, COUNT, SUM, MEAN, AGAINST_MEAN

NAMES = ("since", "count", "sum", "mean", "against_mean")


cdef class KeyTable:
    """What is remembered of each key's events.

    Parameters
    ----------
    histories
        What to keep of each, names of `NAMES`.
    half_lives
        To each, in seconds; negative: in the key's own events.
    keys
        Most keys kept; a further one takes the place of the one not seen for longest.

    Notes
    -----
    A row is the time of the key's latest event, and for each history a weight and a value.
    """

    cdef readonly Py_ssize_t keys
    cdef Py_ssize_t width, columns
    cdef object slots
    cdef array.array kinds, half_lives, rows

    def __init__(self, histories, half_lives, Py_ssize_t keys):
        if len(histories) != len(half_lives) or keys < 1 or 0.0 in half_lives:
            raise ValueError(
                f"{len(histories)} histories, half-lives {half_lives!r}, keys {keys}: a half-life "
                "other than 0 to each history, and at least one key, are allowed"
            )
        self.kinds = array.array("q", map(NAMES.index, histories))
        self.half_lives = array.array("d", half_lives)
        self.columns = len(histories)
        self.width = 1 + 2 * self.columns
        self.keys = keys
        self.slots = OrderedDict()
        self.rows = array.clone(NO_NUMBERS, 0, False)

    def __len__(self):
        return len(self.slots)

    def __reduce__(self):
        histories = [NAMES[kind] for kind in self.kinds]
        return rebuilt, (histories, list(self.half_lives), self.keys, self.state())

    def block(
        self,
        list keys,
        double[::1] time,
        double[:, ::1] values,
        double[:, ::1] out,
        bint learn=True,
        bint count=True,
    ):
        """Say what came before each of n events, and then add it, one after the other.

        Parameters
        ----------
        keys
            n texts; None = of no key: nothing is known of it and nothing kept.
        time : (n,)
            Seconds; NaN = unknown. An event before its key's latest comes no time after it.
        values : (histories, n)
            The number that each history is of; NaN = missing. Counts need none.
        out : (histories, n)
            Takes the answers: seconds, numbers of events, sums, means, differences from the mean;
            NaN where nothing is known yet.
        learn
            False leaves the means as they are; what has happened lately is noted even so.
        count
            False changes nothing at all.
        """
        cdef Py_ssize_t i, c, slot
        for i in range(len(keys)):
            if keys[i] is None:
                for c in range(self.columns):
                    out[c, i] = NAN
                continue
            slot = self.slot_of(keys[i], count)
            self.judge(slot, time[i], values, out, i)
            if count:
                self.add(slot, time[i], values, i, learn)

    cdef Py_ssize_t slot_of(self, str key, bint count):
        """Return the row of a key; -1 if it has none and is not to have one."""
        cdef object found = self.slots.get(key)
        cdef Py_ssize_t slot, c
        cdef double *row
        if not count:
            return -1 if found is None else <Py_ssize_t>found
        if found is not None:
            self.slots.move_to_end(key)
            return <Py_ssize_t>found
        slot = len(self.slots)
        if slot == self.keys:
            slot = self.slots.popitem(last=False)[1]
        elif (slot + 1) * self.width > len(self.rows):
            array.resize_smart(self.rows, (slot + 1) * self.width)
        self.slots[key] = slot
        row = self.rows.data.as_doubles + slot * self.width
        row[0] = NAN
        for c in range(self.columns):
            row[1 + 2 * c] = 0.0
            row[2 + 2 * c] = self.nothing(c)
        return slot

    cdef double nothing(self, Py_ssize_t c) noexcept:
        """Return the value of a history that has not begun: an empty sum, or no mean."""
        return 0.0 if self.kinds.data.as_longlongs[c] < MEAN else NAN

    cdef double faded(self, Py_ssize_t c, double passed) noexcept:
        """Return what time leaves of a weight."""
        cdef double half_life = self.half_lives.data.as_doubles[c]
        return scalar_exp(-LN2 * passed / half_life) if half_life > 0.0 and passed > 0.0 else 1.0

    cdef judge(
        self, Py_ssize_t slot, double time, double[:, ::1] values, double[:, ::1] out, Py_ssize_t i
    ):
        cdef Py_ssize_t c
        cdef long long kind
        cdef double *row = self.rows.data.as_doubles + slot * self.width
        cdef double gap = NAN if slot < 0 else passed_since(row[0], time)
        cdef double passed = gap if gap == gap else 0.0
        cdef double weight = 0.0, value
        for c in range(self.columns):
            kind = self.kinds.data.as_longlongs[c]
            value = self.nothing(c)
            if slot >= 0:
                weight, value = row[1 + 2 * c], row[2 + 2 * c]
            if kind == SINCE:
                out[c, i] = gap
            elif kind == COUNT:
                out[c, i] = weight * self.faded(c, passed)
            elif kind == SUM:
                out[c, i] = value * self.faded(c, passed)
            elif kind == MEAN:
                out[c, i] = value
            else:
                out[c, i] = bounded(values[c, i]) - value

    cdef add(
        self, Py_ssize_t slot, double time, double[:, ::1] values, Py_ssize_t i, bint learn
    ):
        cdef Py_ssize_t c
        cdef long long kind
        cdef double *row = self.rows.data.as_doubles + slot * self.width
        cdef double passed = passed_since(row[0], time)
        cdef double value, fading
        if passed != passed:
            passed = 0.0
        for c in range(self.columns):
            kind = self.kinds.data.as_longlongs[c]
            value = bounded(values[c, i])
            fading = self.faded(c, passed)
            row[1 + 2 * c] *= fading
            if kind == COUNT:
                row[1 + 2 * c] += 1.0
            elif kind == SUM:
                row[2 + 2 * c] *= fading
                if value == value:
                    row[2 + 2 * c] = bounded(row[2 + 2 * c] + value)
            elif kind >= MEAN and learn and value == value:
                if self.half_lives.data.as_doubles[c] < 0.0:
                    row[1 + 2 * c] *= scalar_exp(LN2 / self.half_lives.data.as_doubles[c])
                row[1 + 2 * c] += 1.0
                if row[2 + 2 * c] == row[2 + 2 * c]:
                    row[2 + 2 * c] += (value - row[2 + 2 * c]) / row[1 + 2 * c]
                else:
                    row[2 + 2 * c] = value
        if time == time and not time <= row[0]:
            row[0] = time

    def state(self):
        """Return the keys, those not seen for longest first, and their rows; see `restore`."""
        rows = np.array(self.rows).reshape(-1, self.width)
        return {"keys": list(self.slots), "rows": rows[list(self.slots.values())]}

    def restore(self, state):
        """Take over what `state` returned."""
        keys, rows = state["keys"], np.ascontiguousarray(state["rows"], dtype=np.float64)
        if not len(set(keys)) == len(keys) == len(rows) <= self.keys:
            raise ValueError(f"{len(keys)} keys, {len(rows)} rows of {self.keys} at most")
        if rows.size and rows.shape[1] != self.width:
            raise ValueError(f"{rows.shape[1]} numbers a key, {self.width} are due")
        self.slots = OrderedDict((str(key), i) for i, key in enumerate(keys))
        self.rows = array.array("d", rows.tobytes())


def rebuilt(histories, half_lives, keys, state):
    """Return a table as `KeyTable.state` gave it."""
    table = KeyTable(histories, half_lives, keys)
    table.restore(state)
    return table


cdef double passed_since(double last, double time) noexcept:
    """Return how much later than `last` it is, 0 if it is not; NaN where one is unknown."""
    cdef double passed = time - last
    return 0.0 if passed < 0.0 else passed


cdef double bounded(double value) noexcept:
    if value > LARGEST:
        return LARGEST
    return -LARGEST if value < -LARGEST else value
