"""What is checked and not run among the commands of a page: programs, reasons, and the checks.

Each name of `STAND_INS` comes before the real program on the path of the pages' shells. It only
notes what it is asked for; afterwards that is checked as far as goes on this machine. Why it went
no further stands in the list of blocks.
"""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.docs.checks.cluster import helm, kubectl
from tests.docs.checks.containers import docker
from tests.docs.checks.host import apt, pip, systemctl
from tests.docs.checks.repository import benchmark, make


class StandIn(NamedTuple):
    because: str
    check: Callable[[list[str]], None]


STAND_INS = {
    "docker": StandIn(
        "there is no container engine on a build machine: files by their checkers, the "
        "Dockerfile's steps in tests/packaging, compose's services as processes in "
        "tests/deploy/test_compose.py",
        docker,
    ),
    "kubectl": StandIn("there is no cluster: manifests by the schemas of Kubernetes", kubectl),
    "helm": StandIn(
        "there is no cluster: chart, values and files; the chart is rendered by `make helm`", helm
    ),
    "systemctl": StandIn(
        "systemd does not run here: the unit by systemd-analyze, its program and its job", systemctl
    ),
    "apt-get": StandIn("it installs for the whole machine", apt),
    "pip": StandIn(
        "it fetches from an index: requirement and extras; tests/packaging installs the wheel",
        pip,
    ),
    "make": StandIn("it builds or measures for minutes; `make -n`", make),
    "benchmark": StandIn("it measures for minutes to hours: its options", benchmark),
}

MADE_ELSEWHERE = {
    "demo": "tests/packaging runs it from the wheel; `make -n`",
    "demo-live": "it has no end; tests/test_cli.py runs it for a while; `make -n`",
    "test": "this is a part of it; `make -n`",
}


def look_at(seen: Path) -> list[tuple[str, str]]:
    """Check what was asked for; give each command, and why it was not run.

    Raises
    ------
    AssertionError
        Naming the command and what is wrong with it.
    """
    found = []
    for record in seen.read_text("utf-8").split("\x1e")[:-1]:
        folder, name, *arguments = record.split("\x1f")[:-1]
        shown = shlex.join(["python", *arguments] if name == "benchmark" else [name, *arguments])
        told = io.StringIO()
        try:
            with contextlib.chdir(folder), contextlib.redirect_stderr(told):
                STAND_INS[name].check(arguments)
        except (Exception, SystemExit) as error:
            raise AssertionError(f"`{shown}`: {told.getvalue()}{error}") from error
        found.append((shown, _because(name, arguments)))
    return found


def _because(name: str, arguments: list[str]) -> str:
    targets = (arguments and MADE_ELSEWHERE.get(arguments[0])) if name == "make" else None
    return targets or STAND_INS[name].because


def script(name: str, seen: Path) -> str:
    """Write the program that is there in the place of the real one: it notes what is asked for."""
    return f"""printf '%s\\x1f' "$PWD" {name} "$@" >> '{seen}'; printf '\\x1e' >> '{seen}'\n"""
