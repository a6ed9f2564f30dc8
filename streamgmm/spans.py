"""Spans of time as people write them: "30s", "1h30m", "7d"."""

from __future__ import annotations

import math
import re
from typing import Final

__all__ = ["UNITS", "seconds_of"]

UNITS: Final = {
    "ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0
}  # fmt: skip
"""Seconds of each unit."""
_PART: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)(ms|s|min|m|h|d|w)")
_SPAN: Final = re.compile(rf"(?:{_PART.pattern})+")


def seconds_of(span: str) -> float:
    """Return how many seconds a span is; spaces do not count.

    Raises
    ------
    ValueError
        If it is none, or not above 0.

    Examples
    --------
    >>> seconds_of("1h30m"), seconds_of("7 d")
    (5400.0, 604800.0)
    """
    compact = span.replace(" ", "")
    parts = _PART.findall(compact) if _SPAN.fullmatch(compact) else []
    length = sum(float(n) * UNITS[unit] for n, unit in parts)
    if not 0 < length < math.inf:
        raise ValueError(
            f"{span!r:.80} is no span of time; allowed is one above 0, such as "
            '"30s", "1h30m" or "7d"'
        )
    return length
