"""Jobs over a real Kafka that keep their state in a topic, in the transaction of their outputs."""

from __future__ import annotations

import json
import os
import re
import signal
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamgmm import snapshot
from streamgmm.cli import main
from streamgmm.config import load
from streamgmm.errors import BrokerError, StateError
from streamgmm.io.client import Connection, SourceUnavailableError
from streamgmm.io.kafka import KafkaStateTopic, KafkaTransactions, state_topic
from streamgmm.service.checkpoint import Checkpoint
from streamgmm.service.client import Client
from streamgmm.service.slots import CHUNK
from streamgmm.service.stores import store_of
from streamgmm.service.topic_store import TopicStore
from tests.replays import assert_exactly_the_uninterrupted_scores, flow_records, new_pipeline
from tests.workers import CLIENTS, Topics, Worker, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory

COMPACTED = {"cleanup.policy": "compact"}


@pytest.fixture
def state(topic: TopicFactory) -> str:
    """The name of a topic for state."""
    return topic("state", partitions=2, configs=COMPACTED)


def assert_the_uninterrupted_state(worker: Worker, partition: str, numbers: range) -> None:
    """The newest snapshot holds, bit for bit, a model that nothing happened to."""
    pipeline = new_pipeline(worker.config, partition)
    for record in flow_records(numbers):
        pipeline.process([record])
    got = store_of(load(worker.config)).load(partition)
    assert got is not None
    assert got.positions[partition] >= len(numbers)
    assert snapshot.pack(got.state["detector"]) == snapshot.pack(pipeline.detector.state())
    restored = snapshot.pack(got.state["partitions"][partition]["categories"])
    assert restored == snapshot.pack(pipeline.state()["categories"])


@pytest.mark.parametrize("clients", [CLIENTS, CLIENTS[::-1]], ids="-then-".join)
def test_a_killed_worker_s_state_is_found_elsewhere(
    tmp_path: Path, topics: Topics, job: dict[str, str], state: str, clients: tuple[str, str]
) -> None:
    """And with the other client, which joins the same group."""
    source = job["topic"]
    options = {"instance": "one", "checkpoint": f"topic:{state}", **job}
    topics.send_flows(source, 0, 1000, partitions=2)
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    with Worker(here, client=clients[0], **options) as first:
        topics.read(job["scores"], 1000)
        topics.send_flows(source, 1000, 3000, partitions=2)
        topics.read(job["scores"], 1200)
        first.kill()
    topics.send_flows(source, 3000, 3500, partitions=2)
    with Worker(there, client=clients[1], **options) as second:
        scores = topics.read(job["scores"], 3500)
        assert len(scores) == 3500, "nothing twice"
        assert "model restored" in second.log
        assert_exactly_the_uninterrupted_scores(second, source, scores, 3500)
        assert second.stop() == 0
        for i in range(2):
            assert_the_uninterrupted_state(second, f"{source}-{i}", range(i, 3500, 2))


