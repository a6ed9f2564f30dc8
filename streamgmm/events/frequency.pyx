"""Decayed frequencies of categories in bounded memory: of a whole stream, and of each key in it.

Counts are kept in a unit that grows by 2^(1 / half_life) with every event instead of being made
smaller one by one; probabilities are ratios, in which the unit cancels. exp and log are the
kernels' own, so that no last bit depends on the machine.
"""

from collections import OrderedDict

import numpy as np

from cpython cimport array

import array

cdef extern from "../mixture/lanes.h":
    double scalar_exp(double) nogil
    double scalar_log(double) nogil

cdef double LN2 = 0.6931471805599453
cdef double NAN = float("nan")
# Half an event: what has decayed below it counts as not seen, and is dropped in passing.
cdef double LEAST = 0.5
cdef double LARGEST_UNIT = 2.0**512
SCALARS = ("unit", "total", "known", "novel", "hand")
cdef array.array NO_COUNTS = array.array("d")


cdef class Frequencies:
    """How often each category has been seen lately.

    Parameters
    ----------
    half_life
        In events; after so many an event counts half. At least 1, or infinity.
    capacity
        Most categories kept; a further one takes the place of the least frequent.
    """

    cdef readonly double half_life
    cdef readonly Py_ssize_t capacity
    cdef double growth, unit, total, known, novel
    cdef Py_ssize_t hand
    cdef dict slots
    cdef list names
    cdef array.array counts

    def __init__(self, double half_life, Py_ssize_t capacity):
        if not (half_life >= 1.0 and capacity >= 1):
            raise ValueError(
                f"half_life is {half_life!r}, capacity {capacity!r}; both must be at least 1"
            )
        self.half_life = half_life
        self.capacity = capacity
        self.growth = scalar_exp(LN2 / half_life)
        self.unit = 1.0
        self.total = self.known = self.novel = 0.0
        self.hand = 0
        self.slots = {}
        self.names = []
        self.counts = array.clone(NO_COUNTS, capacity, False)

    def __len__(self):
        return len(self.names)

    cpdef double count(self, str category):
        """Return how many events of a category count, 0 where that is below a half."""
        return self.weight_at(self.find(category)) / self.unit

    @property
    def events(self):
        """How many events count."""
        return self.total / self.unit

    @property
    def unseen(self):
        """The probability that an event's category is none of those kept."""
        return self.escape()

    cpdef double probability(self, str category):
        """Return the probability of a category; of one that is not kept, that of any such."""
        return self.probability_at(self.find(category))

    cpdef learn(self, str category):
        """Count an event."""
        self.learn_at(self.find(category), category)

    cdef Py_ssize_t find(self, str category):
        """Return where a category is kept, or -1."""
        cdef object slot = self.slots.get(category)
        return -1 if slot is None else <Py_ssize_t>slot

    cdef double weight_at(self, Py_ssize_t slot):
        """Return the weight of a category, 0 if it is not kept or has faded."""
        if slot < 0:
            return 0.0
        cdef double weight = self.counts.data.as_doubles[slot]
        return weight if weight >= LEAST * self.unit else 0.0

    cdef double probability_at(self, Py_ssize_t slot):
        cdef double weight = self.weight_at(slot), escape = self.escape()
        return escape if weight == 0.0 else (1.0 - escape) * weight / self.known

    cdef learn_at(self, Py_ssize_t slot, str category):
        cdef bint novel = self.weight_at(slot) == 0.0
        cdef double unit
        if novel and slot >= 0:  # what has faded is gone, looked at yet or not
            self.known -= self.counts.data.as_doubles[slot]
            self.counts.data.as_doubles[slot] = 0.0
        self.unit *= self.growth
        unit = self.unit
        if slot < 0:
            if len(self.names) == self.capacity:
                self.remove(self.least())
            self.slots[category] = len(self.names)
            self.names.append(category)
            self.counts.data.as_doubles[len(self.names) - 1] = unit
        else:
            self.counts.data.as_doubles[slot] += unit
        self.total += unit
        self.known += unit
        if novel:
            self.novel += unit
        self.sweep()
        if unit > LARGEST_UNIT:
            self.shrink()

    def state(self):
        """Return the state as plain arrays and text; see `restore`."""
        cdef Py_ssize_t i, n = len(self.names)
        counts = np.empty(n)
        for i in range(n):
            counts[i] = self.counts.data.as_doubles[i]
        return {
            "names": list(self.names),
            "counts": counts,
            "scalars": np.array([self.unit, self.total, self.known, self.novel, self.hand]),
        }

    def restore(self, state):
        """Take over what `state` returned."""
        cdef Py_ssize_t i
        names, counts = state["names"], state["counts"]
        if len(names) != len(counts) or len(set(names)) != len(names) > self.capacity:
            raise ValueError(f"{len(names)} names, {len(counts)} counts of {self.capacity} at most")
        unit, total, known, novel, hand = map(float, state["scalars"])
        self.unit, self.total, self.known, self.novel = unit, total, known, novel
        self.hand = int(hand)
        self.names = [str(name) for name in names]
        self.slots = {name: i for i, name in enumerate(self.names)}
        for i in range(len(self.names)):
            self.counts.data.as_doubles[i] = counts[i]

    cdef double escape(self):
        if not self.names:
            return 1.0
        return (self.novel + 0.5 * self.unit) / (self.total + self.unit)

    cdef Py_ssize_t least(self):
        cdef Py_ssize_t i, best = 0
        cdef double *counts = self.counts.data.as_doubles
        for i in range(1, len(self.names)):
            if counts[i] < counts[best]:
                best = i
        return best

    cdef remove(self, Py_ssize_t slot):
        """Drop a category; the last one moves to its place."""
        cdef Py_ssize_t last = len(self.names) - 1
        cdef double *counts = self.counts.data.as_doubles
        self.known -= counts[slot]
        del self.slots[self.names[slot]]
        if slot != last:
            self.names[slot] = self.names[last]
            self.slots[self.names[slot]] = slot
            counts[slot] = counts[last]
        self.names.pop()

    cdef sweep(self):
        """Look at one category an event, and drop it if it has faded."""
        if self.hand >= len(self.names):
            self.hand = 0
        if self.counts.data.as_doubles[self.hand] < LEAST * self.unit:
            self.remove(self.hand)
        else:
            self.hand += 1

    cdef shrink(self):
        """Bring the unit back to the size of 1; by a power of two, which rounds nothing."""
        cdef Py_ssize_t i
        cdef double factor = 1.0 / LARGEST_UNIT
        self.unit *= factor
        self.total *= factor
        self.known *= factor
        self.novel *= factor
        for i in range(len(self.names)):
            self.counts.data.as_doubles[i] *= factor


