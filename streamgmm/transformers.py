"""Categories, times of day and histories of keys as features, for river pipelines.

The same tables and circles as in a job's ``[events.fields]``.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Mapping
from datetime import datetime
from itertools import permutations
from typing import Any

import numpy as np
from river import base

from streamgmm.events.cycles import CYCLES, LocalTime
from streamgmm.events.encode import TRANSFORMS
from streamgmm.events.field import MOST_KEYS, Field
from streamgmm.events.history import KeyTable
from streamgmm.events.roles import times_column
from streamgmm.events.surprise import Surprise, as_category, bounded_text
from streamgmm.inputs import seconds_of
from streamgmm.values import check_whole, is_number

Event = Mapping[Any, Any]

_CYCLES = {"day": CYCLES["time_of_day"], "week": CYCLES["time_of_week"]}

_SOME_CYCLES = [some for n in (1, 2) for some in permutations(_CYCLES, n)]


class CategoricalSurprise(base.Transformer):
    """Turns a category into how surprising it is: -log of its frequency of late, in nats.

    The frequencies fade with a half-life and are kept of a bounded number of categories (1,024,
    of a key 16). A category that was never seen, or not for a half-life, gets its surprise from how
    often such ones have come lately.

    Parameters
    ----------
    on
        The feature with the category: text, a number or a truth value.
    given
        A feature whose own history counts as well (an account, a host): how usual the category
        is for it. A key without a history is judged by all events.
    half_life
        After so many events a count has half its weight, of a key after so many of its own; None
        forgets nothing.
    keys
        With ``given``, how many keys are remembered, those seen last.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not allowed; the message names what is.
    TypeError
        When an event's category or key is of another type.

    Notes
    -----
    A pipeline lets ordinary transformers learn an event before they transform it for the model: the
    model would then learn another surprise than it scores, above all of what is new. This one
    therefore asks, as supervised transformers do, to transform first and learn after. A target, if
    there is one, is ignored. With river's own loop, `learn_one` after `transform_one`, too.

    Examples
    --------
    >>> from river import compose
    >>> from streamgmm import CategoricalSurprise, OnlineGMM
    >>> model = (compose.Select("amount") + CategoricalSurprise("country")) | OnlineGMM()
    >>> for i in range(1_000):
    ...     model.learn_one({"amount": i % 7, "country": "CH" if i % 3 else "DE"})
    >>> usual, odd = {"amount": 3, "country": "CH"}, {"amount": 3, "country": "NZ"}
    >>> model.score_one(odd) > model.score_one(usual) + 10
    True
    """

    def __init__(
        self,
        on: Hashable,
        given: Hashable | None = None,
        half_life: float | None = 10_000,
        keys: int = 10_000,
    ) -> None:
        _check_name("on", on)
        _check_name("given", given)
        check_whole("keys", keys, 1, MOST_KEYS)
        self.on = on
        self.given = given
        self.half_life = half_life
        self.keys = keys
        fading = math.inf if half_life is None else half_life
        self._surprise = Surprise(fading, 0 if given is None else keys)
        self._name = on if given is None else f"{on} given {given}"

    @property
    def _supervised(self) -> bool:
        return True  # transform first, learn after

    def learn_one(self, x: Event, y: Any = None) -> None:  # noqa: ARG002  # river hands a target
        """Count an event's category; one without is passed over."""
        self._surprise.count(*self._read(x))

    def transform_one(self, x: Event) -> dict[Hashable, float]:
        """Return the surprise of an event's category in nats; nothing where it is missing.

        The feature has the category's name, with ``given`` "CATEGORY given KEY".
        """
        category, key = self._read(x)
        return {} if category is None else {self._name: self._surprise.of(category, key)}

    def _read(self, x: Event) -> tuple[str | None, str | None]:
        key = None if self.given is None else as_category(x.get(self.given))
        return as_category(x.get(self.on)), key

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"on": "category"}
        yield {"on": "category", "given": "key"}


class CyclicTime(base.Transformer):
    """Turns a time into points on the circles of the day and of the week: sine and cosine of each.

    Parameters
    ----------
    on
        The feature with the time: seconds since the epoch, a datetime (UTC where it names no
        zone) or ISO 8601 text.
    cycles
        "day", "week" or both; the week begins on Monday.
    time_zone
        Whose clocks: "UTC", an offset such as "+05:30", or a name such as "Europe/Zurich".

    Raises
    ------
    TypeError, ValueError
        If a parameter is not allowed (the message names what is), or a time cannot be read.

    Examples
    --------
    >>> from streamgmm import CyclicTime
    >>> point = CyclicTime("at", cycles=("day",)).transform_one({"at": "2026-01-05T06:00:00Z"})
    >>> {name: round(value, 9) for name, value in point.items()}
    {'at.day.sin': 1.0, 'at.day.cos': 0.0}
    """

    def __init__(
        self, on: Hashable, cycles: tuple[str, ...] = ("day", "week"), time_zone: str = "UTC"
    ) -> None:
        _check_name("on", on)
        given: Any = cycles
        if (tuple(given) if isinstance(given, list) else given) not in _SOME_CYCLES:
            raise ValueError(
                f'cycles is {cycles!r:.80}; a tuple of one or both of "day" and "week" is allowed'
            )
        self.on = on
        self.cycles = cycles
        self.time_zone = time_zone
        self._local = LocalTime(time_zone)

    def transform_one(self, x: Event) -> dict[Hashable, float]:
        """Return "TIME.day.sin", "TIME.day.cos" and so on; nothing where the time is missing."""
        seconds = _seconds_of(self.on, x.get(self.on))
        if math.isnan(seconds):
            return {}
        local = self._local.of(np.array([seconds]))
        point: dict[Hashable, float] = {}
        for name in self.cycles:
            sine, cosine = _CYCLES[name].turn(local)[0].tolist()
            point |= {f"{self.on}.{name}.sin": sine, f"{self.on}.{name}.cos": cosine}
        return point

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"on": "time"}


