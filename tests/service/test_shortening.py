"""Outputs that are larger than their topic takes."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from streamgmm.io.client import Message
from streamgmm.io.generate import flows
from streamgmm.service.shortening import shortened
from tests.workers import CLIENTS, Topics, Worker, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory


def record(**fields: Any) -> bytes:
    return msgspec.json.encode({"id": "t-0-1", "key": "k", "score": 12.345678901234567, **fields})


def test_of_an_event_its_length_checksum_and_beginning_stay() -> None:
    event = b'{"a":1,"text":"' + "\u00e9".encode() * 100_000 + b'"}'
    alert = record(event=msgspec.Raw(event), reasons=[{"feature": "a"}])
    short = shortened(Message("t", alert, b"k"), 10_000)
    assert short is not None
    assert short.size <= 10_000
    fields = json.loads(short.value or b"")
    assert fields["event"]["truncated"] is True
    assert fields["event"]["length"] == len(event)
    assert fields["event"]["checksum"] == "sha256:" + hashlib.sha256(event).hexdigest()
    assert event.decode().startswith(fields["event"]["begins"])
    assert fields["reasons"] == [{"feature": "a"}], "what fits stays"
    assert fields["score"] == 12.345678901234567
    assert short.key == b"k"


def test_a_gigantic_key_is_cut_and_two_of_them_differ() -> None:
    keys = ["k" * 100_000 + end for end in "ab"]
    short = [shortened(Message("t", record(key=key), key.encode()), 2000) for key in keys]
    cut = [one.key for one in short if one is not None]
    assert len(set(cut)) == 2
    assert [json.loads(one.value or b"")["key"].encode() for one in short if one] == cut
    assert cut[0] is not None
    assert cut[0].startswith(b"kkkk")
    assert b"(100001 bytes, sha256:" in cut[0]


def test_of_a_dead_letter_less_is_kept() -> None:
    headers = [("reason", b"not_json"), ("detail", b"d" * 300), ("length", b"70000")]
    letter = Message("t", b"x" * 65_536, b"k" * 500, headers)
    short = shortened(letter, 5000)
    assert short is not None
    assert short.size == 5000
    assert short.headers == headers
    small = shortened(letter, 300)
    assert small is not None
    assert small.headers[2] == ("length", b"70000")
    assert shortened(letter, 60) is None


@given(
    event=st.text(max_size=3000),
    key=st.none() | st.text(max_size=3000),
    room=st.integers(0, 8000),
)
def test_what_is_shortened_fits_and_is_json(event: str, key: str | None, room: int) -> None:
    try:
        encoded = None if key is None else key.encode()
    except UnicodeEncodeError:
        return
    value = record(event={"text": event}, key=key, reasons=[{"text": event}])
    short = shortened(Message("t", value, encoded), room)
    if short is not None:
        assert short.size <= room
        assert json.loads(short.value or b"")["id"] == "t-0-1"
    else:
        assert room < 2000


def limit(brokers: str, topics: list[str], size: int) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        configs = {"max.message.bytes": str(size)}
        admin.alter_configs([ConfigResource("TOPIC", one, configs=configs) for one in topics])


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_nothing_that_is_too_large_stops_the_stream(
    kafka: str, topic: TopicFactory, tmp_path: Path, delivery: str, client: str
) -> None:
    """Neither where the limit is known at the start, nor where it is lowered later."""
    name = topic()
    small = {"max.message.bytes": "20000"}
    outputs = {kind: topic(kind, configs=small) for kind in ("scores", "alerts", "dead_letters")}
    job = {"brokers": kafka, "topic": name, "delivery": delivery, "client": client, **outputs}
    with closing(Topics(kafka)) as topics, Worker(tmp_path, "one", **job) as worker:
        topics.send_flows(name, 0, 150)

        def send_large(size: int) -> None:
            flow = {**next(iter(flows(seed=9))), "bytes_out": 1e15, "bytes_in": 1e15}
            topics.send(name, msgspec.json.encode({**flow, "src": "k" * size}))
            topics.send(name, msgspec.json.encode({**flow, "text": "x" * size}))
            topics.send(name, b"?" * size)
            topics.flush()

        send_large(900_000)
        topics.send_flows(name, 150, 160)
        scores = topics.read(outputs["scores"], 162)
        wait_for(lambda: worker.metric("shortened_outputs_total") >= 3, "shortened outputs")
        assert worker.metric("sink_retries_total") == 0, "the limit was known"
        limit(kafka, list(outputs.values()), 5000)
        send_large(900_000)
        topics.send_flows(name, 160, 170)
        scores = topics.read(outputs["scores"], 174)
        ids = [json.loads(one.value)["id"] for one in scores]
        assert len(set(ids)) == 174
        if delivery == "exactly_once":
            assert len(ids) == 174
        dead = topics.read(outputs["dead_letters"], 2)
        assert {dict(one.headers)["length"] for one in dead} == {b"900000"}
        alerts = [json.loads(one.value) for one in topics.read(outputs["alerts"], 4)]
        marks = [one["event"] for one in alerts if "truncated" in one["event"]]
        assert {one["length"] > 900_000 for one in marks} == {True}
        assert len(marks) >= 4
        assert worker.metric("dropped_outputs_total") == 0
        wait_for(lambda: worker.readiness()["ready"], "its readiness")
        assert worker.stop() == 0
