"""Bad input on a real Kafka: it becomes dead letters, and no neighbour ever notices."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from collections import Counter, defaultdict
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import KafkaProducer

from streamgmm.config import load
from streamgmm.events import REASONS, BatchDecoder, Record
from streamgmm.service.metrics import Metrics
from streamgmm.service.models import Models
from streamgmm.service.shards import Start
from tests.brokers.kafka_jars import require
from tests.faults.bad_input import FIELD, GOOD, KINDS, MUTATED, mixture
from tests.workers import Topics, Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.faults.scene import Scale

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(3600)]

PARTITIONS = 2
CODEC = "compressed with an unknown codec"
RAISES = "raises an error in the program, half learned"
KILLS = "kills the process (SIGSEGV)"
NO_ZSTD = "import kafka.codec\nkafka.codec.zstd = None"
# What the shipped program has none of: events that it crashes over.
CRASHES = """
import os, signal
from streamgmm.events import BatchDecoder
decode = BatchDecoder.decode
def crashing(self, records, *, learn=True, aside=None):
    rest = [one.value or b"" for one in records if one.position not in (aside or {})]
    if any(b"kills" in value for value in rest):
        os.kill(os.getpid(), signal.SIGSEGV)
    made = decode(self, records, learn=learn, aside=aside)
    if any(b"raises" in value for value in rest):
        raise RuntimeError("a value that nobody thought of")
    return made
