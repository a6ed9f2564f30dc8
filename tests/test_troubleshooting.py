"""docs/troubleshooting.md: each message it quotes is said by the code, and nothing is left out."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from streamgmm.cli import EXIT_CODES, main
from streamgmm.events.faults import REASONS
from streamgmm.service.status import ModelStatus, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/troubleshooting.md").read_text("utf-8")
HOLE = "\0"  # what differs from one message to the next
ERRORS = {"BrokerError", "ConfigError", "SourceUnavailableError", "StateError", "StreamGMMError"}
LEVELS = {"warning", "error", "critical"}


# ---------------------------------------------------------------- what the page says


def section(title: str) -> str:
    """Return a section's text."""
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """Return the first cells of all rows of tables, but for their heads."""
    rows = re.findall(r"^\| (.*?) \| ", text.replace("\\|", "¦"), re.MULTILINE)
    heads = re.findall(r"^\| (.*?) \|.*\n\|---", text, re.MULTILINE)
    return [row.replace("¦", "|") for row in rows if row not in heads]


@cache
def quoted() -> tuple[str, ...]:
    """Return every message that the page quotes in the first column of a table."""
    about = re.sub(r"\n## (Exit codes|Dead letters|What is not a message)\n.*?(?=\n## )", "", PAGE,
                   flags=re.DOTALL)  # fmt: skip
    return tuple(
        message for cell in first_cells(about) for message in re.findall(r"`([^`]+)`", cell)
    )


def fits(message: str, text: str) -> bool:
    """Whether a text is what a quoted message stands for: its parts in order, something between."""
    first, *others = message.split("...")
    at = text.find(first) + len(first) if first in text else -1
    for part in others:
        if at < 0 or (found := text.find(part, at + 1)) < 0:
            return False
        at = found + len(part)
    return at >= 0


# ---------------------------------------------------------------- what the code says


@dataclass(frozen=True)
class Said:
    """A text of the code with holes for what is filled in, and what it is given to."""

    where: str
    text: str
    to: str = ""


def text_of(node: ast.AST) -> str | None:
    """Return the text of an expression, or None where it has none."""
    match node:
        case ast.Constant(value=str(value)):
            return re.sub(r"%[-.0-9]*[sdgfr]", HOLE, value)
        case ast.JoinedStr(values=values):
            return "".join(text_of(value) or HOLE for value in values)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            both = text_of(left), text_of(right)
            return None if both == (None, None) else "".join(one or HOLE for one in both)
    return None


@cache
def said() -> tuple[Said, ...]:
    """Return every text of the package."""
    found = []
    for path in sorted((ROOT / "streamgmm").rglob("*.py")):
        name = str(path.relative_to(ROOT))
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            text = text_of(node)
            if text is not None:
                found.append(Said(f"{name}:{getattr(node, 'lineno', 0)}", text))
            if isinstance(node, ast.Call):
                found += given(node, name)
    return tuple(found)


def given(call: ast.Call, name: str) -> Iterator[Said]:
    """Yield the message of a call that makes an error or writes to the log."""
    function = call.func
    to = getattr(function, "id", "") or getattr(function, "attr", "")
    logs = to in LEVELS and ast.unparse(function).startswith("_log.")
    if not (to in ERRORS or logs or to == "trouble") or not call.args:
        return
    branches = [call.args[0]]
    if isinstance(call.args[0], ast.IfExp):
        branches = [call.args[0].body, call.args[0].orelse]
    for branch in branches:
        text = text_of(branch)
        if text is not None and re.search(r"[a-z]{3}", text):
            yield Said(f"{name}:{call.lineno}", text, to)


# ---------------------------------------------------------------- the two held together


def test_every_message_that_is_quoted_is_in_the_code() -> None:
    texts = {one.text for one in said()}
    assert len(quoted()) > 150
    absent = [one for one in quoted() if not any(fits(one, text) for text in texts)]
    assert not absent, f"the code does not say {absent}"


def test_every_error_and_warning_is_on_the_page() -> None:
    due = [one for one in said() if one.to]
    assert len(due) > 100
    absent = [one for one in due if not any(fits(quote, one.text) for quote in quoted())]
    shown = "\n".join(f"{one.where} {one.to}: {one.text.replace(HOLE, '...')}" for one in absent)
    assert not absent, f"docs/troubleshooting.md does not have:\n{shown}"


def test_every_exit_code_is_explained() -> None:
    assert first_cells(section("Exit codes")) == [str(code) for code in EXIT_CODES]


def test_every_reason_of_a_dead_letter_is_explained() -> None:
    assert first_cells(section("Dead letters")) == [f"`{reason}`" for reason in REASONS]


def test_every_alert_leads_to_the_runbook() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/streamgmm.rules.yml").read_text("utf-8"))
    names = [
        rule["alert"] for group in rules["groups"] for rule in group["rules"] if "alert" in rule
    ]
    links = [f"[{name}](runbook.md#{name.lower()})" for name in dict.fromkeys(names)]
    assert first_cells(section("Alerts of Prometheus")) == links


def test_every_readiness_reason_is_explained() -> None:
    status, reasons = Status(), []
    for trouble, models in (
        ("starting", {}),
        (None, {}),
        (None, {"flows-0": ModelStatus(ready=True, seen=9, needed=9)}),
        (None, {"flows-0": ModelStatus(ready=False, seen=3, needed=9)}),
        (None, {"flows-0": ModelStatus(ready=True, seen=9, needed=9, behind=4)}),
    ):
        status.set_trouble(trouble)
        status.set_models(models)
        reasons.append(status.read().reason.removeprefix("flows-0: "))
    explained = [
        message
        for cell in first_cells(section("Readiness reasons"))
        for message in re.findall(r"`([^`]+)`", cell)
    ]
    waits = [one.text for one in said() if one.to in ("trouble", "SourceUnavailableError")]
    assert len(waits) > 3
    for reason in [*reasons, *waits]:
        assert any(fits(message, reason) for message in explained), reason


