"""What a job asks of a client, of each client: source and sink, against a real Apache Kafka."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient, KafkaProducer, OffsetAndMetadata, TopicPartition

from streamgmm.errors import BrokerError, ConfigError
from streamgmm.events import Record
from streamgmm.io.client import Connection, PositionGoneError, SourceUnavailableError
from streamgmm.io.confluent import source as confluent_source
from streamgmm.io.kafka import source as kafka_source
from tests.io.members import Nobody, assigned, member, polled, read
from tests.workers import Topics, wait_for

if TYPE_CHECKING:
    from streamgmm.io.client import Client
    from tests.conftest import TopicFactory


# ---------------------------------------------------------------- source


def test_a_group_that_refuses_us_for_good_is_an_error(
    client: Client, kafka: str, topic: TopicFactory
) -> None:
    name = topic()
    with member(client, kafka, name, session_timeout=0.5) as source:
        words = rf"into the group '{name}' \(I\w*[sS]ession_?[tT]imeout.*check source\.group"
        with pytest.raises(BrokerError, match=f"(?i){words}"):
            wait_for(lambda: source.poll(0.1), "the refusal")


def test_records_carry_what_kafka_knows(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    now = int(time.time())  # not long ago, or retention takes them
    topics.send(name, b"one", key=b"k", timestamp_ms=now * 1000 + 250)
    topics.send(name, None, key=b"gone", timestamp_ms=now * 1000 + 1000)
    topics.flush()
    with member(client, kafka, name) as source:
        [partition] = assigned(source)
        assert source.joined
        assert str(partition) == f"{name}-0"
        assert source.bounds(partition) == (0, 2)
        assert source.committed(partition) is None
        source.open(partition, 0)
        assert source.assigned() == {partition}
        assert source.partitions(name) == 1
        assert source.unopened() == set()
        assert read(source, 2) == [
            Record(b"one", 0, now + 0.25, b"k"),
            Record(None, 1, now + 1.0, b"gone"),
        ]
        assert source.position(partition) == 2
        assert source.lag(partition) == 0


def test_headers_are_there_where_they_are_asked_for(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    for i in range(6):
        topics.send(name, b"%d" % i, headers=[("at", b"%d" % i)] * (i % 3))
    topics.flush()
    with member(client, kafka, name, with_headers=True) as source:
        [partition] = assigned(source)
        source.open(partition, 0)
        records = wait_for(lambda: source.poll(0.1), "records")[partition][2:]
        assert records.headers is not None
        found = [list(records.headers(int(at))) for at in records.positions]
        due = [[("at", b"%d" % at)] * (at % 3) for at in records.positions]
        assert found == due != []


def test_a_partition_begins_where_it_is_opened_and_again_after_a_hold(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(partitions=2)
    for i in range(20):
        topics.send(name, b"%d" % i, partition=i % 2)
    topics.flush()
    with member(client, kafka, name, max_records=4) as source:
        for partition in assigned(source, 2):
            source.open(partition, 7)
            assert source.position(partition) == 7
        assert sorted(record.value for record in read(source, 6)) == [
            b"%d" % i for i in (14, 15, 16, 17, 18, 19)
        ]
        source.hold()
        first, second = assigned(source, 2)
        source.open(first, 2)
        assert source.position(first) == 2
        assert [record.position for record in read(source, 8)] == list(range(2, 10))
        source.hold()
        source.open(second, 9)
        source.open(first, 10)
        [record] = read(source, 1)
        assert (record.value, source.lag(first)) == (b"19", 0)


def test_what_rests_keeps_its_place(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(partitions=2)
    for i in range(20):
        topics.send(name, b"%d" % i, partition=i % 2)
    topics.flush()
    with member(client, kafka, name, max_records=5) as source:
        partitions = assigned(source, 2)
        for partition in partitions:
            source.open(partition, 0)
        came = read(source, 5)
        source.rest()
        assert not any(source.poll(0.1) for _ in range(10))
        assert not source.unopened(), "it rests, and waits for nobody to open it"
        source.go_on()
        came += read(source, 15)
        assert sorted(int(record.value) for record in came) == list(range(20))
        source.rest()
        source.hold()
        source.go_on()
        assert sorted(source.unopened()) == partitions, "held is held"


def test_no_poll_gives_more_than_was_asked_for(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(partitions=2)
    for i in range(200):
        topics.send(name, b"%d" % i, partition=i % 2)
    topics.flush()
    with member(client, kafka, name, max_records=30) as source:
        for partition in assigned(source, 2):
            source.open(partition, 0)
        found: dict[str, list[int]] = {}

        def poll() -> bool:
            batches = source.poll(0.1)
            assert sum(map(len, batches.values())) <= 30
            for partition, records in batches.items():
                found.setdefault(str(partition), []).extend(records.positions.tolist())
            return sum(map(len, found.values())) == 200

        wait_for(poll, "all records")
        assert found == {f"{name}-{i}": list(range(100)) for i in range(2)}


def test_where_to_begin_without_a_committed_position(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    topics.send(name, b"x")
    topics.flush()
    for start, first in (("earliest", 0), ("latest", 1)):
        with member(client, kafka, name, start=start, group=start + name) as source:
            [partition] = assigned(source)
            assert source.first_position(source.bounds(partition)) == first


def test_what_is_committed_is_there_for_the_next_member(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    for _ in range(5):
        topics.send(name, b"x")
    topics.flush()
    owner = Nobody()
    with member(client, kafka, name, owner) as source:
        [partition] = assigned(source)
        source.open(partition, 0)
        source.commit({partition: 3})
        assert source.committed(partition) == 3
        source.commit({})
        owner.positions = {partition: 4}
    assert owner.gone == [({partition}, True)], "closing asks the owner, and commits what it says"
    with member(client, kafka, name) as source:
        assigned(source)
        assert source.committed(partition) == 4


def test_a_second_member_takes_its_share_and_gives_it_back(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    """The first is asked to release before the second has anything; nothing flows unopened."""
    name = topic(partitions=2)
    for i in range(10):
        topics.send(name, b"%d" % i, partition=i % 2)
    topics.flush()
    owner = Nobody()
    with member(client, kafka, name, owner) as first:
        both = assigned(first, 2)
        for partition in both:
            first.open(partition, 0)
        read(first, 10)
        owner.positions = dict.fromkeys(both, 5)
        with member(client, kafka, name) as second:
            with polled(first):
                [theirs] = assigned(second)
            assert second.committed(theirs) == 5
            assert owner.gone == [({theirs}, True)], "what stays is not even touched"
            assert not first.unopened()
            owner.positions = {}
        assert assigned(first) == [theirs]
        assert len(owner.gone) == 1


def test_a_member_that_gets_nothing_has_joined_too(
    client: Client, kafka: str, topic: TopicFactory
) -> None:
    name = topic()
    with member(client, kafka, name) as first:
        assigned(first)
        with member(client, kafka, name) as second, polled(first):
            wait_for(lambda: second.poll(0.1) == {} and second.joined, "it to join")
            assert not second.assigned()


def test_only_committed_transactions_are_read(
    client: Client, kafka: str, topic: TopicFactory
) -> None:
    name = topic()
    with closing(KafkaProducer(bootstrap_servers=kafka, transactional_id=name)) as producer:
        producer.init_transactions()
        for value, end in (
            (b"no", producer.abort_transaction),
            (b"yes", producer.commit_transaction),
        ):
            producer.begin_transaction()
            producer.send(name, value)
            producer.flush()
            end()
    with member(client, kafka, name) as source:
        [partition] = assigned(source)
        source.open(partition, 0)
        assert [record.value for record in read(source, 1)] == [b"yes"]
        # Offsets 0 and 2 are records, 1 and 3 the marks of the transactions' ends.
        wait_for(lambda: source.poll(0.1) == {} and source.position(partition) == 4, "the end")
        assert source.lag(partition) == 0


def test_committed_positions_wait_for_open_transactions(
    client: Client, kafka: str, topic: TopicFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a worker that takes over would begin before what its predecessor is about to commit."""
    for module in (kafka_source, confluent_source):
        monkeypatch.setattr(module, "ANSWER_SECONDS", 1.0)
    name = topic()
    with (
        closing(KafkaProducer(bootstrap_servers=kafka, transactional_id=name)) as producer,
        member(client, kafka, name) as source,
    ):
        [partition] = assigned(source)
        producer.init_transactions()
        producer.begin_transaction()
        at = {TopicPartition(*partition): OffsetAndMetadata(7, "", -1)}
        producer.send_offsets_to_transaction(at, name)
        with pytest.raises(SourceUnavailableError):
            source.committed(partition)
        producer.commit_transaction()
        assert wait_for(lambda: source.committed(partition), "the position") == 7


