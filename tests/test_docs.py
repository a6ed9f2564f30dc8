"""The documents agree with the code: commands, jobs, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from streamgmm.cli import _parser
from streamgmm.config import loads

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def blocks(language: str) -> list[tuple[Path, str]]:
    fence = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return [(path, text) for path in DOCUMENTS for text in fence.findall(path.read_text("utf-8"))]


def sections_of(path: Path) -> dict[str, str]:
    _, *parts = re.split(r"^## ", path.read_text("utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


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
