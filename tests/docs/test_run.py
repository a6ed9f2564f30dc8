"""A page that is wrong is told so: page and line, the command, what was expected and what came."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.docs import blocks
from tests.docs import page as pages
from tests.docs.addresses import NO_BROKER, Addresses
from tests.docs.page import PageRun
from tests.docs.shell import Shell


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Shell(tmp_path / "terminal", Addresses.new(NO_BROKER, tmp_path / "root")) as one:
        yield one


@pytest.fixture
def run(
    shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], tuple[list[str], list[str]]]:
    monkeypatch.setattr(blocks, "ROOT", tmp_path)
    monkeypatch.setattr(pages, "ROOT", tmp_path)
    monkeypatch.chdir(shell.folder)
    page = tmp_path / "page.md"

    def one(text: str) -> tuple[list[str], list[str]]:
        page.write_text(text, "utf-8")
        done = PageRun(page, shell)
        problems = done.run()
        return problems, [row[3] for row in done.rows]

    return one


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            "```sh\necho one\n```\n\n```text\ntwo\n```\n",
            ["page.md:2: ", "echo one", "says page.md:6", "    two", "printed\n    one"],
        ),
        (
            "```sh\necho before\nls nowhere | cat; ls nowhere\n```\n",
            ["page.md:2: `ls nowhere` ended with exit code 2", "before\n", "No such file"],
        ),
        (
            "```sh\nstreamgmm incidents list\n```\n",
            ["page.md:2: `streamgmm incidents list`", "http://127.0.0.1:9464 cannot be reached"],
        ),
        ("```python\n>>> 1 + 1\n3\n```\n", ["page.md", "line 2", "Expected:", "3", "Got:", "2"]),
        ("```python\n\n1 / 0\n```\n", ["page.md:2: ", 'page.md", line 3', "ZeroDivisionError"]),
        ("```python\nprint(1)\n```\n\n```text\n2\n```\n", ["page.md:2: ", "printed\n    1"]),
        ('```toml\n[alerts]\nbudgte = "5/day"\n```\n', ["page.md:2: ", "budgte"]),
        ('```json\n{"a": 1}\n```\n', ["page.md:2: ", "an object with a is neither alert"]),
        ('```json alert\n{"id": "a-1"}\n```\n', ["page.md:2: ", "missing required field"]),
        ("```yaml\nreplica: 3\n```\n", ["page.md:2: ", "replica"]),
        ("```promql\nrate(streamgmm_evnts_total[5m])\n```\n", ["page.md:2: ", "no metric"]),
        ("```promql\nrate(streamgmm_events_total[5m]\n```\n", ["page.md:2: ", "parse error"]),
    ],
)
def test_what_is_wrong_is_named(run, text: str, parts: list[str]) -> None:
    (problem,), kept = run(text)
    assert [part for part in parts if part not in problem] == [], problem
    assert kept == []


def test_a_terminal_keeps_directory_variables_files_and_jobs(run) -> None:
    first = "```sh\nexport A=1\nB=2\nmkdir -p x && cd x\nsleep 100 &\n```\n\n"
    second = '```sh\necho $A $B $(basename "$PWD")\nkill %1\nwait %1 || echo ended $?\n```\n\n'
    text = f"{first}{second}```text\n1 2 x\n...\nended 143\n```\n\n```python\n>>> A = 3\n\n```\n"
    problems, kept = run(f"{text}\n```python\n>>> A\n3\n\n```\n")
    assert problems == []
    assert (
        kept
        == ["run, and goes on until the page's end", "run", "compared"]
        + ["run by doctest: 1 examples"] * 2
    )


def test_what_goes_on_is_ended_with_the_page(shell: Shell) -> None:
    shell.write("growing.log", "one\n")
    ran = shell.run("tail -F growing.log", lambda output: output == "one\n")
    assert ran.goes_on
    assert any("growing.log" in one for one in _commands())
    shell.close()
    assert not any("growing.log" in one for one in _commands())


def _commands() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            yield path.read_text("utf-8", "replace")


def test_addresses_and_places_are_put_back(shell: Shell) -> None:
    (shell.addresses.root / "etc").mkdir()
    ran = shell.run("echo http://127.0.0.1:9464 localhost:9465 /etc/streamgmm | tee /etc/said; pwd")
    assert ran.output.startswith("http://127.0.0.1:9464 localhost:9465 /etc/streamgmm\n")
    assert (shell.addresses.root / "etc" / "said").exists()
    assert "9464" not in (shell.addresses.root / "etc" / "said").read_text()


def test_what_is_only_checked_is_told_apart(run) -> None:
    problems, kept = run("```sh\nmake help\n```\n\n```sh\nls\nmake help\n```\n")
    assert problems == []
    assert [one.partition(":")[0] for one in kept] == [
        "checked, not run",
        "run, and of it checked only",
    ]
