"""Each fault of docs/reliability.md, made to a running job."""

from __future__ import annotations

import os
import re
import resource
import signal
import subprocess
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import msgspec
import pytest
from kafka import KafkaProducer

from streamgmm import snapshot
from streamgmm.config import load
from streamgmm.io.generate import flows
from tests.faults.scene import Change
from tests.workers import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.brokers.apache_kafka import KafkaBroker
    from tests.faults.scene import Outcome, Scale, Scene
    from tests.workers import Worker

    Clean = Callable[[str, int, Outcome], bool]

IN_BOTH = pytest.mark.parametrize("scene", ["directory", "topic"], indirect=True)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(3600)]


@IN_BOTH
def test_killed_at_random_moments(scene: Scene, scale: Scale, clean: Clean) -> None:
    worker = scene.worker(instance="one")
    feeder = scene.feed(seconds=2.0 * scale.times)
    for _ in range(scale.times):
        wait_for(lambda: "working from position" in worker.log, "its partitions")
        scene.pause(0.0, 2.0)
        worker.kill()
        worker.restart()
    feeder.join()
    fault = f"worker killed (SIGKILL) at a random moment{scene.where}"
    assert clean(fault, scale.times, scene.finish(worker))


@IN_BOTH
def test_one_of_two_killed(scene: Scene, scale: Scale, clean: Clean) -> None:
    both = [scene.worker("one"), scene.worker("two")]
    wait_for(lambda: all(len(one.readiness()["partitions"]) == 2 for one in both), "a half each")
    feeder = scene.feed(seconds=5.0)
    scene.pause(1.0, 3.0)
    both[0].kill()
    feeder.join()
    assert clean(f"one of two workers killed{scene.where}", 1, scene.finish(both[1]))


