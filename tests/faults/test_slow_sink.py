"""A sink that is slow, or away while the source is not: the worker reads no more than it can hold.

Meanwhile it keeps its place in the group, which throws out who does not poll, and answers.
"""

from __future__ import annotations

import math
import os
import re
import signal
import threading
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaAdminClient
from kafka.protocol.admin import AlterClientQuotasRequest

from streamgmm.service.client import Client
from tests.brokers.apache_kafka import KafkaBroker
from tests.faults.scene import Scene
from tests.workers import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.faults.scene import Outcome, Scale
    from tests.workers import Worker

    Clean = Callable[[str, int, Outcome], bool]

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(3600)]

# Of a score with its id.
OUTPUT_BYTES = 300
# What a stop may take before it gives up on outputs, in seconds.
TO_DRAIN = 20.0
# Where events go on to come it is the models that grow, whose windows of scores fill; the outputs
# of all events would take several times as much.
MOST_GROWTH = 100e6
TOKEN = "s3cret"
IMPATIENT = "from kafka import KafkaConsumer as K; K.DEFAULT_CONFIG['max_poll_interval_ms']={}"


def options(scale: Scale, batch_size: int) -> dict[str, Any]:
    """The group throws it out soon if it does not poll, and operators may talk to it."""
    patience = int(1000 * min(20.0, 0.75 * scale.outage))
    batches = {"STREAMGMM__SOURCE__BATCH_SIZE": str(batch_size)}
    token = {"STREAMGMM__SERVICE__TOKEN": TOKEN}
    return {"before": IMPATIENT.format(patience), "env": {**os.environ, **batches, **token}}


@pytest.fixture(scope="module")
def sink_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    with KafkaBroker(tmp_path_factory.mktemp("sink")) as started:
        yield started


def test_slower_than_the_source(scene: Scene, scale: Scale, clean: Clean) -> None:
    """Seconds for what comes of one poll."""
    batch_size = scale.events // 60
    # what the first transaction holds depends on how fast the machine is
    worker = scene.worker(transaction_timeout="30s", **options(scale, batch_size))
    wait_for(lambda: len(worker.readiness()["partitions"]) == scale.partitions, "its partitions")
    with quota(scene.bootstrap, batch_size * OUTPUT_BYTES / 3):
        scene.feed(seconds=0.5).join()
        wait_for(lambda: "the sink is slow" in worker.readiness()["reason"], "the trouble")
        assert_at_its_post(worker, scale)
        with Memory(worker) as memory:
            time.sleep(scale.outage)
    outcome = scene.finish(worker)
    assert kept_its_place(worker, scale)
    assert memory.growth < MOST_GROWTH
    fault = f"sink slower than the source for {scale.outage:g} s; memory grew by {memory}"
    assert clean(fault, 1, outcome)


def test_stopped_while_it_is_merely_slow(scene: Scene, scale: Scale, clean: Clean) -> None:
    """All that was read goes out, once, within the time that a stop has, and no more is read."""
    batch_size = scale.events // 60
    env = {**os.environ, "STREAMGMM__SOURCE__BATCH_SIZE": str(batch_size)}
    worker = scene.worker(env=env, transaction_timeout="30s")
    wait_for(lambda: len(worker.readiness()["partitions"]) == scale.partitions, "its partitions")
    with quota(scene.bootstrap, batch_size * OUTPUT_BYTES / 2):
        scene.feed(seconds=0.5).join()
        wait_for(lambda: "the sink is slow" in worker.readiness()["reason"], "the trouble")
        wait_for(lambda: worker.metric("sink_waiting_outputs") > 0, "outputs that wait")
        began = time.monotonic()
        worker.process.send_signal(signal.SIGTERM)
        read = worker.metric("events_total")
        while worker.process.poll() is None:
            seen = worker.metric("events_total")
            read = read if math.isnan(seen) else seen
            time.sleep(0.05)
        took = time.monotonic() - began
    assert worker.process.returncode == 0, worker.log
    assert took < TO_DRAIN
    out = len(scene.outputs())
    assert read == out == scene.committed()
    assert out < scale.events
    worker.restart()
    outcome = scene.finish(worker)
    assert clean(f"SIGTERM while the sink is slow; it took {took:.1f} s", 1, outcome)


