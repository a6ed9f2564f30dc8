"""Avro and Protobuf over a real Kafka: their events score as the same ones in JSON do."""

from __future__ import annotations

import io
import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import fastavro
import msgspec
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from streamgmm.io.generate import flows
from tests.replays import expected_scores
from tests.workers import Topics, Worker

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conftest import TopicFactory

    Writer = Callable[[dict[str, Any]], bytes]

EVENTS = 400
TYPES = {"ts": "double", "src": "string", "duration": "double", "bytes_out": "int64",
         "bytes_in": "int64", "dst": "string"}  # fmt: skip


def avro(path: Path, header: bytes = b"") -> Writer:
    """Write the schema file; return what writes an event by it."""
    fields = [{"name": name, "type": kind.replace("int64", "long")} for name, kind in TYPES.items()]
    schema = {"type": "record", "name": "Flow", "fields": fields}
    path.write_text(json.dumps(schema))
    parsed = fastavro.parse_schema(schema)

    def write(event: dict[str, Any]) -> bytes:
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, parsed, event)
        return header + stream.getvalue()

    return write


def protobuf(path: Path, header: bytes = b"") -> Writer:
    """Write the descriptor set; return what writes an event by it."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="net.proto", package="net", syntax="proto3")
    message = file.message_type.add(name="Flow")
    for number, (name, kind) in enumerate(TYPES.items(), 1):
        kind_number = kinds.Type.Value(f"TYPE_{kind.upper()}")
        message.field.add(name=name, number=number, type=kind_number, label=1)
    path.write_bytes(descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString())
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    flow = message_factory.GetMessageClass(pool.FindMessageTypeByName("net.Flow"))
    return lambda event: header + flow(**{name: event[name] for name in TYPES}).SerializeToString()


HEADER = b"\0\0\0\1\2"
FORMATS = {
    "avro": (avro, b"", 'format = "avro"'),
    "avro, confluent": (avro, HEADER, 'format = "avro"\nframing = "confluent"'),
    "protobuf, confluent": (
        protobuf,
        HEADER + b"\0",
        'format = "protobuf"\nmessage = "net.Flow"\nframing = "confluent"',
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_events_in_scores_and_dead_letters_out(
    tmp_path: Path, kafka: str, topic: TopicFactory, name: str
) -> None:
    form, header, source = FORMATS[name]
    schema = tmp_path / "flow.schema"
    write = form(schema, header)
    job = {"topic": topic("flows"), "scores": topic("scores"), "dead_letters": topic("dead")}
    topics = Topics(kafka)
    events = list(islice(flows(seed=5), EVENTS))
    for event in events:
        topics.send(job["topic"], write(event))
    broken = [write(events[0])[:-1], json.dumps(events[0]).encode(), b""]
    for value in broken:
        topics.send(job["topic"], value)
    topics.send(job["topic"], write(events[0]))  # after them the stream goes on
    topics.flush()
    source += f'\nschema = "{schema}"'
    with Worker(tmp_path, brokers=kafka, source=source, **job) as worker:
        scores = topics.read(job["scores"], EVENTS + 1)
        letters = topics.read(job["dead_letters"], len(broken))
        assert worker.stop() == 0
        assert "Traceback" not in worker.log
    topics.close()

    got = {msgspec.json.decode(one.value)["id"]: one.value for one in scores}
    expected = expected_scores(worker.config, f"{job['topic']}-0", range(EVENTS))
    last = f"{job['topic']}-0-{EVENTS + len(broken)}"
    assert got.keys() - expected.keys() == {last}
    assert {event: got[event] for event in expected} == expected, "to the last bit as in JSON"
    assert [one.value for one in letters] == broken
    for number, letter in enumerate(letters, EVENTS):
        told = {key: value.decode() for key, value in letter.headers}
        assert told["reason"] == f"not_{name.partition(',')[0]}"
        assert (told["origin"], told["position"]) == (f"{job['topic']}-0", str(number))
        assert told["id"] == f"{job['topic']}-0-{number}"
