"""Events a second, processor time and latency over a real Kafka, beside loops that do less.

    python benchmarks/kafka.py [--count 200000] [--rounds 3] [--seconds 20] [--broker host:port]

One broker, one topic of one partition, JSON events of 10 features and about 200 bytes. In turns,
each in a process of its own: a bare consumer that polls and counts, one that decodes as well, and
the service with alerts alone and with every score, exactly once; medians over the rounds. Then
latency at 5,000 events/s: from when an event is sent to when a committed reader has its alert,
beside a bare loop of poll, produce, commit, one transaction a poll.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import defaultdict
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# As a script it would be taken for the client library of the same name.
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path).resolve() != HERE)]

import msgspec
import numpy as np
from kafka import (
    KafkaAdminClient,
    KafkaConsumer,
    KafkaProducer,
    OffsetAndMetadata,
    TopicPartition,
)

from streamgmm.config import load
from streamgmm.events import BatchDecoder, Record
from tests.brokers.apache_kafka import KafkaBroker

RATE = 5_000  # events a second while latency is measured
FEATURES = 10

JOB = """
[source]
type = "kafka"
brokers = "{broker}"
topic = "{topic}"
group = "{group}"
batch_size = 5000
[events.fields]
{fields}
[alerts]
budget = {budget}
[sink]
type = "kafka"
scores = "{scores}"
alerts = "{alerts}"
[service]
http = ""
checkpoint = "{checkpoint}"
log_level = "info"
"""


@dataclass(frozen=True)
class Cost:
    """Of one run: seconds and seconds of processor time an event."""

    seconds: float
    cpu: float


class Bench:
    """Topics and processes on one broker."""

    def __init__(self, broker: str, folder: Path, count: int) -> None:
        self.broker, self.folder, self.count = broker, folder, count
        self.admin = KafkaAdminClient(bootstrap_servers=broker)
        self.source = self.topic("events")
        self.fill()

    def topic(self, prefix: str) -> str:
        """Make a topic of one partition."""
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        options = {"num_partitions": 1, "replication_factor": 1}
        self.admin.create_topics({name: options}, wait_for_metadata=True)
        return name

    def fill(self) -> None:
        """Put all events into the source."""
        with closing(KafkaProducer(bootstrap_servers=self.broker, linger_ms=20)) as producer:
            for value in events(self.count, seed=0):
                producer.send(self.source, value)
            producer.flush()

    def bare(self, *, decode: bool) -> Cost:
        """Run a consumer that counts, in a process of its own."""
        job = self.job(self.source)
        arguments = ["--role", "decode" if decode else "consume", "--config", str(job)]
        out = subprocess.run(
            [sys.executable, __file__, *arguments, "--broker", self.broker, "--count",
             str(self.count)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        told = json.loads(out.stdout)
        return Cost(told["seconds"] / self.count, told["cpu"] / self.count)

    def job(self, source: str, *, scores: str = "", alerts: str = "", budget: float = 1e-3) -> Path:
        """Write a configuration with a group of its own."""
        group = f"bench-{uuid.uuid4().hex[:8]}"
        path = self.folder / f"{group}.toml"
        fields = "\n".join(f'f{i} = "identity"' for i in range(FEATURES))
        path.write_text(
            JOB.format(
                broker=self.broker,
                topic=source,
                group=group,
                fields=fields,
                budget=budget,
                scores=scores,
                alerts=alerts or self.topic("alerts"),
                checkpoint=self.folder / group,
            )
        )
        return path

    def service(self, *, every_score: bool) -> Cost:
        """Run the service over the source until its last position is committed."""
        job = self.job(self.source, scores=self.topic("scores") if every_score else "")
        with Service(job) as service:
            began, cpu = time.perf_counter(), service.cpu()
            while self.committed(job.stem) < self.count:
                service.require_alive()
                time.sleep(0.02)
            seconds = time.perf_counter() - began
            return Cost(seconds / self.count, (service.cpu() - cpu) / self.count)

    def committed(self, group: str) -> int:
        """Give the position that the group has committed."""
        wanted = [TopicPartition(self.source, 0)]
        offsets = self.admin.list_group_offsets({group: wanted})[group]
        return max((offset.offset for offset in offsets.values()), default=-1)

    def latency(self, seconds: float) -> dict[str, tuple[float, float]]:
        """Give p50 and p99 in milliseconds of the service and of the bare loop."""
        found = {}
        source, alerts = self.topic("live"), self.topic("alerts")
        with Service(self.job(source, alerts=alerts, budget=0.01)):
            self.feed(source, 2.0, seed=1)  # warm-up
            found["service, to its alerts"] = self._latency(source, alerts, seconds)
        source, copies = self.topic("live"), self.topic("copies")
        loop = subprocess.Popen(
            [sys.executable, __file__, "--role", "copy", "--broker", self.broker, "--topics",
             source, copies]
        )  # fmt: skip
        try:
            self.feed(source, 2.0, seed=1)
            found["bare loop, to its copies"] = self._latency(source, copies, seconds)
        finally:
            loop.terminate()
            loop.wait()
        return found

    def _latency(self, source: str, sink: str, seconds: float) -> tuple[float, float]:
        delays: list[float] = []
        done = threading.Event()
        reader = threading.Thread(target=self._watch, args=(sink, delays, done))
        reader.start()
        time.sleep(1.0)
        self.feed(source, seconds, seed=2)
        time.sleep(1.0)
        done.set()
        reader.join()
        p50, p99 = np.quantile(delays, [0.5, 0.99]) * 1000
        return float(p50), float(p99)

    def _watch(self, topic: str, delays: list[float], done: threading.Event) -> None:
        """Note how long after its event's time each record of a topic can be read."""
        consumer = KafkaConsumer(
            bootstrap_servers=self.broker, isolation_level="read_committed", fetch_max_wait_ms=50
        )
        with closing(consumer):
            partition = TopicPartition(topic, 0)
            consumer.assign([partition])
            consumer.seek_to_end(partition)
            consumer.position(partition)
            while not done.is_set():
                for records in consumer.poll(100).values():
                    now = time.time()
                    for record in records:
                        told = msgspec.json.decode(record.value)
                        delays.append(now - told.get("event", told)["sent"])

    def feed(self, topic: str, seconds: float, seed: int) -> None:
        """Send events at the rate, a hundredth of a second's at a time."""
        with closing(KafkaProducer(bootstrap_servers=self.broker, linger_ms=0)) as producer:
            began, values = time.perf_counter(), events(int(RATE * seconds), seed)
            for i in range(int(100 * seconds)):
                sent = f',"sent":{time.time():.6f}}}'.encode()
                for _ in range(RATE // 100):
                    producer.send(topic, next(values)[:-1] + sent)
                time.sleep(max(0.0, began + (i + 1) / 100 - time.perf_counter()))
            producer.flush()


class Service:
    """`streamgmm run`, from when it has its partition until the end of the block."""

    def __init__(self, job: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "streamgmm", "run", str(job)], stderr=subprocess.PIPE, text=True
        )
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "working from" in line:
                break
        # What is written later must not fill the pipe.
        threading.Thread(target=self._process.stderr.read, daemon=True).start()

    def cpu(self) -> float:
        """Give the processor time so far in s."""
        times = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def require_alive(self) -> None:
        """See that it has not ended by itself."""
        if self._process.poll() is not None:
            raise SystemExit(f"streamgmm run ended with {self._process.returncode}")

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(30)


