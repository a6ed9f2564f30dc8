"""What was found of each kind of labelled anomaly, event by event and episode by episode.

An episode is a run of one kind by one key, with quiet before and after it; of a kind whose events
have many keys, as those of a flood have, by another member. It is found with its first alert; its
delay is the time from its first event to that one. Only what comes after warm-up counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import median
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from streamgmm.events.readings import find, readings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamgmm.service.pipeline import Outputs

__all__ = ["DEFAULT_KIND", "Kinds"]

DEFAULT_KIND: Final = "kind"
"""The member of an event that names its kind, where nobody says otherwise."""

# An episode ends where its key is quiet for so long, seconds.
_APART: Final = 6 * 3600.0
_MOST_EPISODES: Final = 20_000
_MOST_KINDS: Final = 50
_MOST_DELAYS: Final = 10_000
_LONGEST: Final = 80
_OTHERS: Final = "(others)"
_UNNAMED: Final = "(not named)"


@dataclass(slots=True)
class Kind:
    """What was found of one kind; `delays` in seconds, of the first episodes found."""

    events: int = 0
    alerted: int = 0
    episodes: int = 0
    found: int = 0
    delays: list[float] = field(default_factory=list)


@dataclass(slots=True)
class _Episode:
    first: float
    last: float
    found: bool = False


class Kinds:
    """Collects labelled anomalies by kind.

    Parameters
    ----------
    member
        The member of an event that names its kind; dots may lead into nested objects.
    episodes_by
        Of some kinds the member that all events of an episode share, instead of the key.

    Attributes
    ----------
    named : bool
        Whether any anomaly had one.
    """

    def __init__(
        self, member: str = DEFAULT_KIND, episodes_by: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.named = False
        self._kind_of = _reader(member)
        self._shared = {kind: _reader(name) for kind, name in episodes_by.items()}
        self._kinds: dict[str, Kind] = {}
        # The one that was quiet longest comes first.
        self._episodes: dict[tuple[str, str | None], _Episode] = {}

    def take(self, outputs: Outputs) -> None:
        """Add a block."""
        batch, verdicts = outputs.batch, outputs.verdicts
        if batch.labels is None:
            return
        for row in np.flatnonzero(verdicts.ready & (batch.labels > 0)).tolist():
            event = batch.event(row)
            name = self._name(self._kind_of(event))
            alerted = bool(verdicts.is_anomaly[row])
            kind = self._kinds.setdefault(name, Kind())
            kind.events += 1
            kind.alerted += alerted
            time = float(batch.time[row])
            if not math.isnan(time):
                shared = self._shared.get(name)
                whose = batch.key(row) if shared is None else str(shared(event))[:_LONGEST]
                self._follow(kind, (name, whose), time, alerted=alerted)

    def told(self) -> list[dict[str, Any]]:
        """Give the kinds, those with most events first, as JSON shows them."""
        return [
            {
                "kind": name,
                "events": kind.events,
                "alerted": kind.alerted,
                "episodes": kind.episodes,
                "found": kind.found,
                "delay": median(kind.delays) if kind.delays else None,
            }
            for name, kind in sorted(self._kinds.items(), key=lambda item: -item[1].events)
        ]

    def _name(self, told: Any) -> str:
        if told is None:
            return _UNNAMED
        self.named = True
        name = str(told)[:_LONGEST]
        return name if name in self._kinds or len(self._kinds) < _MOST_KINDS else _OTHERS

    def _follow(
        self, kind: Kind, whose: tuple[str, str | None], time: float, *, alerted: bool
    ) -> None:
        episode = self._episodes.pop(whose, None)
        if episode is None or time - episode.last > _APART:
            episode = _Episode(time, time)
            kind.episodes += 1
        episode.last = max(episode.last, time)
        if alerted and not episode.found:
            episode.found = True
            kind.found += 1
            if len(kind.delays) < _MOST_DELAYS:
                kind.delays.append(max(time - episode.first, 0.0))
        self._episodes[whose] = episode
        if len(self._episodes) > _MOST_EPISODES:
            del self._episodes[next(iter(self._episodes))]


def _reader(member: str) -> Callable[[bytes], Any]:
    """Return what reads one member of an event, None where it has no such one."""
    ways = readings(member)
    decoder = msgspec.json.Decoder(dict[str, Any])

    def read(event: bytes) -> Any:
        try:
            return find(decoder.decode(event), ways)
        except (msgspec.DecodeError, RecursionError):  # in a member that the model does not read
            return None

    return read
