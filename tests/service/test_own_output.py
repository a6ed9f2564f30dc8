"""No job writes to the file that it reads, by whatever name."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import IO, TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FLOWS = b'{"a": 1}\n{"a": 2}\n'
JOB = """
[source]
type = "file"
path = "flows.jsonl"
[events.fields]
a = "identity"
[sink]
type = "file"
scores = "{output}"
[service]
http = ""
"""


def same(path: Path) -> str:
    return path.name


def dotted(path: Path) -> str:
    return f"./{path.name}"


def symbolic(path: Path) -> str:
    (path.parent / "link").symlink_to(path.name)
    return "link"


def hard(path: Path) -> str:
    os.link(path, path.parent / "other")
    return "other"


every_name = pytest.mark.parametrize("name", [same, dotted, symbolic, hard])


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    path = tmp_path / "flows.jsonl"
    path.write_bytes(FLOWS)
    return path


def run(
    cwd: Path,
    *arguments: str,
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "streamgmm", *arguments],
        stdin=stdin,
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        cwd=cwd,
    )


@every_name
@pytest.mark.parametrize("option", ["--alerts", "--scores"])
def test_replay_does_not_empty_its_input(
    flows: Path, name: Callable[[Path], str], option: str
) -> None:
    output = name(flows)
    done = run(flows.parent, "replay", "--input", "flows.jsonl", option, output)
    assert done.returncode == 3
    assert f"{output!r} would go to the file that is read, 'flows.jsonl'".encode() in done.stderr
    assert flows.read_bytes() == FLOWS


@every_name
def test_run_does_not_read_what_it_writes(flows: Path, name: Callable[[Path], str]) -> None:
    output = name(flows)
    (flows.parent / "job.toml").write_text(JOB.format(output=output))
    done = run(flows.parent, "run", "job.toml")
    assert done.returncode == 3
    assert repr(output).encode() in done.stderr
    assert b"'flows.jsonl'" in done.stderr
    assert flows.read_bytes() == FLOWS


def test_redirections_are_seen_through(flows: Path) -> None:
    with flows.open("rb") as source:
        done = run(flows.parent, "replay", "--input", "-", "--scores", "flows.jsonl", stdin=source)
    assert done.returncode == 3
    with flows.open("ab") as target:
        done = run(flows.parent, "replay", "--input", "flows.jsonl", "--scores", "-", stdout=target)
    assert done.returncode == 3
    assert b"standard output would go to the file that is read" in done.stderr
    assert flows.read_bytes() == FLOWS


def test_a_device_may_be_both(flows: Path) -> None:
    done = run(flows.parent, "replay", "--input", "/dev/null", "--scores", "/dev/null")
    assert b"would go to" not in done.stderr
