"""Topics as a sink, exactly once: outputs and the positions they came from, all or nothing.

A transaction is open from the first record until `commit`, which adds the consumer's positions with
the metadata of its group (KIP-447): of two members that believe to own a partition, the brokers
refuse the one that the group has left behind. Whatever goes wrong, the answer is the same: give the
transaction up (`restart`) and begin again from the committed positions.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import TimeoutError as StillWaiting
from typing import TYPE_CHECKING, Any, Final

from kafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    TransactionalIdAuthorizationFailedError,
)

from streamgmm.errors import BrokerError
from streamgmm.io.client import Limits, Message, Right, TransactionLostError, refusal
from streamgmm.io.client.background import in_background
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
from streamgmm.io.kafka.source import offsets_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from concurrent.futures import Future

    from kafka.structs import ConsumerGroupMetadata

    from streamgmm.io.client import Connection, Partition

__all__ = ["KafkaTransactions"]

_RETRY_SECONDS: Final = 0.5
# What the brokers may take, beyond a transaction's time-out, to say how it ended.
_GRACE_SECONDS: Final = 10.0
_log = logging.getLogger(__name__)


class KafkaTransactions:
    """Writes records that can be read once the positions they came from are committed with them.

    Parameters
    ----------
    connection
        Where to write.
    topics
        Those that will be written to; that they can be is checked at once.
    transactional_id
        Under which the brokers know this writer. An earlier one of that name is shut out and what
        it left open is given up at once; of any other name, after `timeout`.
    timeout
        Seconds after which the brokers give up a transaction that is not committed.
    family
        What the transactional ids of all of this job's workers begin with.

    Raises
    ------
    BrokerError
        If no broker is reached in time, or credentials, a topic or the transactional id are
        refused.

    Attributes
    ----------
    retried : int
        How many records were given up with their transaction so far, to be made and sent again.
    unconfirmed_bytes : int
        What the records come to that wait for a commit.
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
            "transactional_id": transactional_id,
            "transaction_timeout_ms": int(timeout * 1000),
        }
        self._timeout = timeout
        self._sent: list[tuple[Any, Message]] = []
        self._unsent: list[Message] = []
        self._open = False
        self._failure: KafkaError | None = None
        self._attempt: Future[None] | None = None
        self._attempt_ends = 0.0
        self.retried = self.unconfirmed_bytes = 0
        connection.announce("sink")
        with Starting(connection) as starting:
            with cluster_at(connection, starting) as cluster:
                require_rights(cluster, ["WRITE"], topics)
                self._limits = Limits.of(cluster, topics)
            settings = {**starting.settings(), **self._options}
            self._producer = starting.made(make_producer(settings, self._limits))
            try:
                await_topics(self._producer, topics, connection)
                self._begin_at_once(time.monotonic() + connection.start_timeout)
            except BaseException:
                self.close()
                raise

    def _begin_at_once(self, deadline: float) -> None:
        while True:
            self._connection.check()
            try:
                self._producer.init_transactions()
            except KafkaTimeoutError as error:
                if time.monotonic() >= deadline:
                    raise BrokerError(
                        f"{self._connection} does not open a transaction ({describe(error)}): see "
                        "that its topic __transaction_state is available"
                    ) from error
            except TransactionalIdAuthorizationFailedError as error:
                raise refusal(self._connection, [self._right]) from error
            else:
                return

    @property
    def unconfirmed(self) -> int:
        """How many records wait for a commit."""
        return len(self._sent) + len(self._unsent)

    @property
    def unanswered(self) -> int:
        """How many of them no broker has acknowledged yet."""
        return len(self._unsent) + sum(not future.is_done for future, _ in self._sent)

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """Hand a record to the library, which sends it in the background."""
        message = Message(topic, value, key, headers, partition)
        self.unconfirmed_bytes += message.size
        self._unsent.append(message)
        # Else it waits behind those before it, or for the transaction that is being committed.
        if len(self._unsent) == 1 and self._failure is None and self._attempt is None:
            self._send_waiting()

    def _send_waiting(self) -> bool:
        """Hand over what waits, in order; True when nothing does."""
        sent = 0
        try:
            for message in self._unsent:
                if not self._open:
                    self._producer.begin_transaction()
                    self._open = True
                future = self._producer.send(
                    message.topic,
                    message.value,
                    message.key,
                    list(message.headers),
                    partition=message.partition,
                )
                self._sent.append((future, message))
                sent += 1
                if future.is_done and future.failed():  # refused before it was sent
                    self._failure = future.exception
                    break
        except KafkaTimeoutError as error:
            _log.debug("sending to %s is put off: %s", self._unsent[sent].topic, describe(error))
        except KafkaError as error:
            self._failure = error  # told at the next commit
        del self._unsent[:sent]
        return not self._unsent

    def room(self, topic: str) -> int:
        """How many bytes key, value and headers of a record may have together, as far as known."""
        return self._limits.room(topic)

    def too_large(self) -> list[Message]:
        """Nothing: what is too large is given up with its transaction, and made again."""
        return []

    def flush(self, timeout: float) -> bool:
        """Wait `timeout` seconds for the brokers to have everything; it shows after a commit."""
        if not self._send_waiting():
            return False
        return flush(self._producer, timeout)

    def commit(
        self,
        positions: Mapping[Partition, int],
        membership: ConsumerGroupMetadata | None,
        timeout: float,
    ) -> bool:
        """Make all that was sent readable and its positions committed, all or nothing.

        Without positions no group is needed, and nobody asks whether it has left us behind.

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
        if self._attempt is None:
            if self._failure is None:
                self._send_waiting()
            if self._failure is None:  # nor has sending met with one
                if self._unsent:
                    return False
                if not self._sent and not positions:
                    return True
            if positions and not _is_member(membership):
                raise TransactionLostError("the group has left this worker behind")
            self._attempt = in_background(self._committing(dict(positions), membership), "commit")
            self._attempt_ends = time.monotonic() + self._timeout + _GRACE_SECONDS
        try:
            self._attempt.result(timeout)
        except StillWaiting as error:
            if time.monotonic() < self._attempt_ends:
                return False
            # By now the brokers have given it up. The library may wait for ever for batches of a
            # transaction that was given up while this process was held.
            raise TransactionLostError("it was not committed within its time-out") from error
        except (KafkaError, ValueError) as error:  # ValueError: the group has let us go
            self._learn_limits()
            raise TransactionLostError(self._explain(error)) from error
        self._attempt = None
        self._sent.clear()
        self.unconfirmed_bytes = 0
        self._open = False
        return True

    def _learn_limits(self) -> None:
        """Note what was too large, so that it is made shorter the next time."""
        large = [
            message
            for future, message in self._sent
            if future.failed() and isinstance(future.exception, TOO_LARGE)
        ]
        if large:
            self._limits.refused(large)

    def _explain(self, error: BaseException) -> str:
        return explain(error, self._connection, operation="WRITE", owner=self._right)

    def _committing(
        self,
        positions: Mapping[Partition, int],
        membership: ConsumerGroupMetadata | None,
    ) -> Callable[[], None]:
        """Give what commits by the producer of now: if it wakes up late, not by another one."""
        producer, sent = self._producer, self._sent.copy()
        failure, is_open = self._failure, self._open

        def commit() -> None:
            if failure is not None:
                raise failure
            if not is_open:
                producer.begin_transaction()
            flush(producer)
            for future, _ in sent:
                if future.failed():
                    raise future.exception
            if positions:
                producer.send_offsets_to_transaction(offsets_of(positions), membership)
            producer.commit_transaction()

        return commit

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
        settings = {
            **settings_of_client(self._connection),
            "bootstrap_timeout_ms": 2000,
            **self._options,
        }
        try:
            fresh = make_producer(settings, self._limits)
        except KafkaError as error:
            _log.debug("no new producer yet: %s", describe(error))
            return False
        try:
            # Shuts out the producer before it and ends what it left open, one way or the other.
            fresh.init_transactions()
        except KafkaError as error:
            _log.debug("no new transaction yet: %s", describe(error))
            close_producer(fresh)
            if isinstance(error, TransactionalIdAuthorizationFailedError):
                raise TransactionLostError(self._explain(error)) from error
            return False
        close_producer(self._producer)
        self._producer = fresh
        self.retried += self.unconfirmed
        self._sent.clear()
        self._unsent.clear()
        self.unconfirmed_bytes = 0
        self._open, self._failure, self._attempt = False, None, None
        return True

    def close(self) -> None:
        """Stop; what is not committed is given up."""
        if self._open and self._attempt is None:
            self._abort()
        close_producer(self._producer)

    def _abort(self) -> None:
        """Spare the readers the wait until the brokers give the transaction up themselves."""
        try:
            in_background(self._producer.abort_transaction, "abort").result(2.0)
        except (KafkaError, StillWaiting) as error:
            _log.debug("giving up the open transaction: %s", describe(error))


def _is_member(membership: ConsumerGroupMetadata | None) -> bool:
    """Whether the brokers can tell if this member is left behind.

    One that has been told so, and not joined again, has no generation: its positions would count as
    those of somebody who has no group, and nobody would refuse them.
    """
    return membership is not None and membership.generation_id > 0 and bool(membership.member_id)
