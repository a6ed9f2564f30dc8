"""Batches that the library stops at."""

from __future__ import annotations

from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaAdminClient, TopicPartition
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder

from streamgmm.events import BatchDecoder, Field, Schema
from streamgmm.io.kafka import KafkaPython
from streamgmm.io.kafka.unreadable import _Readable
from tests.io.damage import SAID, damage, kcat
from tests.io.members import MADE_BY, assigned, member, read
from tests.workers import Topics, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from streamgmm.errors import EventError
    from streamgmm.events import Batch, DeadLetter
    from streamgmm.io.client import Client, Partition, Source
    from tests.brokers.apache_kafka import KafkaBroker
    from tests.conftest import TopicFactory

EVENT = b'{"a": 1}'
HEADER_BYTES = 61


def fill(kafka: str, name: str) -> None:
    """Send 16 events in whatever way others may write them."""
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        kcat(kafka, name, "-z", codec, events=[EVENT] * 3)
    kcat(kafka, name, "-H", b"\xff\xfe=a name that is no text", events=[EVENT] * 3)
    with closing(Topics(kafka)) as topics:
        topics.send(name, EVENT)
        topics.flush()


def test_whatever_others_write_is_read(client: Client, kafka: str, topic: TopicFactory) -> None:
    name = topic()
    fill(kafka, name)
    with member(client, kafka, name) as source:
        [partition] = assigned(source)
        source.open(partition, 0)
        assert [record.value for record in read(source, 16)] == [EVENT] * 16


def decoded(
    source: Source, partition: Partition, count: int
) -> list[tuple[Batch, list[DeadLetter]]]:
    """Read so many records and decode them."""
    got: list[Any] = []

    def poll() -> bool:
        got.extend(source.poll(0.2).values())
        return sum(map(len, got)) >= count

    wait_for(poll, f"{count} records")
    decoder = BatchDecoder(Schema((Field("a"),)), origin=str(partition))
    return [decoder.decode(records) for records in got]


def test_what_cannot_be_read_is_a_dead_letter_and_what_follows_is_read(
    kafka: str, topic: TopicFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = topic()
    fill(kafka, name)
    with member(KafkaPython(), kafka, name) as source:
        [partition] = assigned(source)
        monkeypatch.setattr("kafka.codec.zstd", None)
        source.open(partition, 0)
        made = decoded(source, partition, 16)
        assert [at for batch, _ in made for at in batch.positions] == [*range(9), *range(12, 16)]
        dead = [letter for _, letters in made for letter in letters]
        assert [(one.position, one.reason) for one in dead] == [
            (at, "unreadable") for at in (9, 10, 11)
        ]
        assert "compressed with zstd, for which a package is missing" in dead[0].detail
        assert [one.length > 0 for one in dead] == [True, False, False]


def test_what_was_damaged_on_disk_is_dead_letters_and_what_follows_is_read(
    own_kafka: KafkaBroker, tmp_path: Path
) -> None:
    brokers = own_kafka.bootstrap
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        admin.create_topics({"t": {"num_partitions": 1, "replication_factor": 1}})
    # So long that librdkafka takes spaces for an offset after a wrong checksum.
    events = [EVENT + b" " * 100] * 3
    for _ in range(8):
        kcat(brokers, "t", events=events)
    said = damage(tmp_path / "kafka" / "data" / "t-0" / f"{0:020}.log")
    assert set(said.values()) == set(SAID.values())
    assert 23 in said
    told = {}
    for number, (name, make) in enumerate(MADE_BY.items()):
        with member(make(), brokers, "t", group=name) as source:
            [partition] = assigned(source)
            source.open(partition, 0)
            made = decoded(source, partition, 24 + 3 * number)
            if not number:
                kcat(brokers, "t", events=events)  # after the damaged batch that was the last one
                made += decoded(source, partition, 3)
            assert source.position(partition) == 27
        fit = [at for batch, _ in made for at in batch.positions]
        assert fit == [at for at in range(27) if at not in said], name
        dead = [letter for _, letters in made for letter in letters]
        assert [one.position for one in dead] == sorted(said), name
        assert {one.reason for one in dead} == {"unreadable"}
        assert all(said[one.position] in one.detail for one in dead), dead
        told[name] = dead
    assert told["kafka-python"] == told["confluent"]


def batch_of(values: list[bytes], damage: dict[int, int], codec: int) -> DefaultRecordBatch:
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1 << 20)
    for i, value in enumerate(values):
        builder.append(i, 1000 + i, b"key", value, [("name", b"x")])
    data = bytearray(builder.build())
    for at, byte in damage.items():
        data[HEADER_BYTES + at % (len(data) - HEADER_BYTES)] = byte
    return DefaultRecordBatch(memoryview(bytes(data)))


@given(
    values=st.lists(st.binary(max_size=20), min_size=1, max_size=5),
    damage=st.dictionaries(st.integers(0, 200), st.integers(0, 255), max_size=3),
    codec=st.sampled_from([0, 1]),
)
def test_damage_never_raises(values: list[bytes], damage: dict[int, int], codec: int) -> None:
    faults: dict[TopicPartition, dict[int, EventError]] = defaultdict(dict)
    partition = TopicPartition("t", 0)
    readable = _Readable(batch_of(values, damage, codec), faults, partition)
    records = list(readable)
    assert len(records) >= len(values)
    assert all(error.reason == "unreadable" for error in faults[partition].values())
    if not damage:
        assert [record.value for record in records] == values
        assert not faults[partition]


def test_a_header_whose_name_is_no_text_leaves_its_event_as_it_is() -> None:
    whole = batch_of([b"one", b"two"], {}, 0)
    at = bytes(whole._buffer).index(b"name") - HEADER_BYTES
    faults: dict[TopicPartition, dict[int, EventError]] = defaultdict(dict)
    damaged = batch_of([b"one", b"two"], {at: 0xFF}, 0)
    got = list(_Readable(damaged, faults, TopicPartition("t", 0)))
    assert [(one.offset, one.key, one.value) for one in got] == [
        (0, b"key", b"one"),
        (1, b"key", b"two"),
    ]
    assert not faults