cdef class Histories:
    """The frequencies of each key by itself, backed off to those of all.

    Parameters
    ----------
    half_life
        In a key's own events.
    capacity
        Most categories kept of a key.
    keys
        Most keys kept; a further one takes the place of the one not seen for longest.
    """

    cdef readonly double half_life
    cdef readonly Py_ssize_t capacity, keys
    cdef object tables

    def __init__(self, double half_life, Py_ssize_t capacity, Py_ssize_t keys):
        if keys < 1:
            raise ValueError(f"keys is {keys!r}; at least 1 is allowed")
        self.half_life = half_life
        self.capacity = capacity
        self.keys = keys
        self.tables = OrderedDict()

    def __len__(self):
        return len(self.tables)

    def of(self, str key):
        """Return the frequencies of a key, or None."""
        return self.tables.get(key)

    cdef Frequencies latest(self, str key):
        """Return the frequencies of a key, new ones if need be, and note that it was seen."""
        cdef Frequencies table = self.tables.get(key)
        if table is None:
            table = Frequencies(self.half_life, self.capacity)
            if len(self.tables) == self.keys:
                self.tables.popitem(last=False)
            self.tables[key] = table
        else:
            self.tables.move_to_end(key)
        return table

    def state(self):
        """Return the state as a few long arrays and lists of text; see `restore`."""
        cdef Frequencies table
        cdef Py_ssize_t i, j, at = 0, n = len(self.tables)
        cdef Py_ssize_t total = sum([len(table.names) for table in self.tables.values()])
        cdef long long[::1] sizes = np.empty(n, dtype=np.int64)
        cdef long long[::1] slots = np.empty(total, dtype=np.int64)
        cdef double[::1] counts = np.empty(total)
        cdef double[:, ::1] scalars = np.empty((n, len(SCALARS)))
        cdef dict numbers = {}
        for i, table in enumerate(self.tables.values()):
            sizes[i] = len(table.names)
            scalars[i, 0], scalars[i, 1] = table.unit, table.total
            scalars[i, 2], scalars[i, 3] = table.known, table.novel
            scalars[i, 4] = table.hand
            for j in range(sizes[i]):
                slots[at] = numbers.setdefault(table.names[j], len(numbers))
                counts[at] = table.counts.data.as_doubles[j]
                at += 1
        return {
            "keys": list(self.tables),
            "categories": list(numbers),
            "sizes": np.asarray(sizes),
            "slots": np.asarray(slots),
            "counts": np.asarray(counts),
            "scalars": np.asarray(scalars),
        }

    def restore(self, state):
        """Take over what `state` returned."""
        cdef Frequencies table
        keys, names = state["keys"], state["categories"]
        ends = np.concatenate(([0], np.cumsum(state["sizes"]))).tolist()
        if not len(set(keys)) == len(keys) == len(ends) - 1 <= self.keys:
            raise ValueError(f"{len(keys)} keys, {len(ends) - 1} sizes of {self.keys} at most")
        slots = state["slots"].tolist()
        tables = OrderedDict()
        for i, key in enumerate(keys):
            table = Frequencies(self.half_life, self.capacity)
            begin, end = ends[i], ends[i + 1]
            table.restore({
                "names": [names[slot] for slot in slots[begin:end]],
                "counts": state["counts"][begin:end],
                "scalars": state["scalars"][i],
            })
            tables[str(key)] = table
        self.tables = tables


