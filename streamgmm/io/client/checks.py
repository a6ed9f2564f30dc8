"""What is seen to before a job begins: topics that are there, ours to use, and as they must be."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from streamgmm.errors import BrokerError
from streamgmm.io.client.rights import Right, refusal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from streamgmm.io.client.connection import Connection

__all__ = [
    "Cluster",
    "TopicFacts",
    "missing_sink_topic",
    "no_broker",
    "no_group",
    "require_rights",
    "require_source_topics",
    "require_state_topic",
    "wrong_credentials",
]

_RETRY_SECONDS: Final = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What a cluster tells of a topic.

    Attributes
    ----------
    error
        Why it tells nothing; empty if it does.
    refused
        Whether that is because it is not ours to see.
    partitions
        How many it has.
    allowed
        What we may do with it (``"READ"``); empty where brokers do not tell.
    """

    name: str
    error: str = ""
    refused: bool = False
    partitions: int = 0
    allowed: Collection[str] = ()


class Cluster(Protocol):
    """Answers questions about topics, while a job starts."""

    @property
    def connection(self) -> Connection:
        """Where the cluster is."""

    def describe(self, topics: Iterable[str]) -> list[TopicFacts]:
        """Tell of topics what there is to tell."""

    def settings(self, topics: Iterable[str]) -> dict[str, dict[str, str]]:
        """Give the settings of those topics of which they may be known.

        Reading or writing a topic does not take the right to see its settings.
        """


def no_broker(at: Connection, reason: str) -> BrokerError:
    """Give the error of brokers that did not answer in time, with the last reason, if any."""
    last = f"; the last attempt ended with {reason}" if reason else ""
    return BrokerError(
        f"no broker of {at} answered within {at.start_timeout:g} s (start_timeout){last}. Check "
        "the addresses, that a broker runs there and its port is open, that its advertised "
        "listeners can be reached from here, and that security (with ssl_cafile and ssl_certfile) "
        "is what the listener expects"
    )


def wrong_credentials(at: Connection, reason: str) -> BrokerError:
    """Give the error of a login that was refused."""
    return BrokerError(
        f"{at} refused the credentials ({reason}): check sasl_mechanism, sasl_username and "
        "sasl_password (or sasl_password_file)"
    )


def missing_sink_topic(at: Connection, topic: str) -> BrokerError:
    """Give the error of a topic that cannot be written to, for it is not there."""
    return BrokerError(
        f"the sink's topic {topic!r} does not exist at {at}: create it, or correct its name under "
        "[sink]"
    )


def no_group(at: Connection, group: str, reason: str) -> BrokerError:
    """Give the error of a group that will never let us in."""
    return BrokerError(
        f"{at} does not let us into the group {group!r} ({reason}): check source.group, "
        "source.instance and source.session_timeout (the brokers set its limits)"
    )


def require_rights(cluster: Cluster, operations: Collection[str], topics: Iterable[str]) -> None:
    """See that operations on topics are ours to do; topics that do not exist are passed over.

    Raises
    ------
    BrokerError
        If one is not; it names all that are missing, and how to grant them.
    """
    missing = [
        Right(operation, "topic", topic.name)
        for topic in cluster.describe(topics)
        for operation in operations
        if topic.refused or (topic.allowed and operation not in topic.allowed)
    ]
    if missing:
        raise refusal(cluster.connection, missing)


def require_source_topics(cluster: Cluster, topics: Collection[str]) -> None:
    """See that the source's topics are there, ours to read, and not compacted.

    Raises
    ------
    BrokerError
        If one is not.
    """
    at = cluster.connection
    deadline = time.monotonic() + at.start_timeout
    require_rights(cluster, ["READ"], topics)
    while missing := [one for one in cluster.describe(topics) if one.error]:
        if time.monotonic() >= deadline:
            named = ", ".join(sorted(f"{one.name} ({one.error})" for one in missing))
            raise BrokerError(
                f"the source's topics cannot be read at {at}: {named}; create them, or correct "
                "source.topics"
            )
        at.check()
        time.sleep(_RETRY_SECONDS)
    settings = cluster.settings(topics)
    if hidden := sorted(topic for topic in topics if topic not in settings):
        _log.warning(
            "whether %s is compacted is not known, for want of DESCRIBE_CONFIGS on it: a compacted "
            "topic would not be refused",
            ", ".join(hidden),
        )
    compacted = [topic for topic, known in settings.items() if "compact" in known["cleanup.policy"]]
    if compacted:
        raise BrokerError(
            f"the topic {', '.join(compacted)} is compacted: Kafka removes events from it, so a "
            "model could not be brought back to where it was; read a topic with "
            "cleanup.policy=delete"
        )


def require_state_topic(cluster: Cluster, topic: str, *, largest: int) -> int:
    """See that a topic can keep state, in records of up to `largest` bytes; count its partitions.

    Raises
    ------
    BrokerError
        If it cannot.
    """
    partitions = _await_partitions(cluster, topic)
    settings = cluster.settings([topic]).get(topic)
    if settings is None:
        _log.warning(
            "whether the topic %s is compacted is not known, for want of DESCRIBE_CONFIGS on it: "
            "if it is not, state is lost with retention",
            topic,
        )
    else:
        _require_compaction(topic, settings)
        _require_room(topic, settings, largest)
    return partitions


def _await_partitions(cluster: Cluster, topic: str) -> int:
    at = cluster.connection
    deadline = time.monotonic() + at.start_timeout
    while True:
        at.check()
        require_rights(cluster, ["READ", "WRITE"], [topic])
        [facts] = cluster.describe([topic])
        if not facts.error:
            return facts.partitions
        _log.debug("describing %s: %s", topic, facts.error)
        if time.monotonic() >= deadline:
            raise BrokerError(
                f"the topic {topic!r} of service.checkpoint does not exist at {at}: create it with "
                "cleanup.policy=compact, or correct service.checkpoint"
            )
        time.sleep(_RETRY_SECONDS)


def _require_compaction(topic: str, settings: Mapping[str, str]) -> None:
    policy = settings["cleanup.policy"]
    if policy != "compact":
        raise BrokerError(
            f"the topic {topic!r} of service.checkpoint has cleanup.policy={policy}, so that Kafka "
            "would remove state from it; allowed is compact: kafka-configs.sh --alter --topic "
            f"{topic} --add-config cleanup.policy=compact"
        )


def _require_room(topic: str, settings: Mapping[str, str], largest: int) -> None:
    room = int(settings["max.message.bytes"])
    if room < largest:
        raise BrokerError(
            f"the topic {topic!r} of service.checkpoint has max.message.bytes={room}, but chunks "
            f"of state need {largest}: kafka-configs.sh --alter --topic {topic} --add-config "
            "max.message.bytes=1048588"
        )
