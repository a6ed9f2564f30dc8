"""Transactions against a real Apache Kafka: all or nothing, and never without end."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from streamgmm.io.kafka import Connection, KafkaTransactions, TransactionLostError, transactions
from tests.workers import Topics

if TYPE_CHECKING:
    from tests.conftest import TopicFactory


def test_a_commit_that_does_not_end_is_given_up(
    kafka: str, topic: TopicFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library can wait for ever for batches of a transaction that the brokers gave up."""
    monkeypatch.setattr(transactions, "_GRACE_SECONDS", 0.0)
    name, released = topic(), threading.Event()
    made = KafkaTransactions(Connection(brokers=[kafka]), {name}, transactional_id=name, timeout=1)
    with closing(made), closing(Topics(kafka)) as topics:
        flush = made._producer.flush

        def held(*arguments: float) -> None:
            if threading.current_thread().name == "commit":
                released.wait()
            flush(*arguments)

        monkeypatch.setattr(made._producer, "flush", held)
        made.send(name, b"lost")
        assert not made.commit({}, None, 0.1)
        time.sleep(1.0)
        with pytest.raises(TransactionLostError, match="not committed within its time-out"):
            made.commit({}, None, 0.1)
        assert made.restart()
        released.set()  # and what the one before was about to do, it may not any more
        made.send(name, b"kept")
        assert made.commit({}, None, 30.0)
        assert [one.value for one in topics.read(name, 1)] == [b"kept"]
