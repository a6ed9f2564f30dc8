"""Topics as a source: a member of a consumer group that hands out batches by partition."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from kafka import (
    AsyncConsumerRebalanceListener,
    KafkaConsumer,
    OffsetAndMetadata,
    TopicPartition,
)
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import (
    AuthorizationError,
    IllegalGenerationError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    RetriableError,
    UnknownError,
    UnknownMemberIdError,
)

from streamgmm.errors import BrokerError
from streamgmm.io.client import Partition, PositionGoneError, Right, SourceUnavailableError
from streamgmm.io.client.checks import no_group, require_source_topics
from streamgmm.io.kafka.cluster import cluster_at
from streamgmm.io.kafka.columns import columns
from streamgmm.io.kafka.connection import REQUEST_TIMEOUT_MS, Starting, describe
from streamgmm.io.kafka.rights import explain
from streamgmm.io.kafka.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from kafka.structs import ConsumerGroupMetadata

    from streamgmm.events import Records
    from streamgmm.io.client import Connection, Owner

__all__ = ["KafkaSource", "offsets_of"]

ANSWER_SECONDS: Final = 5.0
# The library does not call them retriable, but the next attempt at joining may well succeed.
_PASSING: Final = (
    IllegalGenerationError,
    RebalanceInProgressError,
    UnknownError,
    UnknownMemberIdError,
)
_log = logging.getLogger(__name__)


class KafkaSource:
    """Reads topics as a member of a consumer group; offsets are committed by the caller.

    Parameters
    ----------
    connection, topics, group
        Where and as whom to read.
    start
        Where a partition without a committed offset begins: ``"earliest"`` or ``"latest"``.
    owner
        Told before partitions are given up; called on another thread while `poll` or `close`
        waits, never beside them.
    max_records, fetch_bytes
        At most so many records a poll, so many bytes a fetch and partition.
    instance
        A name of this member alone: a static member, which a restart does not unseat.
    session_timeout
        Seconds without a sign of life after which the group gives its partitions away.
    with_headers
        Whether records have `Records.headers`.

    Raises
    ------
    BrokerError
        If no broker is reached in time, or credentials, group or topic are refused.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        topics: Sequence[str],
        group: str,
        start: str,
        owner: Owner,
        max_records: int = 5000,
        fetch_bytes: int = 8 * 1024 * 1024,
        instance: str = "",
        session_timeout: float = 45.0,
        with_headers: bool = False,
    ) -> None:
        self._connection = connection
        self._with_headers = with_headers
        self._start = start
        self._probe = TopicPartition(topics[0], 0)
        self._heard = time.monotonic()
        self._group = group
        connection.announce("source")
        assignor = CooperativeStickyAssignor()
        with Starting(connection) as starting:
            with cluster_at(connection, starting) as cluster:
                require_source_topics(cluster, topics)
            self._consumer = starting.made(
                KafkaConsumer(
                    **starting.settings(),
                    group_id=group,
                    group_instance_id=instance or None,
                    enable_auto_commit=False,
                    isolation_level="read_committed",
                    # Where retention has taken what was to be read, the owner is to know.
                    auto_offset_reset="none",
                    allow_auto_create_topics=False,
                    # Who stays keeps its partitions and works on while others come and go.
                    partition_assignment_strategy=[assignor],
                    max_poll_records=max_records,
                    max_partition_fetch_bytes=fetch_bytes,
                    session_timeout_ms=int(session_timeout * 1000),
                    heartbeat_interval_ms=int(session_timeout * 1000 / 15),
                    metrics_enabled=False,
                )
            )
            self._unreadable = Unreadable(self._consumer)
            self._resting: set[TopicPartition] = set()
            self._listener = _Listener(self._consumer, owner, self._resting, assignor)
            self._consumer.subscribe(list(topics), listener=self._listener)
            # Knowing the partitions before joining saves a second round of the group.
            self._consumer.end_offsets(
                [TopicPartition(topic, 0) for topic in topics],
                timeout_ms=max(1, int(connection.start_timeout * 1000)),
            )

    @property
    def joined(self) -> bool:
        """Whether the group has given this member its partitions (perhaps none)."""
        return self._listener.joined or self._has_joined_for_nothing()

    def _has_joined_for_nothing(self) -> bool:
        """Whether the round of the group is over, of which the library tells no listener then."""
        known = self._consumer.group_metadata().generation_id > 0
        self._listener.joined = known and not self._consumer._coordinator.need_rejoin()
        return self._listener.joined

    def poll(self, timeout: float) -> dict[Partition, Records]:
        """Wait up to `timeout` seconds for records of opened partitions.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer, or refuses; to be tried again.
        PositionGoneError
            If what comes next is not there any more; `open` says where to go on.
        BrokerError
            If the group refuses this member, which it has never let in, for good.
        """
        try:
            batches = self._consumer.poll(timeout_ms=int(timeout * 1000))
        except NoOffsetForPartitionError:
            return {}  # new partitions, which wait for `open` to say where they begin
        except OffsetOutOfRangeError as error:
            raise PositionGoneError([Partition(*one) for one in error.args[0]]) from error
        except LogTruncationError as error:  # KIP-320: the leader has another past than we read
            parted = {Partition(*one): at for one, at in error.divergent_offsets.items()}
            known = {one: at.offset for one, at in parted.items() if at is not None}
            raise PositionGoneError(parted, known) from error
        except AuthorizationError as error:
            if self.joined:
                raise SourceUnavailableError(self._explain(error)) from error
            raise BrokerError(self._explain(error)) from error
        except KafkaError as error:
            if not self.joined and not isinstance(error, (RetriableError, *_PASSING)):
                raise no_group(self._connection, self._group, describe(error)) from error
            raise SourceUnavailableError(describe(error)) from error
        if batches:
            self._heard = time.monotonic()
        return {
            Partition(*partition): columns(
                records,
                self._unreadable.take(partition, records[-1].offset),
                with_headers=self._with_headers,
            )
            for partition, records in batches.items()
        }

    def probe(self, every: float = 5.0) -> None:
        """Ask the broker for a sign of life if it has given none for `every` seconds.

        Raises
        ------
        SourceUnavailableError
            If there is none.
        """
        if time.monotonic() - self._heard < every:
            return
        try:
            self._consumer.end_offsets([self._probe], timeout_ms=2000)
        except KafkaError as error:
            raise SourceUnavailableError(
                f"no answer from {self._connection}: {describe(error)}"
            ) from error
        self._heard = time.monotonic()

    def _explain(self, error: KafkaError) -> str:
        right = Right("READ", "group", self._group)
        return explain(error, self._connection, operation="READ", owner=right)

    def partitions(self, topic: str) -> int:
        """Give how many partitions a topic has.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer.
        """
        try:
            found = self._consumer.partitions_for_topic(topic)
        except KafkaError as error:
            raise SourceUnavailableError(self._explain(error)) from error
        if not found:
            raise SourceUnavailableError(f"the partitions of {topic} are not known")
        return len(found)

    def assigned(self) -> set[Partition]:
        """Give the partitions this member owns."""
        return {Partition(*partition) for partition in self._consumer.assignment()}

    def unopened(self) -> set[Partition]:
        """Give the partitions that are assigned and wait for `open`."""
        waiting = self._consumer.paused() & self._consumer.assignment()
        return {Partition(*partition) for partition in waiting - self._resting}

    def committed(self, partition: Partition) -> int | None:
        """Give the group's committed position, None if there is none.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer.
        """
        try:
            offset = self._consumer.committed(
                TopicPartition(*partition), timeout_ms=int(ANSWER_SECONDS * 1000)
            )
        except KafkaError as error:
            raise SourceUnavailableError(self._explain(error)) from error
        return None if offset is None else int(offset)

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Give the position of the oldest record that is still there, and one past the newest.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer.
        """
        wanted = [TopicPartition(*partition)]
        try:
            begin = self._consumer.beginning_offsets(wanted, timeout_ms=int(ANSWER_SECONDS * 1000))
            end = self._consumer.end_offsets(wanted, timeout_ms=int(ANSWER_SECONDS * 1000))
        except KafkaError as error:
            raise SourceUnavailableError(self._explain(error)) from error
        return int(begin[wanted[0]]), int(end[wanted[0]])

    def first_position(self, bounds: tuple[int, int]) -> int:
        """Give where a partition without a committed offset begins."""
        return bounds[0] if self._start == "earliest" else bounds[1]

    def open(self, partition: Partition, position: int) -> None:
        """Let a new partition flow, beginning at `position`."""
        self._consumer.seek(TopicPartition(*partition), position)
        self._consumer.resume(TopicPartition(*partition))
        self._resting.discard(TopicPartition(*partition))

    def position(self, partition: Partition) -> int | None:
        """Give the position of the next record of an opened partition.

        It passes over what no poll returns (transaction markers, aborted records).
        """
        try:
            position = self._consumer.position(TopicPartition(*partition), timeout_ms=0)
        except KafkaError:
            return None
        return None if position is None else int(position)

    def lag(self, partition: Partition) -> int | None:
        """Give how many records wait; None before the first fetch."""
        wanted = TopicPartition(*partition)
        highest = self._consumer.highwater(wanted)
        position = self.position(partition)
        return None if highest is None or position is None else max(0, highest - position)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Commit positions for the group.

        Raises
        ------
        SourceUnavailableError
            If that was not possible; the positions stay uncommitted.
        """
        if not positions:
            return
        try:
            self._consumer.commit(offsets_of(positions), timeout_ms=REQUEST_TIMEOUT_MS)
        except KafkaError as error:
            raise SourceUnavailableError(self._explain(error)) from error
        self._heard = time.monotonic()

    @property
    def membership(self) -> ConsumerGroupMetadata:
        """The group and this member's place in it, by which the brokers know who is left behind."""
        return self._consumer.group_metadata()

    def hold(self) -> None:
        """Make every partition wait to be opened again."""
        self._consumer.pause(*self._consumer.assignment())
        self._resting.clear()

    def rest(self) -> None:
        """Let opened partitions keep their place and give nothing, until `go_on`."""
        flowing = self._consumer.assignment() - self._consumer.paused()
        self._consumer.pause(*flowing)
        self._resting |= flowing

    def go_on(self) -> None:
        """Let them flow again, those that are still ours."""
        self._consumer.resume(*self._resting & self._consumer.assignment())
        self._resting.clear()

    def close(self) -> None:
        """Leave the group; the owner is asked to release what is still assigned."""
        try:
            self._consumer.close(timeout_ms=5000)
        except KafkaError as error:
            _log.warning("leaving the consumer group failed: %s", describe(error))


