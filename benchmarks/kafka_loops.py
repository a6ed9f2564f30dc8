"""The loops that `kafka.py` measures a service against, each in a process of its own.

They do as little as possible, as well as possible: large batches, a fast checksum, no group where
none is needed, and for librdkafka no second's pause where its queue is full.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from operator import attrgetter, methodcaller
from typing import Any

import numpy as np
from confluent_kafka import Consumer, Producer
from confluent_kafka import TopicPartition as Place
from kafka import KafkaConsumer, KafkaProducer, OffsetAndMetadata, TopicPartition

from streamgmm.events import BatchDecoder, Field, Records, Schema

BATCH = 5_000
FEATURES = 10
SCHEMA = Schema(tuple(Field(f"f{i}") for i in range(FEATURES)))
FETCH_BYTES = 8 * 1024 * 1024

Batches = Iterator[list[Any]]


def read_kafka_python(broker: str, topic: str) -> Batches:
    """Yield what kafka-python polls, from the beginning of a topic of one partition."""
    consumer = KafkaConsumer(
        bootstrap_servers=broker, max_poll_records=BATCH, max_partition_fetch_bytes=FETCH_BYTES,
        isolation_level="read_committed", metrics_enabled=False,
    )  # fmt: skip
    partition = TopicPartition(topic, 0)
    with closing(consumer):
        consumer.assign([partition])
        consumer.seek_to_beginning(partition)
        while True:
            yield from consumer.poll(1000).values()


def read_confluent(broker: str, topic: str) -> Batches:
    """Yield what librdkafka consumes, from the beginning of a topic of one partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker, "group.id": topic, "enable.auto.commit": False,
            "isolation.level": "read_committed", "max.partition.fetch.bytes": FETCH_BYTES,
            "fetch.queue.backoff.ms": 20,
        }
    )  # fmt: skip
    with closing(consumer):
        consumer.assign([Place(topic, 0, 0)])
        while True:
            if messages := consumer.consume(BATCH, 1.0):
                yield messages


def columns_kafka_python(messages: list[Any]) -> Records:
    """Return what a service needs of messages."""
    value, offset, stamp, key = (
        list(map(attrgetter(name), messages)) for name in ("value", "offset", "timestamp", "key")
    )
    return Records(value, np.array(offset), np.array(stamp) / 1000, key)


def columns_confluent(messages: list[Any]) -> Records:
    """Return what a service needs of messages."""
    value, offset, stamp, key = (
        list(map(methodcaller(name), messages)) for name in ("value", "offset", "timestamp", "key")
    )
    return Records(value, np.array(offset), np.array(stamp)[:, 1] / 1000, key)


def consume(batches: Batches, count: int, each: Callable[[list[Any]], object]) -> None:
    """Do something with each batch, from the first on; print seconds and processor time."""
    seen, began, cpu = 0, 0.0, 0.0
    for messages in batches:
        if not began:
            began, cpu = time.perf_counter(), time.process_time()
        else:
            seen += len(messages)
        each(messages)
        if seen >= count:
            break
    took = time.perf_counter() - began, time.process_time() - cpu
    print(json.dumps({"events": seen, "seconds": took[0], "cpu": took[1]}))


def copy_kafka_python(broker: str, source: str, sink: str) -> None:
    """Poll, produce what came, commit: a transaction a poll."""
    consumer = KafkaConsumer(
        source, bootstrap_servers=broker, group_id=source, enable_auto_commit=False,
        isolation_level="read_committed", auto_offset_reset="earliest", max_poll_records=BATCH,
    )  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=broker, transactional_id=source)
    producer.init_transactions()
    while True:
        for partition, messages in consumer.poll(100).items():
            producer.begin_transaction()
            for message in messages:
                producer.send(sink, message.value)
            offsets = {partition: OffsetAndMetadata(messages[-1].offset + 1, "", -1)}
            producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
            producer.commit_transaction()


def copy_confluent(broker: str, source: str, sink: str) -> None:
    """Consume, produce what came, commit: a transaction for what is there."""
    there = {"bootstrap.servers": broker}
    consumer = Consumer(
        {
            **there, "group.id": source, "enable.auto.commit": False,
            "isolation.level": "read_committed", "auto.offset.reset": "earliest",
        }
    )  # fmt: skip
    consumer.subscribe([source])
    producer = Producer({**there, "transactional.id": source})
    producer.init_transactions()
    while True:
        first = consumer.poll(0.1)
        if first is None:
            continue
        messages = [first, *consumer.consume(BATCH - 1, 0)]
        producer.begin_transaction()
        for message in messages:
            producer.produce(sink, message.value())
        offsets = consumer.position(consumer.assignment())
        producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        producer.commit_transaction()


def main() -> None:
    """Parse the arguments and run one loop."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("loop", choices=["count", "decode", "copy"])
    parser.add_argument("--client", choices=["kafka-python", "confluent"], required=True)
    parser.add_argument("--broker", required=True, metavar="HOST:PORT")
    parser.add_argument("--topics", nargs="+", required=True)
    parser.add_argument("--count", type=int, default=0)
    options = parser.parse_args()
    by_rdkafka = options.client == "confluent"
    if options.loop == "copy":
        copy = copy_confluent if by_rdkafka else copy_kafka_python
        copy(options.broker, *options.topics)
    read = read_confluent if by_rdkafka else read_kafka_python
    columns = columns_confluent if by_rdkafka else columns_kafka_python
    decoder = BatchDecoder(SCHEMA, origin="bench")

    def decode(messages: list[Any]) -> None:
        decoder.decode(columns(messages))

    each = decode if options.loop == "decode" else len
    consume(read(options.broker, *options.topics), options.count, each)


if __name__ == "__main__":
    main()
