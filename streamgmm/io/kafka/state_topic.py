"""A compacted topic that keeps state: the latest value of each key counts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streamgmm.io.client import SourceUnavailableError, StateRecord
from streamgmm.io.client.checks import require_state_topic
from streamgmm.io.kafka.cluster import cluster_at
from streamgmm.io.kafka.connection import Starting, describe, settings_of_client

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamgmm.io.client import Connection

__all__ = ["KafkaStateTopic"]

_STANDSTILL_SECONDS: Final = 5.0
_FETCH_BYTES: Final = 8 * 1024 * 1024


class KafkaStateTopic:
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
        with Starting(connection) as starting, cluster_at(connection, starting) as cluster:
            self.partitions = require_state_topic(cluster, topic, largest=largest)

    def read(self, partitions: Collection[int]) -> dict[bytes, StateRecord]:
        """Give the latest value of each key, of all that was in these partitions when asked.

        Transactions that are open then are waited for: what follows them cannot be read before.

        Raises
        ------
        SourceUnavailableError
            If no broker answers, or a transaction stays open; to be tried again.
        """
        try:
            consumer = KafkaConsumer(
                **{**settings_of_client(self._connection), "bootstrap_timeout_ms": 5000},
                isolation_level="read_committed",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                max_poll_records=1000,
                max_partition_fetch_bytes=_FETCH_BYTES,
                metrics_enabled=False,
            )
        except KafkaError as error:
            raise SourceUnavailableError(describe(error)) from error
        try:
            return self._read(consumer, [TopicPartition(self.name, one) for one in partitions])
        except KafkaError as error:
            raise SourceUnavailableError(describe(error)) from error
        finally:
            consumer.close()

    def _read(self, consumer: Any, wanted: list[TopicPartition]) -> dict[bytes, StateRecord]:
        consumer.assign(wanted)
        consumer.seek_to_beginning(*wanted)
        found: dict[bytes, StateRecord] = {}
        ends: dict[TopicPartition, int] = {}
        progress, moved = -1, time.monotonic()
        while True:
            for records in consumer.poll(timeout_ms=100).values():
                for record in records:
                    _keep(found, record)
            for one in wanted:
                # That of the first answer: later ones tell of what others have written since.
                end = consumer.highwater(one)
                if end is not None:
                    ends.setdefault(one, end)
            at = {one: consumer.position(one, timeout_ms=5000) or 0 for one in wanted}
            if all(one in ends and at[one] >= ends[one] for one in wanted):
                return found
            if sum(at.values()) > progress:
                progress, moved = sum(at.values()), time.monotonic()
            elif time.monotonic() - moved > _STANDSTILL_SECONDS:
                raise SourceUnavailableError(
                    f"the end of {self.name} cannot be read yet: waiting for a transaction that "
                    "another worker has left open"
                )


def _keep(found: dict[bytes, StateRecord], record: Any) -> None:
    if record.value is None:
        found.pop(record.key, None)
    elif record.key is not None:
        found[record.key] = StateRecord(record.value, record.timestamp / 1000, record.partition)
