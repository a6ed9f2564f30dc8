"""How large a record may be that a topic takes: known from its settings, or learned by refusals."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streamgmm.io.client.checks import Cluster

__all__ = ["Limits", "Message"]

_BY_DEFAULT: Final = 1_048_588  # the brokers' message.max.bytes
# What the protocol adds to a record alone in its batch: the batch's header, times, an offset, and
# the lengths of all its parts, those of a dead letter's headers as well.
_OVERHEAD: Final = 256
_BATCH: Final = 256 * 1024
_SMALLEST_BATCH: Final = 512
_log = logging.getLogger(__name__)


class Message(NamedTuple):
    """One record on its way."""

    topic: str
    value: bytes | None
    key: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()
    partition: int | None = None

    @property
    def size(self) -> int:
        """How many bytes it brings along."""
        headers = sum(len(name) + len(text) for name, text in self.headers)
        return len(self.value or b"") + len(self.key or b"") + headers


class Limits:
    """What the topics of a sink take.

    Brokers refuse batches, not records: of one that was in a batch with others it is not known
    which is too large, if any. So batches become smaller first, until a record is alone in its own.

    Parameters
    ----------
    known
        ``max.message.bytes`` of those topics of which it may be known.

    Attributes
    ----------
    batch
        Bytes of a batch at most; a larger record is alone in its own.
    """

    def __init__(self, known: Mapping[str, int]) -> None:
        self._rooms = {topic: limit - _OVERHEAD for topic, limit in known.items()}
        self.batch = max(_SMALLEST_BATCH, min([_BATCH, *self._rooms.values()]))

    @classmethod
    def of(cls, cluster: Cluster, topics: Collection[str]) -> Self:
        """Ask a cluster what topics take, as far as it tells."""
        known = cluster.settings(topics)
        return cls({topic: int(one["max.message.bytes"]) for topic, one in known.items()})

    def room(self, topic: str) -> int:
        """Give how many bytes key, value and headers of a record may have together."""
        return self._rooms.get(topic, _BY_DEFAULT - _OVERHEAD)

    @property
    def largest(self) -> int:
        """How many bytes a request must be able to carry."""
        return max([_BY_DEFAULT, *self._rooms.values()]) + _OVERHEAD

    def refused(self, messages: Sequence[Message]) -> list[Message]:
        """Learn from refusals, and give the messages of which it is known that they are too large.

        The others are to be sent again, as they are, in batches that are smaller now.
        """
        alone = [one for one in messages if one.size >= self.batch or self.batch <= _SMALLEST_BATCH]
        for message in alone:
            self._shrink(message.topic, message.size)
        if len(alone) < len(messages):
            self.batch = max(_SMALLEST_BATCH, self.batch // 4)
            _log.warning(
                "the brokers refuse batches for %s as too large, because of its max.message.bytes; "
                "from now on they have %d bytes at most",
                ", ".join(sorted({one.topic for one in messages})),
                self.batch,
            )
        return alone

    def _shrink(self, topic: str, size: int) -> None:
        room = size // 2
        if room >= self.room(topic):
            return
        _log.warning(
            "the topic %s does not take a record of %d bytes, because of its max.message.bytes; "
            "from now on those of more than %d are shortened",
            topic,
            size,
            room,
        )
        self._rooms[topic] = room
