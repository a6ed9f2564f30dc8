"""What a cluster tells of its topics and groups, asked by librdkafka."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import ConfigResource, ResourceType  # type: ignore[attr-defined]

from streamgmm.errors import BrokerError
from streamgmm.io.client.checks import TopicFacts
from streamgmm.io.confluent.connection import Asking, describe, error_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streamgmm.io.client import Connection

__all__ = ["ConfluentCluster", "group_members"]

_log = logging.getLogger(__name__)


class ConfluentCluster:
    """A `streamgmm.io.client.checks.Cluster`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._asking = Asking(connection)

    def describe(self, topics: Iterable[str]) -> list[TopicFacts]:
        """Tell of topics what there is to tell."""
        return [self._facts(topic) for topic in topics]

    def _facts(self, topic: str) -> TopicFacts:
        admin = self._asking.admin

        def ask(**options: float) -> Any:
            wanted = TopicCollection([topic])
            return admin.describe_topics(wanted, include_authorized_operations=True, **options)[
                topic
            ]

        try:
            told = self._asking.answer(ask)
        except KafkaException as error:
            code = error_of(error).code()
            refused = code == KafkaError.TOPIC_AUTHORIZATION_FAILED
            absent = code == KafkaError.UNKNOWN_TOPIC_OR_PART
            told_of = "UnknownTopicOrPartition" if absent else describe(error)
            return TopicFacts(topic, error=told_of, refused=refused)
        allowed = [one.name for one in told.authorized_operations or ()]
        return TopicFacts(topic, partitions=len(told.partitions), allowed=allowed)

    def settings(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give the settings of those topics of which they may be known."""
        found = {}
        for topic in topics:
            try:
                told = self._asking.answer(partial(self._ask_settings, topic))
            except KafkaException as error:
                _log.debug("the settings of %s are not known: %s", topic, describe(error))
                continue
            found[topic] = {name: str(entry.value) for name, entry in told.items()}
        return found

    def _ask_settings(self, topic: str, **options: float) -> Any:
        wanted = ConfigResource(ResourceType.TOPIC, topic)
        [promised] = self._asking.admin.describe_configs([wanted], **options).values()
        return promised


def group_members(connection: Connection, group: str, *, besides: str = "") -> int:
    """Say how many members a consumer group has, but for the static one of that name.

    Raises
    ------
    BrokerError
        If it cannot be known.
    """
    asking = Asking(connection)
    try:
        told: Any = asking.answer(
            lambda **options: asking.admin.describe_consumer_groups([group], **options)[group]
        )
    except KafkaException as error:
        if error_of(error).code() == KafkaError.GROUP_ID_NOT_FOUND:
            return 0
        raise BrokerError(
            f"whether a worker of group {group!r} is running cannot be known "
            f"({describe(error)}): this user needs DESCRIBE on the group"
        ) from error
    return sum(not besides or member.group_instance_id != besides for member in told.members)
