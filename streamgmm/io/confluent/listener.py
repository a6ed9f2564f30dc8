"""The partitions that a group gives and takes, and where each of them is.

The library calls back from `poll`, `consume` and `close`, on the thread that called these.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from confluent_kafka import KafkaException, TopicPartition

from streamgmm.io.client import Partition, SourceUnavailableError
from streamgmm.io.confluent.connection import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from confluent_kafka import Consumer

    from streamgmm.io.client import Owner

__all__ = ["Listener"]

_log = logging.getLogger(__name__)


class Listener:
    """Carries assignments between the library and the owner.

    Parameters
    ----------
    consumer
        The member of the group.
    owner
        Told before partitions go.
    commit
        Commits positions; raises SourceUnavailableError.

    Attributes
    ----------
    joined : bool
        Whether the group has given this member its partitions (perhaps none).
    flowing, waiting : set of Partition
        Those that were opened, and those that wait for it.
    resting : set of Partition
        Those of the former that give nothing for a while.
    """

    def __init__(
        self,
        consumer: Consumer,
        owner: Owner,
        commit: Callable[[Mapping[Partition, int]], None],
    ) -> None:
        self._consumer = consumer
        self._owner = owner
        self._commit = commit
        self._opened_at: dict[Partition, int] = {}
        self.joined = False
        self.flowing: set[Partition] = set()
        self.waiting: set[Partition] = set()
        self.resting: set[Partition] = set()

    def subscribe(self, topics: Sequence[str]) -> None:
        """Ask the group for partitions."""
        self._consumer.subscribe(
            list(topics),
            on_assign=self._on_assigned,
            on_revoke=self._on_revoked,
            on_lost=self._on_lost,
        )

    def open(self, partition: Partition, position: int) -> None:
        """Let a partition flow from a position on."""
        self.move(partition, position)
        self._consumer.resume([TopicPartition(*partition)])
        self.resting.discard(partition)
        self.waiting.discard(partition)
        self.flowing.add(partition)

    def opened_at(self, partition: Partition) -> int:
        """Give where a partition began to flow, or was moved to."""
        return self._opened_at.get(partition, 0)

    def move(self, partition: Partition, position: int) -> None:
        """Let what the library reads next of a partition be at a position."""
        self._opened_at[partition] = position
        try:
            self._consumer.seek(TopicPartition(*partition, position))
        except KafkaException as error:
            # The library has given it up, for its position was gone.
            _log.debug("%s is assigned again: %s", partition, describe(error))
            self._assign_again()

    def _assign_again(self) -> None:
        """Take every partition from where it is; what the library has fetched it forgets."""
        # From the assignment on the library knows no position but of what it fetches.
        self._opened_at |= {one: self.position(one) or 0 for one in self.flowing}
        owned = self.flowing | self.waiting
        self._consumer.incremental_unassign([TopicPartition(*one) for one in owned])
        self._consumer.incremental_assign(
            [TopicPartition(*one, self._opened_at.get(one, 0)) for one in owned]
        )
        self._consumer.pause([TopicPartition(*one) for one in self.waiting | self.resting])

    def position(self, partition: Partition) -> int | None:
        """Give the position of the next record of an opened partition."""
        if partition not in self.flowing:
            return None
        [found] = self._consumer.position([TopicPartition(*partition)])
        return max(found.offset, self._opened_at[partition])

    def hold(self) -> None:
        """Make every partition wait to be opened again."""
        self._consumer.pause([TopicPartition(*one) for one in self.flowing])
        self.waiting |= self.flowing
        self.flowing.clear()
        self.resting.clear()

    def rest(self) -> None:
        """Let opened partitions keep their place and give nothing, until `go_on`."""
        self._consumer.pause([TopicPartition(*one) for one in self.flowing])
        self.resting |= self.flowing

    def go_on(self) -> None:
        """Let them flow again, those that are still ours."""
        self._consumer.resume([TopicPartition(*one) for one in self.resting])
        self.resting.clear()

    def _on_assigned(self, consumer: Consumer, assigned: Sequence[TopicPartition]) -> None:
        partitions = _named(assigned)
        # From somewhere, so that the library asks for no committed position; paused before it can
        # fetch. Where they begin `open` says.
        consumer.incremental_assign([TopicPartition(*one, 0) for one in partitions])
        consumer.pause([TopicPartition(*one) for one in partitions])
        self.waiting |= partitions
        self.joined = True

    def _on_revoked(self, _: Consumer, revoked: Sequence[TopicPartition]) -> None:
        partitions = _named(revoked)
        if not partitions:
            return
        positions = self._owner.release(partitions)
        committed = True
        if positions:
            try:
                self._commit(positions)
            except SourceUnavailableError as error:
                committed = False
                _log.warning(
                    "the positions of %s could not be committed (%s): their next owner repeats "
                    "some outputs",
                    ", ".join(map(str, sorted(partitions))),
                    error,
                )
        self._let_go(partitions, committed=committed)

    def _on_lost(self, _: Consumer, lost: Sequence[TopicPartition]) -> None:
        partitions = _named(lost)
        if not partitions:
            return
        _log.warning(
            "the group gave %s away without waiting for us: others do again what was not committed",
            ", ".join(map(str, sorted(partitions))),
        )
        self._let_go(partitions, committed=False)

    def _let_go(self, partitions: set[Partition], *, committed: bool) -> None:
        self._owner.released(partitions, committed=committed)
        self.flowing -= partitions
        self.waiting -= partitions
        self.resting -= partitions
        for one in partitions:
            self._opened_at.pop(one, None)


def _named(partitions: Sequence[TopicPartition]) -> set[Partition]:
    return {Partition(one.topic, one.partition) for one in partitions}
