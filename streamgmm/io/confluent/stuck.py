"""Batches that the library cannot read: it asks for the same one again and again.

With a checksum that is not that of the bytes, an unknown codec or data that cannot be decompressed
the library gives an error in place of records, with the batch's first offset, and does not say
where the batch ends. What it tells of the partition afterwards is not to be relied on: after a
wrong checksum it goes on at a place in the answer that has nothing to do with batches (seen in
2.16), and takes what is there for offsets, which are then out of range. So nothing of that is
taken: kafka-python reads what comes next, with a fault for each record that it cannot read either,
and the library goes on behind that.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, Message

from streamgmm.io.client import Partition, SourceUnavailableError
from streamgmm.io.confluent.connection import describe
from streamgmm.io.kafka.passage import read_past

if TYPE_CHECKING:
    from collections.abc import Collection

    from streamgmm.events import Records
    from streamgmm.io.client import Connection
    from streamgmm.io.confluent.listener import Listener

__all__ = ["Stuck"]

_UNREADABLE: Final = (
    KafkaError._BAD_COMPRESSION,
    KafkaError._BAD_MSG,
    KafkaError._NOT_IMPLEMENTED,
)
_log = logging.getLogger(__name__)


class Stuck:
    """The places where the library could not go on.

    Parameters
    ----------
    connection, listener
        Of the member of the group.
    most
        Records that are read of one at a time.
    """

    def __init__(self, connection: Connection, listener: Listener, most: int) -> None:
        self._connection = connection
        self._listener = listener
        self._most = most
        self._at: dict[Partition, int] = {}
        self._told: set[Partition] = set()

    def part(self, messages: list[Message]) -> tuple[list[Message], list[Message]]:
        """Part records from errors, and leave out what follows an unreadable batch."""
        if not self._at and not any(map(Message.error, messages)):
            return messages, []
        good: list[Message] = []
        errors: list[Message] = []
        for one in messages:
            partition, error = Partition(one.topic() or "", one.partition() or 0), one.error()
            if partition in self._at:
                continue
            if error is None:
                good.append(one)
            elif error.code() not in _UNREADABLE:
                errors.append(one)
            elif partition in self._listener.flowing:
                self._at[partition] = max(one.offset() or 0, self._listener.opened_at(partition))
                self._tell(partition, error)
        return good, errors

    def _tell(self, partition: Partition, error: KafkaError) -> None:
        """Log the first of a partition; what comes of it is counted with the dead letters."""
        level = logging.DEBUG if partition in self._told else logging.WARNING
        self._told.add(partition)
        _log.log(
            level,
            "%s: what is at offset %d cannot be read by librdkafka (%s): kafka-python is asked",
            partition,
            self._at[partition],
            describe(error),
        )

    def forget(self, partition: Partition) -> None:
        """Note that a partition begins anew."""
        self._at.pop(partition, None)

    def read(self, besides: Collection[Partition]) -> dict[Partition, Records]:
        """Get past one of the places, in a partition that is not among `besides`.

        Raises
        ------
        SourceUnavailableError
            If that is not possible now.
        """
        self._at = {one: at for one, at in self._at.items() if one in self._listener.flowing}
        partition = next((one for one in self._at if one not in besides), None)
        if partition is None or partition in self._listener.resting:
            return {}
        at = self._at[partition]
        try:
            records, reached = read_past(self._connection, partition, at, self._most)
        except SourceUnavailableError as error:
            if not besides:
                raise
            _log.warning("%s: not past offset %d yet: %s", partition, at, error)
            return {}
        self._listener.move(partition, reached)
        del self._at[partition]
        return {partition: records} if records else {}
