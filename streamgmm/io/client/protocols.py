"""What a client library must do for a job over Kafka; the laws are in ``tests/io``.

A `Client` makes everything else: a `Source`, a `Sink` or `Transactions`, and a `StateTopic`. All of
one job come from the same client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from streamgmm.events import Records
    from streamgmm.io.client.connection import Connection
    from streamgmm.io.client.limits import Message
    from streamgmm.io.client.partitions import Owner, Partition
    from streamgmm.io.client.state import StateRecord

__all__ = ["Client", "Sink", "Source", "StateTopic", "Transactions"]


class Source(Protocol):
    """A member of a consumer group that hands out batches by partition; commits nothing itself.

    A partition that is assigned waits, and no record of it is fetched, until `open` has said where
    it begins. Only what is committed is read. The owner is told before partitions are given up, on
    some thread while `poll` or `close` waits, never beside them.
    """

    @property
    def joined(self) -> bool:
        """Whether the group has given this member its partitions (perhaps none)."""

    def poll(self, timeout: float) -> Mapping[Partition, Records]:
        """Wait up to `timeout` seconds for records of opened partitions.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer, or refuses; to be tried again.
        PositionGoneError
            If what comes next is not there any more; `open` says where to go on.
        BrokerError
            If the group refuses this member, which it has never let in, for good.
        """

    def probe(self, every: float = 5.0) -> None:
        """Ask the broker for a sign of life if it has given none for `every` seconds.

        Raises
        ------
        SourceUnavailableError
            If there is none.
        """

    def partitions(self, topic: str) -> int:
        """Give how many partitions a topic has.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer.
        """

    def assigned(self) -> set[Partition]:
        """Give the partitions this member owns."""

    def unopened(self) -> set[Partition]:
        """Give the partitions that are assigned and wait for `open`."""

    def committed(self, partition: Partition) -> int | None:
        """Give the group's committed position, None if there is none.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer, or transactions that are open may change it.
        """

    def bounds(self, partition: Partition) -> tuple[int, int]:
        """Give the position of the oldest record that is still there, and one past the newest.

        Raises
        ------
        SourceUnavailableError
            If the broker does not answer.
        """

    def first_position(self, bounds: tuple[int, int]) -> int:
        """Give where a partition without a committed offset begins."""

    def open(self, partition: Partition, position: int) -> None:
        """Let a new partition flow, beginning at `position`."""

    def position(self, partition: Partition) -> int | None:
        """Give the position of the next record of an opened partition.

        It passes over what no poll returns (transaction markers, aborted records).
        """

    def lag(self, partition: Partition) -> int | None:
        """Give how many records wait; None before the first fetch."""

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Commit positions for the group.

        Raises
        ------
        SourceUnavailableError
            If that was not possible; the positions stay uncommitted.
        """

    @property
    def membership(self) -> Any:
        """The group and this member's place in it, for `Transactions.commit` of the same client."""

    def hold(self) -> None:
        """Make every partition wait to be opened again."""

    def rest(self) -> None:
        """Let opened partitions keep their place and `poll` give nothing of them, until `go_on`.

        The group goes on all the same: partitions may come, which wait for `open`, and go.
        """

    def go_on(self) -> None:
        """Let them flow again, those that are still ours; does nothing without `rest`."""

    def close(self) -> None:
        """Leave the group; the owner is asked to release what is still assigned."""


class Sink(Protocol):
    """Writes records; nothing counts as written before `flush` says so."""

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> None:
        """Hand a record over, which is sent in the background."""

    @property
    def unconfirmed(self) -> int:
        """How many records no flush has confirmed yet."""

    @property
    def unconfirmed_bytes(self) -> int:
        """How many bytes they come to."""

    @property
    def unanswered(self) -> int:
        """How many of them no broker has acknowledged yet."""

    @property
    def retried(self) -> int:
        """How many records had to be sent again so far."""

    def flush(self, timeout: float) -> bool:
        """Try for `timeout` seconds to have everything acknowledged; True when it is.

        What was refused is sent again; with False, call again, but look first whether records were
        `too_large`.
        """

    def room(self, topic: str) -> int:
        """How many bytes key, value and headers of a record may have together, as far as known."""

    def too_large(self) -> list[Message]:
        """Take back, in order, the records that their topics will never take; `room` has learned.

        To be sent again shorter, or dropped: until then they count as unconfirmed.
        """

    def close(self) -> None:
        """Stop sending; what is not acknowledged is dropped."""


