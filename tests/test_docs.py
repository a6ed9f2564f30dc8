"""The documents agree with the code: keys and defaults, commands, jobs, links."""

from __future__ import annotations

import re
import shlex
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from streamgmm.cli import _parser
from streamgmm.config import (
    Alerts,
    Events,
    FileInput,
    FileOutput,
    KafkaInput,
    KafkaOutput,
    Model,
    Secret,
    Service,
    loads,
)
from streamgmm.config.toml import FIELD_KEYS, toml_value
from streamgmm.events.field import HISTORY_NAMES, TRANSFORM_NAMES

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SECTIONS = {
    '`[source]` with type = "file"': FileInput,
    '`[source]` with type = "kafka"': KafkaInput,
    "`[events]`": Events,
    "`[model]`": Model,
    "`[alerts]`": Alerts,
    '`[sink]` with type = "file"': FileOutput,
    '`[sink]` with type = "kafka"': KafkaOutput,
    "`[service]`": Service,
}


def blocks(language: str) -> list[tuple[Path, str]]:
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(path, text) for path in DOCUMENTS for text in fence.findall(path.read_text("utf-8"))]


def sections_of(path: Path) -> dict[str, str]:
    _, *parts = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


def default_of(section: type, key: str) -> str:
    field = next(one for one in fields(section) if one.name == key)
    if field.default is MISSING and field.default_factory is MISSING:
        return "required"
    value = field.default if field.default is not MISSING else field.default_factory()
    if value == () and key == "brokers":
        return "the source's"
    return f"`{toml_value(value.reveal() if isinstance(value, Secret) else value)}`"


@pytest.mark.parametrize("heading", SECTIONS)
def test_every_key_is_listed_with_its_default(heading: str) -> None:
    text = sections_of(ROOT / "docs" / "configuration.md")[heading]
    listed = dict(re.findall(r"^\| `(\w+)` \| ([^|]+?) \|", text, re.MULTILINE))
    due = {one.name: default_of(SECTIONS[heading], one.name) for one in fields(SECTIONS[heading])}
    of_fields = {*TRANSFORM_NAMES, *HISTORY_NAMES, *FIELD_KEYS} - set(due)
    listed = {key: default for key, default in listed.items() if key not in of_fields}
    assert listed == due


def test_every_transform_is_listed() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert all(f"| `{name}` |" in text for name in (*TRANSFORM_NAMES, *HISTORY_NAMES))
    assert all(f"`{name}`" in text or f"{name} = " in text for name in FIELD_KEYS)


@pytest.mark.parametrize(("path", "text"), blocks("toml"))
def test_every_job_is_valid(path: Path, text: str) -> None:
    assert loads(text, name=path.name, env={}).schema().names


@pytest.mark.parametrize(("path", "text"), blocks("sh"))
def test_every_command_is_one(path: Path, text: str) -> None:
    commands = [part for line in text.splitlines() for part in re.split(r" [|>] ", line)]
    for command in commands:
        words = [word for word in shlex.split(command) if not word.startswith("STREAMGMM__")]
        if words[0] != "streamgmm":
            continue
        options = _parser().parse_args(words[1:])
        config = getattr(options, "config", None)
        assert config is None or (ROOT / config).is_file(), f"{path.name}: {command}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_what_is_promised_names_tests_that_are_there() -> None:
    section = sections_of(ROOT / "docs/reliability.md")["What is promised, and what shows it"]
    named = re.findall(r"`(\w+/\w+\.py)(?:::(\w+))?`", section)
    assert len(named) > 20
    for file, test in named:
        text = (ROOT / "tests" / file).read_text("utf-8")
        assert f"def {test or 'test_'}" in text, f"{file} has no {test}"
