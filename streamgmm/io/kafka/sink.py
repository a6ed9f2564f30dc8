"""Topics as a sink: nothing counts as written before the brokers have said so."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from streamgmm.errors import BrokerError
from streamgmm.io.kafka.connection import Connection, Starting, describe

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

__all__ = ["KafkaSink"]

_NO_DELIVERY_TIMEOUT_MS: Final = 2**31 - 1
_RETRY_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


class _Message(NamedTuple):
    """One record on its way."""

    topic: str
    value: bytes
    key: bytes | None
    headers: Sequence[tuple[str, bytes]]


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
    """

    def __init__(self, connection: Connection, topics: Collection[str]) -> None:
        self._pending: list[tuple[Any, _Message]] = []
        self._unsent: list[_Message] = []
        self.retried = 0
        self._connection = connection
        deadline = time.monotonic() + connection.start_timeout
        connection.announce("sink")
        with Starting(connection) as starting:
            self._producer = starting.made(_make_producer(starting.settings()))
            try:
                for topic in sorted(topics):
                    self._await_topic(topic, deadline)
            except BaseException:
                self.close()
                raise

    def _await_topic(self, topic: str, deadline: float) -> None:
        """Wait for a topic to be there; asking makes it where the brokers allow that."""
        while True:
            self._connection.check()
            try:
                self._producer.partitions_for(topic)
            except KafkaTimeoutError as error:
                if time.monotonic() >= deadline:
                    raise BrokerError(
                        f"the sink's topic {topic!r} does not exist at {self._connection}: create "
                        "it, or correct its name under [sink]"
                    ) from error
            else:
                return

    def send(
        self,
        topic: str,
        value: bytes,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Hand a record to the library, which sends it in the background."""
        message = _Message(topic, value, key, headers)
        try:
            future = self._producer.send(topic, value, key, list(headers))
        except KafkaError as error:
            _log.debug("sending to %s is put off: %s", topic, describe(error))
            self._unsent.append(message)
        else:
            self._pending.append((future, message))

    @property
    def unconfirmed(self) -> int:
        """How many records no flush has confirmed yet."""
        return len(self._pending) + len(self._unsent)

    def flush(self, timeout: float) -> bool:
        """Try for `timeout` seconds to have everything acknowledged; True when it is.

        What was refused is sent again; with False, call again.
        """
        deadline = time.monotonic() + timeout
        while True:
            self._send_again()
            try:
                self._producer.flush(max(0.001, deadline - time.monotonic()))
            except KafkaTimeoutError:
                return False
            refused = [
                (message, future.exception) for future, message in self._pending if future.failed()
            ]
            self._pending.clear()
            self._unsent += [message for message, _ in refused]
            if not self._unsent:
                return True
            if refused:
                self._report(*refused[0], len(refused))
                self._replace_producer()
            if time.monotonic() + _RETRY_SECONDS >= deadline:
                return False
            time.sleep(_RETRY_SECONDS)

    def _report(self, message: _Message, error: BaseException | None, count: int) -> None:
        _log.error(
            "%d records were refused by the broker and will be sent again; the first, for %s with "
            "%d bytes: %s",
            count,
            message.topic,
            len(message.value),
            describe(error),
        )

    def _replace_producer(self) -> None:
        """Make a new producer: after a refusal an idempotent one refuses everything."""
        settings = {**self._connection.settings(), "bootstrap_timeout_ms": 2000}
        try:
            fresh = _make_producer(settings)
        except KafkaError as error:
            _log.debug("no new producer yet: %s", describe(error))
            return
        self.close()
        self._producer = fresh

    def _send_again(self) -> None:
        again, self._unsent = self._unsent, []
        self.retried += len(again)
        for message in again:
            self.send(*message)

    def close(self) -> None:
        """Stop sending; what is not acknowledged is dropped."""
        try:
            self._producer.close(timeout=1.0)
        except KafkaError as error:
            # It gives up half way while anything is pending, and again when it is collected.
            _log.debug("closing the producer: %s", describe(error))
            self._producer._sender.force_close()
            self._producer._closed = True


def _make_producer(settings: dict[str, Any]) -> KafkaProducer:
    return KafkaProducer(
        **settings,
        acks="all",
        delivery_timeout_ms=_NO_DELIVERY_TIMEOUT_MS,
        max_block_ms=2000,
        linger_ms=5,
        batch_size=256 * 1024,
        metrics_enabled=False,
    )