class Transactions(Protocol):
    """Writes records that can be read once the positions they came from are committed with them.

    A transaction is open from the first record until `commit`, which adds positions with what the
    group knows of this member (KIP-447). Whatever goes wrong, the answer is the same: `restart`,
    and begin again from the committed positions.
    """

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> None:
        """Hand a record over, which is sent in the background."""

    @property
    def unconfirmed(self) -> int:
        """How many records wait for a commit."""

    @property
    def unconfirmed_bytes(self) -> int:
        """How many bytes they come to."""

    @property
    def unanswered(self) -> int:
        """How many of them no broker has acknowledged yet."""

    @property
    def retried(self) -> int:
        """How many records were given up with their transaction, to be made and sent again."""

    def flush(self, timeout: float) -> bool:
        """Wait `timeout` seconds for the brokers to have everything; it shows after a commit."""

    def commit(self, positions: Mapping[Partition, int], membership: Any, timeout: float) -> bool:
        """Make all that was sent readable and its positions committed, all or nothing.

        Parameters
        ----------
        positions
            Without any nobody asks whether the group has left us behind.
        membership
            Of the source; None without positions.
        timeout
            In seconds.

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

    def room(self, topic: str) -> int:
        """How many bytes key, value and headers of a record may have together, as far as known."""

    def too_large(self) -> list[Message]:
        """Nothing: what is too large is given up with its transaction, and made again."""

    def restart(self) -> bool:
        """Give up what is not committed and be ready for more; False: to be tried again.

        Raises
        ------
        TransactionLostError
            If the brokers refuse a new transaction, and why; to be tried again too.
        """

    def close(self) -> None:
        """Stop; what is not committed is given up."""


class StateTopic(Protocol):
    """Reads a compacted topic; what is written to it goes through the job's transactions."""

    @property
    def name(self) -> str:
        """The topic's name."""

    @property
    def partitions(self) -> int:
        """How many partitions it has."""

    def read(self, partitions: Collection[int]) -> dict[bytes, StateRecord]:
        """Give the latest value of each key, of all that was in these partitions when asked.

        Transactions that are open then are waited for: what follows them cannot be read before.

        Raises
        ------
        SourceUnavailableError
            If no broker answers, or a transaction stays open; to be tried again.
        """


class Client(Protocol):
    """Makes what a job needs of Kafka.

    Each of its methods raises BrokerError if no broker is reached in time, or refuses credentials,
    a topic, a group or a transactional id; ConfigError if the settings cannot be used.
    """

    def source(
        self,
        connection: Connection,
        *,
        topics: Sequence[str],
        group: str,
        start: str,
        owner: Owner,
        max_records: int = ...,
        instance: str = "",
        session_timeout: float = 45.0,
        with_headers: bool = False,
    ) -> Source:
        """Join a consumer group.

        Parameters
        ----------
        connection, topics, group
            Where and as whom to read.
        start
            Where a partition without a committed offset begins: ``"earliest"`` or ``"latest"``.
        owner
            Told before partitions are given up.
        max_records
            At most so many records a poll.
        instance
            A name of this member alone: a static member, which a restart does not unseat.
        session_timeout
            Seconds without a sign of life after which the group gives its partitions away.
        with_headers
            Whether records have `Records.headers`.
        """

    def sink(self, connection: Connection, topics: Collection[str]) -> Sink:
        """Be ready to write to topics; that they can be written to is checked at once."""

    def transactions(
        self,
        connection: Connection,
        topics: Collection[str],
        *,
        transactional_id: str,
        timeout: float,
        family: str = "",
    ) -> Transactions:
        """Be ready to write to topics in transactions.

        Parameters
        ----------
        connection, topics
            Where to write; that it can be written to is checked at once.
        transactional_id
            Under which the brokers know this writer. An earlier one of that name is shut out and
            what it left open is given up at once; of any other name, after `timeout`.
        timeout
            Seconds after which the brokers give up a transaction that is not committed.
        family
            What the transactional ids of all of this job's workers begin with.
        """

    def state_topic(self, connection: Connection, topic: str, *, largest: int) -> StateTopic:
        """Be ready to read a topic that keeps state.

        That it is there, compacted, and takes records of `largest` bytes is checked at once.
        """

    def group_members(self, connection: Connection, group: str, *, besides: str = "") -> int:
        """Say how many members a consumer group has, but for the static one of that name."""
