"""An operator at a running job: over HTTP and from the command line, with restarts between."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from streamgmm.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB = """
[source]
type = "file"
path = "-"
[events]
time = "ts"
[events.fields]
a = {{ transform = "identity", unit = "s" }}
b = "identity"
[model]
n_components = 4
warmup = 100
[alerts]
budget = 0.03
[sink]
type = "file"
alerts = "{directory}/alerts.jsonl"
[service]
http = "127.0.0.1:{port}"
checkpoint = "{directory}/state"
checkpoint_interval = "1h"
"""
TOKEN = "s3cret"


def events(start: int, end: int, seed: int = 0) -> list[dict[str, float]]:
    """One usual behaviour, and at every fiftieth event another one, far from it."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(5000, 2))
    X[::50] = 40.0 + 0.3 * rng.normal(size=(100, 2))
    X[20:90:10] = 40.0 + 0.3 * rng.normal(size=(7, 2))  # enough for a component in warm-up
    return [{"a": X[i, 0], "b": X[i, 1], "ts": 1.7e9 + i} for i in range(start, end)]


class Told(NamedTuple):
    """What a command said, and its exit code."""

    code: int
    out: str
    error: str


class Site:
    """A job of its own process, and an operator's shell."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.config = directory / "job.toml"
        self.config.write_text(JOB.format(directory=directory, port=self.port))
        self.env = {**os.environ, "STREAMGMM__SERVICE__TOKEN": TOKEN}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> IO[bytes]:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamgmm", "run", str(self.config)],
            stdin=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.env,
        )
        assert self.process.stdin is not None
        return self.process.stdin

    def feed(self, stdin: IO[bytes], some: list[dict[str, float]]) -> None:
        stdin.write(b"".join(json.dumps(event).encode() + b"\n" for event in some))
        stdin.flush()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            assert self.process.stdin is not None
            self.process.stdin.close()
            assert self.process.wait(30) == 0

    def crash(self) -> None:
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.kill()
        self.process.wait(30)
        self.process.stdin.close()

    def shell(self, *words: str, **env: str) -> Told:
        out, error = io.StringIO(), io.StringIO()
        with (
            pytest.MonkeyPatch.context() as patch,
            redirect_stdout(out),
            redirect_stderr(error),
        ):
            for name, value in {**self.env, **env}.items():
                patch.setenv(name, value)
            try:
                code = main(words)
            except SystemExit as end:  # argparse's
                code = int(str(end.code))
        return Told(code, out.getvalue(), error.getvalue())

    def ask(self, *words: str, **env: str) -> Told:
        return self.shell(*words, "--at", f"127.0.0.1:{self.port}", **env)

    def until(self, text: str) -> str:
        """Ask for the incidents until the answer holds this text."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            told = self.ask("incidents", "list")
            if text in told.out:
                return told.out
            time.sleep(0.05)
        raise AssertionError(told.out + told.error)

    def alerts(self) -> list[dict[str, Any]]:
        return [
            json.loads(line) for line in (self.directory / "alerts.jsonl").read_text().splitlines()
        ]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    one = Site(tmp_path)
    yield one
    if one.process is not None and one.process.poll() is None:
        one.crash()


def what_is_refused_is_said(site: Site) -> None:
    refused = site.ask("incidents", "mute", "1", STREAMGMM__SERVICE__TOKEN="wrong")
    assert refused.code == 1
    assert "Authorization: Bearer" in refused.error
    unknown = site.ask("incidents", "accept", "stdin:77")
    assert unknown.code == 1
    assert "there is no incident 77" in unknown.error


def test_a_night_s_work(site: Site) -> None:
    """Listed, refused, muted; the mute outlives a crash; accepted; gone back, position kept."""
    stdin = site.start()
    site.feed(stdin, events(0, 1000))
    listed = site.until("stdin:1")
    assert "open" in listed
    assert "new behaviour 1:" in listed

    what_is_refused_is_said(site)
    muted = site.ask("incidents", "mute", "stdin:1")
    assert (muted.code, muted.error) == (0, ""), "saved before it was answered"
    assert muted.out == "stdin:1: its events are counted, and no alerts any more\n"
    site.crash()

    stdin = site.start()
    site.feed(stdin, events(1000, 1500))
    listed = site.until("muted)")
    assert "stdin:1" in listed
    assert site.ask("freeze").out == "freeze: stdin\n"
    assert "frozen, learning nothing: stdin" in site.until("frozen")
    running = site.shell("checkpoints", "revert", str(site.config), "1")
    assert running.code == 5
    assert "stop all its workers first" in running.error
    assert site.ask("unfreeze").code == 0
    assert site.ask("log-level", "debug").out == "debug (before: info)\n"
    assert site.ask("log-level").out == "debug\n"
    assert site.ask("incidents", "accept", "stdin:1").code == 0
    assert "accepted" in site.until("accepted")
    site.stop()
    found = [alert["incident"] for alert in site.alerts() if alert["incident"]]
    assert [one["first"] for one in found] == [True] + [False] * (len(found) - 1)
    assert found[0]["id"] == "stdin:1"
    assert found[-1]["count"] == len(found)
    late = [alert for alert in site.alerts() if alert["time"] > "2023-11-14T22:30:00"]
    assert not any(alert["event"]["a"] > 30 for alert in late), "muted, then accepted"

    listed = site.shell("checkpoints", "list", str(site.config)).out
    number = listed.splitlines()[-1].split()[1]
    back = site.shell("checkpoints", "revert", str(site.config), number)
    assert back.code == 0
    assert "the position stays" in back.out
    assert "(went back)" in site.shell("checkpoints", "list", str(site.config)).out


def test_nobody_there(site: Site) -> None:
    told = site.ask("incidents", "list")
    assert told.code == 1
    assert f"the job at http://127.0.0.1:{site.port} cannot be reached" in told.error
    assert site.shell("incidents").code == 2
    assert site.shell("checkpoints", "list", str(site.config)).out == ("there are no checkpoints\n")