class KeyHistory(base.Transformer):
    """Says what came before an event of the same key: when, how many, how much, what mean.

    Parameters
    ----------
    history
        ``"since"``: seconds since the key's last event. ``"count"``: how many events it had, each
        counting half after `half_life`. ``"sum"``: the sum of `on` in those. ``"mean"``: its fading
        mean. ``"against_mean"``: the event's own number less that mean.
    per
        The feature by which events belong together (an account, a host).
    time
        The feature with the time: seconds since the epoch, a datetime (UTC where it names no
        zone) or ISO 8601 text. Only a mean that fades by events can do without.
    on
        The feature with the number, for a sum or a mean.
    half_life
        A span of time such as ``"1h"``; of a mean also a number of the key's own events.
    transform
        The scale of the number and of the answer: ``"identity"``, ``"log1p"`` or ``"asinh"``.
        ``"against_mean"`` with ``"log1p"`` is the logarithm of a ratio.
    keys
        How many keys are remembered, those seen last.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not allowed (the message names what is), or a time, a number or a key is
        of another type.

    Notes
    -----
    As `CategoricalSurprise` it asks to transform first and learn after. Late events come no time
    after their key's latest.

    Examples
    --------
    >>> from streamgmm import KeyHistory
    >>> uses = KeyHistory("count", per="card", time="at", half_life="1h")
    >>> for minute in (0, 30, 60):
    ...     uses.learn_one({"card": "a", "at": 60 * minute})
    >>> one, other = {"card": "a", "at": 3600}, {"card": "b", "at": 3600}
    >>> round(uses.transform_one(one)["count per card"], 2), uses.transform_one(other)
    (2.21, {'count per card': 0.0})
    """

    def __init__(
        self,
        history: str,
        per: Hashable,
        time: Hashable | None = None,
        on: Hashable | None = None,
        half_life: float | str = 10_000,
        transform: str = "identity",
        keys: int = 10_000,
    ) -> None:
        for parameter, name in (("per", per), ("time", time), ("on", on)):
            _check_name(parameter, name)
        given: Any = {"history": history, "transform": transform, "half_life": half_life}
        of_number = history not in ("since", "count")
        source = str(on) if of_number and on is not None else None
        self._field = Field(str(history), per=str(per), keys=keys, source=source, **given)
        if of_number != (on is not None):
            raise ValueError(
                f"on is {on!r:.80}; history {history!r} needs "
                + ("the name of the feature with the number" if of_number else "none")
            )
        span = self._field.half_life_seconds
        if time is None and (span is not None or history == "since"):
            raise ValueError(f"time is None; history {history!r} needs the feature with the time")
        self.history = history
        self.per = per
        self.time = time
        self.on = on
        self.half_life = half_life
        self.transform = transform
        self.keys = keys
        self._table = KeyTable([history], [-float(half_life) if span is None else span], keys)
        self._name = f"{history} per {per}" if on is None else f"{on} {history} per {per}"

    @property
    def _supervised(self) -> bool:
        return True  # transform first, learn after

    def learn_one(self, x: Event, y: Any = None) -> None:  # noqa: ARG002  # river hands a target
        """Add an event to its key's history."""
        self._block(x, count=True)

    def transform_one(self, x: Event) -> dict[Hashable, float]:
        """Return what came before; nothing where that is not known, as of a new key's mean.

        The feature is called "HISTORY per KEY", of a number "NUMBER HISTORY per KEY".
        """
        value = self._block(x, count=False)
        return {} if math.isnan(value) else {self._name: value}

    def _block(self, x: Event, *, count: bool) -> float:
        """Judge an event, and with `count` add it."""
        key = bounded_text(as_category(x.get(self.per)))
        time = math.nan if self.time is None else _seconds_of(self.time, x.get(self.time))
        number = np.array([[self._number(x)]])
        forward = TRANSFORMS[self.transform].forward
        on_scale = self.history in ("mean", "against_mean")
        if on_scale and forward is not None:
            number = forward(number)
        out = np.empty((1, 1))
        self._table.block([key], np.array([time]), number, out, count=count)
        return float(out[0, 0] if on_scale or forward is None else forward(out)[0, 0])

    def _number(self, x: Event) -> float:
        value = None if self.on is None else x.get(self.on)
        if value is None:
            return math.nan
        lowest = TRANSFORMS[self.transform].lower
        if not is_number(value) or value < lowest or math.isinf(value):
            raise ValueError(
                f"{self.on!r} is {value!r:.80}; a finite number"
                + (f" of at least {lowest:g}" if math.isfinite(lowest) else "")
                + " or None (missing) is allowed"
            )
        return float(value)

    @classmethod
    def _unit_test_params(cls) -> Iterator[dict[str, Any]]:
        yield {"history": "mean", "per": "key", "on": "number"}


def _check_name(parameter: str, name: object) -> None:
    """Refuse what cannot be a feature's name."""
    if not isinstance(name, Hashable):
        raise TypeError(
            f"{parameter} is {name!r:.80}; allowed is the name of a feature, as events have it: "
            "a text, a number or anything else that a dictionary takes for a key"
        )


def _seconds_of(name: Hashable, time: Any) -> float:
    """Return a time of any allowed kind in seconds since the epoch; None is NaN."""
    if isinstance(time, datetime | np.datetime64):
        return seconds_of(time)
    seconds, faults = times_column([time], "s", np.full(1, np.nan), str(name))
    if faults:
        raise ValueError(faults[0].detail)
    return float(seconds[0])
