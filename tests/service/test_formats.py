"""What is wrong with a schema file is said at the start, before any broker is asked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf import descriptor_pb2

from streamgmm.cli import main
from streamgmm.config import load
from streamgmm.errors import ConfigError
from streamgmm.service.run import run
from streamgmm.service.stop import Stop

if TYPE_CHECKING:
    from pathlib import Path

# Nobody listens there: a job that asked for it would end with a BrokerError, after a second.
JOB = """
[source]
type = "kafka"
brokers = ["127.0.0.1:1"]
start_timeout = "1s"
topic = "payments"
format = "{format}"
schema = "payment"
{more}
[events]
key = "card"
[events.fields]
amount = "log1p"
[sink]
type = "kafka"
alerts = "alerts"
[service]
http = ""
"""
KINDS = descriptor_pb2.FieldDescriptorProto


def avro(**types: Any) -> bytes:
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    return json.dumps({"type": "record", "name": "Payment", "fields": fields}).encode()


def protobuf(**types: int) -> bytes:
    file = descriptor_pb2.FileDescriptorProto(name="payment.proto", package="shop")
    message = file.message_type.add(name="Payment")
    for number, (name, kind) in enumerate(types.items(), 1):
        message.field.add(name=name, number=number, type=kind, label=1)
    return descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()


NOT_A_NUMBER = (
    "payment: has 'amount' as string; for what [events] makes of it, a number, true, false or "
    "null is allowed: read it in another way there, or another member"
)
UNREAD = "[source] schema 'payment' cannot be read (No such file or directory); "
ABSENT = "payment: has no member 'amount', which [events] names; at the top it has card"
CASES: dict[str, tuple[str, bytes | None, str]] = {
    "no schema": ("avro", None, UNREAD + "name an Avro schema in JSON"),
    "no descriptor set": ("protobuf", None, UNREAD + "name a descriptor set, made with protoc"),
    "broken JSON": ("avro", b'{"type": "record",', "payment: is no Avro schema (Expecting"),
    "an unknown type": ("avro", avro(amount="decimal"),
                        "payment: is no Avro schema (unknown type decimal); name the file"),
    "not a record": ("avro", b'"long"', "payment: describes a long; an event is a record"),
    "a .proto": ("protobuf", b'syntax = "proto3";',
                 "make one with protoc --include_imports --descriptor_set_out=payment YOUR.proto"),
    "no such message": ("protobuf", descriptor_pb2.FileDescriptorSet().SerializeToString(),
                        "payment: has no message 'shop.Payment', which [source] message names"),
    "a field absent, Avro": ("avro", avro(card="string"), ABSENT),
    "a field absent, Protobuf": ("protobuf", protobuf(card=KINDS.TYPE_STRING), ABSENT),
    "not a number, Avro": ("avro", avro(amount=["null", "string"], card="string"), NOT_A_NUMBER),
    "not a number, Protobuf": (
        "protobuf", protobuf(amount=KINDS.TYPE_STRING, card=KINDS.TYPE_STRING), NOT_A_NUMBER),
}  # fmt: skip


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(directory: Path, form: str, schema: bytes | None) -> str:
    """A job in the directory, and its schema file."""
    more = 'message = "shop.Payment"' if form == "protobuf" else ""
    (directory / "job.toml").write_text(JOB.format(format=form, more=more))
    if schema is not None:
        (directory / "payment").write_bytes(schema)
    return str(directory / "job.toml")


@pytest.mark.parametrize("case", CASES)
def test_check_and_run_say_what_is_wrong(
    directory: Path, case: str, capsys: pytest.CaptureFixture[str]
) -> None:
    form, schema, words = CASES[case]
    job = written(directory, form, schema)
    assert main(["check", job]) == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert words in shown.err
    with pytest.raises(ConfigError) as caught:
        run(load(job), Stop())
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("form", "schema"),
    [
        ("avro", avro(amount="double", card=["null", "string"])),
        ("protobuf", protobuf(amount=KINDS.TYPE_DOUBLE, card=KINDS.TYPE_STRING)),
    ],
)
def test_check_accepts_a_job_that_fits_its_schema(
    directory: Path, form: str, schema: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", written(directory, form, schema)]) == 0
    assert f'format = "{form}"' in capsys.readouterr().out


@pytest.mark.parametrize(("form", "library"), [("avro", "fastavro"), ("protobuf", "google")])
def test_a_format_whose_library_is_not_there_names_the_extra(
    directory: Path, form: str, library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    if library == "google":
        monkeypatch.setitem(sys.modules, "google.protobuf", None)
    job = load(written(directory, form, b""))
    with pytest.raises(ConfigError, match=rf"install it with `pip install streamgmm\[{form}\]`"):
        run(job, Stop())


def test_a_process_ends_with_the_exit_code_of_a_configuration(directory: Path) -> None:
    job = written(directory, "avro", avro(amount="string", card="string"))
    command = [sys.executable, "-m", "streamgmm", "run", job]
    done = subprocess.run(
        command, cwd=directory, env=os.environ, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 3
    assert NOT_A_NUMBER in done.stderr.decode()
    assert b"Traceback" not in done.stderr