@IN_BOTH
def test_one_of_two_held_until_it_is_left_behind(scene: Scene, scale: Scale, clean: Clean) -> None:
    one = scene.worker("one", commit_interval="2s")
    wait_for(lambda: len(one.readiness()["partitions"]) == scale.partitions, "all partitions")
    feeder = scene.feed(seconds=5.0)
    wait_for(lambda: one.metric("events_total") > 0, "some events")
    one.process.send_signal(signal.SIGSTOP)
    two = scene.worker("two")
    wait_for(lambda: len(two.readiness()["partitions"]) == scale.partitions, "all partitions")
    feeder.join()
    one.process.send_signal(signal.SIGCONT)
    wait_for(lambda: len(one.readiness()["partitions"]) == scale.partitions // 2, "its half")
    fault = "one of two workers held (SIGSTOP) until the group gave its partitions away"
    assert clean(f"{fault}{scene.where}", 1, scene.finish(one, two))


def test_who_stays_works_on(scene: Scene, scale: Scale, clean: Clean) -> None:
    """Others come and go: partitions that do not move are not even opened again."""
    one = scene.worker("one")
    wait_for(lambda: len(one.readiness()["partitions"]) == scale.partitions, "all partitions")
    feeder = scene.feed(seconds=8.0)
    two = scene.worker("two")
    for worker, count in ((one, 2), (two, 2)):
        wait_for(lambda w=worker, n=count: len(w.readiness()["partitions"]) == n, "a half each")
    stayed = set(one.readiness()["partitions"])
    assert two.stop() == 0
    wait_for(lambda: len(one.readiness()["partitions"]) == scale.partitions, "all partitions")
    for name in stayed:
        assert one.log.count(f"{name}: working from position") == 1
    feeder.join()
    fault = "a second worker joins and leaves: who stays works on"
    assert clean(fault, 2, scene.finish(one))


@IN_BOTH
def test_rolling_restart(scene: Scene, scale: Scale, clean: Clean) -> None:
    """One more joins and leaves too: partitions move between workers that go on working."""
    both = [scene.worker("one"), scene.worker("two")]
    wait_for(lambda: all(len(one.readiness()["partitions"]) == 2 for one in both), "a half each")
    feeder = scene.feed(seconds=10.0)
    for one in both:
        assert one.stop() == 0
        one.restart()
        wait_for(lambda one=one: one.readiness()["partitions"], "partitions again")
    third = scene.worker("three")
    wait_for(lambda: third.readiness()["partitions"], "partitions for a third")
    assert third.stop() == 0
    feeder.join()
    fault = f"rolling restart of two workers, a third joins and leaves{scene.where}"
    assert clean(fault, 3, scene.finish(*both))


@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_broker_restart(
    scene: Scene, scale: Scale, broker: KafkaBroker, clean: Clean, how: str
) -> None:
    worker = scene.worker()
    feeder = scene.feed(seconds=6.0)
    wait_for(lambda: worker.metric("events_total") > 0, "some events")
    broker.stop() if how == "stopped" else broker.kill()
    broker.start()
    feeder.join()
    assert clean(f"broker {how} and started again", 1, scene.finish(worker))


def test_broker_away(scene: Scene, scale: Scale, broker: KafkaBroker, clean: Clean) -> None:
    worker = scene.worker(transaction_timeout="2s")
    feeder = scene.feed(seconds=4.0)
    wait_for(lambda: worker.metric("events_total") > 0, "some events")
    broker.stop()
    wait_for(lambda: worker.get("/readyz")[0] == 503, "not ready")
    assert worker.get("/healthz")[0] == 200
    time.sleep(scale.outage)
    broker.start()
    feeder.join()
    assert clean(f"broker away for {scale.outage:g} s", 1, scene.finish(worker))


def test_transactions_given_up(scene: Scene, scale: Scale, clean: Clean) -> None:
    """Those of the input's producer, and those of the worker: held longer than brokers wait."""
    options = {"bootstrap_servers": scene.bootstrap, "transactional_id": scene.topic}
    with closing(KafkaProducer(**options)) as producer:
        producer.init_transactions()
        worker = scene.worker(commit_interval="2s", transaction_timeout="3s", session_timeout="60s")
        stream = flows(seed=7)
        for kept in (True, False, True, False, True):
            producer.begin_transaction()
            for i in range(200):
                value = msgspec.json.encode(next(stream))
                producer.send(scene.topic, value, partition=i % scale.partitions)
            producer.commit_transaction() if kept else producer.abort_transaction()
    wait_for(lambda: worker.metric("events_total") == 600, "what the input's producer kept")
    feeder = scene.feed(seconds=1.0)
    wait_for(scene.transaction_open, "a transaction with outputs")
    worker.process.send_signal(signal.SIGSTOP)
    wait_for(lambda: not scene.transaction_open(), "the brokers to give its transaction up")
    worker.process.send_signal(signal.SIGCONT)
    feeder.join()
    wait_for(lambda: worker.metric("transactions_lost_total") >= 1, "the loss")
    fault = "transactions given up: 2 of the input's, 1 of the worker's"
    assert clean(fault, 3, scene.finish(worker))


def test_disk_full(scene: Scene, scale: Scale, clean: Clean) -> None:
    """No checkpoint can be written for a while, then the worker is killed."""
    worker = scene.worker(instance="one")
    feeder = scene.feed(seconds=6.0)
    wait_for(lambda: worker.metric("checkpoint_size_bytes") > 0, "a checkpoint")
    limit = resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE)
    log = worker.config.with_suffix(".log").stat().st_size
    resource.prlimit(worker.process.pid, resource.RLIMIT_FSIZE, (log + 20_000, limit[1]))
    wait_for(lambda: worker.metric("checkpoint_failures_total") > 1, "failures")
    assert "could not be written" in worker.log
    worker.kill()
    worker.restart()
    feeder.join()
    assert clean("disk full while checkpoints are due, then killed", 1, scene.finish(worker))


def test_read_only(scene: Scene, scale: Scale, clean: Clean) -> None:
    scene.state.mkdir()
    with writable(scene.state) as switch:
        # A file that is open for writing would keep the mount from becoming read-only.
        worker = scene.worker(instance="one", journal=scene.folder / "journal")
        feeder = scene.feed(seconds=6.0)
        wait_for(lambda: worker.metric("checkpoint_size_bytes") > 0, "a checkpoint")
        switch(False)
        wait_for(lambda: worker.metric("checkpoint_failures_total") > 1, "failures")
        switch(True)
        worker.kill()
        worker.restart()
        feeder.join()
        assert clean("directory read-only while checkpoints are due, then killed", 1,
               scene.finish(worker))  # fmt: skip


