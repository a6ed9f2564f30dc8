"""Without POSIX, as on Windows, there are the library and work over files; the rest is refused.

Simulated, by taking away what Windows has not: no test here runs on Windows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

# What the standard library lacks there; the test fails where one of ours asks for it at import.
WITHOUT = """
import os, signal, sys

for name in ("fcntl", "grp", "pwd", "resource", "termios"):
    sys.modules[name] = None
for module, names in {
    os: ("O_CLOEXEC", "O_DIRECTORY", "O_NONBLOCK", "fork", "getuid", "pread", "pwrite"),
    signal: ("SIGALRM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGKILL"),
}.items():
    for name in names:
        delattr(module, name)
"""
IMPORT_ALL = """
import pkgutil, importlib, streamgmm

names = [one.name for one in pkgutil.walk_packages(streamgmm.__path__, "streamgmm.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
COMMAND = "from streamgmm.cli import main; sys.exit(main(sys.argv[1:]))"
JOB = """
[source]
type = "file"
path = "-"
[events.fields]
duration = "log1p"
bytes_out = "log1p"
[sink]
type = "file"
alerts = "-"
[service]
http = ""
"""


def without_posix(code: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", WITHOUT + code, *arguments]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, timeout=120
    )


def test_every_module_can_be_imported(tmp_path: Path) -> None:
    done = without_posix(IMPORT_ALL, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100


def test_events_are_generated_and_replayed(tmp_path: Path) -> None:
    made = without_posix(COMMAND, "generate", "network", "--count", "2000", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    (tmp_path / "flows.jsonl").write_text(made.stdout, "utf-8")
    done = without_posix(
        COMMAND, "replay", "--input", "flows.jsonl", "--label", "label",
        "--scores", "scores.jsonl", "--report", "report.html", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "ROC-AUC" in done.stdout
    scores = (tmp_path / "scores.jsonl").read_text("utf-8").splitlines()
    assert len([json.loads(line)["score"] for line in scores]) == 2000


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["run", "job.toml"], "streamgmm: run is not to be had here"),
        (["demo", "--live"], "streamgmm: demo --live is not to be had here"),
        (
            ["reset", "--yes", "job.toml"],
            "changing a directory of checkpoints is not to be had here",
        ),
    ],
    ids=["run", "live", "reset"],
)
def test_what_needs_posix_is_refused(tmp_path: Path, arguments: list[str], what: str) -> None:
    job = JOB.replace('http = ""', 'http = ""\ncheckpoint = "checkpoints"')
    (tmp_path / "job.toml").write_text(job, "utf-8")
    done = without_posix(COMMAND, *arguments, cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert what in done.stderr
    assert "Linux and macOS" in done.stderr
    assert "replay" in done.stderr
