"""Reads a partition past a place where another reader cannot go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from streamgmm.io.client import SourceUnavailableError
from streamgmm.io.kafka.columns import columns
from streamgmm.io.kafka.connection import describe, settings_of_client
from streamgmm.io.kafka.unreadable import Unreadable

if TYPE_CHECKING:
    from streamgmm.events import Records
    from streamgmm.io.client import Connection, Partition

__all__ = ["read_past"]

_PATIENCE_SECONDS: Final = 5.0


def read_past(
    connection: Connection, partition: Partition, position: int, most: int
) -> tuple[Records, int]:
    """Read what comes next, as a member of no group, and say where to go on.

    What cannot be read has a fault for each record. There may be no records at all, where they
    were of a transaction that was aborted.

    Raises
    ------
    SourceUnavailableError
        If nothing is got past in some seconds; to be tried again.
    """
    at = TopicPartition(*partition)
    try:
        consumer = KafkaConsumer(
            **{**settings_of_client(connection), "bootstrap_timeout_ms": 5000},
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            allow_auto_create_topics=False,
            max_poll_records=most,
            metrics_enabled=False,
        )
    except KafkaError as error:
        raise SourceUnavailableError(describe(error)) from error
    try:
        unreadable = Unreadable(consumer)
        consumer.assign([at])
        consumer.seek(at, position)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            records = consumer.poll(timeout_ms=200).get(at, [])
            reached = consumer.position(at, timeout_ms=1000)
            if records or (reached is not None and reached > position):
                faults = unreadable.take(at, records[-1].offset) if records else {}
                return columns(records, faults), reached
    except KafkaError as error:
        raise SourceUnavailableError(describe(error)) from error
    finally:
        consumer.close()
    raise SourceUnavailableError(f"nothing of {partition} can be read from {position} on")
