"""JSON events from a real Kafka to topics of scores and alerts, counted by kcat.

    python benchmarks/kafka_throughput.py [--count 100000] [--broker host:port]

Fills a topic with network flows, times a bare consumer that polls and counts, then
`streamgmm run` over the same topic twice: alerts only, and with a score for every event. The
time of a run is from its first event in to its last position committed; the scores are counted
by kcat. Without --broker an Apache Kafka is started for it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

sys.path.insert(0, str(Path(__file__).parents[1]))

from streamgmm.io.generate import flows
from tests.brokers.apache_kafka import KafkaBroker

JOB = """
[source]
type = "kafka"
brokers = "{broker}"
topic = "{topic}"
group = "{group}"
batch_size = 5000
[events]
key = "src"
time = "ts"
[events.fields]
duration = "log1p"
bytes_out = "log1p"
bytes_in = "log1p"
packets_out = "log1p"
packets_in = "log1p"
[sink]
type = "kafka"
scores = "{scores}"
alerts = "{alerts}"
[service]
http = ""
checkpoint = "{checkpoint}"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--broker", help="host:port of a running one")
    options = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = options.broker
        if broker is None:
            broker = stack.enter_context(KafkaBroker(directory / "kafka")).bootstrap
        admin = KafkaAdminClient(bootstrap_servers=broker)
        stack.callback(admin.close)
        source = fill(admin, broker, options.count)
        bare = consume(broker, source, options.count)
        print(f"bare consumer               {rate(options.count, bare)}")
        for name, with_scores in (("alerts only", False), ("every score and alerts", True)):
            scores, alerts = (make_topic(admin, kind) for kind in ("scores", "alerts"))
            seconds = run(
                admin,
                directory,
                broker,
                source,
                scores if with_scores else "",
                alerts,
                options.count,
            )
            print(
                f"{name:<27} {rate(options.count, seconds)}, {bare / seconds:.2f} of the bare one"
            )
        print(f"scores, counted by kcat     {kcat_count(broker, scores):,}")
        print(f"alerts, counted by kcat     {kcat_count(broker, alerts):,}")


def rate(count: int, seconds: float) -> str:
    return f"{count:,} events in {seconds:5.2f} s, {count / seconds:7,.0f}/s"


def make_topic(admin: KafkaAdminClient, prefix: str) -> str:
    name = f"{prefix}-{uuid.uuid4().hex[:8]}"
    options = {"num_partitions": 1, "replication_factor": 1}
    admin.create_topics({name: options}, wait_for_metadata=True)
    return name


def fill(admin: KafkaAdminClient, broker: str, count: int) -> str:
    topic = make_topic(admin, "flows")
    producer = KafkaProducer(bootstrap_servers=broker, linger_ms=20, batch_size=256 * 1024)
    for flow in islice(flows(seed=0), count):
        producer.send(topic, msgspec.json.encode(flow))
    producer.flush()
    producer.close()
    return topic


def consume(broker: str, topic: str, count: int) -> float:
    consumer = KafkaConsumer(
        bootstrap_servers=broker, max_poll_records=5000, max_partition_fetch_bytes=8 * 1024 * 1024
    )
    partition = TopicPartition(topic, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    seen, began = 0, 0.0
    while seen < count:
        batches = consumer.poll(1000)
        began = began or time.perf_counter()
        seen += sum(map(len, batches.values()))
    seconds = time.perf_counter() - began
    consumer.close()
    return seconds


def run(
    admin: KafkaAdminClient,
    directory: Path,
    broker: str,
    source: str,
    scores: str,
    alerts: str,
    count: int,
) -> float:
    group = f"bench-{uuid.uuid4().hex[:8]}"
    job = directory / f"{group}.toml"
    job.write_text(
        JOB.format(
            broker=broker,
            topic=source,
            group=group,
            scores=scores,
            alerts=alerts,
            checkpoint=directory / group,
        )
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "streamgmm", "run", str(job)],
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if "working from" in line:
                break
        began = time.perf_counter()
        while position(admin, group, source) < count:
            if process.poll() is not None:
                raise SystemExit(f"streamgmm run ended with {process.returncode}")
            time.sleep(0.02)
        return time.perf_counter() - began
    finally:
        process.terminate()
        process.wait(30)


def position(admin: KafkaAdminClient, group: str, topic: str) -> int:
    offsets = admin.list_group_offsets({group: [TopicPartition(topic, 0)]})[group]
    return max((offset.offset for offset in offsets.values()), default=-1)


def kcat_count(broker: str, topic: str) -> int:
    out = subprocess.run(
        ["kcat", "-b", broker, "-t", topic, "-C", "-e", "-q", "-f", "%o\n"],
        check=True,
        capture_output=True,
    )
    return out.stdout.count(b"\n")


if __name__ == "__main__":
    main()
