"""The broker of the tests is a real one: it keeps, serves, commits and aborts."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.brokers.apache_kafka import KafkaBroker
from tests.conftest import TopicFactory


def read_all(bootstrap: str, topic: str, partitions: int = 1) -> list[bytes]:
    """Read what a read_committed consumer sees between the beginning and the end of a topic."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    try:
        parts = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        values: list[bytes] = []
        while any(consumer.position(part) < ends[part] for part in parts):
            for records in consumer.poll(timeout_ms=1000).values():
                values.extend(record.value for record in records)
        return values
    finally:
        consumer.close()


def produce(bootstrap: str, topic: str, values: Sequence[bytes], partitions: int = 1) -> None:
    """Send ``values`` round-robin over the partitions and wait until all are acknowledged."""
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    try:
        sent = [
            producer.send(topic, value, partition=index % partitions)
            for index, value in enumerate(values)
        ]
        for future in sent:
            future.get(timeout=30)
    finally:
        producer.close()


def kcat(bootstrap: str, topic: str) -> list[bytes]:
    """Read a topic to its end with a client that shares no code with ours."""
    program = shutil.which("kcat")
    assert program is not None, "kcat is missing: `make servers` installs it"
    command = [program, "-b", bootstrap, "-t", topic, "-C", "-e", "-q"]
    command += ["-X", "isolation.level=read_committed"]
    return subprocess.run(command, capture_output=True, check=True, timeout=60).stdout.splitlines()


def test_a_message_comes_back_through_two_unrelated_clients(
    kafka: str, topic: TopicFactory
) -> None:
    name = topic(partitions=2)
    values = [f"event {index}".encode() for index in range(100)]
    produce(kafka, name, values, partitions=2)
    assert sorted(read_all(kafka, name, partitions=2)) == sorted(values)
    assert sorted(kcat(kafka, name)) == sorted(values)


def test_a_topic_has_the_partitions_and_settings_asked_for(kafka: str, topic: TopicFactory) -> None:
    name = topic(partitions=3, configs={"cleanup.policy": "compact"})
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    try:
        (described,) = admin.describe_topics([name])
    finally:
        admin.close()
    assert len(described["partitions"]) == 3


def test_committed_transactions_are_seen_and_aborted_ones_are_not(
    kafka: str, topic: TopicFactory
) -> None:
    name = topic()
    producer = KafkaProducer(bootstrap_servers=kafka, transactional_id=f"{name}-writer")
    try:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(name, b"aborted")
        producer.flush()
        producer.abort_transaction()
        producer.begin_transaction()
        producer.send(name, b"committed")
        producer.commit_transaction()
    finally:
        producer.close()
    assert read_all(kafka, name) == [b"committed"]
    assert kcat(kafka, name) == [b"committed"]


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "killed"])
def test_a_broker_comes_back_with_its_address_and_data(
    own_kafka: KafkaBroker, *, crash: bool
) -> None:
    bootstrap = own_kafka.bootstrap
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({"kept": {"num_partitions": 1}}, wait_for_metadata=True)
    admin.close()
    produce(bootstrap, "kept", [b"before"])
    if crash:
        own_kafka.kill()
        own_kafka.start()
    else:
        own_kafka.restart()
    assert own_kafka.bootstrap == bootstrap
    produce(bootstrap, "kept", [b"after"])
    assert read_all(bootstrap, "kept") == [b"before", b"after"]
