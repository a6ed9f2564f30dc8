"""A worker is stopped in whatever it does, and tells what it does while it cannot work."""

from __future__ import annotations

import os
import signal
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient

from streamgmm.service.stop import Stop
from tests.workers import Topics, Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.brokers.apache_kafka import KafkaBroker
    from tests.conftest import TopicFactory

SOON = 10.0
# A poll for each event: recovering takes its time, whatever the machine.
SLOWLY = {**os.environ, "STREAMGMM__SOURCE__BATCH_SIZE": "1"}


@pytest.fixture
def topics(kafka: str) -> Iterator[Topics]:
    with closing(Topics(kafka)) as client:
        yield client


@pytest.fixture
def job(kafka: str, topic: TopicFactory) -> dict[str, str]:
    return {"brokers": kafka, "topic": topic("flows"), "scores": topic("scores")}


def killed_far_from_its_checkpoint(
    tmp_path: Path, topics: Topics, job: Mapping[str, str], count: int
) -> Path:
    """Leave a job that has committed `count` events, and a checkpoint of its first ones."""
    topics.send_flows(job["topic"], 0, 200)
    with Worker(tmp_path, "before", instance="one", checkpoint_interval="1h", **job) as worker:
        topics.read(job["scores"], 200)
        wait_for(lambda: list(worker.checkpoint.glob("*.sgmm")), "the first checkpoint")
        topics.send_flows(job["topic"], 200, count)
        topics.read(job["scores"], count)
        worker.kill()
        return worker.checkpoint


def recovering(worker: Worker) -> bool:
    return "again, up to the committed position" in worker.readiness()["reason"]


def test_recovering_it_polls_on_and_can_be_stopped(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    """Recovery takes longer than the group waits for a member that is silent, or does not poll."""
    count = 8000
    state = killed_far_from_its_checkpoint(tmp_path, topics, job, count)
    impatient = (
        "from kafka import KafkaConsumer as K; K.DEFAULT_CONFIG['max_poll_interval_ms']=1500"
    )
    options = {"checkpoint": state, "session_timeout": "1500ms", "checkpoint_interval": "1h", **job}
    with Worker(tmp_path, instance="one", env=SLOWLY, before=impatient, **options) as worker:
        wait_for(lambda: recovering(worker), "recovery")
        assert worker.get("/readyz")[0] == 503
        assert worker.get("/healthz") == (200, "ok\n")
        assert worker.stop() == 0, "SIGTERM while it recovers"
        assert "Traceback" not in worker.log
        worker.restart()
        wait_for(lambda: recovering(worker), "recovery")
        began = time.monotonic()
        while recovering(worker):
            assert worker.get("/healthz")[0] == 200
            assert worker.log.count("working from position") == 1, "it kept its place in the group"
            time.sleep(0.1)
        took = time.monotonic() - began
        wait_for(lambda: worker.readiness()["ready"], "readiness")
        assert took > 2, f"recovered in {took:.1f} s: too soon to show anything"
        assert "gave" not in worker.log
        topics.send_flows(job["topic"], count, count + 10)
        assert len(topics.read(job["scores"], count + 10)) == count + 10
        assert worker.stop() == 0


def test_a_stop_while_the_group_waits_for_another(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    state = tmp_path / "state"
    with Worker(tmp_path, "first", checkpoint=state, session_timeout="60s", **job) as first:
        wait_for(lambda: first.readiness()["partitions"], "the partition")
        first.process.send_signal(signal.SIGSTOP)
        with Worker(tmp_path, "second", checkpoint=state, **job) as second:
            wait_for(lambda: "waiting for the group" in second.readiness()["reason"], "the wait")
            assert second.get("/readyz")[0] == 503
            assert second.get("/healthz")[0] == 200
            second.process.send_signal(signal.SIGTERM)
            assert second.wait(SOON) == 0
            assert "Traceback" not in second.log


def test_a_second_signal_ends_at_once_and_loses_nothing(
    tmp_path: Path, topics: Topics, kafka: str, topic: TopicFactory, own_kafka: KafkaBroker
) -> None:
    """The sink takes nothing, so that a first signal drains for as long as that may take."""
    with closing(KafkaAdminClient(bootstrap_servers=own_kafka.bootstrap)) as admin:
        admin.create_topics({"scores": {"num_partitions": 1, "replication_factor": 1}})
    job = {"brokers": kafka, "sink_brokers": own_kafka.bootstrap, "topic": topic("flows")}
    with Worker(tmp_path, instance="one", scores="scores", **job) as worker:
        for i, (second, code) in enumerate(((signal.SIGTERM, 143), (signal.SIGINT, 130))):
            wait_for(lambda: worker.readiness()["partitions"], "the partition")
            own_kafka.hold()
            topics.send_flows(job["topic"], 50 * i, 50 * (i + 1))
            wait_for(lambda: "outputs wait" in worker.readiness()["reason"], "trouble")
            worker.process.send_signal(signal.SIGTERM)
            time.sleep(1)
            assert worker.process.poll() is None, "it drains"
            assert worker.get("/healthz")[0] == 200
            began = time.monotonic()
            worker.process.send_signal(second)
            assert worker.wait(SOON) == code
            assert time.monotonic() - began < 1
            assert "ended at once by a second signal" in worker.log
            assert "Traceback" not in worker.log
            own_kafka.let_go()
            worker.restart()
        with closing(Topics(own_kafka.bootstrap)) as sent:
            assert len(sent.read("scores", 100)) >= 100


def test_elsewhere_a_second_signal_interrupts() -> None:
    stop = Stop()
    with stop.on_signals():
        signal.raise_signal(signal.SIGTERM)
        assert stop.signal == signal.SIGTERM
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
