"""Topics as a sink: nothing counts as written before the brokers have said so."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from confluent_kafka import KafkaError, KafkaException

from streamgmm.io import client
from streamgmm.io.client import Limits, Right
from streamgmm.io.client.checks import require_rights
from streamgmm.io.confluent.cluster import ConfluentCluster
from streamgmm.io.confluent.connection import describe, error_of, explain
from streamgmm.io.confluent.producing import (
    Message,
    await_topics,
    discard,
    make_producer,
    size_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from confluent_kafka import Message as Reported
    from confluent_kafka import Producer

    from streamgmm.io.client import Connection

__all__ = ["ConfluentSink"]

_RETRY_SECONDS: Final = 0.5
_TOO_LARGE: Final = KafkaError.MSG_SIZE_TOO_LARGE
_log = logging.getLogger(__name__)


class ConfluentSink:
    """Writes records; nothing counts as written before `flush` says so.

    The library keeps what is on its way; here is only counted, and kept what was refused.

    Parameters
    ----------
    connection
        Where to write.
    topics
        Those that will be written to; that they can be is checked at once.

    Raises
    ------
    BrokerError
        If no broker is reached in time, or credentials or a topic are refused.

    Attributes
    ----------
    unconfirmed : int
        How many records no flush has confirmed yet.
    unconfirmed_bytes : int
        How many bytes they come to.
    retried : int
        How many records had to be sent again so far.
    """

    def __init__(self, connection: Connection, topics: Collection[str]) -> None:
        self._connection = connection
        self._unsent: list[Message] = []
        self._refused: list[tuple[Message, KafkaError]] = []
        self._too_large: list[client.Message] = []
        self._broken = False
        self.unconfirmed = self.unconfirmed_bytes = 0
        self.retried = 0
        connection.announce("sink")
        cluster = ConfluentCluster(connection)
        require_rights(cluster, ["WRITE"], topics)
        self._limits = Limits.of(cluster, topics)
        self._producer = self._make_producer()
        await_topics(self._producer, topics, connection)

    def _make_producer(self) -> Producer:
        # Without an end: an absent broker loses nothing.
        endless = {"message.timeout.ms": 0}
        return make_producer(self._connection, self._take_back, self._limits, **endless)

    def _take_back(self, error: KafkaError, reported: Reported) -> None:
        # Without a key the library has chosen the partition, and may choose another.
        message = Message(reported.topic() or "", reported.value(), reported.key(), ())
        self._refused.append((message, error))

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Hand a record to the library, which sends it in the background."""
        self.unconfirmed += 1
        self.unconfirmed_bytes += size_of(value, key, headers)
        if not headers and not self._unsent:  # the quick way, for almost all
            try:
                self._producer.produce(topic, value, key)
            except (BufferError, KafkaException):
                self._hand_over(Message(topic, value, key, headers))
        elif self._unsent:  # behind those before it
            self._unsent.append(Message(topic, value, key, headers))
        else:
            self._hand_over(Message(topic, value, key, headers))

    def _hand_over(self, message: Message) -> None:
        def take_back(error: KafkaError | None, _: object) -> None:
            if error is not None:
                self._refused.append((message, error))

        try:
            # Of headers the library tells nothing when it reports.
            message.produce(self._producer, take_back if message.headers else None)
        except BufferError:
            self._unsent.append(message)
        except KafkaException as error:
            reason = error_of(error)
            self._broken |= reason.fatal()
            self._refused.append((message, reason))

    def room(self, topic: str) -> int:
        """How many bytes key, value and headers of a record may have together, as far as known."""
        return self._limits.room(topic)

    def too_large(self) -> list[client.Message]:
        """Take back the records that their topics will never take, to be sent shorter."""
        taken, self._too_large = self._too_large, []
        self.unconfirmed -= len(taken)
        self.unconfirmed_bytes -= sum(size_of(*one[1:4]) for one in taken)
        return taken

    @property
    def unanswered(self) -> int:
        """How many of them no broker has acknowledged yet."""
        try:
            self._producer.poll(0)
        except KafkaException as error:  # the producer is at its end
            _log.debug("hearing of what was sent: %s", describe(error))
            self._broken = True
        return len(self._unsent) + len(self._refused) + len(self._producer)

    def flush(self, timeout: float) -> bool:
        """Try for `timeout` seconds to have everything acknowledged; True when it is.

        What was refused is sent again; with False, call again.
        """
        deadline = time.monotonic() + timeout
        while True:
            again, self._unsent = self._unsent, []
            for message in again:
                self._hand_over(message)
            if not self._flushed(max(0.001, deadline - time.monotonic())):
                return False
            if not self._refused and not self._unsent:
                self.unconfirmed = self.unconfirmed_bytes = 0
                return True
            if self._refused:
                self._retry()
            if self._too_large:
                return False
            if time.monotonic() + _RETRY_SECONDS >= deadline:
                return False
            time.sleep(_RETRY_SECONDS)

    def _flushed(self, timeout: float) -> bool:
        """Wait for an answer to every record, whatever it is; False if that takes longer."""
        try:
            return self._producer.flush(timeout) == 0
        except KafkaException as error:  # the producer is at its end: what it had is given back
            _log.debug("flushing: %s", describe(error))
            self._broken = True
            self._producer.purge()
            self._producer.flush(timeout)
            return True

    def _retry(self) -> None:
        refused, self._refused = self._refused, []
        large = [one.plain() for one, error in refused if error.code() == _TOO_LARGE]
        if large:
            self._too_large = self._limits.refused(large)
            self._broken = True  # what is made in its place has smaller batches
            hopeless = set(self._too_large)
            refused = [one for one in refused if one[0].plain() not in hopeless]
        if refused:
            self._report(*refused[0], len(refused))
        self._unsent = [message for message, _ in refused] + self._unsent
        self.retried += len(refused)
        if self._broken or any(error.fatal() for _, error in refused):
            discard(self._producer)
            self._producer, self._broken = self._make_producer(), False

    def _report(self, message: Message, error: KafkaError, count: int) -> None:
        right = Right("WRITE", "topic", message.topic)
        _log.error(
            "%d records were refused by the broker and will be sent again; the first, for %s with "
            "%d bytes: %s",
            count,
            message.topic,
            len(message.value or b""),
            explain(error, self._connection, topic=right),
        )

    def close(self) -> None:
        """Stop sending; what is not acknowledged is dropped."""
        discard(self._producer)
