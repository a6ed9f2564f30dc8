"""Topics as a source: a member of a consumer group that hands out batches by partition."""

from __future__ import annotations

import logging
import time
from concurrent.futures import TimeoutError as StillWaiting
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamgmm.errors import BrokerError, ConfigError
from streamgmm.io.client import Partition, PositionGoneError, Right, SourceUnavailableError
from streamgmm.io.client.background import in_background
from streamgmm.io.client.checks import no_group, require_source_topics
from streamgmm.io.confluent.cluster import ConfluentCluster
from streamgmm.io.confluent.columns import by_partition
from streamgmm.io.confluent.connection import describe, error_of, explain, settings_of_client
from streamgmm.io.confluent.listener import Listener
from streamgmm.io.confluent.membership import is_known
from streamgmm.io.confluent.stuck import Stuck

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamgmm.events import Records
    from streamgmm.io.client import Connection, Owner

__all__ = ["ConfluentSource"]

ANSWER_SECONDS: Final = 5.0
_COMMIT_SECONDS: Final = 10.0
_GONE: Final = (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE)
# For good: another attempt at joining would end in the same way.
_NEVER: Final = (
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.GROUP_MAX_SIZE_REACHED,
    KafkaError.INCONSISTENT_GROUP_PROTOCOL,
    KafkaError.INVALID_GROUP_ID,
    KafkaError.INVALID_SESSION_TIMEOUT,
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
)
_RIGHTS: Final = (KafkaError.GROUP_AUTHORIZATION_FAILED, KafkaError.TOPIC_AUTHORIZATION_FAILED)
_log = logging.getLogger(__name__)


