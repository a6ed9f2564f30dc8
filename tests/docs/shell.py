"""A terminal for the commands of one page: a folder, the programs, and what goes on running.

One `bash -eu` takes the blocks one after the other, so that variables, the directory and jobs are
there for the next one. What is started with `&`, and a last command that goes on by itself (a
worker on Kafka, a generator at a rate), keeps running meanwhile, as in a second terminal, and is
ended with the page. After a command that fails the next block gets a new bash.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.docs import stand_ins
from tests.docs.blocks import ROOT
from tests.docs.endless import endless_lines
from tests.docs.programs import put_programs
from tests.docs.workers import has_records, is_served, wait_until_read

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.docs.addresses import Addresses

PATIENCE = 60.0  # seconds, for a command to end or to be up

# Jobs with a group of their own (set -m), so that `kill %1` ends all of a pipeline.
_BEGIN = """\
set -m
trap 'printf "%s\\n" "$BASH_COMMAND" > {failed}' ERR
"""
_BLOCK = ". {block} > {log} 2>&1 < /dev/null\necho 0 > {done}\n"
_ENDLESS = "( trap 'echo $? > {done}' EXIT; . {block} ) > {log} 2>&1 < /dev/null &\n"


class CommandError(AssertionError):
    """A command of a page does not do what the page says."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of a block: what it wrote, and what was only checked, with the reason."""

    output: str
    checked: list[tuple[str, str]]
    goes_on: bool


class Shell:
    """The terminal of one page."""

    def __init__(self, folder: Path, addresses: Addresses) -> None:
        self.folder = folder / "here"
        self.addresses = addresses
        self._state = folder / "state"
        self._seen = self._state / "seen"
        for one in (self.folder, self._state, addresses.root):
            one.mkdir(parents=True)
        self._lay_out()
        put_programs(folder / "bin", addresses, self._seen)
        self.environment = _environment(folder / "bin")
        self._count = 0
        self._terminals: list[subprocess.Popen[str]] = []

    def _lay_out(self) -> None:
        """Let the folder look like a checkout, whose jobs are for the addresses here."""
        for path in ROOT.iterdir():
            if not path.name.startswith(".") and path.name not in {"build", "config", "dist"}:
                (self.folder / path.name).symlink_to(path)
        for path in (ROOT / "config").glob("*.toml"):
            self.write(f"config/{path.name}", path.read_text("utf-8"))

    def write(self, name: str, text: str) -> None:
        """Write a file as a page has it."""
        path = self.folder / self.addresses.here(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.addresses.here(text), "utf-8")

    def run(self, text: str, is_shown: Callable[[str], bool] | None = None) -> Ran:
        """Execute a block.

        Parameters
        ----------
        is_shown
            Whether output is what the page shows. Of what goes on it is waited for.

        Raises
        ------
        AssertionError
            A command failed, has not come up, or asks a program that is only checked for what is
            not there.
        """
        wait_until_read(self.addresses)
        self._seen.unlink(missing_ok=True)
        self._count += 1
        lines = endless_lines(text, self.folder)
        endless = bool(lines) and not lines[-1].endswith("&")
        block, log, done = (self._state / f"{self._count}.{end}" for end in ("sh", "log", "done"))
        block.write_text(self.addresses.here(text), "utf-8")
        log.touch()
        terminal = self._terminal()
        before = _members(terminal.pid)
        assert terminal.stdin
        form = _ENDLESS if endless else _BLOCK
        terminal.stdin.write(form.format(block=block, log=log, done=done))
        terminal.stdin.flush()

        def code() -> int | None:
            told = done.read_text() if done.exists() else ""
            return int(told) if told else terminal.poll()

        def goes_on() -> bool:
            return bool(_members(terminal.pid) - before)

        def is_there() -> bool:
            """Whether what goes on is at work, and has printed what is to be seen."""
            is_as_shown = is_shown is None or is_shown(self._read(log))
            return is_as_shown and all(self._is_up(line, log) for line in lines)

        if endless:
            self._await(lambda: code() is not None or is_there(), log)
        else:
            self._await(lambda: code() is not None, log)
        if failed := code():
            self._complain(failed, log)
        with contextlib.suppress(TimeoutError):
            _wait(lambda: is_there() or not goes_on())
        checked = stand_ins.look_at(self._seen) if self._seen.exists() else []
        shown = [(self.addresses.on_page(command), because) for command, because in checked]
        return Ran(self._read(log), shown, goes_on())

    def _terminal(self) -> subprocess.Popen[str]:
        if self._terminals and self._terminals[-1].poll() is None:
            return self._terminals[-1]
        terminal = subprocess.Popen(
            ["bash", "-euE"], cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        assert terminal.stdin
        terminal.stdin.write(_BEGIN.format(failed=shlex.quote(str(self._state / "failed"))))
        self._terminals.append(terminal)
        return terminal

    def _read(self, log: Path) -> str:
        return self.addresses.on_page(log.read_text("utf-8", "replace"))

    def _is_up(self, line: str, log: Path) -> bool:
        """Whether what goes on is at work: a worker answers, others have said something."""
        if "streamgmm demo" in line or ("streamgmm run" in line and "tail " not in line):
            return is_served(self.addresses)
        if topic := re.search(r"--topic (\S+)", line):
            return has_records(self.addresses.broker, topic[1])
        return log.stat().st_size > 0

    def _await(self, condition: Callable[[], bool], log: Path) -> None:
        try:
            _wait(condition)
        except TimeoutError:
            raise CommandError(
                f"it has not ended, or not come up with what the page shows, within "
                f"{PATIENCE:g} s. So far it printed:\n{self._read(log)}"
            ) from None

    def _complain(self, code: int, log: Path) -> None:
        failed = self._state / "failed"
        command = self.addresses.on_page(failed.read_text().strip()) if failed.exists() else "it"
        raise CommandError(f"`{command}` ended with exit code {code}:\n{self._read(log)}")

    def close(self) -> None:
        """End what still runs."""
        for terminal in self._terminals:
            assert terminal.stdin
            with contextlib.suppress(BrokenPipeError):
                terminal.stdin.close()
            _end(terminal.pid)
            terminal.wait(PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _environment(programs: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("STREAMGMM_", "PYTHON", "COLUMNS", "MAKE"))
    }
    path = f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    shown = {"COLUMNS": "100", "LC_ALL": "C.UTF-8", "NO_COLOR": "1", "TZ": "UTC"}
    return kept | shown | {"MPLBACKEND": "Agg", "PATH": path}


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def _members(session: int) -> set[int]:
    """Name the processes of a terminal that live; those that nobody waits for remain as zombies."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, of = stat.read_text().rpartition(")")[2].split()[:4]
            if int(of) == session and state != "Z":
                found.add(int(stat.parent.name))
    return found


def _end(session: int) -> None:
    """End the processes of a terminal, each by its id: in order first, then at once."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        for process in _members(session):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, how)
        deadline = time.monotonic() + 20
        while _members(session) and time.monotonic() < deadline:
            time.sleep(0.05)
