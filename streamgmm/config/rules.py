"""Rules for single values: what is allowed, said in words, and how a value is read.

A rule takes what TOML gave (or the text of an environment variable) and returns the value
in the form the program uses, or raises ValueError. Its words go into the error message, so
that what is enforced and what is said cannot drift apart.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

from streamgmm.events.cycles import read_zone
from streamgmm.spans import seconds_of

_PER_DAY = {"hour": 24.0, "day": 1.0, "week": 1 / 7}

_BUDGET = re.compile(r"(\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*/\s*(hour|day|week)")
_ADDRESS = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]+):(\d{1,5})")

_PAIR = re.compile(r"\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+\s*=[ -+\--~]*")
_HOST = re.compile(r"(\*\.)?[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\]")


class Secret:
    """A value that no message, log, representation or saved configuration shows.

    Examples
    --------
    >>> Secret("hunter2")
    Secret('***')
    >>> Secret("hunter2").reveal()
    'hunter2'
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself, to hand it to a client library."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other.reveal() == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a secret is not written to pickles")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is allowed, in words, and the function that enforces it.

    Parameters
    ----------
    allowed
        Completes "allowed is ...".
    read
        Returns the value, or raises ValueError or TypeError (their text is not shown).
    secret
        If true a message never shows the value.
    empty
        If true a list may have no items.
    span
        If true the value is a length of time, in seconds once read.
    """

    allowed: str
    read: Callable[[Any], Any]
    secret: bool = False
    empty: bool = False
    span: bool = False


def whole(low: int, high: int | None = None) -> Rule:
    """Allow a whole number from `low` to `high`, both allowed."""

    def read(value: Any) -> int:
        _require(isinstance(value, int) and not isinstance(value, bool))
        _require(value >= low and (high is None or value <= high))
        return int(value)

    upper = "up" if high is None else f"to {high:,}"
    return Rule(f"a whole number from {low:,} {upper}", read)


def number(low: float, high: float) -> Rule:
    """Allow a number from `low` to `high`, both allowed."""

    def read(value: Any) -> float:
        _require(_is_number(value) and low <= value <= high)
        return float(value)

    return Rule(f"a number from {low:,} to {high:,}", read)


def flag() -> Rule:
    """Allow true or false."""

    def read(value: Any) -> bool:
        _require(isinstance(value, bool) or value in ("true", "false"))
        return value in (True, "true")

    return Rule("true or false", read)


def choice(*names: str) -> Rule:
    """Allow one of some words."""

    def read(value: Any) -> str:
        _require(value in names)
        return str(value)

    return Rule(" or ".join(f'"{name}"' for name in names), read)


def text(words: str, *, empty: bool = True) -> Rule:
    """Allow text, perhaps empty."""

    def read(value: Any) -> str:
        _require(isinstance(value, str) and (value or empty))
        return str(value)

    return Rule(words, read)


def texts(words: str) -> Rule:
    """Allow a list of text, or one text with commas; at least one item, none empty, none twice."""

    def read(value: Any) -> tuple[str, ...]:
        items = value.split(",") if isinstance(value, str) else value
        _require(isinstance(items, list | tuple) and all(isinstance(i, str) for i in items))
        items = [item.strip() for item in items]
        _require(items and all(items) and len(set(items)) == len(items))
        return tuple(items)

    return Rule(words, read)


def some_of(*names: str) -> Rule:
    """Allow a list of some of these words, perhaps of none, or one text with commas."""

    def read(value: Any) -> tuple[str, ...]:
        items = _listed(value)
        _require(set(items) <= set(names))
        return items

    words = ", ".join(f'"{name}"' for name in names)
    return Rule(f"a list of none, some or all of {words}", read, empty=True)


def time_zone(value: Any) -> str:
    """Read the name of a time zone, or an offset such as "+05:30"."""
    read_zone(value)
    return str(value)


def duration() -> Rule:
    """Allow a length of time above 0, read as seconds."""
    words = 'a number of seconds above 0, or text like "500ms", "30s", "1h30m", "7d"'
    return Rule(words, seconds, span=True)


def duration_between(least: float, most: float, words: str) -> Rule:
    """Allow a length of time from ``least`` to ``most`` seconds, which ``words`` name."""

    def read(value: Any) -> float:
        length = seconds(value)
        _require(least <= length <= most)
        return length

    return Rule(words, read, span=True)


def secret(words: str) -> Rule:
    """Allow text that is never shown."""

    def read(value: Any) -> Secret:
        if isinstance(value, Secret):
            return value
        _require(isinstance(value, str))
        return Secret(value)

    return Rule(words, read, secret=True)


def seconds(value: Any) -> float:
    """Read a duration: a number of seconds, or text with units.

    Examples
    --------
    >>> seconds("1h30m"), seconds(30)
    (5400.0, 30.0)
    """
    if isinstance(value, str):
        return seconds_of(value)
    _require(_is_number(value) and value > 0)
    return float(value)


def half_life(value: Any) -> float | str:
    """Read a half-life: a number of events, a duration as text, or "stationary"."""
    if value == "stationary":
        return "stationary"
    if isinstance(value, str):
        seconds(value)
        return value.replace(" ", "")
    _require(_is_number(value) and value > 0)
    return float(value)


def budget(value: Any) -> float | str:
    """Read a false-alarm budget: a probability, or a number a day (kept as ``"5/day"``)."""
    if isinstance(value, str):
        match = _BUDGET.fullmatch(value.strip())
        if match is None or float(match[1]) <= 0:
            raise ValueError
        rate = float(match[1]) * _PER_DAY[match[2]]
        _require(math.isfinite(rate))
        return f"{repr(rate).removesuffix('.0')}/day"
    _require(_is_number(value) and 0 < value < 1)
    return float(value)


def established(value: Any) -> float | str:
    """Read what counts as established: "graded", "off", or a share of the busiest's traffic."""
    if value in ("graded", "off"):
        return str(value)
    _require(_is_number(value) and 0 < value <= 1)
    return float(value)