class ConfluentSource:
    """Reads topics as a member of a consumer group; offsets are committed by the caller.

    Parameters
    ----------
    connection, topics, group, start, owner, max_records, instance, session_timeout
        As `streamgmm.io.client.Client.source` says.

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
        instance: str = "",
        session_timeout: float = 45.0,
        with_headers: bool = False,
    ) -> None:
        self._connection = connection
        self._with_headers = with_headers
        self._topics = list(topics)
        self._group = group
        self._start = start
        self._max_records = max_records
        self._heard = time.monotonic()
        self._error: KafkaError | None = None
        self._refused = False
        self._gone: set[Partition] = set()
        connection.announce("source")
        require_source_topics(ConfluentCluster(connection), topics)
        session_ms = int(session_timeout * 1000)
        self._consumer = Consumer(
            {
                **settings_of_client(connection),
                "group.id": group,
                **({"group.instance.id": instance} if instance else {}),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "isolation.level": "read_committed",
                # Where retention has taken what was to be read, the owner is to know.
                "auto.offset.reset": "error",
                "check.crcs": True,
                "allow.auto.create.topics": False,
                # Who stays keeps its partitions and works on while others come and go.
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": session_ms // 15,
                "max.poll.interval.ms": max(300_000, session_ms),
                # What waits here is not held back by a slow sink: so much and no more.
                "queued.max.messages.kbytes": 32 * 1024,
                "fetch.queue.backoff.ms": 20,
            }
        )
        if not is_known(self._consumer.consumer_group_metadata()):
            raise ConfigError(
                "this version of confluent-kafka cannot be used: it writes a group's metadata in a "
                "way that is not known here; install one that requirements/dev.txt names, or set "
                'service.client to "kafka-python"'
            )
        self._listener = Listener(self._consumer, owner, self._commit)
        self._stuck = Stuck(connection, self._listener, max_records)
        self._listener.subscribe(self._topics)

    @property
    def joined(self) -> bool:
        """Whether the group has given this member its partitions (perhaps none)."""
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
            If the group refuses this member, for good.
        """
        self._raise_what_was_told()
        messages, errors = self._stuck.part(self._take(timeout))
        for one in errors:
            self._judge(one)
        batches: dict[Partition, Records] = {}
        if messages:
            flowing = self._listener.flowing
            batches = by_partition(messages, flowing, with_headers=self._with_headers)
        batches |= self._stuck.read(besides=batches)
        if not batches:
            self._raise_what_was_told()
        else:
            self._heard = time.monotonic()
        return batches

    def _take(self, timeout: float) -> list[Message]:
        """Take what is there, or wait for the first; the library would wait until it is full."""
        try:
            messages = self._consumer.consume(self._max_records, 0)
            if messages:
                return messages
            first = self._consumer.poll(timeout)
        except KafkaException as error:
            raise SourceUnavailableError(self._explain(error)) from error
        if first is None:
            return []
        try:
            return [first, *self._consumer.consume(self._max_records - 1, 0)]
        except KafkaException as error:
            self._error = error_of(error)  # `first` counts as read, so it must be handed out
            return [first]

    def _judge(self, told: Message) -> None:
        error = told.error()
        assert error is not None
        if error.code() in _GONE:
            partition = Partition(told.topic() or "", told.partition() or 0)
            if partition in self._listener.flowing:
                self._gone.add(partition)
        else:
            self._error = error

    def _raise_what_was_told(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            # The library tells it once, and goes on trying.
            self._refused = error.code() in _RIGHTS
            if error.code() == KafkaError._FATAL or (not self.joined and error.code() in _NEVER):
                raise self._never(error)
            raise SourceUnavailableError(self._explain(error))
        gone, self._gone = self._gone & self._listener.flowing, set()
        if gone:
            raise PositionGoneError(gone)

    def _never(self, error: KafkaError) -> Exception:
        told = self._explain(error)
        if told != describe(error):  # a right that is missing
            return BrokerError(told)
        return no_group(self._connection, self._group, told)

    def _explain(self, error: KafkaError | KafkaException) -> str:
        topic = Right("READ", "topic", self._topics[0])
        group = Right("READ", "group", self._group)
        return explain(error, self._connection, topic=topic, owner=group)

    def probe(self, every: float = 5.0) -> None:
        """Ask the broker for a sign of life if it has given none for `every` seconds.

        Raises
        ------
        SourceUnavailableError
            If there is none.
        """
        if not self._refused and time.monotonic() - self._heard < every:
            return
        place = TopicPartition(self._topics[0], 0)
        try:
            self._consumer.get_watermark_offsets(place, 2.0)
            if self._refused:
                self._consumer.committed([place], 2.0)
        except KafkaException as error:
            told = self._explain(error)
            if error_of(error).code() not in _RIGHTS:
                told = f"no answer from {self._connection}: {told}"
            raise SourceUnavailableError(told) from error
        self._heard, self._refused = time.monotonic(), False

    def partitions(self, topic: str) -> int:
        """Give how many partitions a topic has.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer.
        """
        try:
            found = self._consumer.list_topics(topic, ANSWER_SECONDS).topics[topic]
        except KafkaException as error:
            raise SourceUnavailableError(self._explain(error)) from error
        if found.error is not None:
            raise SourceUnavailableError(self._explain(found.error))
        return len(found.partitions)

    def assigned(self) -> set[Partition]:
        """Give the partitions this member owns."""
        return self._listener.flowing | self._listener.waiting

    def unopened(self) -> set[Partition]:
        """Give the partitions that are assigned and wait for `open`."""
        return set(self._listener.waiting)

    def committed(self, partition: Partition) -> int | None:
        """Give the group's committed position, None if there is none.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer, or transactions that are open may change it.
        """
        try:
            [found] = self._consumer.committed([TopicPartition(*partition)], ANSWER_SECONDS)
        except KafkaException as error:
            raise SourceUnavailableError(self._explain(error)) from error
        if found.error is not None:
            raise SourceUnavailableError(self._explain(found.error))
        return found.offset if found.offset >= 0 else None

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Give the position of the oldest record that is still there, and one past the newest.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer.
        """
        try:
            found = self._consumer.get_watermark_offsets(TopicPartition(*partition), ANSWER_SECONDS)
        except KafkaException as error:
            raise SourceUnavailableError(self._explain(error)) from error
        return found

    def first_position(self, bounds: tuple[int, int]) -> int:
        """Give where a partition without a committed offset begins."""
        return bounds[0] if self._start == "earliest" else bounds[1]

    def open(self, partition: Partition, position: int) -> None:
        """Let a new partition flow, beginning at `position`."""
        self._gone.discard(partition)
        self._stuck.forget(partition)
        self._listener.open(partition, position)

    def position(self, partition: Partition) -> int | None:
        """Give the position of the next record of an opened partition.

        It passes over what no poll returns (transaction markers, aborted records).
        """
        return self._listener.position(partition)

    def lag(self, partition: Partition) -> int | None:
        """Give how many records wait; None before the first fetch."""
        try:
            bounds = self._consumer.get_watermark_offsets(TopicPartition(*partition), cached=True)
        except KafkaException:  # nothing is known of it yet
            return None
        position = self.position(partition)
        if bounds[1] < 0 or position is None:
            return None
        return max(0, bounds[1] - position)

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
            # On a thread of its own: while no coordinator is known the library waits for long.
            in_background(partial(self._commit, positions), "commit").result(_COMMIT_SECONDS)
        except StillWaiting as error:
            raise SourceUnavailableError(
                f"no answer from {self._connection} to a commit"
            ) from error
        self._heard = time.monotonic()

    def _commit(self, positions: Mapping[Partition, int]) -> None:
        offsets = [TopicPartition(*one, position) for one, position in positions.items()]
        try:
            told = self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:
            raise SourceUnavailableError(self._explain(error)) from error
        if refused := [one.error for one in told if one.error is not None]:
            raise SourceUnavailableError(self._explain(refused[0]))

    @property
    def membership(self) -> Any:
        """The group and this member's place in it, by which the brokers know who is left behind."""
        return self._consumer.consumer_group_metadata()

    def hold(self) -> None:
        """Make every partition wait to be opened again."""
        self._listener.hold()

    def rest(self) -> None:
        """Let opened partitions keep their place and give nothing, until `go_on`."""
        self._listener.rest()

    def go_on(self) -> None:
        """Let them flow again, those that are still ours."""
        self._listener.go_on()

    def close(self) -> None:
        """Leave the group; the owner is asked to release what is still assigned."""
        try:
            self._consumer.close()
        except KafkaException as error:
            _log.warning("leaving the consumer group failed: %s", describe(error))