class _Listener(AsyncConsumerRebalanceListener):  # type: ignore[misc]
    """Carries assignments between the library's IO thread and the owner."""

    def __init__(
        self,
        consumer: KafkaConsumer,
        owner: Owner,
        resting: set[TopicPartition],
        assignor: CooperativeStickyAssignor,
    ) -> None:
        self._consumer = consumer
        self._assignor = assignor
        self._owner = owner
        self._resting = resting
        self.joined = False

    async def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        self._insist_on_rejoining()
        partitions = {Partition(*partition) for partition in revoked}
        if not partitions:
            return
        positions = self._owner.release(partitions)
        committed = True
        if positions:
            try:
                await self._consumer.commit_async(offsets_of(positions))
            except KafkaError as error:
                committed = False
                _log.warning(
                    "the positions of %s could not be committed (%s): their next owner repeats "
                    "some outputs",
                    ", ".join(map(str, sorted(partitions))),
                    describe(error),
                )
        self._owner.released(partitions, committed=committed)

    async def on_partitions_lost(self, lost: Collection[TopicPartition]) -> None:
        self._insist_on_rejoining()
        # The library would go on to claim them: the group then waits for us to give up what we do
        # not have, and nobody gets them.
        self._assignor.member_assignment = None
        partitions = {Partition(*partition) for partition in lost}
        _log.warning(
            "the group gave %s away without waiting for us: others do again what was not committed",
            ", ".join(map(str, sorted(partitions))),
        )
        self._owner.released(partitions, committed=False)

    def _insist_on_rejoining(self) -> None:
        """Make sure that a rejoining once begun is also ended.

        One that began because partitions were added is forgotten by the library if `poll` times
        out in the middle: the member then waits for ever and owns nothing.
        """
        self._consumer._coordinator.request_rejoin()

    async def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        self._consumer.pause(*assigned)
        self._resting.difference_update(assigned)
        self.joined = True


def offsets_of(positions: Mapping[Partition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
    """Give positions as the library takes them."""
    return {
        TopicPartition(*partition): OffsetAndMetadata(position, "", -1)
        for partition, position in positions.items()
    }
