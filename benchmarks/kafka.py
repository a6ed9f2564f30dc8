"""Events a second, processor time and latency over a real Kafka, beside loops that do less.

    python benchmarks/kafka.py [--rounds 3] [--seconds 15] [--broker host:port] [--client NAME]

One broker, one topic of one partition, JSON events of 10 features and about 200 bytes. For each
client, in turns, each in a process of its own: a bare consumer that polls and counts, one that
decodes as well, and the service with alerts alone and with every score, both exactly once; medians
over the rounds. A service is measured between two of its commits, in full flow: neither its start
and warm-up nor the end of the topic count. Then latency at 5,000 events/s: from when an event is
sent to when a committed reader has its alert, beside a bare loop that polls, produces what it
polled and commits, one transaction a poll.
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
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
# As a script it would be taken for the client library of the same name.
sys.path[:] = [str(HERE.parent), *(path for path in sys.path if Path(path).resolve() != HERE)]

import msgspec
import numpy as np
from confluent_kafka import Producer
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition

from benchmarks.kafka_events import events
from benchmarks.kafka_loops import BATCH, FEATURES
from tests.brokers.apache_kafka import KafkaBroker

RATE = 5_000  # events a second while latency is measured
CLIENTS = ("kafka-python", "confluent")
# So many events each is measured over, by what it is expected to need: seconds, not minutes.
COUNTS = {
    "kafka-python": {"bare": 500_000, "decode": 400_000, "alerts": 400_000, "scores": 120_000},
    "confluent": {"bare": 1_500_000, "decode": 1_500_000, "alerts": 1_500_000, "scores": 500_000},
}
MOST = 1_900_000  # in the topic: beyond what is measured, so that nobody meets the end
WARM_UP = 100_000

JOB = """
[source]
type = "kafka"
brokers = "{broker}"
topic = "{topic}"
group = "{group}"
batch_size = {batch}
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
client = "{client}"
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

    def __init__(self, broker: str, folder: Path) -> None:
        self.broker, self.folder = broker, folder
        self.env = dict(os.environ)  # of the service
        self.admin = KafkaAdminClient(bootstrap_servers=broker)
        self.source = self.topic("events")
        producer = Producer({"bootstrap.servers": broker, "linger.ms": 20})
        for value in events(MOST, seed=0):
            while not _produced(producer, self.source, value):
                producer.poll(0.1)
        producer.flush()

    def topic(self, prefix: str) -> str:
        """Make a topic of one partition."""
        name = f"{prefix}-{uuid.uuid4().hex[:8]}"
        options = {"num_partitions": 1, "replication_factor": 1}
        self.admin.create_topics({name: options}, wait_for_metadata=True)
        return name

    def loop(self, loop: str, client: str, *topics: str, count: int = 0) -> list[str]:
        """Give the command of a bare loop."""
        return [
            sys.executable, "-m", "benchmarks.kafka_loops", loop, "--client", client, "--broker",
            self.broker, "--count", str(count), "--topics", *topics,
        ]  # fmt: skip

    def bare(self, client: str, loop: str, count: int) -> Cost:
        """Run a consumer in a process of its own."""
        command = self.loop(loop, client, self.source, count=count)
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=HERE.parent)
        told = json.loads(out.stdout)
        return Cost(told["seconds"] / told["events"], told["cpu"] / told["events"])

    def job(self, client: str, source: str, *, budget: float = 1e-3, **sink: str) -> Path:
        """Write a configuration with a group of its own."""
        group = f"bench-{uuid.uuid4().hex[:8]}"
        path = self.folder / f"{group}.toml"
        path.write_text(
            JOB.format(
                broker=self.broker,
                topic=source,
                group=group,
                batch=BATCH,
                fields="\n".join(f'f{i} = "identity"' for i in range(FEATURES)),
                budget=budget,
                scores=sink.get("scores", ""),
                alerts=sink.get("alerts") or self.topic("alerts"),
                client=client,
                checkpoint=self.folder / group,
            )
        )
        return path

    def service(self, client: str, count: int, *, every_score: bool) -> Cost:
        """Run the service; measure between the first commit after warm-up and one `count` later."""
        scores = self.topic("scores") if every_score else ""
        job = self.job(client, self.source, scores=scores)
        with Service(job, self.env) as service:
            begin, began, cpu = self._commit(service, job.stem, WARM_UP)
            end, ended, cpu_ended = self._commit(service, job.stem, begin + count)
        return Cost((ended - began) / (end - begin), (cpu_ended - cpu) / (end - begin))

    def _commit(self, service: Service, group: str, least: int) -> tuple[int, float, float]:
        """Wait for a position of at least this, then for the next; give it, when, and cpu time."""
        wanted = [TopicPartition(self.source, 0)]
        seen = -1
        while True:
            offsets = self.admin.list_group_offsets({group: wanted})[group]
            position = max((offset.offset for offset in offsets.values()), default=-1)
            if position > seen >= least:
                return position, time.perf_counter(), service.cpu()
            seen = position
            service.require_alive()
            time.sleep(0.01)

    def latency(self, client: str, seconds: float) -> Iterator[tuple[str, tuple[float, float]]]:
        """Yield p50 and p99 in milliseconds of the service and of the bare loop."""
        source, alerts = self.topic("live"), self.topic("alerts")
        with Service(self.job(client, source, alerts=alerts, budget=0.01), self.env):
            yield "service, to its alerts", self._latency(source, alerts, seconds)
        source, copies = self.topic("live"), self.topic("copies")
        loop = subprocess.Popen(self.loop("copy", client, source, copies), cwd=HERE.parent)
        try:
            yield "bare loop, to its copies", self._latency(source, copies, seconds)
        finally:
            loop.terminate()
            loop.wait()

    def _latency(self, source: str, sink: str, seconds: float) -> tuple[float, float]:
        self.feed(source, 2.0, seed=1)  # warm-up
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
        producer = Producer({"bootstrap.servers": self.broker, "linger.ms": 0})
        began, values = time.perf_counter(), events(int(RATE * seconds), seed)
        for i in range(int(100 * seconds)):
            sent = f',"sent":{time.time():.6f}}}'.encode()
            for _ in range(RATE // 100):
                producer.produce(topic, next(values)[:-1] + sent)
            producer.poll(0)
            time.sleep(max(0.0, began + (i + 1) / 100 - time.perf_counter()))
        producer.flush()


class Service:
    """`streamgmm run`, from when it has its partition until the end of the block."""

    def __init__(self, job: Path, env: Mapping[str, str]) -> None:
        command = [sys.executable, "-m", "streamgmm", "run", str(job)]
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(env))
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if "working from" in line:
                break
        # What is written later must not fill the pipe.
        threading.Thread(target=self._process.stderr.read, daemon=True).start()

    @property
    def pid(self) -> int:
        """The process, to be looked at by a profiler."""
        return self._process.pid

    def cpu(self) -> float:
        """Give the processor time so far in s."""
        times = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
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


