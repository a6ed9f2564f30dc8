"""Topics as a sink: nothing counts as written before the brokers have said so."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from kafka.errors import KafkaError

from streamgmm.io.client import Limits, Message
from streamgmm.io.client.checks import require_rights
from streamgmm.io.kafka.cluster import cluster_at
from streamgmm.io.kafka.connection import Starting, describe, settings_of_client
from streamgmm.io.kafka.producing import (
    TOO_LARGE,
    await_topics,
    close_producer,
    flush,
    make_producer,
)
from streamgmm.io.kafka.rights import explain

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from streamgmm.io.client import Connection

__all__ = ["KafkaSink"]

_RETRY_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


class KafkaSink:
    """Writes records; nothing counts as written before `flush` says so.

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
    retried : int
        How many records had to be sent again so far.
    unconfirmed_bytes : int
        What the records come to that no flush has confirmed yet.
    """

    def __init__(self, connection: Connection, topics: Collection[str]) -> None:
        self._pending: list[tuple[Any, Message]] = []
        self._unsent: list[Message] = []
        self._too_large: list[Message] = []
        self.retried = self.unconfirmed_bytes = 0
        self._refused = False
        self._connection = connection
        connection.announce("sink")
        with Starting(connection) as starting:
            with cluster_at(connection, starting) as cluster:
                require_rights(cluster, ["WRITE"], topics)
                self._limits = Limits.of(cluster, topics)
            self._producer = starting.made(make_producer(starting.settings(), self._limits))
            try:
                await_topics(self._producer, topics, connection)
            except BaseException:
                self.close()
                raise

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Hand a record to the library, which sends it in the background."""
        message = Message(topic, value, key, headers)
        self.unconfirmed_bytes += message.size
        self._send(message)

    def _send(self, message: Message) -> None:
        if self._refused:  # the library takes a while to refuse; do not wait for each record
            self._unsent.append(message)
            return
        topic, value, key, headers, _ = message
        try:
            future = self._producer.send(topic, value, key, list(headers))
        except KafkaError as error:
            _log.debug("sending to %s is put off: %s", topic, describe(error))
            self._unsent.append(message)
            self._refused = True
        else:
            self._pending.append((future, message))
            self._refused = future.is_done and future.failed()

    @property
    def unconfirmed(self) -> int:
        """How many records no flush has confirmed yet."""
        return len(self._pending) + len(self._unsent) + len(self._too_large)

    def room(self, topic: str) -> int:
        """How many bytes key, value and headers of a record may have together, as far as known."""
        return self._limits.room(topic)

    def too_large(self) -> list[Message]:
        """Take back the records that their topics will never take, to be sent shorter."""
        taken, self._too_large = self._too_large, []
        self.unconfirmed_bytes -= sum(message.size for message in taken)
        return taken

    @property
    def unanswered(self) -> int:
        """How many of them no broker has acknowledged yet."""
        return len(self._unsent) + sum(not future.is_done for future, _ in self._pending)

    def flush(self, timeout: float) -> bool:
        """Try for `timeout` seconds to have everything acknowledged; True when it is.

        What was refused is sent again; with False, call again.
        """
        deadline = time.monotonic() + timeout
        while True:
            self._send_again()
            if not flush(self._producer, max(0.001, deadline - time.monotonic())):
                return False
            refused = [
                (message, future.exception) for future, message in self._pending if future.failed()
            ]
            self._pending.clear()
            self._take_back(refused)
            waiting = self._unsent + self._too_large
            self.unconfirmed_bytes = sum(message.size for message in waiting)
            if self._too_large:
                self._replace_producer()
                return False
            if not self._unsent:
                return True
            if refused:
                self._report(*refused[0], len(refused))
                self._replace_producer()
            if time.monotonic() + _RETRY_SECONDS >= deadline:
                return False
            time.sleep(_RETRY_SECONDS)

    def _take_back(self, refused: list[tuple[Message, BaseException | None]]) -> None:
        large = [message for message, error in refused if isinstance(error, TOO_LARGE)]
        self._too_large = self._limits.refused(large) if large else []
        hopeless = set(map(id, self._too_large))
        self._unsent += [message for message, _ in refused if id(message) not in hopeless]

    def _report(self, message: Message, error: BaseException | None, count: int) -> None:
        _log.error(
            "%d records were refused by the broker and will be sent again; the first, for %s with "
            "%d bytes: %s",
            count,
            message.topic,
            len(message.value or b""),
            None if error is None else explain(error, self._connection, operation="WRITE"),
        )

    def _replace_producer(self) -> None:
        """Make a new producer: after a refusal an idempotent one refuses everything."""
        settings = {**settings_of_client(self._connection), "bootstrap_timeout_ms": 2000}
        try:
            fresh = make_producer(settings, self._limits)
        except KafkaError as error:
            _log.debug("no new producer yet: %s", describe(error))
            return
        self.close()
        self._producer = fresh

    def _send_again(self) -> None:
        again, self._unsent = self._unsent, []
        self._refused = False
        self.retried += len(again)
        for message in again:
            self._send(message)

    def close(self) -> None:
        """Stop sending; what is not acknowledged is dropped."""
        close_producer(self._producer)
