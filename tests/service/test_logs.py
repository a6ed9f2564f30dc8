"""The log: both formats, what a line says of its event, repeats, and the level at run time."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import sys
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.cli import main
from streamgmm.config import Secret
from streamgmm.service import logs
from streamgmm.service.logs import JsonFormatter, LogHandler, TextFormatter, place

SECRETS = st.text(min_size=1, max_size=12)


class Log:
    """A log into memory, at a time that the test sets."""

    def __init__(self, formatter: logging.Formatter) -> None:
        self.stream = io.StringIO()
        self.handler = LogHandler(self.stream, formatter)
        self.now = 1_767_600_000.25

    def write(self, message: str, *arguments, level=logging.WARNING, **extra) -> None:
        error = extra.pop("exc_info", None)
        record = logging.LogRecord("streamgmm.x", level, "", 0, message, arguments, error)
        record.created = self.now
        record.__dict__.update(extra)
        self.handler.handle(record)

    @property
    def lines(self) -> list[str]:
        return self.stream.getvalue().splitlines()


def as_text(*secrets: str) -> Log:
    return Log(TextFormatter(map(Secret, secrets)))


def as_json(*secrets: str) -> Log:
    return Log(JsonFormatter("", map(Secret, secrets)))


def test_a_line_of_json_has_the_event_in_members_of_its_own() -> None:
    log = as_json()
    log.write("%s is odd", "flows-3-17", **place("flows-3", 17))
    (line,) = map(json.loads, log.lines)
    assert line == {
        "time": "2026-01-05T08:00:00.250Z",
        "level": "warning",
        "logger": "streamgmm.x",
        "message": "flows-3-17 is odd",
        "event_id": "flows-3-17",
        "partition": "flows-3",
        "offset": 17,
    }
    assert datetime.fromisoformat(line["time"]).timestamp() == log.now


def test_a_line_of_text_names_the_event_once() -> None:
    log = as_text()
    log.write("%s is odd", "flows-3-17", **place("flows-3", 17))
    log.write("one is odd", **place("flows-3", 17))
    log.write("nothing is odd", level=logging.INFO)
    assert [line.split(" ", 2)[2] for line in log.lines] == [
        "WARNING flows-3-17 is odd",
        "WARNING one is odd [flows-3-17]",
        "INFO    nothing is odd",
    ]


@given(SECRETS, st.text(max_size=20), st.booleans())
def test_json_stays_json_and_shows_no_secret(secret, beside, as_error) -> None:
    log = as_json(secret)
    error = ValueError(f"{beside}{secret}")
    traceback = (ValueError, error, None) if as_error else None
    log.write("sent %s", f"{beside}{secret}{beside}", exc_info=traceback, event_id=f"x{secret}")
    (line,) = map(json.loads, log.lines)
    for text in (line["message"], line["event_id"], line.get("exception", "")):
        assert secret not in text or secret in "***"
    assert "***" in line["message"]


def test_what_is_no_unicode_is_written_all_the_same() -> None:
    for log in (as_json(), as_text()):
        log.write("reading %s", os.fsdecode(b"caf\xe9"))
        assert len(log.lines) == 1
    log = as_json()
    log.write("reading %s", os.fsdecode(b"caf\xe9"))
    assert json.loads(log.lines[0])["message"] == "reading caf\\udce9"


def test_repeats_are_held_back_and_told_of() -> None:
    log = as_json()
    for i in range(100):
        log.write("event %d is odd", i)
        log.write("and another thing") if i == 50 else None
    assert len(log.lines) == 11
    log.now += 61
    log.write("event %d is odd", 100)
    told, last = map(json.loads, log.lines[-2:])
    assert told["message"] == "event 99 is odd"
    assert told["repeats"] == 89
    assert last["message"] == "event 100 is odd"
    assert "repeats" not in last


def test_what_is_held_back_is_told_at_the_end() -> None:
    log = as_text()
    for i in range(13):
        log.write("event %d is odd", i)
    log.handler.close()
    assert log.lines[-1].endswith("event 12 is odd (2 more like this)")
    assert len(log.lines) == 11


def test_a_slow_trickle_and_what_was_asked_for_are_never_held_back() -> None:
    log = as_text()
    for i in range(40):
        log.write("event %d is odd", i)
        log.now += 10
    for i in range(40):
        log.write("event %d is fine", i, level=logging.DEBUG)
    assert len(log.lines) == 80


def test_lines_of_ever_other_kinds_are_counted_in_bounded_memory() -> None:
    log = as_text()
    for i in range(3000):
        log.write(f"kind {i}")
    assert len(log.lines) == 3000
    assert len(log.handler._kinds) <= 1000


@pytest.fixture
def to_stderr():
    root = logging.getLogger()
    before, level, hook = root.handlers[:], root.level, sys.excepthook
    yield logs.log_to_stderr
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = before
    root.setLevel(level)
    sys.excepthook = hook
    for name in ("kafka", "confluent_kafka", "uvicorn"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_the_level_changes_at_run_time(to_stderr, capsys) -> None:
    to_stderr("warning", "json")
    log = logging.getLogger("streamgmm.test")
    log.info("quiet")
    assert logs.set_level("debug") == "warning"
    log.debug("loud")
    assert (logs.level(), logging.getLogger("kafka").getEffectiveLevel()) == ("debug", 10)
    logs.set_level("error")
    log.warning("quiet again")
    lines = [json.loads(line)["message"] for line in capsys.readouterr().err.splitlines()]
    assert lines == ["the log begins with level debug now (before: warning)", "loud"]
    with pytest.raises(ValueError, match="no log level 'loud'; allowed are debug, info"):
        logs.set_level("loud")


def test_a_signal_turns_debug_on_and_off(to_stderr) -> None:
    to_stderr("info")
    with logs.toggled_by_signal():
        os.kill(os.getpid(), signal.SIGUSR1)
        assert logs.level() == "debug"
        os.kill(os.getpid(), signal.SIGUSR1)
        assert logs.level() == "info"


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_nobody_expected_is_told_without_secrets(to_stderr, capsys, form) -> None:
    to_stderr("info", form, [Secret("hunter2")])
    error = ValueError("password hunter2")
    sys.excepthook(ValueError, error, None)
    told = capsys.readouterr().err
    assert "ValueError: password ***" in told
    assert "hunter2" not in told
    if form == "json":
        assert json.loads(told)["exception"] == "ValueError: password ***"


JOB = """
[source]
type = "file"
path = "{folder}/events.jsonl"
[events]
time = "ts"
[events.fields]
a = "log1p"
[alerts]
budget = 0.01
[sink]
type = "file"
scores = "{folder}/scores.jsonl"
[service]
http = ""
log_format = "json"
checkpoint = "{folder}/state"
"""


def test_a_job_s_lines_are_json_to_the_last(tmp_path, to_stderr, capsys) -> None:
    to_stderr("info")  # so that what `run` installs is taken away again
    config = tmp_path / "job.toml"
    config.write_text(JOB.format(folder=tmp_path))
    events = tmp_path / "events.jsonl"
    events.write_text('{"a": 1, "ts": 1}\n{"a": -1, "ts": 2}\n')
    assert main(["run", str(config)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    (letter,) = (line for line in lines if "dead letter" in line["message"] and "offset" in line)
    assert letter["event_id"] == f"{letter['partition']}-2"
    assert letter["offset"] == 2
    events.unlink()
    assert main(["run", str(config)]) != 0
    *_, last = capsys.readouterr().err.splitlines()
    assert json.loads(last)["level"] == "critical"
    assert "events.jsonl" in json.loads(last)["message"]
