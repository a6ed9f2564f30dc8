"""From the configuration to where a job keeps its checkpoints."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Final

from streamgmm.config import KafkaInput
from streamgmm.errors import BrokerError, ConfigError
from streamgmm.io.client import TransactionLostError
from streamgmm.service.connect import client_of, connection
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.slots import CHUNK
from streamgmm.service.topic_store import TopicStore, Writer

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgmm.config import Config
    from streamgmm.io.client import Client, Connection, Transactions
    from streamgmm.service.checkpoint import CheckpointStore

__all__ = ["store_of", "workers_of"]

_PATIENCE: Final = 30.0
# Key, headers and what the protocol adds.
_LARGEST: Final = CHUNK + 10_000


def store_of(
    config: Config,
    transactions: Transactions | None = None,
    check: Callable[[], None] = lambda: None,
) -> CheckpointStore:
    """Give the store of a job.

    Parameters
    ----------
    config
        The job.
    transactions
        Those of a running job, which commits what is written to a topic. Without them every
        change of a topic has a transaction of its own.
    check
        Called often while brokers are waited for; what it raises ends that.

    Raises
    ------
    ConfigError
        If the job names none.
    StateError
        If the directory cannot be made or written to.
    BrokerError
        If the topic is not there, or cannot serve.
    """
    service, source = config.service, config.source
    topic = service.checkpoint_topic
    if not service.checkpoint:
        raise ConfigError(
            "service.checkpoint names no directory and no topic: the job keeps no checkpoints"
        )
    if topic is None or not isinstance(source, KafkaInput):
        return DirectoryStore(
            Path(service.checkpoint), hourly=service.keep_hourly, daily=service.keep_daily
        )
    at, client = connection(source, config, check), client_of(config)
    writer: Writer
    if transactions is None:
        writer = alone = _OwnTransaction(client, at, topic, source.group)
        committed = alone.commit
    else:
        writer, committed = transactions, _committed_with_the_rest
    return TopicStore(
        client.state_topic(at, topic, largest=_LARGEST),
        source.group,
        writer,
        committed=committed,
        members=lambda: workers_of(config),
    )


def _committed_with_the_rest() -> None:
    """Do nothing: a running job commits its checkpoints itself."""


def workers_of(config: Config, besides: str = "") -> int:
    """Say how many workers a job over Kafka has at this moment; 0 of a job over a file.

    One whose `source.instance` is `besides` does not count.

    Raises
    ------
    BrokerError
        If it cannot be known.
    """
    if not isinstance(config.source, KafkaInput):
        return 0
    return client_of(config).group_members(
        connection(config.source, config), config.source.group, besides=besides
    )


class _OwnTransaction:
    """A transaction for one change by an operator, while no job runs."""

    def __init__(self, client: Client, at: Connection, topic: str, group: str) -> None:
        self._client = client
        self._at = at
        self._topic = topic
        self._group = group
        self._transactions: Transactions | None = None

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes,
        *,
        partition: int,
    ) -> None:
        """Take a record; the first one begins the transaction."""
        if self._transactions is None:
            self._transactions = self._client.transactions(
                self._at,
                {self._topic},
                transactional_id=f"{self._group}-operator-{uuid.uuid4().hex}",
                timeout=_PATIENCE,
                family=f"{self._group}-",
            )
        self._transactions.send(topic, value, key, partition=partition)

    def commit(self) -> None:
        """Commit what was sent and end; BrokerError: that failed, and nothing was changed."""
        transactions, self._transactions = self._transactions, None
        if transactions is None:
            return
        deadline = time.monotonic() + _PATIENCE
        try:
            while not transactions.commit({}, None, 1.0):
                if time.monotonic() > deadline:
                    raise BrokerError(f"{self._at} did not commit in time; see what is there now")
        except TransactionLostError as error:
            raise BrokerError(f"{self._at} refused it ({error}): nothing was changed") from error
        finally:
            transactions.close()
