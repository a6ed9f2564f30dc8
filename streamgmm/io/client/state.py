"""A record of a compacted topic that keeps state: the latest value of each key counts."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["StateRecord"]


class StateRecord(NamedTuple):
    """The latest value of a key, when it was written (s since the epoch), and where it is."""

    value: bytes
    written: float
    partition: int
