"""Partitions, and who works on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = ["Owner", "Partition"]


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.number}"


class Owner(Protocol):
    """Who works on the partitions that a `Source` is assigned."""

    def release(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Finish the outputs of partitions about to be given up; return positions to commit."""

    def released(self, partitions: Collection[Partition], *, committed: bool) -> None:
        """Let go of partitions; not `committed` where the positions could not be committed."""
