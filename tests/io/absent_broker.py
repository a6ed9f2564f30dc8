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

from streamgmm.io.client import Connection, SourceUnavailableError
from streamgmm.io.confluent import Confluent
from streamgmm.io.kafka import KafkaPython
from tests.brokers.apache_kafka import KafkaBroker
from tests.io.members import Nobody
from tests.workers import Topics, wait_for

if TYPE_CHECKING:
    from streamgmm.io.client import Client, Partition, Source


def main(client: Client, broker: KafkaBroker) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        options = {"num_partitions": 1, "replication_factor": 1}
        admin.create_topics({"out": options, "in": options}, wait_for_metadata=True)
    connection = Connection(brokers=[broker.bootstrap])
    sink = client.sink(connection, ["out"])
    source = client.source(connection, topics=["in"], group="g", start="earliest", owner=Nobody())
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


def knows(source: Source, partition: Partition) -> bool:
    try:
        source.committed(partition)
    except SourceUnavailableError:
        return False
    return True


def answers(source: Source) -> bool:
    try:
        source.probe(every=0)
    except SourceUnavailableError:
        return False
    return True


if __name__ == "__main__":
    made = {one.__name__: one for one in (KafkaPython, Confluent)}[sys.argv[1]]()
    with KafkaBroker(Path(sys.argv[2])) as own:
        main(made, own)
