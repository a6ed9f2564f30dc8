"""Generated events to a topic, for a first job over Kafka and for trials."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Self

import msgspec

from streamgmm.errors import BrokerError
from streamgmm.io.client import Connection
from streamgmm.service.connect import client_named

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["KEYS", "TopicStream"]

KEYS: Final = {"network": "src", "transactions": "card"}
"""Of what can be generated, the member by which its events are shared out among partitions."""

_PATIENCE: Final = 10.0  # seconds between two lines of the log that say what is waited for
_log = logging.getLogger(__name__)


class TopicStream:
    """Takes JSON lines, which become the records of a topic.

    A write returns once the brokers have all of it, however long they are away: what writes waits,
    and nothing is lost.

    Parameters
    ----------
    brokers
        Some "host:port" of the cluster, reached without encryption or login.
    topic
        Which must exist.
    key
        The member whose value, as text, becomes the key of the record.
    start_timeout
        Seconds to look for brokers and topic.

    Raises
    ------
    BrokerError
        If no broker is reached in time, or there is no such topic; on a write, if the topic takes
        no records of this size.
    """

    def __init__(
        self, brokers: Sequence[str], topic: str, key: str, *, start_timeout: float = 30.0
    ) -> None:
        connection = Connection(
            brokers=brokers, client_id="streamgmm-generate", start_timeout=start_timeout
        )
        self._sink = client_named("kafka-python").sink(connection, [topic])
        self._topic, self._key = topic, key

    def write(self, lines: bytes) -> None:
        """Send whole lines, and wait until they have arrived."""
        for line in lines.splitlines():
            key = msgspec.json.decode(line)[self._key]
            self._sink.send(self._topic, line, str(key).encode())
        while not self._sink.flush(_PATIENCE):
            if large := self._sink.too_large():
                raise BrokerError(
                    f"{self._topic} takes no record of {large[0].size} bytes; "
                    "raise the topic's max.message.bytes"
                )
            _log.warning("%d events wait for the brokers to take them", self._sink.unconfirmed)

    def flush(self) -> None:
        """Nothing is left to do: what was written has arrived."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave the brokers."""
        self._sink.close()
