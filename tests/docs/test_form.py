"""What blocks are taken for, and that one nobody would execute is refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs import blocks
from tests.docs.blocks import BlockError, blocks_of
from tests.docs.endless import EndlessError, endless_lines, pipeline
from tests.docs.printed import agrees, agrees_as_json

COMMANDS = "```sh\nls\n```\n"


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    page = tmp_path / "page.md"

    def one(text: str) -> list[blocks.Block]:
        page.write_text(text, "utf-8")
        return blocks_of(page)

    return one


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("```text\nlist\n```\n", "page.md:2: text that is not printed"),
        (f"{COMMANDS}\n## Next\n\n```text\nlist\n```\n", "page.md:8: text that is not printed"),
        ("```\nls\n```\n", "page.md:2: no block of language ''"),
        ("```bash\nls\n```\n", "page.md:2: no block of language 'bash'"),
        ("```sh diagram\nls\n```\n", "page.md:2: ```sh cannot be marked 'diagram'"),
        ("```text picture\nls\n```\n", "page.md:2: ```text cannot be marked 'picture'"),
        ("So:\n\n    ls\n", "page.md:3: an indented block"),
        ("```sh\nls\n", "page.md:1: ``` is never closed"),
    ],
)
def test_what_nobody_would_execute_is_refused(read, text: str, message: str) -> None:
    with pytest.raises(BlockError, match=re.escape(message)):
        read(text)


def test_text_after_commands_is_what_they_print(read) -> None:
    commands, text, diagram = read(
        f"# Page\n\n{COMMANDS}\nprints\n\n```text\npage.md\n```\n\n```text diagram\na -> b\n```\n"
    )
    assert commands.prints
    assert (commands.prints.text, commands.line) == ("page.md\n", 4)
    assert (text.printed, diagram.printed, diagram.mark) == (True, False, "diagram")


def test_lists_may_be_indented(read) -> None:
    assert read("- one\n\n    more of it\n") == []


@pytest.mark.parametrize(
    ("expected", "got", "same"),
    [
        ("a 1\nb\n", "a 1  \nb", True),
        ("a 1\n", "a 2\n", False),
        ("a ... c\n", "a b\nb c\n", True),
        ("a\n...\nb\n", "a\nb\n", True),
        ("a\n...\nb\n", "a\n1\n2\nb\n", True),
        ("a\n...\n", "a\n1\n", True),
        ("a\n...\n", "b\n1\n", False),
        ("...a...b...", "b a\n", False),
        ("aa...aa\n", "aaa\n", False),
        ("at ...     4 kB\n", "at 10:04:05  4 kB\n", True),
    ],
)
def test_dots_stand_for_anything(expected: str, got: str, same: bool) -> None:
    assert agrees(expected, got) is same


def test_an_object_may_be_shown_in_other_lines() -> None:
    got = '{"id": "a-1", "score": 3.5, "reasons": []}'
    assert agrees_as_json('{"id": "a-1",\n "score": "...", "reasons": []}', got)
    assert not agrees_as_json('{"id": "a-1",\n "score": 4, "reasons": []}', got)
    assert not agrees_as_json('{"id": "a-1"}', got)


def test_a_command_that_goes_on_is_the_last_of_its_block_or_in_the_background(tmp_path) -> None:
    endless = "streamgmm generate network --rate 5"
    assert endless_lines("ls\nls | head -1\n", tmp_path) == []
    assert endless_lines(f"ls\n{endless} |\n    head  # so\n", tmp_path) == [
        f"{endless} |     head"
    ]
    assert endless_lines(f"{endless} &\nls\n", tmp_path) == [f"{endless} &"]
    with pytest.raises(EndlessError, match="goes on until it is ended"):
        endless_lines(f"{endless}\nls\n", tmp_path)


def test_a_pipeline_is_its_commands() -> None:
    line = "A=1 streamgmm generate network --count 3 2>&1 | streamgmm run job.toml > out.jsonl"
    first, second = pipeline(line)
    assert first[:2] == ["streamgmm", "generate"]
    assert second == ["streamgmm", "run", "job.toml"]