def _produced(producer: Producer, topic: str, value: bytes) -> bool:
    try:
        producer.produce(topic, value)
    except BufferError:
        return False
    return True


def measure(bench: Bench, client: str, rounds: int) -> dict[str, Cost]:
    """Run everything in turns; give the medians."""
    n = COUNTS[client]
    tasks = {
        "bare consumer": lambda: bench.bare(client, "count", n["bare"]),
        "decoding as well": lambda: bench.bare(client, "decode", n["decode"]),
        "service, alerts alone": lambda: bench.service(client, n["alerts"], every_score=False),
        "service, every score": lambda: bench.service(client, n["scores"], every_score=True),
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


def table(client: str, costs: dict[str, Cost]) -> Iterator[str]:
    """Yield the lines of one client's table."""
    bare = costs["bare consumer"]
    yield f"| {client} | events/s | of the bare one | us CPU/event | bare CPU / it |"
    yield "|---|---|---|---|---|"
    for name, cost in costs.items():
        yield (
            f"| {name} | {1 / cost.seconds:,.0f} | {bare.seconds / cost.seconds:.2f} "
            f"| {cost.cpu * 1e6:.2f} | {bare.cpu / cost.cpu:.2f} |"
        )


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=15.0, help="of the latency's measurement")
    parser.add_argument("--broker", help="host:port of a running one")
    parser.add_argument("--client", choices=CLIENTS, action="append", help="of these alone")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        broker = options.broker
        if broker is None:
            broker = stack.enter_context(KafkaBroker(folder / "kafka")).bootstrap
        bench = Bench(broker, folder)
        clients = options.client or CLIENTS
        for client in clients:
            print("\n".join(table(client, measure(bench, client, options.rounds))), "\n")
        print(f"| latency at {RATE:,} events/s, ms | p50 | p99 | p99 / that of the bare loop |")
        print("|---|---|---|---|")
        for client in clients:
            found = dict(bench.latency(client, options.seconds))
            bare = found["bare loop, to its copies"][1]
            for name, (p50, p99) in found.items():
                print(f"| {client}: {name} | {p50:.0f} | {p99:.0f} | {p99 / bare:.2f} |")


if __name__ == "__main__":
    main()