def events(count: int, seed: int) -> Any:
    """Yield JSON events of three behaviours and, one in a hundred, a strange one."""
    rng = np.random.default_rng(seed)
    centre = 4.0 * rng.normal(size=(3, FEATURES))
    for start in range(0, count, 10_000):
        n = min(10_000, count - start)
        X = centre[rng.integers(3, size=n)] + rng.normal(size=(n, FEATURES))
        X[rng.random(n) < 0.01] += 6.0
        for i, row in enumerate(X.round(6).tolist(), start):
            yield msgspec.json.encode({"id": f"{i:012d}"} | {f"f{j}": x for j, x in enumerate(row)})


# ---- what runs in processes of its own ---------------------------------------------------------


def consume(broker: str, count: int, config: Path, *, decode: bool) -> None:
    """Poll and count; decode as the service does if asked."""
    job = load(config)
    decoder = BatchDecoder(job.schema(), origin="bench")
    consumer = KafkaConsumer(
        bootstrap_servers=broker, max_poll_records=5000, max_partition_fetch_bytes=8 * 1024 * 1024,
        isolation_level="read_committed", metrics_enabled=False,
    )  # fmt: skip
    partition = TopicPartition(job.source.topics[0], 0)  # type: ignore[union-attr]
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    seen, began, cpu = 0, 0.0, 0.0
    while seen < count:
        batches = consumer.poll(1000)
        if not began:
            began, cpu = time.perf_counter(), time.process_time()
        for records in batches.values():
            seen += len(records)
            if decode:
                decoder.decode(
                    [
                        Record(one.value, one.offset, one.timestamp / 1000, one.key)
                        for one in records
                    ]
                )
    print(json.dumps({"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}))
    consumer.close()


def copy(broker: str, source: str, sink: str) -> None:
    """Poll, produce what came, commit: a transaction a poll."""
    consumer = KafkaConsumer(
        source, bootstrap_servers=broker, group_id=source, enable_auto_commit=False,
        isolation_level="read_committed", auto_offset_reset="earliest", max_poll_records=5000,
    )  # fmt: skip
    producer = KafkaProducer(bootstrap_servers=broker, transactional_id=source)
    producer.init_transactions()
    while True:
        batches = consumer.poll(100)
        if not batches:
            continue
        producer.begin_transaction()
        for records in batches.values():
            for record in records:
                producer.send(sink, record.value)
        offsets = {one: offset_after(records) for one, records in batches.items()}
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata())
        producer.commit_transaction()


def offset_after(records: list[Any]) -> OffsetAndMetadata:
    """Give the position after some records."""
    return OffsetAndMetadata(records[-1].offset + 1, "", -1)


# ---- the whole ---------------------------------------------------------------------------------


def measure(bench: Bench, rounds: int) -> dict[str, Cost]:
    """Run everything in turns; give the medians."""
    tasks = {
        "bare consumer": lambda: bench.bare(decode=False),
        "decoding": lambda: bench.bare(decode=True),
        "service, alerts": lambda: bench.service(every_score=False),
        "service, every score": lambda: bench.service(every_score=True),
    }
    found: dict[str, list[Cost]] = defaultdict(list)
    for _ in range(rounds):
        for name, task in tasks.items():
            found[name].append(task())
    return {
        name: Cost(
            statistics.median(one.seconds for one in costs),
            statistics.median(one.cpu for one in costs),
        )
        for name, costs in found.items()
    }


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of the latency's measurement")
    parser.add_argument("--broker", help="host:port of a running one")
    parser.add_argument("--role", help=argparse.SUPPRESS)
    parser.add_argument("--config", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--topics", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.role == "copy":
        copy(options.broker, *options.topics)
    if options.role:
        consume(options.broker, options.count, options.config, decode=options.role == "decode")
        return
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = options.broker
        if broker is None:
            broker = stack.enter_context(KafkaBroker(folder / "kafka")).bootstrap
        bench = Bench(broker, folder, options.count)
        costs = measure(bench, options.rounds)
        bare = costs["bare consumer"]
        print(f"{'':28}{'events/s':>10}{'of bare':>9}{'us CPU/event':>14}")
        for name, cost in costs.items():
            of_bare = bare.seconds / cost.seconds
            print(f"{name:28}{1 / cost.seconds:10,.0f}{of_bare:9.2f}{cost.cpu * 1e6:14.1f}")
        print(f"\nlatency at {RATE:,} events/s, ms   p50      p99")
        for name, (p50, p99) in bench.latency(options.seconds).items():
            print(f"{name:28}{p50:8.1f} {p99:8.1f}")


if __name__ == "__main__":
    main()
