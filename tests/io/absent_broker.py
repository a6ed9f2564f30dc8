"""Source and sink while their broker is away; a program of its own.

The client library leaves the sockets of refused connections to the garbage collector, which
complains about them wherever it happens to run: here that is nobody else's test.
"""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient

from streamgmm.io.client import Connection, Partition, SourceUnavailableError
from streamgmm.io.kafka import KafkaSink, KafkaSource
from tests.brokers.apache_kafka import KafkaBroker
from tests.workers import Topics, wait_for

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Nobody:
    def release(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return {}

    def released(self, partitions: Collection[Partition], *, committed: bool) -> None:
        pass


def main(broker: KafkaBroker) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        options = {"num_partitions": 1, "replication_factor": 1}
        admin.create_topics({"out": options, "in": options}, wait_for_metadata=True)
    connection = Connection(brokers=[broker.bootstrap])
    sink = KafkaSink(connection, ["out"])
    source = KafkaSource(connection, topics=["in"], group="g", start="earliest", owner=Nobody())
    wait_for(lambda: source.poll(0.1) or source.unopened(), "an assignment")
    [partition] = source.unopened()
    source.open(partition, 0)

    broker.stop()
    for i in range(100):
        sink.send("out", b"%d" % i)
    assert not sink.flush(0.5)
    assert sink.unconfirmed == 100
    with pytest.raises(SourceUnavailableError, match=broker.bootstrap):
        source.probe(every=0)
    # the client hands out, once, an answer that it got before the broker went
    wait_for(lambda: not knows(source, partition), "no committed position to be known")

    broker.start()
    wait_for(lambda: sink.flush(1.0), "the records to be accepted")
    wait_for(lambda: answers(source), "the source to answer")
    with closing(Topics(broker.bootstrap)) as topics:
        records = topics.read("out", 100)
    assert [record.value for record in records] == [b"%d" % i for i in range(100)]
    source.close()
    sink.close()


def knows(source: KafkaSource, partition: Partition) -> bool:
    try:
        source.committed(partition)
    except SourceUnavailableError:
        return False
    return True


def answers(source: KafkaSource) -> bool:
    try:
        source.probe(every=0)
    except SourceUnavailableError:
        return False
    return True


if __name__ == "__main__":
    with KafkaBroker(Path(sys.argv[1])) as own:
        main(own)
