"""Features that appear after warm-up: watched until their location and scale are known."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamgmm.mixture import Frame, estimate_frame

Array = NDArray[np.float64]

# Values of a new feature to see before it joins: enough for the 10-90% range.
ENOUGH = 100
# New features that are watched at a time: names may be without end.
MOST = 64
# Events after which one that was not seen again is forgotten.
PATIENCE = 10_000


@dataclass(slots=True)
class _Newcomer:
    last_seen: int = 0
    values: list[float] = field(default_factory=list)


class Newcomers:
    """Values of the features that the mixture does not have yet, by name.

    Parameters
    ----------
    resolution
        As in :func:`streamgmm.mixture.estimate_frame`.
    """

    def __init__(self, *, resolution: bool) -> None:
        self._resolution = resolution
        self._watched: dict[Hashable, _Newcomer] = {}

    def __len__(self) -> int:
        return len(self._watched)

    @property
    def names(self) -> list[Hashable]:
        """Names of the features that are watched, in the order in which they appeared."""
        return list(self._watched)

    def watch(
        self, now: int, names: Sequence[Hashable], row: Array
    ) -> list[tuple[Hashable, Frame]]:
        """Take in the values of one event; returns who joins, and where it is placed.

        Parameters
        ----------
        now
            Number of the event.
        names, row
            Features that the mixture does not have, and their values (p,), NaN = missing.
        """
        seen = {
            name: value
            for name, value in zip(names, row.tolist(), strict=True)
            if not np.isnan(value)
        }
        if not seen:
            return []
        self._forget(now)
        # those who are watched first, so that none of them makes room for another of this event
        for name in [*(name for name in self._watched if name in seen), *seen]:
            one = self._watched.get(name) or self._admit(name, now)
            if one is not None and one.last_seen != now:
                one.last_seen = now
                one.values.append(seen[name])
        known = [name for name, one in self._watched.items() if len(one.values) >= ENOUGH]
        return [(name, self._place(self._watched.pop(name))) for name in known]

    def _forget(self, now: int) -> None:
        for name in [name for name, one in self._watched.items() if now - one.last_seen > PATIENCE]:
            del self._watched[name]

    def _admit(self, name: Hashable, now: int) -> _Newcomer | None:
        """Watch a further feature; the least known one gives way to it if there are too many."""
        if len(self._watched) >= MOST:
            absent = [
                (len(one.values), one.last_seen, other)
                for other, one in self._watched.items()
                if one.last_seen != now
            ]
            if not absent:
                return None
            del self._watched[min(absent, key=lambda one: one[:2])[2]]
        self._watched[name] = _Newcomer()
        return self._watched[name]

    def _place(self, one: _Newcomer) -> Frame:
        return estimate_frame(np.array(one.values)[:, None], resolution=self._resolution)

    def state(self) -> dict[str, Any]:
        """Return what is watched so far, as plain arrays."""
        watched = self._watched.values()
        return {
            "names": self.names,
            "last_seen": [one.last_seen for one in watched],
            "values": [np.array(one.values) for one in watched],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Put back what :meth:`state` returned."""
        self._watched = {
            name: _Newcomer(int(last_seen), np.asarray(values).tolist())
            for name, last_seen, values in zip(
                state["names"], state["last_seen"], state["values"], strict=True
            )
        }
