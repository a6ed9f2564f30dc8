"""What kafka-python alone can do to a transaction or a member, against a real Apache Kafka."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from kafka.errors import MessageSizeTooLargeError

from streamgmm.io.client import Connection, TransactionLostError
from streamgmm.io.kafka import KafkaTransactions, transactions
from streamgmm.io.kafka.client import KafkaPython
from tests.io.members import Nobody, assigned, member
from tests.workers import Topics, wait_for

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
        with pytest.raises(TransactionLostError, match="not committed within its time-out"):
            made.commit({}, None, 1.5)  # beyond the time-out
        assert made.restart()
        released.set()  # and what the one before was about to do, it may not any more
        made.send(name, b"kept")
        assert made.commit({}, None, 30.0)
        assert [one.value for one in topics.read(name, 1)] == [b"kept"]


def test_what_could_not_be_sent_is_not_taken_for_committed(
    kafka: str, topic: TopicFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the first record is refused, no position stands for it."""
    name = topic()
    made = KafkaTransactions(Connection(brokers=[kafka]), {name}, transactional_id=name, timeout=9)
    with closing(made):

        def refuse(*_: object, **__: object) -> None:
            raise MessageSizeTooLargeError("too large")

        monkeypatch.setattr(made._producer, "send", refuse)
        made.send(name, b"refused")
        with pytest.raises(TransactionLostError, match="too large"):
            made.commit({}, None, 9.0)
        assert made.restart()
        assert made.commit({}, None, 9.0), "nothing is left"


def test_who_was_left_behind_claims_nothing_on_its_return(kafka: str, topic: TopicFactory) -> None:
    """The library goes on to claim what it had: nobody would get it, nor any of the others."""
    name, owner = topic(partitions=2), Nobody()
    with member(KafkaPython(), kafka, name, owner) as source:
        both = assigned(source, 2)
        coordinator = source._consumer._coordinator  # type: ignore[attr-defined]

        def claims() -> int:
            [assignor] = coordinator.config["assignors"]
            claimed = assignor.metadata([name]).owned_partitions
            return sum(len(one.partitions) for one in claimed)

        assert claims() == 2
        coordinator.reset_generation()  # as it does when the broker knows it no more
        wait_for(lambda: source.poll(0.1) == {} and owner.gone, "the loss")
        assert owner.gone == [(set(both), False)]
        assert claims() == 0
