"""Topics as a sink, exactly once: outputs and the positions they came from, all or nothing.

The library's calls can be repeated after a time-out, so that a commit goes on where it was.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from streamgmm.errors import BrokerError
from streamgmm.io import client
from streamgmm.io.client import Limits, Right, TransactionLostError, refusal
from streamgmm.io.client.checks import require_rights
from streamgmm.io.confluent.cluster import ConfluentCluster
from streamgmm.io.confluent.connection import describe, error_of, explain
from streamgmm.io.confluent.membership import is_member
from streamgmm.io.confluent.producing import (
    Message,
    await_topics,
    discard,
    make_producer,
    size_of,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from confluent_kafka import Message as Reported
    from confluent_kafka import Producer

    from streamgmm.io.client import Connection, Partition

__all__ = ["ConfluentTransactions"]

_ATTEMPT_SECONDS: Final = 1.0
_RESTART_SECONDS: Final = 3.0
# What the brokers may take, beyond a transaction's time-out, to say how it ended.
_GRACE_SECONDS: Final = 10.0
# Of something that the next call tells.
_CONSEQUENCES: Final = (KafkaError._FATAL, KafkaError._PURGE_INFLIGHT, KafkaError._PURGE_QUEUE)
_log = logging.getLogger(__name__)


class ConfluentTransactions:
    """Writes records that can be read once the positions they came from are committed with them.

    Parameters
    ----------
    connection, topics, transactional_id, timeout, family
        As `streamgmm.io.client.Client.transactions` says.

    Raises
    ------
    BrokerError
        If no broker is reached in time, or credentials, a topic or the transactional id are
        refused.

    Attributes
    ----------
    unconfirmed : int
        How many records wait for a commit.
    unconfirmed_bytes : int
        How many bytes they come to.
    retried : int
        How many records were given up with their transaction so far, to be made and sent again.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Collection[str],
        *,
        transactional_id: str,
        timeout: float,
        family: str = "",
    ) -> None:
        self._connection = connection
        self._right = Right("WRITE", "transactional id", family or transactional_id, bool(family))
        self._options = {
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(timeout * 1000),
            "socket.timeout.ms": min(10_000, int(timeout * 1000)),
        }
        self._timeout = timeout
        self._unsent: list[Message] = []
        self._refused: list[client.Message] = []  # as too large
        self._open = False
        self._failure: str | None = None
        self._attempt: _Attempt | None = None
        self.unconfirmed = self.unconfirmed_bytes = 0
        self.retried = 0
        connection.announce("sink")
        cluster = ConfluentCluster(connection)
        require_rights(cluster, ["WRITE"], topics)
        self._limits = Limits.of(cluster, topics)
        self._producer = self._make_producer()
        await_topics(self._producer, topics, connection)
        self._begin_at_once(time.monotonic() + connection.start_timeout)

    def _make_producer(self) -> Producer:
        made: list[Producer] = []

        def refused(error: KafkaError, reported: Reported) -> None:
            if error.code() in _CONSEQUENCES:
                return
            if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                topic = reported.topic() or ""
                self._refused.append(Message(topic, reported.value(), reported.key(), ()).plain())
            if self._failure is None and made and made[0] is self._producer:
                right = Right("WRITE", "topic", reported.topic() or "")
                self._failure = explain(error, self._connection, topic=right, owner=self._right)

        made.append(make_producer(self._connection, refused, self._limits, **self._options))
        return made[0]

    def _begin_at_once(self, deadline: float) -> None:
        while True:
            self._connection.check()
            try:
                self._producer.init_transactions(_ATTEMPT_SECONDS)
            except KafkaException as error:
                reason = error_of(error)
                if reason.code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
                    raise refusal(self._connection, [self._right]) from error
                if not reason.retriable() or time.monotonic() >= deadline:
                    raise BrokerError(
                        f"{self._connection} does not open a transaction ({describe(error)}): see "
                        "that its topic __transaction_state is available"
                    ) from error
            else:
                return

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """Hand a record to the library, which sends it in the background."""
        self.unconfirmed += 1
        self.unconfirmed_bytes += size_of(value, key, headers)
        waits = self._unsent or self._attempt is not None or self._failure is not None
        if self._open and not waits and not headers and partition is None:
            try:  # the quick way, for almost all
                self._producer.produce(topic, value, key)
            except (BufferError, KafkaException):
                pass  # the long way tells them apart
            else:
                return
        message = Message(topic, value, key, headers, -1 if partition is None else partition)
        # Behind those before it, or for the transaction after the one that is being committed.
        if waits or not self._hand_over(message):
            self._unsent.append(message)

    def room(self, topic: str) -> int:
        """How many bytes key, value and headers of a record may have together, as far as known."""
        return self._limits.room(topic)

    def too_large(self) -> list[client.Message]:
        """Nothing: what is too large is given up with its transaction, and made again."""
        return []

    @property
    def unanswered(self) -> int:
        """How many of them no broker has acknowledged yet."""
        self._hear()
        return len(self._unsent) + len(self._producer)

    def _hear(self) -> None:
        """Let the library tell of what was refused, and of a producer that is at its end."""
        try:
            self._producer.poll(0)
        except KafkaException as error:
            self._failure = self._failure or self._explain(error)

    def _explain(self, error: KafkaException) -> str:
        return explain(error, self._connection, owner=self._right)

    def _hand_over(self, message: Message) -> bool:
        try:
            if not self._open:
                self._producer.begin_transaction()
                self._open = True
            message.produce(self._producer)
        except BufferError:
            return False
        except KafkaException as error:  # told at the next commit
            self._hear()  # of the cause: this may be no more than a consequence
            right = Right("WRITE", "topic", message.topic)
            told = explain(error, self._connection, topic=right, owner=self._right)
            self._failure = self._failure or told
            return False
        return True

    def _send_waiting(self) -> bool:
        """Hand over what waits, in order; True when nothing does."""
        sent = 0
        while sent < len(self._unsent) and self._failure is None:
            if not self._hand_over(self._unsent[sent]):
                break
            sent += 1
        del self._unsent[:sent]
        return not self._unsent

    def flush(self, timeout: float) -> bool:
        """Wait `timeout` seconds for the brokers to have everything; it shows after a commit."""
        return self._send_waiting() and self._flushed(timeout)

    def _flushed(self, timeout: float) -> bool:
        try:
            return self._producer.flush(timeout) == 0
        except KafkaException as error:  # the producer is at its end; told at the next commit
            self._failure = self._failure or self._explain(error)
            return False

    def commit(
        self, positions: Mapping[Partition, int], membership: bytes | None, timeout: float
    ) -> bool:
        """Make all that was sent readable and its positions committed, all or nothing.

        Returns
        -------
        bool
            False if that takes more than `timeout` seconds: nothing may be sent before it was
            asked again, and is the same commit, whatever the positions.

        Raises
        ------
        TransactionLostError
            If that failed; only `restart` helps.
        """
        deadline = time.monotonic() + timeout
        if self._attempt is None:
            if not self._send_waiting() and self._failure is None:
                self._flushed(timeout)  # which makes room
                return False
            if self._failure is None and not self.unconfirmed and not positions:
                return True
            if positions and not is_member(membership):
                raise TransactionLostError("the group has left this worker behind")
            offsets = [TopicPartition(*one, at) for one, at in positions.items()]
            ends = time.monotonic() + self._timeout + _GRACE_SECONDS
            self._attempt = _Attempt(offsets, membership, ends)
        try:
            done = self._go_on(self._attempt, deadline)
        except KafkaException as error:
            self._hear()  # of the cause: this may be no more than a consequence
            raise TransactionLostError(self._failure or self._explain(error)) from error
        if self._failure is not None:
            raise TransactionLostError(self._failure)
        if not done:
            if time.monotonic() < self._attempt.ends:
                return False
            raise TransactionLostError("it was not committed within its time-out")
        self._attempt = None
        self.unconfirmed = len(self._unsent)
        self.unconfirmed_bytes = sum(size_of(*one[1:4]) for one in self._unsent)
        self._open = False
        return True

    def _go_on(self, attempt: _Attempt, deadline: float) -> bool:
        """Do what is left of a commit; False if it takes longer."""
        if self._failure is not None:
            return False
        if not self._open:
            self._producer.begin_transaction()
            self._open = True
        try:
            if attempt.offsets:
                left = max(0.001, deadline - time.monotonic())
                self._producer.send_offsets_to_transaction(
                    attempt.offsets, attempt.membership, left
                )
                attempt.offsets = []
            self._producer.commit_transaction(max(0.001, deadline - time.monotonic()))
        except KafkaException as error:
            if error_of(error).retriable():
                return False
            raise
        return True

    def restart(self) -> bool:
        """Give up what is not committed and be ready for more.

        Returns
        -------
        bool
            False if no broker answered for some seconds; to be tried again.

        Raises
        ------
        TransactionLostError
            If the transactional id is refused; to be tried again too.
        """
        if self._refused:
            self._limits.refused(self._refused)
            self._refused.clear()
        fresh = self._make_producer()
        try:
            # Shuts out the producer before it and ends what it left open, one way or the other.
            fresh.init_transactions(_RESTART_SECONDS)
        except KafkaException as error:
            _log.debug("no new transaction yet: %s", describe(error))
            discard(fresh)
            if error_of(error).code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
                raise TransactionLostError(self._explain(error)) from error
            return False
        before, self._producer = self._producer, fresh
        discard(before)
        self.retried += self.unconfirmed
        self.unconfirmed = self.unconfirmed_bytes = 0
        self._unsent.clear()
        self._open, self._failure, self._attempt = False, None, None
        return True

    def close(self) -> None:
        """Stop; what is not committed is given up."""
        if self._open and self._attempt is None:
            try:  # spares the readers the wait until the brokers give it up themselves
                self._producer.purge(blocking=False)
                self._producer.abort_transaction(2.0)
            except KafkaException as error:
                _log.debug("giving up the open transaction: %s", describe(error))
        discard(self._producer)


class _Attempt:
    """A commit that goes on: what is left to be sent, and when it has taken too long."""

    def __init__(
        self, offsets: list[TopicPartition], membership: bytes | None, ends: float
    ) -> None:
        self.offsets = offsets
        self.membership: Any = membership
        self.ends = ends
