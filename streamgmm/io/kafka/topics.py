"""Topics that are read: that they are there, ours to read, and as they must be."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource
from kafka.errors import KafkaError, RetriableError, for_code

from streamgmm.errors import BrokerError
from streamgmm.io.kafka.connection import Starting, describe
from streamgmm.io.kafka.rights import require_rights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamgmm.io.client import Connection

__all__ = ["check_topics", "settings_of"]

_RETRY_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


def check_topics(connection: Connection, topics: Sequence[str]) -> None:
    """See that the source's topics are there, ours to read, and not compacted."""
    deadline = time.monotonic() + connection.start_timeout
    with Starting(connection) as starting:
        admin = starting.made(KafkaAdminClient(**starting.settings()))
        try:
            require_rights(admin, ["READ"], topics, connection)
            while missing := _refused_topics(admin, topics):
                if time.monotonic() >= deadline:
                    raise BrokerError(
                        f"the source's topics cannot be read at {connection}: {missing}; create "
                        "them, or correct source.topics"
                    )
                connection.check()
                time.sleep(_RETRY_SECONDS)
            compacted = _compacted_topics(admin, topics)
        finally:
            admin.close()
    if compacted:
        raise BrokerError(
            f"the topic {', '.join(compacted)} is compacted: Kafka removes events from it, so a "
            "model could not be brought back to where it was; read a topic with "
            "cleanup.policy=delete"
        )


def _refused_topics(admin: KafkaAdminClient, topics: Sequence[str]) -> str:
    """Name the topics that are not there and why."""
    refused = []
    try:
        described = admin.describe_topics(list(topics))
    except RetriableError as error:
        return describe(error)
    for topic in described:
        if topic["error_code"]:
            kind = for_code(topic["error_code"])
            refused.append(f"{topic['name']} ({kind.__name__.removesuffix('Error')})")
    return ", ".join(sorted(refused))


def _compacted_topics(admin: KafkaAdminClient, topics: Sequence[str]) -> list[str]:
    settings = settings_of(admin, topics)
    if hidden := sorted(topic for topic in topics if topic not in settings):
        _log.warning(
            "whether %s is compacted is not known, for want of DESCRIBE_CONFIGS on it: a compacted "
            "topic would not be refused",
            ", ".join(hidden),
        )
    return [topic for topic, known in settings.items() if "compact" in known["cleanup.policy"]]


def settings_of(admin: KafkaAdminClient, topics: Sequence[str]) -> dict[str, dict[str, str]]:
    """Give the settings of those topics of which they may be known.

    Reading or writing a topic does not take the right to see its settings.
    """
    wanted = [ConfigResource("TOPIC", topic) for topic in topics]
    try:
        found = admin.describe_configs(wanted, config_filter="all")["topic"]
    except KafkaError as error:
        _log.debug("the settings of %s are not known: %s", ", ".join(topics), describe(error))
        return {}
    return {
        topic: {name: str(value.get("value")) for name, value in values.items()}
        for topic, values in found.items()
        if "cleanup.policy" in values
    }
