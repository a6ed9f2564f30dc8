"""What writing to topics takes, with and without transactions: producers, and topics that exist."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaProducer
from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    UnknownError,
)

from streamgmm.io.client.checks import missing_sink_topic
from streamgmm.io.kafka.connection import describe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamgmm.io.client import Connection, Limits

__all__ = ["TOO_LARGE", "await_topics", "close_producer", "flush", "make_producer"]

_NO_DELIVERY_TIMEOUT_MS: Final = 2**31 - 1
_log = logging.getLogger(__name__)


TOO_LARGE: Final = (MessageSizeTooLargeError, RecordListTooLargeError)
"""What brokers say of a batch, or the library of a record."""


def make_producer(settings: dict[str, Any], limits: Limits) -> KafkaProducer:
    """Give a producer that never gives up on what it was handed, nor keeps one waiting long."""
    return KafkaProducer(
        **settings,
        acks="all",
        delivery_timeout_ms=_NO_DELIVERY_TIMEOUT_MS,
        max_block_ms=2000,
        linger_ms=5,
        batch_size=limits.batch,
        max_request_size=limits.largest,
        metrics_enabled=False,
    )


def await_topics(producer: KafkaProducer, topics: Iterable[str], connection: Connection) -> None:
    """Wait for topics to be there; asking makes them where the brokers allow that.

    Raises
    ------
    BrokerError
        If one is not there in time.
    """
    deadline = time.monotonic() + connection.start_timeout
    for topic in sorted(topics):
        while True:
            connection.check()
            try:
                producer.partitions_for(topic)
            except KafkaTimeoutError as error:
                if time.monotonic() >= deadline:
                    raise missing_sink_topic(connection, topic) from error
            else:
                break


def flush(producer: KafkaProducer, timeout: float | None = None) -> bool:
    """Wait for an answer to every record; False if that takes more than `timeout` seconds."""
    while True:
        try:
            producer.flush(timeout)
        except KafkaTimeoutError:
            return False
        except UnknownError:
            continue  # the library was woken before the answer was all there: it is by now
        return True


def close_producer(producer: KafkaProducer) -> None:
    """Stop a producer; what is not acknowledged is dropped."""
    try:
        producer.close(timeout=1.0)
    except KafkaError as error:
        # It gives up half way while anything is pending, and again when it is collected.
        _log.debug("closing the producer: %s", describe(error))
        producer._sender.force_close()
        producer._closed = True
