"""A compacted topic that keeps state: the latest value of each key counts."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.errors import KafkaError, RetriableError

from streamgmm.errors import BrokerError
from streamgmm.io.client import SourceUnavailableError, StateRecord
from streamgmm.io.kafka.connection import Starting, describe, settings_of_client
from streamgmm.io.kafka.rights import require_rights
from streamgmm.io.kafka.topics import settings_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from streamgmm.io.client import Connection

__all__ = ["KafkaStateTopic", "group_members"]

_RETRY_SECONDS: Final = 0.5
_STANDSTILL_SECONDS: Final = 5.0
_FETCH_BYTES: Final = 8 * 1024 * 1024
_log = logging.getLogger(__name__)


class KafkaStateTopic:
    """Reads a compacted topic; what is written to it goes through the job's transactions.

    Parameters
    ----------
    connection, topic
        Where it is. That it is there, compacted and takes the records is checked at once.
    largest
        Bytes that its records may have.

    Raises
    ------
    BrokerError
        If no broker is reached in time, or the topic cannot serve.

    Attributes
    ----------
    name : str
        The topic's.
    partitions : int
        How many it has.
    """

    def __init__(self, connection: Connection, topic: str, *, largest: int) -> None:
        self._connection = connection
        self.name = topic
        connection.announce("state")
        with Starting(connection) as starting:
            admin = starting.made(KafkaAdminClient(**starting.settings()))
            try:
                self.partitions = self._await_partitions(admin)
                settings = settings_of(admin, [topic]).get(topic, {})
            finally:
                admin.close()
        if settings:
            self._require_compaction(settings)
            self._require_room(settings, largest)
        else:
            _log.warning(
                "whether the topic %s is compacted is not known, for want of DESCRIBE_CONFIGS on "
                "it: if it is not, state is lost with retention",
                topic,
            )

    def _await_partitions(self, admin: Any) -> int:
        deadline = time.monotonic() + self._connection.start_timeout
        while True:
            self._connection.check()
            try:
                require_rights(admin, ["READ", "WRITE"], [self.name], self._connection)
                [described] = admin.describe_topics([self.name])
                if not described["error_code"]:
                    return len(described["partitions"])
            except RetriableError as error:
                _log.debug("describing %s: %s", self.name, describe(error))
            if time.monotonic() >= deadline:
                raise BrokerError(
                    f"the topic {self.name!r} of service.checkpoint does not exist at "
                    f"{self._connection}: create it with cleanup.policy=compact, or correct "
                    "service.checkpoint"
                )
            time.sleep(_RETRY_SECONDS)

    def _require_compaction(self, settings: Mapping[str, str]) -> None:
        policy = settings["cleanup.policy"]
        if policy != "compact":
            raise BrokerError(
                f"the topic {self.name!r} of service.checkpoint has cleanup.policy={policy}, so "
                "that Kafka would remove state from it; allowed is compact: kafka-configs.sh "
                f"--alter --topic {self.name} --add-config cleanup.policy=compact"
            )

    def _require_room(self, settings: Mapping[str, Any], largest: int) -> None:
        room = int(settings["max.message.bytes"])
        if room < largest:
            raise BrokerError(
                f"the topic {self.name!r} of service.checkpoint has max.message.bytes={room}, "
                f"but chunks of state need {largest}: kafka-configs.sh --alter --topic "
                f"{self.name} --add-config max.message.bytes=1048588"
            )

    def read(self, partitions: Collection[int]) -> dict[bytes, StateRecord]:
        """Give the latest value of each key, of all that was in these partitions when asked.

        Transactions that are open then are waited for: what follows them cannot be read before.

        Raises
        ------
        SourceUnavailableError
            If no broker answers, or a transaction stays open; to be tried again.
        """
        try:
            consumer = KafkaConsumer(
                **{**settings_of_client(self._connection), "bootstrap_timeout_ms": 5000},
                isolation_level="read_committed",
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                max_poll_records=1000,
                max_partition_fetch_bytes=_FETCH_BYTES,
                metrics_enabled=False,
            )
        except KafkaError as error:
            raise SourceUnavailableError(describe(error)) from error
        try:
            return self._read(consumer, [TopicPartition(self.name, one) for one in partitions])
        except KafkaError as error:
            raise SourceUnavailableError(describe(error)) from error
        finally:
            consumer.close()

    def _read(self, consumer: Any, wanted: list[TopicPartition]) -> dict[bytes, StateRecord]:
        consumer.assign(wanted)
        consumer.seek_to_beginning(*wanted)
        found: dict[bytes, StateRecord] = {}
        ends: dict[TopicPartition, int] = {}
        progress, moved = -1, time.monotonic()
        while True:
            for records in consumer.poll(timeout_ms=100).values():
                for record in records:
                    _keep(found, record)
            for one in wanted:
                # That of the first answer: later ones tell of what others have written since.
                end = consumer.highwater(one)
                if end is not None:
                    ends.setdefault(one, end)
            at = {one: consumer.position(one, timeout_ms=5000) or 0 for one in wanted}
            if all(one in ends and at[one] >= ends[one] for one in wanted):
                return found
            if sum(at.values()) > progress:
                progress, moved = sum(at.values()), time.monotonic()
            elif time.monotonic() - moved > _STANDSTILL_SECONDS:
                raise SourceUnavailableError(
                    f"the end of {self.name} cannot be read yet: waiting for a transaction that "
                    "another worker has left open"
                )


def _keep(found: dict[bytes, StateRecord], record: Any) -> None:
    if record.value is None:
        found.pop(record.key, None)
    elif record.key is not None:
        found[record.key] = StateRecord(record.value, record.timestamp / 1000, record.partition)


def group_members(connection: Connection, group: str) -> int:
    """Say how many members a consumer group has.

    Raises
    ------
    BrokerError
        If it cannot be known.
    """
    with Starting(connection) as starting:
        admin = starting.made(KafkaAdminClient(**starting.settings()))
        try:
            described = admin.describe_groups([group])[group]
        finally:
            admin.close()
    if described["error"] and "GroupIdNotFound" not in described["error"]:
        raise BrokerError(
            f"whether a worker of group {group!r} is running cannot be known "
            f"({described['error']}): this user needs DESCRIBE on the group"
        )
    return len(described["members"])
