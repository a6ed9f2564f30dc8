"""What writing to topics takes, with and without transactions: producers, and topics that exist."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from confluent_kafka import KafkaError, KafkaException, Producer

from streamgmm.io import client
from streamgmm.io.client.checks import missing_sink_topic
from streamgmm.io.confluent.connection import describe, settings_of_client

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from confluent_kafka import Message as Reported

    from streamgmm.io.client import Connection, Limits

__all__ = ["Message", "await_topics", "discard", "make_producer", "size_of"]

_ASK_SECONDS: Final = 1.0
_log = logging.getLogger(__name__)


class Message(NamedTuple):
    """One record on its way."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Collection[tuple[str, bytes]]
    partition: int = -1

    def plain(self) -> client.Message:
        """Give it as a job has it."""
        return client.Message(self.topic, self.value, self.key, tuple(self.headers))

    def produce(
        self, producer: Producer, reported: Callable[[KafkaError | None, Any], None] | None = None
    ) -> None:
        """Hand it to the library, with its own listener for what comes of it, if that is needed."""
        own: dict[str, Any] = {} if reported is None else {"on_delivery": reported}
        if self.headers:
            own["headers"] = list(self.headers)
        producer.produce(self.topic, self.value, self.key, self.partition, **own)


def make_producer(
    connection: Connection,
    refused: Callable[[KafkaError, Reported], None],
    limits: Limits,
    **settings: Any,
) -> Producer:
    """Give a producer that tells of those records alone that were refused.

    Keys lead to the same partitions as with kafka-python and Kafka's own clients.
    """
    return Producer(
        {
            **settings_of_client(connection),
            "acks": "all",
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "batch.size": limits.batch,
            "message.max.bytes": limits.largest,
            "queue.buffering.max.kbytes": 256 * 1024,
            "delivery.report.only.error": True,
            "on_delivery": refused,
            **settings,
        }
    )


def await_topics(producer: Producer, topics: Iterable[str], connection: Connection) -> None:
    """Wait for topics to be there; asking makes them where the brokers allow that.

    Raises
    ------
    BrokerError
        If one is not there in time.
    """
    deadline = time.monotonic() + connection.start_timeout
    for topic in sorted(topics):
        while not _is_there(producer, topic):
            connection.check()
            if time.monotonic() >= deadline:
                raise missing_sink_topic(connection, topic)
            time.sleep(0.1)


def _is_there(producer: Producer, topic: str) -> bool:
    try:
        told = producer.list_topics(topic, timeout=_ASK_SECONDS).topics[topic]
    except KafkaException:
        return False
    return told.error is None


def size_of(value: bytes | None, key: bytes | None, headers: Collection[tuple[str, bytes]]) -> int:
    """Give how many bytes a record brings along."""
    size = len(value or b"") + len(key or b"")
    return size + sum(len(name) + len(text) for name, text in headers) if headers else size


def discard(producer: Producer) -> None:
    """Stop a producer; what is not acknowledged is dropped."""
    producer.purge(blocking=False)
    try:
        producer.poll(0)
    except KafkaException as error:  # it was at its end before, and says so again
        _log.debug("a producer that is let go: %s", describe(error))
