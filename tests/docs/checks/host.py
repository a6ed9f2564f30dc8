"""systemctl, apt and pip, which would change the machine."""

from __future__ import annotations

import re
import tempfile
import tomllib
from pathlib import Path

from streamgmm.config import load
from tests.deploy.checkers import check
from tests.docs.blocks import ROOT
from tests.docs.checks.asked import Wrong, needs, options

_TO_BUILD = {"build-essential", "gcc", "git", "make", "python3-venv"}


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


def apt(arguments: list[str]) -> None:
    if arguments[0] == "update":
        return
    if arguments[0] != "install":
        raise Wrong(f"apt {arguments[0]} is not known here: update, install")
    known = (ROOT / "tests" / "brokers" / "ensure_servers.sh").read_text("utf-8")
    for package in (one for one in arguments[1:] if not one.startswith("-")):
        if package not in known and package not in _TO_BUILD:
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