cdef double backed_off(Frequencies own, Py_ssize_t slot, double background):
    """Return the probability of a key's category, given that among all keys (``background``).

    Interpolated Witten-Bell smoothing: the events that brought the key something new say how
    little its history binds it, and so do those whose category is no longer kept.
    """
    cdef double doubt = own.novel + 0.5 * own.unit
    cdef double lost = own.total - own.known
    if lost < 0.0:  # by rounding
        lost = 0.0
    return (own.weight_at(slot) + (doubt + lost) * background) / (own.total + doubt)


def surprise_of(Frequencies everyone, Frequencies own, str category):
    """Return -log of a category's probability in nats; ``own`` may be None."""
    cdef double p = everyone.probability(category)
    if own is not None:
        p = backed_off(own, own.find(category), p)
    return 0.0 - scalar_log(p)


def count_one(Frequencies everyone, Histories histories, str category, str key):
    """Count one event as `surprise_block` does; ``key`` may be None."""
    cdef Py_ssize_t slot = everyone.find(category)
    cdef Frequencies own
    if key is not None:
        own = histories.latest(key)
        own.learn_at(own.find(category), category if slot < 0 else <str>everyone.names[slot])
    everyone.learn_at(slot, category)


def surprise_block(
    Frequencies everyone,
    Histories histories,
    list categories,
    list keys,
    double[::1] surprise,
    double[::1] share,
    double[::1] own_share,
    bint count=True,
):
    """Judge and then count n events, one after the other; None is a missing category or key.

    Without ``count`` they are judged by what is known, and nothing changes.

    ``surprise``, ``share`` and ``own_share`` (n,) take the surprise in nats, and which share of
    all events and of the key's own had the category; NaN where that is not known.
    """
    cdef Py_ssize_t i, slot, own_slot
    cdef double p
    cdef str category, key
    cdef Frequencies own
    for i in range(len(categories)):
        category = categories[i]
        surprise[i] = share[i] = own_share[i] = NAN
        if category is None:
            continue
        slot = everyone.find(category)
        p = everyone.probability_at(slot)
        if everyone.total > 0.0:
            share[i] = everyone.weight_at(slot) / everyone.total
        key = None if keys is None else keys[i]
        own = None
        if key is not None:
            own = histories.latest(key) if count else histories.of(key)
        if own is not None:
            own_slot = own.find(category)
            p = backed_off(own, own_slot, p)
            if own.total > 0.0:
                own_share[i] = own.weight_at(own_slot) / own.total
            if count:
                own.learn_at(own_slot, category if slot < 0 else <str>everyone.names[slot])
        if count:
            everyone.learn_at(slot, category)
        surprise[i] = 0.0 - scalar_log(p)
