"""The jars of Apache Kafka: resolved by Maven once, then kept in the user's cache.

``python -m tests.brokers.kafka_jars`` fetches them ahead of the tests and prints their folder.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")


class ServerUnavailableError(RuntimeError):
    """A server that the tests need cannot be had on this machine."""


def cache_root() -> Path:
    """Return the folder for downloads that belong to no checkout."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "streamgmm"


def kafka_version() -> str:
    """Return the version that ``pom.xml`` names."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text(encoding="utf-8"))
    if found is None:
        raise ServerUnavailableError(f"{POM} names no <kafka.version>")
    return found[1]


def jars_folder() -> Path:
    """Return the folder where the jars of ``pom.xml`` are or will be.

    The digest in its name makes a changed pom a new folder, so an older one is never mixed in.
    """
    digest = hashlib.sha256(POM.read_bytes()).hexdigest()[:8]
    return cache_root() / f"kafka-{kafka_version()}-{digest}"


def require(program: str, package: str) -> str:
    """Return the path of a program, or say how to get it."""
    path = shutil.which(program)
    if path is None:
        raise ServerUnavailableError(
            f"the tests with a real Kafka need {program!r}, which is not on PATH. "
            f"Debian, Ubuntu: apt-get install {package} (as root, `make servers` does it)."
        )
    return path


def kafka_jars() -> Path:
    """Return the folder of the jars, resolving them first where it does not exist yet.

    Several test runs may ask at once: one fetches under a lock while the others wait, and the
    folder appears whole, by a rename.

    Raises
    ------
    ServerUnavailableError
        Maven is missing or cannot resolve the jars.
    """
    folder = jars_folder()
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _resolve(folder)
    return folder


def _resolve(folder: Path) -> None:
    maven = require("mvn", "maven")
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f"{folder.name}.") as scratch:
        jars = Path(scratch) / "jars"
        command = [maven, "--quiet", "--batch-mode", "--file", str(POM)]
        command += ["dependency:copy-dependencies", "-DincludeScope=runtime"]
        command += [f"-DoutputDirectory={jars}"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ServerUnavailableError(
                f"Maven could not resolve the jars of {POM.name} (exit {result.returncode}); "
                f"its repository must be reachable once:\n{result.stdout}{result.stderr}"
            )
        jars.rename(folder)


if __name__ == "__main__":
    print(kafka_jars())