def test_state_in_a_topic_is_looked_at_and_forgotten(
    tmp_path: Path,
    topics: Topics,
    job: dict[str, str],
    state: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = job["topic"]
    topics.send_flows(source, 0, 400, partitions=2)
    with Worker(tmp_path, checkpoint=f"topic:{state}", **job) as worker:
        topics.read(job["scores"], 400)
        config = str(worker.config)
        assert main(["reset", config, "--yes"]) == 5
        assert "are running: stop all of them first" in capsys.readouterr().err
        assert worker.stop() == 0
        assert main(["inspect", f"{config}:{source}-1", "--json"]) == 0
        shown = json.loads(capsys.readouterr().out)
        assert shown["events_seen"] == 200
        numbers = [one.number for one in store_of(load(config)).entries(f"{source}-1")]
        assert (
            main(["checkpoints", "revert", config, str(numbers[-1]), "--model", f"{source}-1"]) == 0
        )
        assert main(["checkpoints", "list", config]) == 0
        assert "(went back)" in capsys.readouterr().out

        assert main(["reset", config, "--yes"]) == 0
        told = capsys.readouterr()
        assert told.out == f"forgotten: {source}-0, {source}-1\n"
        assert f"that the group '{source}' has committed stay" in told.err
        assert store_of(load(config)).names() == []
        topics.send_flows(source, 400, 600, partitions=2)
        worker.restart()
        scores = topics.read(job["scores"], 600)
        assert len(scores) == 600, "nothing is put out twice"
        assert "the model begins empty" in worker.log


def test_state_comes_with_the_first_commit_and_a_command_with_the_next(
    tmp_path: Path, topics: Topics, job: dict[str, str], state: str
) -> None:
    source = job["topic"]
    topics.send_flows(source, 0, 400, partitions=2)
    env = {**os.environ, "STREAMGMM__SERVICE__TOKEN": "s3cret"}
    options = {"instance": "one", "checkpoint": f"topic:{state}", "checkpoint_interval": "1h"}
    with Worker(tmp_path, env=env, **options, **job) as worker:
        topics.read(job["scores"], 400)
        found = {one.key.decode() for one in topics.read(state, 4)}
        assert {key.split("/")[1] for key in found} == {f"{source}-0", f"{source}-1"}
        address = re.findall(r"serving (http://\S+)/metrics", worker.log)[-1]
        assert Client(address, "s3cret").act("freeze")["saved"] is True
        worker.kill()
        worker.restart()
        wait_for(lambda: len(worker.readiness()["partitions"]) == 2, "its partitions")
        topics.send_flows(source, 400, 600, partitions=2)
        scores = topics.read(job["scores"], 600)
        assert len(scores) == 600, "nothing twice"
        assert worker.metric("frozen") == 2


def test_workers_hand_their_state_over_and_one_left_behind_writes_none(
    tmp_path: Path, topics: Topics, job: dict[str, str], state: str
) -> None:
    """Held, with outputs that were not committed, until its partitions are another's; then back."""
    source = job["topic"]
    options = {"checkpoint": f"topic:{state}", "session_timeout": "6s", **job}
    topics.send_flows(source, 0, 600, partitions=2)
    with Worker(tmp_path, "first", commit_interval="2s", **options) as first:
        wait_for(lambda: first.metric("events_total") == 600, "all events")
        first.process.send_signal(signal.SIGSTOP)
        with Worker(tmp_path, "second", **options) as second:
            wait_for(lambda: len(second.readiness()["partitions"]) == 2, "both partitions")
            topics.send_flows(source, 600, 1000, partitions=2)
            wait_for(lambda: second.metric("model_events") == 1000, "all events again")
            first.process.send_signal(signal.SIGCONT)
            wait_for(lambda: len(first.readiness()["partitions"]) == 1, "a partition for each")
            topics.send_flows(source, 1000, 1400, partitions=2)
            topics.read(job["scores"], 1400)
            assert first.stop() == 0
            wait_for(lambda: len(second.readiness()["partitions"]) == 2, "both partitions")
            assert second.metric("relearned_events_total") == 0, "each came with its commit"
            topics.send_flows(source, 1400, 1800, partitions=2)
            scores = topics.read(job["scores"], 1800)
            assert len(scores) == 1800
            assert_exactly_the_uninterrupted_scores(second, source, scores, 1800)
            assert second.stop() == 0
            for i in range(2):
                assert_the_uninterrupted_state(second, f"{source}-{i}", range(i, 1800, 2))


def large(position: int) -> Checkpoint:
    """A checkpoint of more than three chunks."""
    noise = np.random.default_rng(position).random(450_000)
    return Checkpoint(
        name="flows-0",
        positions={"flows-0": position},
        state={"noise": noise},
        fingerprint="",
        configuration="",
    )


def test_large_states_over_kafka(
    kafka: str, topics: Topics, state: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Committed ones come back, aborted ones never were, damaged ones are passed over."""
    at = Connection(brokers=[kafka])
    opened = KafkaStateTopic(at, state, largest=CHUNK)
    with closing(
        KafkaTransactions(at, {state}, transactional_id=state, timeout=30.0)
    ) as transactions:
        store = TopicStore(opened, "g", transactions, members=lambda: 0)
        fresh = TopicStore(opened, "g", transactions, members=lambda: 0)
        assert fresh.load("flows-0") is None
        for position in (1, 2, 3):
            assert store.write(large(position)) > 3 * CHUNK
            assert transactions.commit({}, None, 30.0)
        store.write(large(4))
        assert transactions.flush(30.0)
        assert transactions.restart(), "which gives up what was not committed"
        store.start_over()
        assert [one.number for one in fresh.entries("flows-0")] == [3, 2]
        got = fresh.load("flows-0")
        assert got is not None
        assert np.array_equal(got.state["noise"], large(3).state["noise"])
        store.write(large(5))
        assert transactions.commit({}, None, 30.0)
        newest = fresh.load("flows-0")
        assert newest is not None
        assert newest.positions == {"flows-0": 5}

        damage(topics, state, "g/flows-0/0/00002", b"?")
        older = fresh.load("flows-0")
        assert older is not None
        assert older.positions == {"flows-0": 3}
        assert "it is damaged" in caplog.text
        damage(topics, state, "g/flows-0/1/00001", None)
        with pytest.raises(StateError, match=r"(?s)1 of its 5 chunks are missing.*streamgmm reset"):
            fresh.load("flows-0")


def damage(topics: Topics, state: str, key: str, value: bytes | None) -> None:
    """Overwrite a record where it is."""
    [partition] = {one.partition for one in topics.read(state, 1) if one.key == key.encode()}
    topics.send(state, value, key=key.encode(), partition=partition)
    topics.flush()


@pytest.mark.parametrize(
    ("configs", "words"),
    [
        ({"cleanup.policy": "delete"}, r"cleanup.policy=delete.*add-config cleanup.policy=compact"),
        ({**COMPACTED, "max.message.bytes": "1000"}, r"max.message.bytes=1000.*need 900000"),
    ],
)
def test_a_topic_that_cannot_serve_is_refused(
    kafka: str, topic: TopicFactory, configs: dict[str, str], words: str
) -> None:
    name = topic(configs=configs)
    with pytest.raises(BrokerError, match=words):
        KafkaStateTopic(Connection(brokers=[kafka]), name, largest=CHUNK)


def test_a_missing_topic_is_exit_4(tmp_path: Path, job: dict[str, str]) -> None:
    with Worker(tmp_path, checkpoint="topic:no-such", start_timeout="1s", **job) as worker:
        assert worker.wait() == 4
        assert "create it with cleanup.policy=compact" in worker.log
        assert "Traceback" not in worker.log


def test_an_open_transaction_is_waited_for(
    kafka: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was committed after one that is still open cannot be overlooked."""
    monkeypatch.setattr(state_topic, "_STANDSTILL_SECONDS", 1.0)
    at = Connection(brokers=[kafka])
    opened = KafkaStateTopic(at, state, largest=CHUNK)

    def writer(name: str) -> Any:
        made = KafkaTransactions(at, {state}, transactional_id=f"{state}-{name}", timeout=30.0)
        return closing(made)

    with writer("held") as held, writer("other") as other:
        held.send(state, b"?", b"k", partition=0)
        assert held.flush(30.0)
        other.send(state, b"1", b"other", partition=0)
        assert other.commit({}, None, 30.0)
        with pytest.raises(
            SourceUnavailableError, match="a transaction that another worker has left open"
        ):
            opened.read([0])
        assert held.restart()
        assert {key: one.value for key, one in opened.read([0, 1]).items()} == {b"other": b"1"}