@contextmanager
def writable(directory: Path) -> Iterator[Callable[[bool], None]]:
    """Give a switch that makes a directory read-only and back; root needs a mount for that."""
    if os.geteuid() != 0:
        yield lambda allowed: directory.chmod(0o700 if allowed else 0o500)
        return
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", directory], check=True)
    try:
        yield lambda allowed: run("mount", "-o", f"remount,{'rw' if allowed else 'ro'}", directory)
    finally:
        run("umount", "--lazy", directory)


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True)


SPOILED: dict[str, Callable[[bytes], bytes | None]] = {
    "corrupt": lambda data: data[:200] + bytes([data[200] ^ 1]) + data[201:],
    "truncated": lambda data: data[: len(data) // 2],
    "missing": lambda data: None,
    "of a newer format": lambda data: of_a_newer_release(data, format_too=True),
    "of a newer release": lambda data: of_a_newer_release(data, format_too=False),
}


def of_a_newer_release(data: bytes, *, format_too: bool) -> bytes:
    """Give a whole snapshot as a release to come may write it, which this one cannot read."""
    checkpoint = snapshot.unpack(data)
    checkpoint["state"]["detector"]["version"] += 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot, "VERSION", snapshot.VERSION + format_too)
        return snapshot.pack(checkpoint)


@pytest.mark.parametrize("how", SPOILED)
def test_spoiled_snapshots(scene: Scene, scale: Scale, clean: Clean, how: str) -> None:
    """The newest of each partition; the one before it is taken, and the rest learned again."""
    worker = scene.worker(instance="one")
    feeder = scene.feed(seconds=4.0)
    wait_for(lambda: checkpoints_of_all(scene, at_least=2), "two checkpoints of each")
    worker.kill()
    spoil_newest(scene, SPOILED[how])
    worker.restart()
    feeder.join()
    outcome = scene.finish(worker)
    assert ("is passed over" in worker.log) is (how != "missing")
    assert clean(f"newest snapshot of each partition {how}", scale.partitions, outcome)


def checkpoints_of_all(scene: Scene, at_least: int) -> bool:
    return all(
        len(list(scene.state.glob(f"{scene.topic}-{i}.*.sgmm"))) >= at_least
        for i in range(scene.scale.partitions)
    )


def spoil_newest(scene: Scene, how: Callable[[bytes], bytes | None]) -> None:
    for i in range(scene.scale.partitions):
        newest = max(scene.state.glob(f"{scene.topic}-{i}.*.sgmm"))
        data = how(newest.read_bytes())
        newest.unlink() if data is None else newest.write_bytes(data)


@IN_BOTH
def test_a_changed_configuration(scene: Scene, scale: Scale, clean: Clean) -> None:
    """One is refused, another taken on from what is committed; killed again on the way there."""
    worker = scene.worker(instance="one", checkpoint_interval="2s")
    feeder = scene.feed(seconds=6.0)
    wait_for(scene.begun, "something of all partitions")
    scene.pause(0.5, 1.5)  # the next checkpoints are not due yet
    worker.kill()
    before, text = load(worker.config), worker.config.read_text()
    worker.config.write_text(text.replace("n_components = 4", "n_components = 3"))
    worker.restart()
    assert worker.wait() == 5
    assert "cannot go on with another model.n_components" in worker.log
    text = text.replace("half_life = 2000", "half_life = 300")
    worker.config.write_text(text.replace("budget = 0.01", "budget = 0.03"))
    worker.restart()
    wait_for(lambda: len(taken_on(worker)) == scale.partitions, "all partitions")
    change = Change(before, taken_on(worker))
    worker.kill()
    worker.restart()
    feeder.join()
    outcome = scene.finish(worker, changed=change)
    fault = "started with a changed configuration, killed on the way to where it begins"
    assert clean(f"{fault}{scene.where}", 1, outcome)


def taken_on(worker: Worker) -> dict[str, int]:
    """Give the positions from which a changed configuration holds, by partition."""
    told = r"(\S+): the configuration has changed .*: takes effect from position ([\d,]+)"
    return {name: int(at.replace(",", "")) for name, at in re.findall(told, worker.log)}
