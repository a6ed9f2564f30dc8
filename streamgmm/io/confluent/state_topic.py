"""A compacted topic that keeps state: the latest value of each key counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, Message
from confluent_kafka import TopicPartition as Place

from streamgmm.io.client import SourceUnavailableError, StateRecord
from streamgmm.io.client.checks import require_state_topic
from streamgmm.io.confluent.cluster import ConfluentCluster
from streamgmm.io.confluent.connection import describe, settings_of_client

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamgmm.io.client import Connection

__all__ = ["ConfluentStateTopic"]

_STANDSTILL_SECONDS: Final = 5.0
_AT_ONCE: Final = 1000


class ConfluentStateTopic:
    """Reads a compacted topic; what is written to it goes through the job's transactions.

    Parameters
    ----------
    connection, topic
        Where it is. That it is there, compacted and takes the records is checked at once.
    largest
        Bytes that its records may have.

    Raises
    ------
    BrokerError
        If no broker is reached in time, or the topic cannot serve.

    Attributes
    ----------
    name : str
        The topic's.
    partitions : int
        How many it has.
    """

    def __init__(self, connection: Connection, topic: str, *, largest: int) -> None:
        self._connection = connection
        self.name = topic
        connection.announce("state")
        cluster = ConfluentCluster(connection)
        self.partitions = require_state_topic(cluster, topic, largest=largest)

    def read(self, partitions: Collection[int]) -> dict[bytes, StateRecord]:
        """Give the latest value of each key, of all that was in these partitions when asked.

        Transactions that are open then are waited for: what follows them cannot be read before.

        Raises
        ------
        SourceUnavailableError
            If no broker answers, or a transaction stays open; to be tried again.
        """
        consumer = Consumer(
            {
                **settings_of_client(self._connection),
                "group.id": "none",  # the library wants one; nothing is asked or told of it
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "allow.auto.create.topics": False,
                "enable.partition.eof": True,
            }
        )
        try:
            return _Reading(consumer, self.name, partitions).whole()
        except KafkaException as error:
            raise SourceUnavailableError(describe(error)) from error
        finally:
            consumer.close()


class _Reading:
    """One reading of partitions to the end that they had when it was asked."""

    def __init__(self, consumer: Consumer, topic: str, partitions: Collection[int]) -> None:
        self._consumer = consumer
        self._topic = topic
        self._found: dict[bytes, StateRecord] = {}
        self._at = dict.fromkeys(partitions, 0)
        self._ends: dict[int, int] = {}

    def whole(self) -> dict[bytes, StateRecord]:
        """Read to the end."""
        self._consumer.assign([Place(self._topic, one, 0) for one in self._at])
        progress, moved = -1, time.monotonic()
        while not self._is_at_end():
            for message in self._consumer.consume(_AT_ONCE, 0.05):
                self._take(message)
            self._learn_ends()
            if sum(self._at.values()) > progress:
                progress, moved = sum(self._at.values()), time.monotonic()
            elif time.monotonic() - moved > _STANDSTILL_SECONDS:
                raise SourceUnavailableError(self._why())
        return self._found

    def _is_at_end(self) -> bool:
        return all(one in self._ends and at >= self._ends[one] for one, at in self._at.items())

    def _why(self) -> str:
        if len(self._ends) < len(self._at):
            return f"{self._topic} cannot be read: no broker answers"
        return (
            f"the end of {self._topic} cannot be read yet: waiting for a transaction that "
            "another worker has left open"
        )

    def _learn_ends(self) -> None:
        for one in self._at.keys() - self._ends.keys():
            # That of the first answer: later ones tell of what others have written since.
            bounds = self._consumer.get_watermark_offsets(Place(self._topic, one), cached=True)
            if bounds[1] >= 0:
                self._ends[one] = bounds[1]

    def _take(self, message: Message) -> None:
        error, partition, offset = message.error(), message.partition(), message.offset()
        if error is None and partition is not None and offset is not None:
            self._at[partition] = offset + 1
            self._keep(message, partition)
        elif error is not None and error.code() == KafkaError._PARTITION_EOF:
            # Beyond the markers of transactions, and what compaction has left of the last batch.
            self._at[partition or 0] = max(self._at[partition or 0], offset or 0)
        elif error is not None and error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
            raise KafkaException(error)

    def _keep(self, message: Message, partition: int) -> None:
        key, value = message.key(), message.value()
        kind, written = message.timestamp()
        assert not isinstance(key, str)
        assert not isinstance(value, str)
        if key is None:
            return
        if value is None:
            self._found.pop(key, None)
        else:
            seconds = 0.0 if kind == TIMESTAMP_NOT_AVAILABLE else written / 1000
            self._found[key] = StateRecord(value, seconds, partition)