def quantile_or_off(value: Any) -> float | str:
    """Read a quantile strictly between 0 and 1, or "off"."""
    if value == "off":
        return "off"
    _require(_is_number(value) and 0 < value < 1)
    return float(value)


def address(value: Any) -> str:
    """Read ``host:port``; empty is off."""
    if value == "":
        return ""
    match = _ADDRESS.fullmatch(value)  # TypeError if it is no text
    _require(match and int(match[2]) <= 65_535)
    return str(value)


def url(value: Any) -> str:
    """Read the address of a server over HTTP; empty is none.

    Examples
    --------
    >>> url("https://collector.example:4318/otlp/")
    'https://collector.example:4318/otlp'
    """
    if value == "":
        return ""
    _require(isinstance(value, str))
    parts = urlsplit(value)  # ValueError if it is no address
    _require(parts.scheme in ("http", "https") and parts.hostname and value.isprintable())
    _require(not (parts.query or parts.fragment or parts.username or " " in value))
    _require(parts.port != 0)  # or ValueError
    return str(value).rstrip("/")


def collector(value: Any) -> str:
    """Read the address of a collector, to which the path of each signal is added.

    Examples
    --------
    >>> collector("https://collector.example:4318/otlp/")
    'https://collector.example:4318/otlp'
    """
    address = url(value)
    _require(not address.endswith(("/v1/logs", "/v1/metrics", "/v1/traces")))
    return address


def pairs(value: Any) -> tuple[str, ...]:
    """Read a list of "name=value", perhaps empty, or one text with commas."""
    items = _listed(value)
    _require(all(_PAIR.fullmatch(item) for item in items))
    return items


def secret_pairs(value: Any) -> Secret:
    """Read "name=value,name=value", perhaps empty, that is never shown."""
    listed = value.reveal() if isinstance(value, Secret) else value
    pairs(listed)
    _require(isinstance(listed, str))
    # No header may hold what would end it, encoded or not.
    _require(unquote(listed).isascii() and unquote(listed).isprintable())
    return Secret(listed)


def ratio_or_empty(value: Any) -> float | str:
    """Read a share from 0 to 1, both allowed; empty is none."""
    if value == "":
        return ""
    _require(_is_number(value) and 0 <= value <= 1)
    return float(value)


def hosts(value: Any) -> tuple[str, ...]:
    """Read a list of hosts, perhaps empty, or one text with commas."""
    items = _listed(value)
    _require(all(_HOST.fullmatch(item) for item in items))
    return items


def _listed(value: Any) -> tuple[str, ...]:
    """Read a list of text, perhaps of none, or one text with commas; nothing twice."""
    given = [] if isinstance(value, str) and not value.strip() else value
    items = given.split(",") if isinstance(given, str) else given
    _require(isinstance(items, list | tuple) and all(isinstance(i, str) for i in items))
    items = [item.strip() for item in items]
    _require(len(set(items)) == len(items))
    return tuple(items)


def _require(holds: object) -> None:
    if not holds:
        raise ValueError


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
