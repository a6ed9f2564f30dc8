"""Source and sink against a real Apache Kafka."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaAdminClient, KafkaProducer

from streamgmm.errors import BrokerError, ConfigError
from streamgmm.events import Record
from streamgmm.io.client import Connection, Partition
from streamgmm.io.kafka import KafkaSink, KafkaSource
from tests.workers import Topics, wait_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tests.conftest import TopicFactory


class Nobody:
    """An owner that remembers what it was asked to let go."""

    def __init__(self) -> None:
        self.positions: dict[Partition, int] = {}
        self.gone: list[tuple[set[Partition], bool]] = []

    def release(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return {one: self.positions[one] for one in partitions if one in self.positions}

    def released(self, partitions: Collection[Partition], *, committed: bool) -> None:
        self.gone.append((set(partitions), committed))


def source_on(brokers: str, topic: str, owner: Nobody, **options: Any) -> KafkaSource:
    options = {"group": topic, "start": "earliest", **options}
    return KafkaSource(Connection(brokers=[brokers]), topics=[topic], owner=owner, **options)


def assigned(source: KafkaSource, count: int = 1) -> set[Partition]:
    """Poll until the group has given us partitions."""

    def poll() -> set[Partition]:
        assert source.poll(0.1) == {}, "a partition flowed before it was opened"
        return source.unopened()

    return wait_for(lambda: len(found := poll()) == count and found, "an assignment")


def read(source: KafkaSource, count: int) -> list[Record]:
    records: list[Record] = []

    def poll() -> bool:
        for batch in source.poll(0.2).values():
            records.extend(batch)
        return len(records) >= count

    wait_for(poll, f"{count} records")
    return records


@pytest.fixture
def topics(kafka: str) -> Iterator[Topics]:
    with closing(Topics(kafka)) as client:
        yield client


def test_a_group_that_refuses_us_for_good_is_an_error(kafka: str, topic: TopicFactory) -> None:
    name = topic()
    with closing(
        source_on(kafka, name, Nobody(), group=name, start="earliest", session_timeout=0.5)
    ) as source:
        words = rf"into the group '{name}' \(InvalidSessionTimeout.*check source\.group"
        with pytest.raises(BrokerError, match=words):
            wait_for(lambda: source.poll(0.1), "the refusal")


def test_records_carry_what_kafka_knows(kafka: str, topic: TopicFactory, topics: Topics) -> None:
    name = topic()
    now = int(time.time())  # not long ago, or retention takes them
    topics.send(name, b"one", key=b"k", timestamp_ms=now * 1000 + 250)
    topics.send(name, None, key=b"gone", timestamp_ms=now * 1000 + 1000)
    topics.flush()
    with closing(source_on(kafka, name, Nobody())) as source:
        [partition] = assigned(source)
        assert str(partition) == f"{name}-0"
        assert source.bounds(partition) == (0, 2)
        assert source.committed(partition) is None
        source.open(partition, 0)
        assert read(source, 2) == [
            Record(b"one", 0, now + 0.25, b"k"),
            Record(None, 1, now + 1.0, b"gone"),
        ]
        assert source.position(partition) == 2
        assert source.lag(partition) == 0


def test_a_partition_begins_where_it_is_opened(
    kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(partitions=2)
    for i in range(20):
        topics.send(name, b"%d" % i, partition=i % 2)
    topics.flush()
    with closing(source_on(kafka, name, Nobody())) as source:
        for partition in assigned(source, 2):
            source.open(partition, 7)
        assert sorted(record.value for record in read(source, 6)) == [
            b"%d" % i for i in (14, 15, 16, 17, 18, 19)
        ]


def test_what_rests_keeps_its_place(kafka: str, topic: TopicFactory, topics: Topics) -> None:
    name = topic(partitions=2)
    for i in range(20):
        topics.send(name, b"%d" % i, partition=i % 2)
    topics.flush()
    with closing(source_on(kafka, name, Nobody(), max_records=5)) as source:
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
        assert source.unopened() == partitions, "held is held"


def test_where_to_begin_without_a_committed_position(
    kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    topics.send(name, b"x")
    topics.flush()
    for start, first in (("earliest", 0), ("latest", 1)):
        with closing(source_on(kafka, name, Nobody(), start=start, group=start + name)) as source:
            [partition] = assigned(source)
            assert source.first_position(source.bounds(partition)) == first


def test_what_is_committed_is_there_for_the_next_member(
    kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic()
    for _ in range(5):
        topics.send(name, b"x")
    topics.flush()
    owner = Nobody()
    with closing(source_on(kafka, name, owner)) as source:
        [partition] = assigned(source)
        source.open(partition, 0)
        source.commit({partition: 3})
        assert source.committed(partition) == 3
        owner.positions = {partition: 4}
    assert owner.gone == [({partition}, True)], "closing asks the owner, and commits what it says"
    with closing(source_on(kafka, name, Nobody())) as source:
        assigned(source)
        assert source.committed(partition) == 4


def test_only_committed_transactions_are_read(kafka: str, topic: TopicFactory) -> None:
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
    with closing(source_on(kafka, name, Nobody())) as source:
        [partition] = assigned(source)
        source.open(partition, 0)
        assert [record.value for record in read(source, 1)] == [b"yes"]
        # Offsets 0 and 2 are records, 1 and 3 the marks of the transactions' ends.
        wait_for(lambda: source.poll(0.1) == {} and source.position(partition) == 4, "the end")


def test_what_is_sent_is_there_in_order(kafka: str, topic: TopicFactory, topics: Topics) -> None:
    name = topic()
    with closing(KafkaSink(Connection(brokers=[kafka]), [name])) as sink:
        for i in range(1000):
            sink.send(name, b"%d" % i, b"key", [("reason", b"because")])
        assert sink.unconfirmed == 1000
        assert sink.flush(30)
        assert sink.unconfirmed == 0
        assert sink.flush(0.1)
    records = topics.read(name, 1000)
    assert [record.value for record in records] == [b"%d" % i for i in range(1000)]
    assert records[0].key == b"key"
    assert records[0].headers == [("reason", b"because")]


def test_a_refused_record_stays_unconfirmed_and_is_sent_again(
    kafka: str, topic: TopicFactory, topics: Topics
) -> None:
    name = topic(configs={"max.message.bytes": "1000"})
    with closing(KafkaSink(Connection(brokers=[kafka]), [name])) as sink:
        sink.send(name, b"fits")
        assert sink.flush(30)
        sink.send(name, b"x" * 5000)
        assert not sink.flush(1.5)
        assert sink.unconfirmed == 1
        assert sink.retried >= 1
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            change_limit(admin, name, 10_000)
        wait_for(lambda: sink.flush(1.0), "the record to be accepted")
    assert [len(record.value) for record in topics.read(name, 2)] == [4, 5000]


def change_limit(admin: KafkaAdminClient, topic: str, limit: int) -> None:
    from kafka.admin import ConfigResource

    admin.alter_configs([ConfigResource("TOPIC", topic, {"max.message.bytes": str(limit)})])


def test_an_absent_broker_keeps_records_waiting(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.io.absent_broker", str(tmp_path / "kafka")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


def test_a_certificate_that_is_not_there_is_a_configuration_error() -> None:
    settings = {"security_protocol": "SSL", "ssl_cafile": "/no/such/file"}
    with pytest.raises(ConfigError, match="ssl_cafile is '/no/such/file', but there is no such"):
        KafkaSink(Connection(brokers=["127.0.0.1:1"], security=settings), ["any"])
