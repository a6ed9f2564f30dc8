"""What a cluster tells of its topics and groups, asked by kafka-python."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import (
    AuthorizationError,
    CoordinatorNotAvailableError,
    KafkaError,
    RetriableError,
    for_code,
)

from streamgmm.errors import BrokerError
from streamgmm.io.client.checks import TopicFacts
from streamgmm.io.kafka.connection import Starting, describe

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamgmm.io.client import Connection

__all__ = ["KafkaCluster", "cluster_at", "group_members"]

_RETRY_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


class KafkaCluster:
    """A `streamgmm.io.client.checks.Cluster`."""

    def __init__(self, admin: KafkaAdminClient, connection: Connection) -> None:
        self._admin = admin
        self.connection = connection

    def describe(self, topics: Iterable[str]) -> list[TopicFacts]:
        """Tell of topics what there is to tell."""
        names = list(topics)
        try:
            return [_facts(told) for told in self._admin.describe_topics(names)]
        except RetriableError as error:
            return [TopicFacts(name, error=describe(error)) for name in names]

    def settings(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give the settings of those topics of which they may be known."""
        wanted = [ConfigResource("TOPIC", topic) for topic in topics]
        try:
            found = self._admin.describe_configs(wanted, config_filter="all")["topic"]
        except KafkaError as error:
            _log.debug("the settings of topics are not known: %s", describe(error))
            return {}
        return {
            topic: {name: str(value.get("value")) for name, value in values.items()}
            for topic, values in found.items()
            if "cleanup.policy" in values
        }


def _facts(told: dict[str, Any]) -> TopicFacts:
    if told["error_code"]:
        kind = for_code(told["error_code"])
        name = kind.__name__.removesuffix("Error")
        return TopicFacts(told["name"], error=name, refused=issubclass(kind, AuthorizationError))
    allowed = told["authorized_operations"] or ()
    return TopicFacts(told["name"], partitions=len(told["partitions"]), allowed=allowed)


@contextmanager
def cluster_at(connection: Connection, starting: Starting) -> Iterator[KafkaCluster]:
    """Give the cluster, to be asked while a job starts."""
    admin = starting.made(KafkaAdminClient(**starting.settings()))
    try:
        yield KafkaCluster(admin, connection)
    finally:
        admin.close()


def group_members(connection: Connection, group: str, *, besides: str = "") -> int:
    """Say how many members a consumer group has, but for the static one of that name.

    Raises
    ------
    BrokerError
        If it cannot be known.
    """
    with Starting(connection) as starting:
        admin = starting.made(KafkaAdminClient(**starting.settings()))
        try:
            described = _described(admin, group, connection)
        finally:
            admin.close()
    if described["error"] and "GroupIdNotFound" not in described["error"]:
        raise BrokerError(
            f"whether a worker of group {group!r} is running cannot be known "
            f"({described['error']}): this user needs DESCRIBE on the group"
        )
    return sum(
        not besides or member["group_instance_id"] != besides for member in described["members"]
    )


def _described(admin: KafkaAdminClient, group: str, connection: Connection) -> dict[str, Any]:
    """Describe a group; brokers that never had one are waited for while they make its topic."""
    deadline = time.monotonic() + connection.start_timeout
    while True:
        connection.check()
        try:
            described: dict[str, Any] = admin.describe_groups([group])[group]
        except CoordinatorNotAvailableError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return described
