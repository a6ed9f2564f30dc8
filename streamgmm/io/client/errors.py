"""What goes wrong between a running job and its brokers, whichever library talks to them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streamgmm.io.client.partitions import Partition

__all__ = ["PositionGoneError", "SourceUnavailableError", "TransactionLostError"]


class SourceUnavailableError(Exception):
    """The broker does not answer now; try again."""


class PositionGoneError(Exception):
    """The source does not hold the next record: retention has taken it, or the log was cut.

    Attributes
    ----------
    partitions
        Those in which that is so.
    cut_at
        Where the log was cut, of those of which that is known: what has these positions and later
        ones now was never read.
    """

    def __init__(
        self,
        partitions: Collection[Partition],
        cut_at: Mapping[Partition, int] = MappingProxyType({}),
    ) -> None:
        super().__init__(", ".join(map(str, sorted(partitions))))
        self.partitions = frozenset(partitions)
        self.cut_at = cut_at


class TransactionLostError(Exception):
    """Nothing that was sent since the last commit will ever be read; begin again from there."""
