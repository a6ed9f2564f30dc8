"""What is checked and not run among the commands of a page: programs, reasons, and the checks.

Each name of `STAND_INS` comes before the real program on the path of the pages' shells. It only
notes what it is asked for; afterwards that is checked as far as goes on this machine. Why it went
no further stands in the list of blocks.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
import tomllib
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import yaml

from streamgmm.cli import _parser
from streamgmm.config import load
from tests.deploy.checkers import check
from tests.deploy.kubernetes import validate
from tests.docs.blocks import ROOT

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


class StandIn(NamedTuple):
    because: str
    check: Callable[[list[str]], None]


class Wrong(Exception):  # noqa: N818
    """What a page asks a program for is not there, or not so."""


def needs(path: str) -> Path:
    """Give a file or folder that must be there."""
    if not Path(path).exists():
        raise Wrong(f"there is no {path}")
    return Path(path)


def options(
    program: str, arguments: list[str], *flags: str, **many: str
) -> tuple[Namespace, list[str]]:
    """Read options that take a value; `many` are those that may be repeated: short=long."""
    parser = ArgumentParser(program, add_help=False, allow_abbrev=False)
    for flag in flags:
        names = flag.split("/")
        takes = {"action": "append", "default": []} if flag.endswith("*") else {}
        parser.add_argument(*(name.rstrip("*") for name in names), **takes)
    found, rest = parser.parse_known_args(arguments)
    return found, [one for one in rest if not one.startswith("-")]


# ---------------------------------------------------------------- containers


def docker(arguments: list[str]) -> None:
    verb, *rest = arguments
    if verb == "compose":
        _compose(rest)
    elif verb == "build":
        given, (context,) = options("docker build", rest, "-f", "-t")
        check("hadolint", needs(given.f))
        needs(context)
        _is_ours(given.t)
    elif verb == "run":
        given, (image, *command) = options(
            "docker run", rest, "-v*", "-p*", "-e*", "--name", "--network"
        )
        for volume in given.v:
            source = volume.partition(":")[0]
            if "/" in source:
                needs(source)
        _is_ours(image)
        if command:
            _parser().parse_args(command)
    else:
        raise Wrong(f"docker {verb} is not known here: compose, build, run")


def _compose(arguments: list[str]) -> None:
    given, (verb, *names) = options("docker compose", arguments, "-f/--file")
    file = needs(given.file if hasattr(given, "file") else given.f)
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    if verb not in {"up", "down", "logs", "ps", "restart", "stop", "pull"}:
        raise Wrong(f"docker compose {verb} is not known here")
    services = yaml.safe_load(file.read_text("utf-8"))["services"]
    if missing := set(names) - set(services):
        raise Wrong(f"{file} has no service {', '.join(missing)}")


def _is_ours(image: str) -> None:
    if image.rpartition("/")[2] != f"streamgmm:{VERSION}":
        raise Wrong(f"the image is streamgmm:{VERSION}, not {image}")


# ---------------------------------------------------------------- Kubernetes


def kubectl(arguments: list[str]) -> None:
    verb, *rest = arguments
    given, names = options("kubectl", rest, "-f", "-n", "--namespace")
    if verb == "apply":
        objects = [one for one in yaml.safe_load_all(needs(given.f).read_text("utf-8")) if one]
        validate({f"{one['kind']} {one['metadata']['name']}": one for one in objects})
    elif verb in {
        "get",
        "logs",
        "port-forward",
        "rollout",
        "describe",
        "exec",
        "create",
        "scale",
        "delete",
    }:
        if not names:
            raise Wrong(f"kubectl {verb} needs to know of what")
    else:
        raise Wrong(f"kubectl {verb} is not known here")


def helm(arguments: list[str]) -> None:
    verb, *rest = arguments
    if verb not in {"install", "upgrade", "template"}:
        raise Wrong(f"helm {verb} is not known here: install, upgrade, template")
    given, (_, chart) = options(
        "helm",
        rest,
        "--set*",
        "--set-file*",
        "--set-string*",
        "-f*",
        "-n",
        "--namespace",
        "--version",
    )
    needs(f"{chart}/Chart.yaml")
    values = yaml.safe_load(needs(f"{chart}/values.yaml").read_text("utf-8"))
    for file in given.f:
        _values(yaml.safe_load(needs(file).read_text("utf-8")), chart)
    for setting in [*given.set, *given.set_string]:
        for one in re.split(r"(?<!\\),", setting):
            _value_of(values, one.partition("=")[0])
    for setting in given.set_file:
        key, _, file = setting.partition("=")
        _value_of(values, key)
        if key == "job":
            load(needs(file), env={})


def _value_of(values: Any, key: str) -> None:
    for name in re.split(r"(?<!\\)\.", key):
        if not isinstance(values, dict) or (values and name not in values):
            raise Wrong(f"values.yaml has no {key}")
        values = values.get(name)


def _values(tree: dict[str, Any], chart: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(tree, file)
        file.flush()
        check("check-jsonschema", "--schemafile", f"{chart}/values.schema.json", file.name)


# ---------------------------------------------------------------- the host


def root() -> Path:
    """Give the folder that stands for /, beside that of the commands."""
    return next(
        one / "root" for one in (Path.cwd(), *Path.cwd().parents) if (one / "root").is_dir()
    )


def systemctl(arguments: list[str]) -> None:
    given = [one for one in arguments if not one.startswith("-")]
    verb, *units = given
    if verb == "daemon-reload":
        return
    if verb not in {"enable", "start", "restart", "stop", "status", "reload", "disable"}:
        raise Wrong(f"systemctl {verb} is not known here")
    for unit in units:
        name = unit if "." in unit else f"{unit}.service"
        text = needs(f"{root()}/etc/systemd/system/{name}").read_text("utf-8")
        program, *_, job = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)[1].split()
        load(needs(f"{root()}{job}"), env={})
        with tempfile.TemporaryDirectory() as folder:
            here = Path(folder, name)
            here.write_text(text.replace(program, str(needs(f"{root()}{program}"))), "utf-8")
            check("systemd-analyze", "verify", "--man=no", here)


def systemd_analyze(arguments: list[str]) -> None:
    verb, unit = arguments
    if verb not in {"security", "verify"}:
        raise Wrong(f"systemd-analyze {verb} is not known here")
    needs(f"{root()}/etc/systemd/system/{unit.removesuffix('.service')}.service")


def apt(arguments: list[str]) -> None:
    if arguments[0] == "update":
        return
    if arguments[0] != "install":
        raise Wrong(f"apt {arguments[0]} is not known here: update, install")
    known = (ROOT / "tests" / "brokers" / "ensure_servers.sh").read_text("utf-8")
    for package in (one for one in arguments[1:] if not one.startswith("-")):
        if package not in known and package not in {
            "build-essential",
            "gcc",
            "git",
            "make",
            "python3-venv",
        }:
            raise Wrong(f"nothing else needs the package {package}")


def pip(arguments: list[str]) -> None:
    """Of the package its extras, of others that they are among those we are tested with."""
    if arguments[0] != "install":
        raise Wrong(f"pip {arguments[0]} is not known here: install")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    pinned = "".join(path.read_text("utf-8") for path in (ROOT / "requirements").glob("*.txt"))
    given, names = options("pip", arguments[1:], "-r*")
    for file in given.r:
        needs(file)
    for name in names:
        if name == "." or name.endswith(".whl") or name.startswith("./"):
            continue
        found = re.fullmatch(r"([\w.-]+)(?:\[([\w,-]+)\])?([=<>~!].*)?", name)
        if not found:
            raise Wrong(f"{name!r} is no requirement")
        if found[1] == project["name"]:
            extras = set((found[2] or "").split(",")) - {""}
            if unknown := extras - set(project["optional-dependencies"]):
                raise Wrong(f"streamgmm has no extra {', '.join(unknown)}")
        elif not re.search(rf"(?m)^{re.escape(found[1])}==", pinned):
            raise Wrong(f"{found[1]} is none of the packages that we are tested with")


# ---------------------------------------------------------------- this repository


def make(arguments: list[str]) -> None:
    done = subprocess.run(
        ["make", "-n", "-C", str(ROOT), *arguments],
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise Wrong(f"make -n: {done.stderr}")


def benchmark(arguments: list[str]) -> None:
    """Let a script read its options, and go no further."""

    class Read(Exception):  # noqa: N818
        """It has read them."""

    original = ArgumentParser.parse_args

    def parse_args(self: ArgumentParser, *given: Any) -> None:
        original(self, *given)
        raise Read

    module = arguments[1] if arguments[0] == "-m" else ""
    path = [str(ROOT), *([] if module else [str(ROOT / "benchmarks")]), *sys.path]
    with (
        patch.object(ArgumentParser, "parse_args", parse_args),
        patch.object(sys, "argv", arguments[1:] if module else arguments),
        patch.object(sys, "path", path),
    ):
        try:
            if module:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(arguments[0], run_name="__main__")
        except Read:
            return
    raise Wrong(f"{module or arguments[0]} reads no options")


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
    "systemd-analyze": StandIn(
        "of an installed unit; ours is looked at in tests/deploy/test_systemd.py", systemd_analyze
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
