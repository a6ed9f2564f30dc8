"""A job on a real Kafka to which things happen, and what must be true of it afterwards.

Every event of the input, as a committed reader sees it, has its output exactly once, the same that
an undisturbed run gives; and so is, byte for byte, the state of every partition.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from streamgmm import snapshot
from streamgmm.config import load
from streamgmm.events import BatchDecoder, Record
from streamgmm.io.generate import flows
from streamgmm.service.checkpoint import Checkpoint
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.shards import Start
from tests.workers import Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Outcome", "Scale", "Scene"]


@dataclass(frozen=True)
class Scale:
    """How many events, how often a fault is made, and for how long brokers are away (seconds)."""

    events: int
    times: int
    outage: float
    partitions: int = 4


@dataclass(frozen=True)
class Outcome:
    """What came of a run."""

    events: int
    lost: int
    duplicated: int
    different: int
    state_equal: bool

    @property
    def clean(self) -> bool:
        """Whether nothing is to be seen of what happened."""
        return self.state_equal and not (self.lost or self.duplicated or self.different)


class Feeder(threading.Thread):
    """Sends flows to the partitions in turn, some seconds long, while things happen."""

    def __init__(self, producer: KafkaProducer, topic: str, scale: Scale, seconds: float) -> None:
        super().__init__(daemon=True)
        self._producer, self._topic, self._scale = producer, topic, scale
        self._seconds = seconds

    def run(self) -> None:
        steps = max(1, int(self._seconds * 10))
        share = -(-self._scale.events // steps)
        stream = enumerate(islice(flows(seed=5), self._scale.events))
        while block := list(islice(stream, share)):
            for i, flow in block:
                value = msgspec.json.encode(flow)
                self._producer.send(self._topic, value, partition=i % self._scale.partitions)
            time.sleep(0.1)
        self._producer.flush()


class Scene:
    """One job with topics and a group of its own.

    Parameters
    ----------
    folder
        For configurations, logs and checkpoints.
    bootstrap
        Address of the broker.
    scale
        How much of everything.
    job
        Settings of the workers (`tests.workers`).
    """

    def __init__(self, folder: Path, bootstrap: str, scale: Scale, **job: Any) -> None:
        self.folder, self.bootstrap, self.scale = folder, bootstrap, scale
        self.random = random.Random(1)
        name = f"faults-{random.SystemRandom().getrandbits(40):x}"
        self.state = folder / "state"
        self._job = {
            "brokers": bootstrap,
            "topic": name,
            "scores": f"{name}-scores",
            "checkpoint": self.state,
            "session_timeout": "6s",
            "start_timeout": "60s",
            **job,
        }
        options = {"num_partitions": scale.partitions, "replication_factor": 1}
        with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
            admin.create_topics({name: options, f"{name}-scores": options}, wait_for_metadata=True)
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
        self._workers: list[Worker] = []

    @property
    def topic(self) -> str:
        """Name of the input."""
        return str(self._job["topic"])

    def worker(self, name: str = "one", **job: Any) -> Worker:
        """Start a worker; with `instance` given it is a static member of the group."""
        worker = Worker(self.folder, name, **{**self._job, **job})
        self._workers.append(worker)
        return worker

    def feed(self, seconds: float) -> Feeder:
        """Begin to send all events, evenly over so many seconds."""
        feeder = Feeder(self.producer, self.topic, self.scale, seconds)
        feeder.start()
        return feeder

    def pause(self, least: float = 0.0, most: float = 1.0) -> None:
        """Wait a random while."""
        time.sleep(self.random.uniform(least, most))

    def finish(self, *workers: Worker) -> Outcome:
        """Wait until all is put out, stop the workers, and compare with no fault at all."""
        count = len(self.records())
        wait_for(lambda: len(self.outputs()) >= count, "all outputs", timeout=300)
        for worker in workers:
            wait_for(lambda worker=worker: worker.metric("lag_events") == 0, "no lag")
            assert worker.stop() == 0, worker.log
            assert "Traceback" not in worker.log, worker.log
        return self._compare(workers[-1])

    def _compare(self, worker: Worker) -> Outcome:
        expected, states = self._undisturbed(worker)
        got: dict[str, Counter[bytes]] = defaultdict(Counter)
        for value in self.outputs():
            got[msgspec.json.decode(value)["id"]][value] += 1
        return Outcome(
            events=len(expected),
            lost=len(set(expected) - set(got)),
            duplicated=sum(found.total() - 1 for found in got.values()),
            different=sum(set(found) != {expected.get(name)} for name, found in got.items()),
            state_equal=states == saved_states(DirectoryStore(self.state)),
        )

    def _undisturbed(self, worker: Worker) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Outputs by event and states by partition of one model a partition, never disturbed."""
        config, store = load(worker.config), DirectoryStore(self.folder / "undisturbed")
        models = Models(
            config,
            store=store,
            metrics=Metrics(""),
            decoder=lambda name: BatchDecoder(config.schema(), origin=name),
            want_scores=True,
        )
        outputs: dict[str, bytes] = {}
        by_partition: dict[str, list[Record]] = defaultdict(list)
        for partition, record in self.records():
            by_partition[f"{self.topic}-{partition}"].append(record)
        for name, records in by_partition.items():
            models.open(name, {name: Start(due=None, first=0, end=None, fallback=0)})
            [came] = models.process(name, records)
            outputs |= {came.batch.id(row): line for row, line in enumerate(came.scores)}
        assert models.checkpoint()
        return outputs, saved_states(store)

    def records(self) -> list[tuple[int, Record]]:
        """Read the input as a committed reader sees it."""
        return [
            (one.partition, Record(one.value, one.offset, one.timestamp / 1000, one.key))
            for one in self._read(self.topic)
        ]

    def outputs(self) -> list[bytes]:
        """Read the scores as a committed reader sees them."""
        return [one.value for one in self._read(str(self._job["scores"]))]

    def transaction_open(self) -> bool:
        """Whether outputs are there that a committed reader does not see yet."""
        found = [TopicPartition(str(self._job["scores"]), i) for i in range(self.scale.partitions)]
        ends = []
        for level in ("read_committed", "read_uncommitted"):
            consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level=level)
            with closing(consumer):
                ends.append(consumer.end_offsets(found))
        return ends[0] != ends[1]

    def _read(self, topic: str) -> Iterator[Any]:
        found = [TopicPartition(topic, i) for i in range(self.scale.partitions)]
        consumer = KafkaConsumer(bootstrap_servers=self.bootstrap, isolation_level="read_committed")
        with closing(consumer):
            consumer.assign(found)
            consumer.seek_to_beginning()
            ends = consumer.end_offsets(found)
            while any(consumer.position(one) < ends[one] for one in found):
                for batch in consumer.poll(200).values():
                    yield from batch

    def close(self) -> None:
        """End what still runs."""
        self.producer.close()
        for worker in self._workers:
            worker.__exit__()


def saved_states(store: DirectoryStore) -> dict[str, bytes]:
    """Give the packed state of the newest checkpoint of every model."""
    states = {}
    for name in store.names():
        checkpoint = Checkpoint.from_bytes(store.files(name)[0].read_bytes())
        states[name] = snapshot.pack(checkpoint.state)
    return states