def test_away_while_the_source_is_not(
    tmp_path: Path, broker: KafkaBroker, sink_broker: KafkaBroker, scale: Scale, clean: Clean
) -> None:
    scene = Scene(tmp_path, broker.bootstrap, scale, sink=sink_broker.bootstrap)
    with closing(scene):
        worker = scene.worker(**options(scale, 2000))
        wait_for(lambda: len(worker.readiness()["partitions"]) == scale.partitions, "its work")
        feeder = scene.feed(seconds=2.0)
        wait_for(lambda: worker.metric("events_total") > 0, "some events")
        sink_broker.stop()
        wait_for(lambda: "outputs wait" in worker.readiness()["reason"], "the trouble")
        with Memory(worker) as memory:
            feeder.join()
            assert_at_its_post(worker, scale)
            seen = worker.metric("events_total")
            time.sleep(scale.outage)
            wait_for(lambda: "cannot be delivered" in worker.readiness()["reason"], "its name")
            assert worker.metric("events_total") == seen, "it reads no more"
            assert kept_its_place(worker, scale)
        sink_broker.start()
        outcome = scene.finish(worker)
        assert memory.growth < MOST_GROWTH
        fault = f"sink's cluster away for {scale.outage:g} s, the source's not; memory grew by"
        assert clean(f"{fault} {memory}", 1, outcome)


def test_broker_that_answers_nothing(
    scene: Scene, scale: Scale, broker: KafkaBroker, clean: Clean
) -> None:
    worker = scene.worker(transaction_timeout="3s", **options(scale, 2000))
    feeder = scene.feed(seconds=2.0)
    wait_for(lambda: worker.metric("events_total") > 0, "some events")
    broker.hold()
    try:
        wait_for(lambda: worker.get("/readyz")[0] == 503, "not ready")
        time.sleep(scale.outage)
        assert worker.get("/healthz")[0] == 200
    finally:
        broker.let_go()
    feeder.join()
    outcome = scene.finish(worker)
    assert clean(f"broker held (SIGSTOP) for {scale.outage:g} s", 1, outcome)


def assert_at_its_post(worker: Worker, scale: Scale) -> None:
    """It is alive, not ready, says how much waits, and hears operators."""
    assert worker.get("/healthz")[0] == 200
    code, told = worker.get("/readyz")
    assert code == 503
    assert re.search(r"[\d,]+ outputs wait \([\d.]+ MB\), and no events are read", told), told
    for name in ("sink_waiting_outputs", "sink_waiting_bytes"):  # none for a moment after a commit
        wait_for(lambda name=name: worker.metric(name) > 0, name)
    assert worker.metric("source_connected") == 1
    url = re.findall(r"serving (http://\S+)/metrics", worker.log)[-1]
    assert len(Client(url, TOKEN).incidents()["models"]) == scale.partitions


def kept_its_place(worker: Worker, scale: Scale) -> bool:
    return worker.log.count("working from position") == scale.partitions


@contextmanager
def quota(bootstrap: str, bytes_per_second: float) -> Iterator[None]:
    """Let workers write so much only; the client of the tests has another name."""
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:

        def alter(*, remove: bool) -> None:
            entry = AlterClientQuotasRequest.EntryData
            entity = [entry.EntityData(entity_type="client-id", entity_name="streamgmm")]
            ops = [entry.OpData(key="producer_byte_rate", value=bytes_per_second, remove=remove)]
            request = AlterClientQuotasRequest(
                entries=[entry(entity=entity, ops=ops)], validate_only=False
            )
            answer = admin._manager.run(admin._manager.send, request)
            assert [one.error_code for one in answer.entries] == [0]

        alter(remove=False)
        try:
            yield
        finally:
            alter(remove=True)


class Memory(threading.Thread):
    """Watches the resident memory of a worker."""

    def __init__(self, worker: Worker) -> None:
        super().__init__(daemon=True)
        self._status = Path(f"/proc/{worker.process.pid}/status")
        self._end = threading.Event()
        self._first = self._most = self._resident()

    @property
    def growth(self) -> float:
        """Bytes from the first look to the highest one."""
        return self._most - self._first

    def __str__(self) -> str:
        return f"{self.growth / 1e6:.0f} MB"

    def _resident(self) -> int:
        """Give bytes; 0 where it has ended."""
        try:
            found = re.search(r"VmRSS:\s+(\d+) kB", self._status.read_text(encoding="ascii"))
        except OSError:
            return 0
        return 0 if found is None else int(found[1]) * 1024

    def run(self) -> None:
        while not self._end.wait(0.1):
            self._most = max(self._most, self._resident())

    def __enter__(self) -> Memory:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._end.set()
        self.join()
