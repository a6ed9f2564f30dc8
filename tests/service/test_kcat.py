"""What the documents say of keys, partitions, headers and times, seen by another client: kcat."""

from __future__ import annotations

import json
import subprocess
import time
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from streamgmm.io.generate import flows
from tests.brokers.kafka_jars import require
from tests.workers import Worker, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory

COMMITTED = ("-X", "isolation.level=read_committed")


class Got(NamedTuple):
    """One record as kcat has it."""

    partition: int
    offset: int
    timestamp: float
    key: str | None
    headers: dict[str, str]
    value: str


def kcat(brokers: str, *arguments: str, data: str = "") -> str:
    command = [require("kcat", "kcat"), "-b", brokers, *arguments]
    done = subprocess.run(
        command, input=data, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def produce(brokers: str, topic: str, records: list[tuple[str, str]], *options: str) -> None:
    lines = "".join(f"{key}\t{value}\n" for key, value in records)
    kcat(brokers, "-P", "-t", topic, "-K", "\t", *options, data=lines)


def consume(brokers: str, topic: str, *options: str) -> list[Got]:
    text = kcat(brokers, "-C", "-t", topic, "-e", "-q", "-J", *options)
    return [
        Got(
            one["partition"],
            one["offset"],
            one["ts"] / 1000,
            one["key"],
            dict(zip(one.get("headers", [])[::2], one.get("headers", [])[1::2], strict=True)),
            one["payload"],
        )
        for one in map(json.loads, text.splitlines())
    ]


@pytest.fixture
def job(kafka: str, topic: TopicFactory) -> dict[str, str]:
    return {
        "brokers": kafka,
        "topic": topic("flows", partitions=3),
        "scores": topic("scores", partitions=3),
        "alerts": topic("alerts", partitions=3),
        "dead_letters": topic("dead", partitions=3),
    }


def test_kcat_in_and_kcat_out(
    tmp_path: Path, kafka: str, topic: TopicFactory, job: dict[str, str]
) -> None:
    began = time.time() - 1
    events = list(islice(flows(seed=5), 1500))
    sent = [(str(flow["src"]), msgspec.json.encode(flow).decode()) for flow in events]
    produce(kafka, job["topic"], sent, "-H", "trace=abc")
    produce(kafka, job["topic"], [("k1", "not JSON"), ("k2", '{"duration": "long"}')])
    with Worker(tmp_path, **job) as worker:
        wait_for(lambda: worker.metric("events_total") == len(events), "all events")
        wait_for(
            lambda: len(consume(kafka, job["scores"], *COMMITTED)) == len(events), "all scores"
        )
        assert worker.stop() == 0
    scores = consume(kafka, job["scores"], *COMMITTED)
    alerts = consume(kafka, job["alerts"], *COMMITTED)
    letters = consume(kafka, job["dead_letters"], *COMMITTED)
    assert alerts
    for one in scores + alerts:
        assert one.key == json.loads(one.value)["key"]
        assert one.headers == {}
        assert began < one.timestamp < time.time() + 1, "when it was written"
    assert_partitioned_by_key(kafka, topic, scores + alerts)
    assert_in_order(scores)
    assert_in_order(alerts)
    assert_dead_letters(letters, job["topic"])


def assert_partitioned_by_key(kafka: str, topic: TopicFactory, records: list[Got]) -> None:
    """As Java's clients do it, and kcat if it is told to."""
    same = topic("same", partitions=3)
    keys = sorted({one.key or "" for one in records})
    produce(kafka, same, [(key, "x") for key in keys], "-X", "topic.partitioner=murmur2_random")
    expected = {one.key: one.partition for one in consume(kafka, same)}
    assert {one.key: one.partition for one in records} == expected
    assert len({one.partition for one in records}) == 3


def assert_in_order(records: list[Got]) -> None:
    """The outputs of a key are in the order of its events."""
    last: dict[str | None, int] = {}
    for one in sorted(records, key=lambda one: (one.partition, one.offset)):
        position = int(json.loads(one.value)["id"].rpartition("-")[2])
        assert position > last.get(one.key, -1)
        last[one.key] = position


def assert_dead_letters(letters: list[Got], source: str) -> None:
    by_key = {one.key: one for one in letters}
    assert set(by_key) == {"k1", "k2"}
    assert by_key["k1"].value == "not JSON"
    assert by_key["k1"].headers["reason"] == "not_json"
    assert by_key["k1"].headers["length"] == "8"
    assert "field" not in by_key["k1"].headers
    assert by_key["k2"].headers["reason"] == "wrong_type"
    assert by_key["k2"].headers["field"] == "duration"
    for one in letters:
        headers = one.headers
        assert headers["origin"].rpartition("-")[0] == source
        assert headers["id"] == f"{headers['origin']}-{headers['position']}"
        assert headers["checksum"].startswith("sha256:")
        assert headers["detail"]


def test_what_is_not_committed_is_seen_by_those_who_ask_for_it(
    tmp_path: Path, kafka: str, job: dict[str, str]
) -> None:
    """And by them twice, once it is done again; by readers of what is committed once."""
    sent = [(str(f["src"]), msgspec.json.encode(f).decode()) for f in islice(flows(seed=5), 300)]
    options = {"instance": "one", "commit_interval": "5m", "transaction_timeout": "10m", **job}
    with Worker(tmp_path, **options) as worker:
        produce(kafka, job["topic"], sent)
        everything = ("-X", "isolation.level=read_uncommitted")
        wait_for(lambda: len(consume(kafka, job["scores"], *everything)) == 300, "all of it")
        assert consume(kafka, job["scores"], *COMMITTED) == []
        assert consume(kafka, job["scores"]) == [], "kcat's default"
        worker.kill()
        worker.restart()
        wait_for(lambda: len(consume(kafka, job["scores"], *everything)) == 600, "all of it again")
        assert worker.stop() == 0
        assert len(consume(kafka, job["scores"], *COMMITTED)) == 300
