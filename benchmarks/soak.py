"""A worker on a real Kafka: first undisturbed, then stopped and crashed again and again.

Shows that memory stays flat, that SIGTERM drains and exits 0, and that every event of the input
has its score in the output, whatever happened in between.
Exits 1 where one of these does not hold.

    python -m benchmarks.soak --minutes 5
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from tests.brokers.apache_kafka import KafkaBroker, free_ports

PARTITIONS = 2
GROUP = "soak"
GROWTH_ALLOWED = 1.10  # of the resident memory, from the second to the last quarter of the calm

JOB = """
[source]
type = "kafka"
brokers = ["{bootstrap}"]
topics = ["events"]
group = "{group}"

[events]
fields = {{ a = "identity", b = "identity", c = "identity", size = "log1p" }}

[sink]
type = "kafka"
scores = "scores"
alerts = "alerts"
dead_letters = "dead-letters"

[service]
http = "127.0.0.1:{port}"
checkpoint = "{folder}/checkpoints"
checkpoint_interval = 5
log_level = "warning"
"""


@dataclass
class Outcome:
    """What happened, and what must not have."""

    resident: list[int] = field(default_factory=list)  # bytes, once a second, undisturbed worker
    stops: int = 0
    crashes: int = 0
    faults: list[str] = field(default_factory=list)


class Feeder(threading.Thread):
    """Produces events of three behaviours and a few strange ones, at a steady rate."""

    def __init__(self, bootstrap: str, rate: int) -> None:
        super().__init__(daemon=True)
        self._producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=20)
        self._rate = rate
        self._end = threading.Event()
        self.sent = 0

    def run(self) -> None:
        """Send a tenth of a second's events ten times a second until `stop`."""
        events = behaviours(seed=1)
        due = time.monotonic()
        while not self._end.wait(max(0.0, due - time.monotonic())):
            due += 0.1
            for _ in range(self._rate // 10):
                self._producer.send("events", next(events), partition=self.sent % PARTITIONS)
                self.sent += 1

    def stop(self) -> None:
        """End the stream and wait until all of it is acknowledged."""
        self._end.set()
        self.join()
        self._producer.flush()
        self._producer.close()


def behaviours(seed: int) -> Iterator[bytes]:
    """Yield JSON events without end."""
    rng = np.random.default_rng(seed)
    centres = np.array([[0.0, 0.0, 0.0], [6.0, 2.0, -3.0], [-4.0, 5.0, 1.0]])
    while True:
        which = rng.choice(3, size=1000, p=[0.6, 0.3, 0.1])
        points = centres[which] + rng.normal(size=(1000, 3))
        points[rng.random(1000) < 1e-3] *= 10.0
        sizes = rng.lognormal(mean=6.0 + which, sigma=0.7)
        for (a, b, c), size in zip(points.tolist(), sizes.tolist(), strict=True):
            yield json.dumps({"a": a, "b": b, "c": c, "size": size}).encode()


def resident(process: subprocess.Popen[bytes]) -> int:
    """Return the resident memory of a running process in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii").splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 1024


def start_worker(job: Path) -> subprocess.Popen[bytes]:
    """Start ``streamgmm run`` as a user would."""
    return subprocess.Popen([sys.executable, "-m", "streamgmm", "run", str(job)])


def calm(job: Path, seconds: float, outcome: Outcome) -> None:
    """Let one worker run undisturbed and watch its memory, then ask it to stop."""
    worker = start_worker(job)
    end = time.monotonic() + seconds
    while time.monotonic() < end and worker.poll() is None:
        outcome.resident.append(resident(worker))
        time.sleep(1.0)
    drain(worker, outcome)


def disturbed(job: Path, seconds: float, outcome: Outcome) -> None:
    """Stop and crash workers in turn, each after a few seconds."""
    chance = random.Random(2)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        worker = start_worker(job)
        time.sleep(chance.uniform(4.0, 12.0))
        if chance.random() < 0.5:
            drain(worker, outcome)
        else:
            worker.kill()
            worker.wait()
            outcome.crashes += 1


def drain(worker: subprocess.Popen[bytes], outcome: Outcome) -> None:
    """Send SIGTERM; anything but exit code 0 within 30 s is a fault."""
    outcome.stops += 1
    if worker.poll() is not None:
        outcome.faults.append(f"a worker ended by itself with exit code {worker.returncode}")
        return
    worker.send_signal(signal.SIGTERM)
    try:
        code = worker.wait(timeout=30)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
        outcome.faults.append("a worker did not end within 30 s of SIGTERM")
        return
    if code != 0:
        outcome.faults.append(f"a worker ended with exit code {code} after SIGTERM")


def finish(job: Path, bootstrap: str, outcome: Outcome, patience: float = 120.0) -> None:
    """Run a last worker until the group has committed the end of the input."""
    worker = start_worker(job)
    end = time.monotonic() + patience
    while worker.poll() is None and not caught_up(bootstrap):
        if time.monotonic() > end:
            outcome.faults.append(f"the group has not caught up within {patience:.0f} s")
            break
        time.sleep(0.5)
    drain(worker, outcome)


def caught_up(bootstrap: str) -> bool:
    """Whether the group's committed offsets are the ends of the input's partitions."""
    parts = [TopicPartition("events", number) for number in range(PARTITIONS)]
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=GROUP, enable_auto_commit=False)
    try:
        ends = consumer.end_offsets(parts)
        return all((consumer.committed(part) or 0) >= ends[part] for part in parts)
    finally:
        consumer.close()


def scored_ids(bootstrap: str) -> Counter[str]:
    """Count the ids in the scores topic."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    try:
        parts = [TopicPartition("scores", number) for number in range(PARTITIONS)]
        consumer.assign(parts)
        consumer.seek_to_beginning(*parts)
        ends = consumer.end_offsets(parts)
        ids: Counter[str] = Counter()
        while any(consumer.position(part) < ends[part] for part in parts):
            for records in consumer.poll(timeout_ms=1000).values():
                ids.update(json.loads(record.value)["id"] for record in records)
        return ids
    finally:
        consumer.close()


def report(sent: int, ids: Counter[str], outcome: Outcome) -> bool:
    """Print what was seen; return whether everything held."""
    # Events were dealt to the partitions in turn.
    expected = {f"events-{at % PARTITIONS}-{at // PARTITIONS}" for at in range(sent)}
    lost, twice = expected - ids.keys(), ids.total() - len(ids)
    quarter = max(1, len(outcome.resident) // 4)
    early = max(outcome.resident[quarter : 2 * quarter], default=0)
    late = max(outcome.resident[-quarter:], default=0)
    if lost:
        outcome.faults.append(f"{len(lost)} events have no score, {min(lost)} among them")
    if late > GROWTH_ALLOWED * early:
        outcome.faults.append("memory grew")
    print(
        f"events {sent:,}, scored {len(ids):,}, again after a crash {twice:,} ({twice / sent:.2%})"
    )
    print(f"stopped {outcome.stops} times, crashed {outcome.crashes} times")
    print(f"resident memory {early / 2**20:.1f} MB early, {late / 2**20:.1f} MB late")
    print("\n".join(f"FAULT: {fault}" for fault in outcome.faults) or "no fault")
    return not outcome.faults


def soak(folder: Path, minutes: float, rate: int) -> bool:
    """Run everything in ``folder``; return whether everything held."""
    outcome = Outcome()
    with KafkaBroker(folder / "kafka") as broker:
        admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
        names = ("events", "scores", "alerts", "dead-letters")
        admin.create_topics(
            {name: {"num_partitions": PARTITIONS} for name in names}, wait_for_metadata=True
        )
        admin.close()
        (port,) = free_ports(1)
        job = folder / "soak.toml"
        text = JOB.format(bootstrap=broker.bootstrap, group=GROUP, port=port, folder=folder)
        job.write_text(text, encoding="utf-8")
        feeder = Feeder(broker.bootstrap, rate)
        feeder.start()
        calm(job, minutes * 30.0, outcome)
        disturbed(job, minutes * 30.0, outcome)
        feeder.stop()
        finish(job, broker.bootstrap, outcome)
        return report(feeder.sent, scored_ids(broker.bootstrap), outcome)


def main() -> int:
    """Parse the arguments and soak."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=5.0, help="half calm, half disturbed")
    parser.add_argument("--rate", type=int, default=2000, help="events per second")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="streamgmm-soak-") as folder:
        return 0 if soak(Path(folder), arguments.minutes, arguments.rate) else 1


if __name__ == "__main__":
    sys.exit(main())
