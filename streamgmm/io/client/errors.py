"""What goes wrong between a running job and its brokers, whichever library talks to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamgmm.io.client.partitions import Partition

__all__ = ["PositionGoneError", "SourceUnavailableError", "TransactionLostError"]


class SourceUnavailableError(Exception):
    """The broker does not answer now; try again."""


class PositionGoneError(Exception):
    """The source holds the next record no more (retention has taken it).

    Attributes
    ----------
    partitions
        Those in which that is so.
    """

    def __init__(self, partitions: Collection[Partition]) -> None:
        super().__init__(", ".join(map(str, sorted(partitions))))
        self.partitions = frozenset(partitions)


class TransactionLostError(Exception):
    """Nothing that was sent since the last commit will ever be read; begin again from there."""
