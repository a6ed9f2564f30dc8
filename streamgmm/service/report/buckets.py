"""Sums along an axis that nobody knows the length of: where they get too many they grow wider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["Buckets", "Sum"]


class Sum(Protocol):
    """What a bucket holds."""

    def add(self, other: Self) -> None:
        """Take in what comes later on the axis."""


S = TypeVar("S", bound=Sum)


class Buckets(Generic[S]):
    """Sums by bucket; bucket k is [k width, (k + 1) width).

    Parameters
    ----------
    width
        Of a bucket at first.
    steps
        By how much the width grows each time; the last one is repeated. Whole numbers, so that each
        bucket falls into one of the wider ones as it is.
    most
        So many buckets may hold something, at least 2: those on either side of 0 never join.
    """

    def __init__(self, width: float, steps: Sequence[int], most: int) -> None:
        self.width = width
        self._steps = list(steps)
        self._most = most
        self._sums: dict[int, S] = {}

    def __len__(self) -> int:
        return len(self._sums)

    def __iter__(self) -> Iterator[tuple[int, S]]:
        """Give the buckets that hold something, along the axis."""
        return iter(sorted(self._sums.items(), key=lambda item: item[0]))

    def places(self, x: NDArray[np.float64]) -> NDArray[np.int64]:
        """Give the buckets (n,) that places (n,) on the axis fall into, as wide as they are now."""
        return np.floor(x / self.width).astype(np.int64)

    def add(self, sums: dict[int, S]) -> None:
        """Take in sums by their buckets, which belong to the buckets from then on."""
        for place, one in sums.items():
            self._put(self._sums, place, one)
        while len(self._sums) > self._most:
            self._widen()

    def _widen(self) -> None:
        step = self._steps.pop(0) if len(self._steps) > 1 else self._steps[0]
        wider: dict[int, S] = {}
        for place, one in self:
            self._put(wider, place // step, one)
        self._sums = wider
        self.width *= step

    @staticmethod
    def _put(sums: dict[int, S], place: int, one: S) -> None:
        if place in sums:
            sums[place].add(one)
        else:
            sums[place] = one
