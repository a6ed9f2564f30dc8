"""Events that nothing explains wait here; several that agree become a component.

One strange event says nothing: to learn it would be to learn the attack. Several that lie together,
where no component is, are a behaviour, and get a component of their own: known, so that what comes
next is told apart from it, but far from established. The compiled loop fills the ring; whether its
rows agree is looked at when enough of them are new, which depends on the events alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Frame, OnlineMixture
from streamgmm.mixture.components import Components
from streamgmm.mixture.mergers import MOST_NATS, cheapest_merge, cheapest_retirement
from streamgmm.mixture.rules import thresholds
from streamgmm.mixture.structure import birth, merge, retire

from .neighbours import count_neighbours

Array = NDArray[np.float64]

ROWS = 256  # of the ring
COUNTERS = 5  # next row, rows filled, new ones, new ones that are due, events learned
_NEXT, _FILLED, _FRESH, _DUE, _EVENTS = range(COUNTERS)
_PATIENCE, _MOST_PATIENCE = 32.0, 1024.0  # new rows between two looks, at first and at most
_CENTRES = 32  # latest rows that a cluster is looked for around
_FEWEST = 16  # events that make a component
_LEAST_GAIN = 3.0  # nats by which it must explain them better, on average
_MARGIN = 3.0  # a handful says less surely what it gains than all the traffic what it costs
_SHORTEST = 10_000.0  # events over which the share of a behaviour is reckoned, at least
_KEPT = 64  # latest births


@dataclass(frozen=True, slots=True)
class Birth:
    """A component that was born: its id, from how many events, and after how many learned."""

    id: int
    members: int
    event: int


class Quarantine:
    """The latest events that no component explained.

    Parameters
    ----------
    d
        Number of features.
    enabled
        False: nothing is kept, nothing is ever born.
    """

    def __init__(self, d: int, *, enabled: bool) -> None:
        # frame units, missing values as the nearest component expects them; learning weight; event
        self.ring: Array = np.zeros((ROWS if enabled else 0, d + 2))
        self.counters: Array = np.zeros(COUNTERS)
        self.counters[_DUE] = _PATIENCE
        self.births: list[Birth] = []

    def enable(self, *, enabled: bool) -> None:
        """Begin to keep strange events, or end it and let go of those that are here."""
        if enabled != bool(len(self.ring)):
            self.ring = np.zeros((ROWS if enabled else 0, self.ring.shape[1]))
            self.counters[[_NEXT, _FILLED, _FRESH]] = 0.0
            self.counters[_DUE] = _PATIENCE

    @property
    def learned(self) -> int:
        """Number of events that were learned since warm-up, strange or not."""
        return int(self.counters[_EVENTS])

    @property
    def due(self) -> bool:
        """Whether enough rows are new for a look."""
        return bool(self.counters[_FRESH] >= self.counters[_DUE])

    @property
    def fresh(self) -> bool:
        """Whether there are half as many new rows as are due: enough for a look in passing."""
        return bool(self.counters[_FRESH] >= 0.5 * self.counters[_DUE])

    def look(self, mixture: OnlineMixture) -> bool:
        """Give components to what lies together in the ring; returns whether there was any.

        ``mixture`` is changed in place.
        """
        fresh, born = int(min(self.counters[_FRESH], self.counters[_FILLED])), False
        self.counters[_FRESH] = 0.0
        rows = self._rows()
        while fresh >= _FEWEST:
            members = _together(mixture, rows[:, :-2], min(fresh, _CENTRES))
            if members is None:
                break
            if not self._bear(mixture, rows[members]):
                # some streams are never explained quite: the next look is farther away
                self.counters[_DUE] = min(2.0 * self.counters[_DUE], _MOST_PATIENCE)
                break
            born = True
            self.counters[_DUE] = _PATIENCE
            left = ~members & ~_explained(mixture, rows[:, :-2])
            fresh = int(left[len(rows) - fresh :].sum())
            rows = rows[left]
        if born:
            self._keep(rows)
        return born

    def _bear(self, mixture: OnlineMixture, members: Array) -> bool:
        """Give the rows (m, d + 2) a component if that gains more than it costs."""
        Z, weight, event = members[:, :-2], members[:, -2], members[:, -1]
        span = self.counters[_EVENTS] - event.min() + 1.0
        share = len(Z) / max(span, min(mixture.mass, _SHORTEST))
        made = _room(mixture)
        if made is None:
            return False
        room, slot, cost = made
        mean = Z.mean(axis=0)
        away = Z - mean
        # the pooled shape in the user's units: where the frame is logarithmic it is a small one
        step = mixture.frame.scale / mixture.frame.slope(mean)
        T = room.covariance.unpack(room.pooled(), room.d) * (step[:, None] * step[None, :])
        own = (away[:, :, None] * away[:, None, :]).sum(axis=0)
        new = {
            "mass": float(len(Z)),
            "mean": mean,
            # d events' worth of belief in the pooled shape
            "scatter": (own + room.d * T) / (len(Z) + room.d),
        }
        X = mixture.frame.to_user(Z)
        trial = mixture.copy()
        trial.components = birth(room, slot, weight=min(share, 0.5), **new)
        gain = np.minimum(trial.expect(X)[0] - mixture.expect(X)[0], MOST_NATS).mean()
        if gain < _LEAST_GAIN or share * gain <= _MARGIN * cost:
            return False
        light = min(float(weight.sum()) / mixture.mass, _unestablished(room, mixture))
        mixture.components = birth(room, slot, weight=light, **new)
        name = int(mixture.ids[slot])
        born = Birth(name, len(Z), int(self.counters[_EVENTS]))
        self.births = [*self.births, born][-_KEPT:]
        return True

    def _rows(self) -> Array:
        """Return the ring's rows (n, d + 2), oldest first."""
        filled, at = int(self.counters[_FILLED]), int(self.counters[_NEXT])
        if filled < len(self.ring):
            return self.ring[:filled].copy()
        return np.concatenate([self.ring[at:], self.ring[:at]])

    def _keep(self, rows: Array) -> None:
        self.ring[: len(rows)] = rows
        self.counters[_FILLED] = len(rows)
        self.counters[_NEXT] = len(rows) % max(len(self.ring), 1)

    # ---- when the coordinates change -----------------------------------------------------

    def move(self, old: Frame, new: Frame) -> None:
        """Express the rows in another frame."""
        Z = self.ring[:, :-2]
        self.ring[:, :-2] = new.to_frame(old.to_user(Z))

    def widen(self, added: int) -> None:
        """Add features, at their location so far."""
        at = self.ring.shape[1] - 2
        self.ring = np.insert(self.ring, [at] * added, 0.0, axis=1)

    # ---- state ---------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return rows, counters and latest births as plain arrays."""
        births = [[b.id, b.members, b.event] for b in self.births]
        return {
            "ring": self.ring.copy(),
            "counters": self.counters.copy(),
            "births": np.array(births, dtype=np.uint64).reshape(-1, 3),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self.ring = np.array(state["ring"])
        self.counters[:] = state["counters"]
        self.births = [Birth(*map(int, row)) for row in state["births"]]


def _together(mixture: OnlineMixture, Z: Array, fresh: int) -> NDArray[np.bool_] | None:
    """Return which rows of Z (n, d) form the densest cluster around one of the ``fresh`` latest.

    Distances are in the pooled variances: two events of one component of the pooled shape lie
    within sqrt(2) times what holds nearly all of it. None if fewer than 16 lie together.
    """
    parts = mixture.components
    variance = np.diagonal(parts.covariance.unpack(parts.pooled(), parts.d)) + mixture.frame.ridge
    Y = np.ascontiguousarray(Z / np.sqrt(variance))
    radius2 = _holds(parts.d, 2.0)
    counts = count_neighbours(Y, len(Y) - fresh, 2.0 * radius2)
    if counts.max() < _FEWEST:
        return None
    around = Y[len(Y) - fresh + int(counts.argmax())]
    members: NDArray[np.bool_] = ((Y - around) ** 2).sum(axis=1) <= 2.0 * radius2
    for _ in range(2):
        centre = Y[members].mean(axis=0)
        closer = ((Y - centre) ** 2).sum(axis=1) <= _holds(parts.d, 5.0)
        if closer.sum() < _FEWEST:
            break
        members = closer
    return members


def _explained(mixture: OnlineMixture, Z: Array) -> NDArray[np.bool_]:
    """Return which rows (n, d) their component explains, as the compiled loop judges it."""
    if not len(Z):
        return np.zeros(0, dtype=bool)
    _, responsibility, distance = mixture.expect(mixture.frame.to_user(Z))
    nearest = responsibility.argmax(axis=1)
    return np.asarray(distance[np.arange(len(Z)), nearest] <= _holds(mixture.d, 5.0))


def _room(mixture: OnlineMixture) -> tuple[Components, int, float] | None:
    """Return components with an empty slot, the slot, and what it costs in nats an event."""
    parts = mixture.components
    empty = np.flatnonzero(~parts.occupied)
    if len(empty):
        return parts, int(empty[0]), 0.0
    retirement, k = cheapest_retirement(mixture)
    merging, i, j = cheapest_merge(mixture)
    if math.isinf(min(retirement, merging)):
        return None
    if retirement <= merging:
        return retire(parts, k), k, retirement
    merged = merge(parts, i, j)
    return merged, int(np.flatnonzero(~merged.occupied)[0]), merging


def _unestablished(parts: Components, mixture: OnlineMixture) -> float:
    """Return a weight below every threshold of established behaviour."""
    least = min(thresholds(mixture.rules))
    return 0.5 * least * float(parts.weights.max()) if least > 0.0 else 0.5


def _holds(d: float, t: float) -> float:
    """Return a bound that chi squared of d degrees of freedom exceeds with less than e^-t.

    Laurent & Massart (2000), lemma 1.
    """
    return d + 2.0 * math.sqrt(d * t) + 2.0 * t
