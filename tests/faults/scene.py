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
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError
from confluent_kafka import TopicPartition as Place
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition

from streamgmm import snapshot
from streamgmm.config import load
from streamgmm.events import BatchDecoder, Record
from streamgmm.io.generate import flows
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.shards import Start
from streamgmm.service.stores import store_of
from tests.workers import Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from streamgmm.config import Config
    from streamgmm.service.checkpoint import CheckpointStore

__all__ = ["Change", "Outcome", "Scale", "Scene"]


@dataclass(frozen=True)
class Scale:
    """How many events, how often a fault is made, for how long brokers are away (seconds).

    And how often checkpoints are written: with as many events they are large. `fuzzed` is the
    number of events that are bad.
    """

    events: int
    times: int
    outage: float
    checkpoints: str = "200ms"
    partitions: int = 4
    fuzzed: int = 0


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


@dataclass(frozen=True)
class Change:
    """The configuration before it was changed, and from where in each partition on it was."""

    before: Config
    positions: dict[str, int]


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
    sink
        Address of the outputs' broker, where it is another one.
    in_topic
        Checkpoints go to a compacted topic instead of a directory.
    """

    def __init__(
        self,
        folder: Path,
        bootstrap: str,
        scale: Scale,
        *,
        sink: str = "",
        in_topic: bool = False,
    ) -> None:
        self.folder, self.bootstrap, self.scale = folder, bootstrap, scale
        self.random = random.Random(1)
        name = f"faults-{random.SystemRandom().getrandbits(40):x}"
        self.state = folder / "state"
        self._sink = sink or bootstrap
        self._in_topic = in_topic
        self._job = {
            "brokers": bootstrap,
            "topic": name,
            "scores": f"{name}-scores",
            "sink_brokers": self._sink,
            "checkpoint": f"topic:{name}-state" if in_topic else self.state,
            "checkpoint_interval": scale.checkpoints,
            "session_timeout": "6s",
            "start_timeout": "60s",
        }
        self._make_topics(self._sink, f"{name}-scores")
        self._make_topics(bootstrap, name)
        if in_topic:
            self._make_topics(bootstrap, f"{name}-state", {"cleanup.policy": "compact"})
        # In the group without joining it: to see what is committed.
        self._watcher = KafkaConsumer(
            bootstrap_servers=bootstrap, group_id=name, isolation_level="read_committed"
        )
        self.producer = KafkaProducer(bootstrap_servers=bootstrap, linger_ms=5)
        self._workers: list[Worker] = []

    def _make_topics(self, at: str, name: str, configs: dict[str, str] | None = None) -> None:
        options = {
            "num_partitions": self.scale.partitions,
            "replication_factor": 1,
            "configs": configs or {},
        }
        with closing(KafkaAdminClient(bootstrap_servers=at)) as admin:
            admin.create_topics({name: options}, wait_for_metadata=True)

    @property
    def where(self) -> str:
        """Where the state is, for the table: nothing is said of the usual place."""
        return "; state in a topic" if self._in_topic else ""

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

    def begun(self) -> bool:
        """Whether something of every partition is committed, and so a checkpoint of it is there."""
        return all(self._watcher.committed(one) for one in self._partitions(self.topic))

    def committed(self) -> int:
        """Give the number of events up to the committed positions."""
        return sum(self._watcher.committed(one) or 0 for one in self._partitions(self.topic))

    def pause(self, least: float = 0.0, most: float = 1.0) -> None:
        """Wait a random while."""
        time.sleep(self.random.uniform(least, most))

    def finish(self, *workers: Worker, changed: Change | None = None) -> Outcome:
        """Wait until all is put out, stop the workers, and compare with no fault at all."""
        wait_for(self._all_committed, "all positions to be committed", timeout=300)
        # One that a killed worker left keeps readers from what was committed after it.
        wait_for(lambda: not self.transaction_open(), "the last transaction's end")
        wait_for(lambda: self._up_to_date(workers), "no lag, nor anything to be learned again")
        for worker in workers:
            assert worker.stop() == 0, worker.log
            assert "Traceback" not in worker.log, worker.log
        return self._compare(workers[-1], changed)

    def _compare(self, worker: Worker, changed: Change | None) -> Outcome:
        expected, states = self._undisturbed(worker, changed)
        got: dict[str, Counter[bytes]] = defaultdict(Counter)
        for value in self.outputs():
            got[msgspec.json.decode(value)["id"]][value] += 1
        return Outcome(
            events=len(expected),
            lost=len(set(expected) - set(got)),
            duplicated=sum(found.total() - 1 for found in got.values()),
            different=sum(set(found) != {expected.get(name)} for name, found in got.items()),
            state_equal=states == saved_states(self._store(worker)),
        )

    def _undisturbed(
        self, worker: Worker, changed: Change | None
    ) -> tuple[dict[str, bytes], dict[str, bytes]]:
        """Outputs by event and states by partition of one model a partition, never disturbed."""
        store = DirectoryStore(self.folder / "undisturbed")
        outputs: dict[str, bytes] = {}
        by_partition: dict[str, list[Record]] = defaultdict(list)
        for partition, record in self.records():
            by_partition[f"{self.topic}-{partition}"].append(record)
        for config, chosen in self._parts(worker, by_partition, changed):
            models = Models(
                config,
                store=store,
                metrics=Metrics(""),
                decoder=lambda name, config=config: BatchDecoder(config.schema(), origin=name),
                want_scores=True,
            )
            for name, records in chosen.items():
                models.open(name, {name: Start(due=None, first=0, end=None, fallback=0)})
                for came in models.process(name, records) if records else ():
                    outputs |= {came.batch.id(row): line for row, line in enumerate(came.scores)}
            assert models.checkpoint()
        return outputs, saved_states(store)

    @staticmethod
    def _parts(
        worker: Worker, records: dict[str, list[Record]], changed: Change | None
    ) -> Iterator[tuple[Config, dict[str, list[Record]]]]:
        """Give each configuration with what was put out under it."""
        if changed is not None:
            yield (
                changed.before,
                {
                    name: [one for one in some if one.position < changed.positions[name]]
                    for name, some in records.items()
                },
            )
        since = {} if changed is None else changed.positions
        yield (
            load(worker.config),
            {
                name: [one for one in some if one.position >= since.get(name, 0)]
                for name, some in records.items()
            },
        )

    def _store(self, worker: Worker) -> CheckpointStore:
        return store_of(load(worker.config)) if self._in_topic else DirectoryStore(self.state)

    def _all_committed(self) -> bool:
        """Whether the workers are through: positions are never committed before the outputs."""
        ends = self._watcher.end_offsets(self._partitions(self.topic))
        return all(self._watcher.committed(one) == end for one, end in ends.items() if end)

    def _up_to_date(self, workers: tuple[Worker, ...]) -> bool:
        shown = [one for each in workers for one in each.readiness()["partitions"].values()]
        behind = sum(one["behind"] for one in shown) + sum(
            worker.metric("lag_events") for worker in workers
        )
        return len(shown) == self.scale.partitions and not behind

    def records(self) -> list[tuple[int, Record]]:
        """Read the input as a committed reader sees it."""
        return [
            (
                one.partition(),
                Record(one.value(), one.offset(), one.timestamp()[1] / 1000, one.key()),
            )
            for one in self._read(self.topic, self.bootstrap)
        ]

    def outputs(self) -> list[bytes]:
        """Read the scores as a committed reader sees them."""
        return [one.value() for one in self._read(str(self._job["scores"]), self._sink)]

    def transaction_open(self) -> bool:
        """Whether outputs are there that a committed reader does not see yet."""
        found = self._partitions(str(self._job["scores"]))
        ends = []
        for level in ("read_committed", "read_uncommitted"):
            consumer = KafkaConsumer(bootstrap_servers=self._sink, isolation_level=level)
            with closing(consumer):
                ends.append(consumer.end_offsets(found))
        return ends[0] != ends[1]

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, i) for i in range(self.scale.partitions)]

    def _read(self, topic: str, at: str) -> Iterator[Any]:
        """Read by librdkafka, as many records take kafka-python ten times as long."""
        settings = {
            "bootstrap.servers": at,
            "group.id": "none",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
        with closing(Consumer(settings)) as consumer:
            consumer.assign(
                [Place(topic, i, OFFSET_BEGINNING) for i in range(self.scale.partitions)]
            )
            at_end: set[int] = set()
            while len(at_end) < self.scale.partitions:
                for message in consumer.consume(10_000, timeout=0.2):
                    if (error := message.error()) is None:
                        yield message
                    else:
                        assert error.code() == KafkaError._PARTITION_EOF, error
                        at_end.add(message.partition())

    def close(self) -> None:
        """End what still runs."""
        self.producer.close()
        self._watcher.close()
        for worker in self._workers:
            worker.__exit__()


def saved_states(store: CheckpointStore) -> dict[str, bytes]:
    """Give the packed state of the newest checkpoint of every model."""
    return {name: snapshot.pack(store.entries(name)[0].read().state) for name in store.names()}