# ---------------------------------------------------------------- raised by what the page says

JOB = '[source]\ntype = "file"\npath = "events.jsonl"\n[events.fields]\nload = "identity"\n'
STATE = '[service]\ncheckpoint = "state"\nhttp = ""\n'
KAFKA = """
[source]
type = "kafka"
brokers = ["127.0.0.1:1"]
topic = "flows"
start_timeout = "0.2s"
[events.fields]
load = "identity"
[sink]
type = "kafka"
alerts = "alerts"
[service]
http = ""
"""
EVENTS = {"events.jsonl": "".join(f'{{"load": {i % 7}}}\n' for i in range(600))}
HEAD = "name,load\n"
Files = dict[str, str]
# What is called, with which job and files, and the exit code: each an error that the page has.
CASES: dict[str, tuple[str, Files, int]] = {
    "no such key": ("check job.toml", {"job.toml": JOB + '[alerts]\nbudgets = "5/day"\n'}, 3),
    "no such section": ("check job.toml", {"job.toml": JOB + "[alarms]\n"}, 3),
    "not allowed": ("check job.toml", {"job.toml": JOB + "[model]\nwarmup = -1\n"}, 3),
    "key missing": ("check job.toml", {"job.toml": JOB.replace("path", "format = 'csv' #")}, 3),
    "no file": ("check job.toml", {}, 3),
    "not TOML": ("check job.toml", {"job.toml": "[source\n"}, 3),
    "days, no time": ("check job.toml", {"job.toml": JOB + '[alerts]\nbudget = "5/day"\n'}, 3),
    "label a field": ("check job.toml", {"job.toml": JOB + '[events]\nlabel = "load"\n'}, 3),
    "short warm-up": ("check job.toml", {"job.toml": JOB + "[model]\nwarmup = 4\n"}, 3),
    "no secret": ("check job.toml", {"job.toml": JOB + '[service]\ntoken_file = "none"\n'}, 3),
    "empty secret": (
        "check job.toml", {"job.toml": JOB + '[service]\ntoken_file = "t"\n', "t": "\n"}, 3,
    ),
    "init over a file": ("init network job.toml", {"job.toml": JOB}, 3),
    "no input": ("replay --input none.jsonl", {}, 3),
    "empty input": ("replay --input a.jsonl", {"a.jsonl": ""}, 3),
    "no numbers": ("replay --input a.jsonl", {"a.jsonl": '{"name": "x"}\n'}, 3),
    "no label": ("replay --input a.csv --label truth", {"a.csv": HEAD + "a,1\n"}, 3),
    "no header": ("replay --input a.csv", {"a.csv": "1,2\n3,4\n"}, 3),
    "no column": ("replay --input a.csv job.toml", {"a.csv": "x\n1\n", "job.toml": JOB}, 3),
    "output is input": (
        "run job.toml",
        {"job.toml": JOB + '[sink]\ntype = "file"\nalerts = "events.jsonl"\n', **EVENTS},
        3,
    ),
    "no checkpoints": ("checkpoints list job.toml", {"job.toml": JOB}, 3),
    "not there yet": ("inspect job.toml", {"job.toml": JOB + STATE}, 5),
    "cannot be made": ("run job.toml", {"job.toml": JOB + STATE, "state": "", **EVENTS}, 5),
    "no snapshot": ("inspect nothing", {}, 5),
    "no job": ("incidents list --at 127.0.0.1:1", {}, 1),
    "no address": ("freeze --at ftp://127.0.0.1", {}, 1),
    "no broker": ("run job.toml", {"job.toml": KAFKA}, 4),
    "no authority": (
        "run job.toml",
        {"job.toml": KAFKA.replace("[events", 'security = "ssl"\nssl_cafile = "none"\n[events')},
        3,
    ),
}  # fmt: skip


def told(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return what the command line said, without its own name."""
    text = capsys.readouterr().err
    return re.split(r"^streamgmm: ", text, flags=re.MULTILINE)[1:]


def is_on_the_page(message: str) -> bool:
    """Whether a quoted message of some length fits: others fit nearly anything."""
    return any(fits(one, message) for one in quoted() if len(one.replace("...", "")) > 9)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("what", CASES)
def test_what_the_cause_raises_is_on_the_page(
    what: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command, files, code = CASES[what]
    for name, text in files.items():
        (folder / name).write_text(text)
    assert main(command.split()) == code
    messages = told(capsys)
    assert messages
    assert all(is_on_the_page(message) for message in messages), messages


def test_so_are_those_about_state(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "events.jsonl").write_text(EVENTS["events.jsonl"])
    (folder / "job.toml").write_text(JOB + STATE)
    (folder / "other.toml").write_text(JOB.replace("load", "lead") + STATE)
    assert main(["run", "job.toml"]) == 0
    capsys.readouterr()
    assert main(["run", "other.toml"]) == 5
    assert main(["checkpoints", "revert", "job.toml", "77"]) == 5
    assert main(["inspect", "state:nobody"]) == 5
    assert main(["reset", "job.toml"]) == 1  # there is no terminal to ask on
    for path in (folder / "state").glob("*.sgmm"):
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    assert main(["run", "job.toml"]) == 5
    messages = told(capsys)
    assert len(messages) == 5
    assert all(is_on_the_page(message) for message in messages), messages
    assert "the snapshot is damaged" in messages[-1]
