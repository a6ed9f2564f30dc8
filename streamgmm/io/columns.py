"""Generated events as columns, made a window of time at a time and given out in order of time."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

HOUR = 3600.0
DAY = 24 * HOUR


@dataclass(frozen=True, slots=True)
class Columns:
    """n events as columns, each of shape (n,); `ts` in seconds since the epoch."""

    ts: Array

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Join several blocks of events."""
        names = [column.name for column in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def take(self, rows: Array | slice) -> Self:
        """Return some of the rows."""
        return type(self)(*(getattr(self, column.name)[rows] for column in fields(self)))

    def sorted(self) -> Self:
        """Return the events in order of time."""
        return self.take(np.argsort(self.ts, kind="stable"))

    def split(self, moment: float) -> tuple[Self, Self]:
        """Part sorted events into those before `moment` and those from it on."""
        at = int(np.searchsorted(self.ts, moment))
        return self.take(slice(None, at)), self.take(slice(at, None))

    def events(self, names: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield the events as dictionaries of some columns."""
        columns = [getattr(self, name).tolist() for name in names]
        for row in zip(*columns, strict=True):
            yield dict(zip(names, row, strict=True))


C = TypeVar("C", bound=Columns)


def in_order(make: Callable[[float, float], list[C]], begin: float, length: float) -> Iterator[C]:
    """Yield window after window without end, sorted.

    ``make(begin, length)`` returns the events that start in a window; those that fall into later
    windows are kept for them.
    """
    pending: list[C] = []
    while True:
        made = make(begin, length) + pending
        begin += length
        now, later = type(made[0]).concatenate(made).sorted().split(begin)
        pending = [later]
        yield now
