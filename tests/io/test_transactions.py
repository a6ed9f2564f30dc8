"""Transactions of each client, against a real Apache Kafka: all or nothing, never without end."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from streamgmm.io.client import Connection, Partition, TransactionLostError
from tests.io.members import assigned, member, polled, told
from tests.workers import Topics, wait_for

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from streamgmm.io.client import Client, Transactions
    from tests.conftest import TopicFactory


def opened(
    client: Client, brokers: str, topic: str, timeout: float = 30.0, name: str = ""
) -> AbstractContextManager[Transactions]:
    at = Connection(brokers=[brokers])
    return closing(
        client.transactions(at, {topic}, transactional_id=name or topic, timeout=timeout)
    )


def values(topics: Topics, topic: str, count: int) -> list[bytes]:
    return [record.value for record in topics.read(topic, count)]


def test_outputs_and_positions_are_there_together(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    source, out = topic(), topic(partitions=2)
    with member(client, kafka, source) as reader, opened(client, kafka, out) as made:
        [partition] = assigned(reader)
        assert made.commit({}, None, 9.0), "nothing is to be done"
        made.send(out, b"one", b"key", [("a", b"b")], 1)
        made.send(out, b"two", partition=1)
        assert (made.unconfirmed, made.unconfirmed_bytes) == (2, 11)
        assert made.flush(9.0)
        assert (made.unconfirmed, made.unanswered) == (2, 0)
        assert topics.read(out, 0) == [], "not before the commit"
        assert reader.committed(partition) is None
        wait_for(lambda: made.commit({partition: 5}, reader.membership, 1.0), "the commit")
        assert (made.unconfirmed, made.unconfirmed_bytes) == (0, 0)
        first, second = topics.read(out, 2)
        assert (first.key, first.headers, first.partition) == (b"key", [("a", b"b")], 1)
        assert second.value == b"two"
        assert reader.committed(partition) == 5
        wait_for(lambda: made.commit({partition: 6}, reader.membership, 1.0), "positions alone")
        assert reader.committed(partition) == 6
        assert made.retried == 0


def test_what_is_given_up_is_never_seen(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    with opened(client, kafka, name) as made:
        made.send(name, b"no")
        assert made.flush(9.0)
        wait_for(made.restart, "a new beginning")
        assert (made.unconfirmed, made.retried) == (0, 1)
        made.send(name, b"yes")
        wait_for(lambda: made.commit({}, None, 1.0), "the commit")
        made.send(name, b"not either")
        assert made.flush(9.0)
    assert values(topics, name, 1) == [b"yes"], "what was open when it was closed does not hold up"


def test_a_second_one_of_the_same_name_shuts_the_first_out(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    with opened(client, kafka, name) as first:
        first.send(name, b"first")
        assert first.flush(9.0)
        with opened(client, kafka, name) as second:
            second.send(name, b"second")
            wait_for(lambda: second.commit({}, None, 1.0), "the commit")
            with pytest.raises(TransactionLostError):
                wait_for(lambda: first.commit({}, None, 1.0), "the refusal")
    assert values(topics, name, 1) == [b"second"]


def test_one_whom_the_group_has_left_behind_commits_nothing(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    """The brokers refuse it by its generation, whatever it believes to own."""
    source, out = topic(partitions=2), topic()
    with member(client, kafka, source) as reader, opened(client, kafka, out) as made:
        partition, _ = assigned(reader, 2)
        before = reader.membership
        with member(client, kafka, source) as other:
            with polled(reader):
                assigned(other)
            made.send(out, b"left behind")
            with pytest.raises(TransactionLostError):
                wait_for(lambda: made.commit({partition: 5}, before, 1.0), "the refusal")
            wait_for(made.restart, "a new beginning")
            assert told(lambda: reader.committed(partition)) is None
            made.send(out, b"in its place")
            wait_for(lambda: made.commit({partition: 6}, reader.membership, 1.0), "the commit")
        assert values(topics, out, 1) == [b"in its place"]


def test_positions_of_one_who_is_no_member_are_not_committed(
    client: Client, kafka: str, topic: TopicFactory
) -> None:
    """So it is once the group has told a worker that it is left behind, until it has joined again.

    Without a generation the brokers would ask nothing, and take them.
    """
    name = topic()
    at = Partition(name, 0)
    with (
        member(client, kafka, name, session_timeout=0.5) as stranger,  # which the group refuses
        opened(client, kafka, name) as made,
    ):
        made.send(name, b"not ours to say")
        with pytest.raises(TransactionLostError, match="left this worker behind"):
            made.commit({at: 5}, stranger.membership, 9.0)
        wait_for(made.restart, "a new beginning")
        assert made.commit({}, None, 9.0), "nothing is left"
        assert stranger.committed(at) is None


def test_one_that_the_brokers_gave_up_is_lost(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    with (
        opened(client, kafka, name, timeout=1.0) as made,
        opened(client, kafka, name, name="b") as b,
    ):
        made.send(name, b"late")
        assert made.flush(9.0)
        b.send(name, b"behind it")
        wait_for(lambda: b.commit({}, None, 1.0), "the commit")
        assert values(topics, name, 1) == [b"behind it"], "so the first was given up"
        with pytest.raises(TransactionLostError):
            wait_for(lambda: made.commit({}, None, 1.0), "the refusal")
        wait_for(made.restart, "a new beginning")
        made.send(name, b"again")
        wait_for(lambda: made.commit({}, None, 1.0), "the commit")
        assert values(topics, name, 2) == [b"behind it", b"again"]


def test_a_record_that_is_refused_is_the_end_of_its_transaction(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(configs={"max.message.bytes": "1000"})
    with opened(client, kafka, name) as made:
        for size in (5_000, 2_000_000):  # by the brokers, and by the client itself
            made.send(name, b"fits")
            made.send(name, b"x" * size)
            made.send(name, b"behind it")
            with pytest.raises(TransactionLostError, match=r"(?i)too.?large|larger"):
                wait_for(lambda: made.commit({}, None, 1.0), "the refusal")
            wait_for(made.restart, "a new beginning")
        made.send(name, b"without it")
        wait_for(lambda: made.commit({}, None, 1.0), "the commit")
        assert values(topics, name, 1) == [b"without it"]
