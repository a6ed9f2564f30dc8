"""Executes the steps of a Dockerfile in an empty folder, which stands for the image's root.

No container engine is needed, so what this cannot show is what an engine does: base images, users,
layers. What it does show is that the steps work one after the other, from what they copy and from
nothing else, and that the last stage has all it needs: at its FROM the folder is emptied, and what
is not copied from the stage before is gone.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

# Where the steps put things: in a command, paths that begin so lie in the folder.
_PLACES = re.compile(r"(?<![\w.])/(?=(?:opt|src|var|etc/streamgmm)\b)")
_FLAG = re.compile(r"--([\w-]+)=(\S+)\s+")
_FOR_ENGINES = {"CMD", "ENTRYPOINT", "EXPOSE", "HEALTHCHECK", "LABEL", "USER", "VOLUME"}


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: `COPY --from=build a b` has flags {"from": "build"} and arguments "a b"."""

    instruction: str
    arguments: str
    flags: dict[str, str]


def steps_of(dockerfile: Path) -> list[Step]:
    """Read a Dockerfile, lines that go on joined and comments left out."""
    lines = [
        line for line in dockerfile.read_text("utf-8").splitlines() if not line.startswith("#")
    ]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    found = []
    for line in filter(None, map(str.strip, whole.splitlines())):
        instruction, _, rest = line.partition(" ")
        flags: dict[str, str] = {}
        while match := _FLAG.match(rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        found.append(Step(instruction.upper(), rest, flags))
    return found


def exec_form(step: Step) -> list[str]:
    """Give the words of `["program", "argument"]`, after CMD in a HEALTHCHECK."""
    words: list[str] = json.loads(step.arguments.removeprefix("CMD").strip())
    return words


@dataclass(slots=True)
class Image:
    """What the steps leave: `root` of the last stage, and of the `stages` before it by name."""

    folder: Path
    stages: dict[str, Path] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    name: str = ""

    @property
    def root(self) -> Path:
        """The folder that stands for /."""
        return self.folder / "root"

    def inside(self, path: str) -> Path:
        """Give where a path of the image is."""
        return self.root / str(Path(self.workdir, path)).lstrip("/")

    def run(
        self, command: list[str] | str, timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in the image's environment, a text as the shell would."""
        words = ["/bin/sh", "-c", command] if isinstance(command, str) else command
        words = [_PLACES.sub(f"{self.root}/", word) for word in words]
        return subprocess.run(
            words, cwd=self.inside("."), env=self.environment(), capture_output=True, text=True,
            check=False, timeout=timeout,
        )  # fmt: skip

    def environment(self) -> dict[str, str]:
        """Give what the steps see: what they set, and how this machine reaches its registry."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name == "HOME" or name.lower().endswith(("proxy", "cert_file", "ca_bundle"))
            or name.startswith(("PIP_", "UV_", "SSL_", "OPENBLAS_"))
        }  # fmt: skip
        # Nobody measures how this one starts: an image's bytecode is made once, here it costs most.
        kept |= {"PIP_NO_COMPILE": "1", "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin"}
        for name, value in self.env.items():
            kept[name] = _PLACES.sub(f"{self.root}/", value.replace("$PATH", kept["PATH"]))
        return kept


def build(dockerfile: Path, context: Path, folder: Path) -> Image:
    """Execute the steps; `context` is what a COPY sees.

    Raises
    ------
    AssertionError
        With all that was written, where a step fails, or is of a kind not known here.
    """
    (folder / "bin").mkdir(parents=True)
    # A base image has a bare Python on its path.
    python = folder / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys._base_executable}" "$@"\n')
    python.chmod(0o755)
    image = Image(folder)
    for step in steps_of(dockerfile):
        if step.instruction == "FROM":
            _begin(image, step)
        elif step.instruction == "ENV":
            image.env |= dict(re.findall(r"(\w+)=(\S+)", step.arguments))
        elif step.instruction == "WORKDIR":
            image.workdir = step.arguments
            image.inside(".").mkdir(parents=True, exist_ok=True)
        elif step.instruction == "COPY":
            _copy(image, step, context)
        elif step.instruction == "RUN":
            done = image.run(step.arguments, timeout=540)
            assert done.returncode == 0, f"{step.arguments}:\n{done.stdout}\n{done.stderr}"
        else:
            assert step.instruction in _FOR_ENGINES, f"{step.instruction} is not known here"
    return image


def _begin(image: Image, step: Step) -> None:
    if image.root.exists():
        image.stages[image.name] = image.root.rename(image.folder / f"stage-{image.name}")
    image.root.mkdir()
    image.name = step.arguments.rpartition(" AS ")[2]
    image.env, image.workdir = {}, "/"


def _copy(image: Image, step: Step, context: Path) -> None:
    *sources, target = step.arguments.split()
    into = image.inside(target)
    origin = image.stages[step.flags["from"]] if "from" in step.flags else context
    for source in (origin / name.lstrip("/") for name in sources):
        if source.is_dir():
            shutil.copytree(source, into, symlinks=True, dirs_exist_ok=True)
            continue
        place = into / source.name if target.endswith("/") else into
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source, place)