BatchDecoder.decode = crashing
"""


def scores_without(
    worker: Worker, topic: str, records: dict[int, list[Record]], dead: Collection[tuple[int, int]]
) -> dict[str, bytes]:
    """Scores by event of a stream in which the bad events never were."""
    config = load(worker.config)
    models = Models(
        config,
        store=None,
        metrics=Metrics(""),
        decoder=lambda name: BatchDecoder(config.schema(), origin=name),
        want_scores=True,
    )
    scores: dict[str, bytes] = {}
    for partition, found in records.items():
        name = f"{topic}-{partition}"
        models.open(name, {name: Start(due=None, first=0, end=None, fallback=0)})
        good = [one for one in found if (partition, one.position) not in dead]
        for outputs in models.process(name, good):
            assert not outputs.dead_letters, outputs.dead_letters[0]
            scores |= {outputs.batch.id(row): line for row, line in enumerate(outputs.scores)}
    return scores


class Sent:
    """What stands in the input: kinds and bytes by partition and offset."""

    def __init__(self, brokers: str, topic: str) -> None:
        self._options = {"bootstrap_servers": brokers, "max_request_size": 6_000_000}
        self._brokers, self._topic = brokers, topic
        self.kinds: dict[tuple[int, int], str] = {}

    def send(self, events: Any) -> None:
        with closing(KafkaProducer(**self._options)) as producer:
            sent = []
            for i, (kind, value) in enumerate(events):
                key = b"gone" if value is None else None  # a tombstone needs one
                future = producer.send(self._topic, value, key, partition=i % PARTITIONS)
                sent.append((kind, future))
            producer.flush()
            for kind, future in sent:
                told = future.get(10)
                self.kinds[told.partition, told.offset] = kind

    def send_compressed(self, count: int) -> None:
        """In batches of their own, between those that can be read."""
        values = b"".join(b'{"compressed": %d}\n' % i for i in range(count))
        at = ["-b", self._brokers, "-t", self._topic, "-p", "0", "-z", "zstd"]
        subprocess.run([require("kcat", "kcat"), "-P", *at], input=values, check=True)

    def read(self, topics: Topics, count: int) -> dict[int, list[Record]]:
        found: dict[int, list[Record]] = defaultdict(list)
        for one in topics.read(self._topic, count, timeout=300):
            found[one.partition].append(
                Record(one.value, one.offset, one.timestamp / 1000, one.key)
            )
            self.kinds.setdefault((one.partition, one.offset), CODEC)
        return found


def check_letter(letter: Any, topic: str, records: dict[int, list[Record]], kind: str) -> None:
    headers = {name: value.decode() for name, value in letter.headers}
    assert headers["reason"] in REASONS
    partition, position = int(headers["origin"].rpartition("-")[2]), int(headers["position"])
    assert headers["id"] == f"{topic}-{partition}-{position}"
    original = records[partition][position]
    assert original.position == position
    assert len(letter.value) <= 64 * 1024
    if kind == CODEC:
        return  # of these there is the compressed batch
    value = original.value or b""
    assert letter.value == value[: 64 * 1024]
    assert int(headers["length"]) == len(value)
    assert headers["checksum"] == f"sha256:{hashlib.sha256(value).hexdigest()}"


def test_bad_input(
    kafka: str, topic: TopicFactory, tmp_path: Path, scale: Scale, tell: Callable[..., None]
) -> None:
    name = topic(partitions=PARTITIONS, configs={"max.message.bytes": "6000000"})
    scores, letters = topic(partitions=PARTITIONS), topic(partitions=PARTITIONS)
    sent = Sent(kafka, name)
    total = 600 + 2 * scale.fuzzed + (codec := max(3, scale.fuzzed // 50)) + 10
    job = {"brokers": kafka, "topic": name, "scores": scores, "dead_letters": letters}
    with (
        closing(Topics(kafka)) as topics,
        Worker(tmp_path, client="kafka-python", fields=FIELD, before=NO_ZSTD, **job) as worker,
    ):
        sent.send(mixture(scale.fuzzed))
        sent.send_compressed(codec)
        sent.send(islice(mixture(0), 10))
        records = sent.read(topics, total)
        pid = worker.process.pid
        wait_for(lambda: outputs_of(worker) >= total, "all events to be through", timeout=1200)
        wait_for(lambda: worker.metric("lag_events") == 0, "no lag")
        assert worker.stop() == 0
        assert worker.process.pid == pid
        assert "Traceback" not in worker.log, worker.log
        dead = topics.read(letters, 0, timeout=300)
        got = topics.read(scores, total - len(dead), timeout=300)
    reasons: dict[str, Counter[str]] = defaultdict(Counter)
    places = set()
    for letter in dead:
        headers = {key: value.decode() for key, value in letter.headers}
        place = int(headers["origin"].rpartition("-")[2]), int(headers["position"])
        check_letter(letter, name, records, sent.kinds[place])
        assert place not in places, "one letter an event"
        places.add(place)
        reasons[sent.kinds[place]][headers["reason"]] += 1
    expected = scores_without(worker, name, records, places)
    assert len(got) == len(expected) == total - len(dead)
    unchanged = {msgspec.json.decode(one.value)["id"]: one.value for one in got} == expected
    counts = Counter(sent.kinds.values())
    for kind in (*KINDS, CODEC, MUTATED):
        tell(kind, counts[kind], reasons[kind], unchanged=unchanged)
    assert unchanged
    assert not reasons[GOOD], reasons[GOOD]
    for kind in (*KINDS, CODEC):
        harmless = kind == "5 MB, an event with a long field"
        assert reasons[kind].total() == (0 if harmless else counts[kind]), (kind, reasons[kind])
    assert set(reasons[CODEC]) == {"unreadable"}
    assert set(reasons["10,000 levels of nesting"]) == {"too_deep"}
    assert "crashed" not in set().union(*reasons.values())


def outputs_of(worker: Worker) -> float:
    return worker.metric("events_total") + worker.metric("dead_letters_total")


@pytest.mark.parametrize(
    ("delivery", "in_topic"), [("at_least_once", False), ("exactly_once", True)]
)
def test_events_that_crash_the_worker(
    kafka: str,
    topic: TopicFactory,
    tmp_path: Path,
    scale: Scale,
    tell: Callable[..., None],
    delivery: str,
    in_topic: bool,
) -> None:
    name = topic()
    scores, letters = topic(), topic()
    job: dict[str, Any] = {"brokers": kafka, "topic": name, "scores": scores}
    job |= {"dead_letters": letters, "delivery": delivery, "instance": "one"}
    if in_topic:
        state = topic(configs={"cleanup.policy": "compact"})
        job |= {"checkpoint": f"topic:{state}", "journal": tmp_path / "journal"}
    events = [value for _, value in mixture(0)]
    dead = {250: b"kills", 120: b"raises", 251: b"raises", 420: b"raises"}
    for i, word in dead.items():
        events[i] = (events[i] or b"")[:-1] + b',"text":"%s"}' % word
    with (
        closing(Topics(kafka)) as topics,
        Worker(tmp_path, fields=FIELD, before=CRASHES, **job) as worker,
    ):
        for event in events:
            topics.send(name, event)
        topics.flush()
        assert deaths_until(worker, seen=len(events) - len(dead)) == 3
        assert f"{name}-0-250 is set aside: the worker died of it 3 times" in worker.log
        assert worker.stop() == 0
        # a replay, of all where the state can be lost, does not die of it again
        if not in_topic:
            for file in (tmp_path / "worker-state").glob("*.sgmm"):
                file.unlink()
        worker.restart()
        topics.send(name, events[0])
        topics.flush()
        wait_for(lambda: worker.metric("events_total") >= 1, "the event that was sent since")
        got = topics.read(scores, len(events) - len(dead) + 1)
        assert worker.stop() == 0
        told = topics.read(letters, len(dead))
    assert_as_without(worker, name, events, dead, got)
    crashed = {int(dict(one.headers)["position"]): dict(one.headers)["reason"] for one in told}
    assert crashed == dict.fromkeys(dead, b"crashed")
    if delivery == "exactly_once":
        assert (len(got), len(told)) == (len(events) - len(dead) + 1, len(dead))
    where = "state in a topic, exactly once" if in_topic else "at least once"
    tell(f"{KILLS}; {where}", 1, Counter(crashed=1), unchanged=True)
    tell(f"{RAISES}; {where}", 3, Counter(crashed=3), unchanged=True)


def deaths_until(worker: Worker, seen: int) -> int:
    """Start the job again whenever it dies, until its model has seen so many events."""
    for deaths in range(10):
        wait_for(lambda: worker.process.poll() or worker.metric("model_events") == seen, "an end")
        if worker.process.poll() is None:
            return deaths
        assert worker.process.poll() == -signal.SIGSEGV, worker.log
        worker.restart()
    raise AssertionError(f"it goes on dying:\n{worker.log}")


def assert_as_without(
    worker: Worker, name: str, events: list[bytes | None], dead: Collection[int], got: list[Any]
) -> None:
    """Hold that scores are those of a stream without the dead; one more event came at the end."""
    records = {0: [Record(value, i) for i, value in enumerate(events)]}
    expected = scores_without(worker, name, records, {(0, i) for i in dead})
    found: dict[str, set[bytes]] = defaultdict(set)
    for one in got:
        found[msgspec.json.decode(one.value)["id"]].add(one.value)
    del found[f"{name}-0-{len(events)}"]
    assert found == {key: {value} for key, value in expected.items()}