def test_a_position_that_retention_has_taken_is_told(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    """And the partitions beside it go on where they are."""
    name = topic(partitions=2)
    for i in range(20):
        topics.send(name, b"%d" % i, partition=i % 2)
    topics.flush()
    with member(client, kafka, name) as source:
        lost, kept = assigned(source, 2)
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            admin.delete_records({TopicPartition(*lost): 6})
        source.open(kept, 0)
        source.open(lost, 3)
        with pytest.raises(PositionGoneError) as caught:
            read(source, 11)
        assert caught.value.partitions == {lost}
        assert source.bounds(lost) == (6, 10)
        source.open(lost, 6)

        def at_the_end() -> bool:
            source.poll(0.1)
            return [source.position(one) for one in (lost, kept)] == [10, 10]

        wait_for(at_the_end, "the end of both")
        topics.send(name, b"more", partition=kept.number)
        topics.flush()
        assert [record.value for record in read(source, 1)] == [b"more"]


@pytest.mark.parametrize("configs", [{}, {"cleanup.policy": "compact"}], ids=["none", "compacted"])
def test_topics_that_cannot_be_read_are_refused(
    client: Client, kafka: str, topic: TopicFactory, configs: dict[str, str]
) -> None:
    name = topic(configs=configs) if configs else "no-such-topic"
    words = (
        "cleanup.policy=delete" if configs else r"cannot be read at .*no-such-topic \(\w+.*create"
    )
    at = Connection(brokers=[kafka], start_timeout=0.5)
    with pytest.raises(BrokerError, match=words):
        client.source(at, topics=[name], group="g", start="earliest", owner=Nobody())


# ---------------------------------------------------------------- sink


def test_what_is_sent_is_there_in_order(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    with closing(client.sink(Connection(brokers=[kafka]), [name])) as sink:
        for i in range(1000):
            sink.send(name, b"%d" % i, b"key", [("reason", b"because")])
        assert (sink.unconfirmed, sink.unconfirmed_bytes) == (1000, 2890 + 1000 * 16)
        assert sink.flush(30)
        assert (sink.unconfirmed, sink.unconfirmed_bytes, sink.unanswered) == (0, 0, 0)
        assert sink.flush(0.1)
    records = topics.read(name, 1000)
    assert [record.value for record in records] == [b"%d" % i for i in range(1000)]
    assert records[0].key == b"key"
    assert records[0].headers == [("reason", b"because")]


def test_keys_lead_to_the_partitions_of_kafka_s_own_clients(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(partitions=7)
    keys = [b"key %d" % i for i in range(50)]
    with closing(client.sink(Connection(brokers=[kafka]), [name])) as sink:
        for key in keys:
            sink.send(name, None, key)
        assert sink.flush(30)
    for key in keys:
        topics.send(name, b"", key=key)
    topics.flush()
    places = {(record.key, record.partition) for record in topics.read(name, 100)}
    assert len(places) == len(keys), "murmur2, as Java's clients do it"


def test_a_record_that_its_topic_does_not_take_comes_back(
    client: Client, kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(configs={"max.message.bytes": "1000"})
    with closing(client.sink(Connection(brokers=[kafka]), [name])) as sink:
        assert sink.room(name) < 1000
        sink.send(name, b"fits")
        assert sink.flush(30)
        sink.send(name, b"x" * 5000, b"key", [("a", b"b")])
        sink.send(name, b"behind it")
        [back] = wait_for(lambda: not sink.flush(1.0) and sink.too_large(), "the refusal")
        assert (len(back.value), back.key, list(back.headers)) == (5000, b"key", [("a", b"b")])
        wait_for(lambda: sink.flush(1.0), "the rest")
        assert (sink.unconfirmed, sink.unconfirmed_bytes) == (0, 0)
    assert sorted(record.value for record in topics.read(name, 2)) == [b"behind it", b"fits"]


def test_a_sink_s_topic_that_is_not_there(client: Client, kafka: str) -> None:
    at = Connection(brokers=[kafka], start_timeout=0.5)
    with pytest.raises(BrokerError, match=r"'no-such-topic' does not exist at .* create it"):
        client.sink(at, ["no-such-topic"])


# ---------------------------------------------------------------- brokers that are not there


def test_an_absent_broker_keeps_records_waiting(client: Client, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "tests.io.absent_broker",
            type(client).__name__,
            str(tmp_path / "k"),
        ],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_no_broker_at_all_is_told_in_time(client: Client) -> None:
    at = Connection(brokers=["127.0.0.1:1"], start_timeout=0.5)
    began = time.monotonic()
    with pytest.raises(BrokerError, match=r"no broker of 127.0.0.1:1 answered within 0.5 s"):
        client.sink(at, ["any"])
    assert time.monotonic() - began < 5


class EnoughError(Exception):
    pass


def test_while_brokers_are_looked_for_the_start_can_be_ended(client: Client) -> None:
    began = time.monotonic()

    def check() -> None:
        if time.monotonic() > began + 0.2:
            raise EnoughError

    at = Connection(brokers=["127.0.0.1:1"], start_timeout=60, check=check)
    with pytest.raises(EnoughError):
        client.source(at, topics=["any"], group="g", start="earliest", owner=Nobody())
    assert time.monotonic() - began < 5


def test_a_certificate_that_is_not_there_is_a_configuration_error(client: Client) -> None:
    settings = {"security_protocol": "SSL", "ssl_cafile": "/no/such/file"}
    with pytest.raises(ConfigError, match="ssl_cafile is '/no/such/file', but there is no such"):
        client.sink(Connection(brokers=["127.0.0.1:1"], security=settings), ["any"])
