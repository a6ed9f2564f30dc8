"""Targets of make, and benchmarks, which would take minutes to hours."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from argparse import ArgumentParser
from typing import Any
from unittest.mock import patch

from tests.docs.blocks import ROOT
from tests.docs.checks.asked import Wrong


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
        before = sys.modules.pop(module, None)  # of a test; runpy warns of what is there already
        try:
            if module:
                runpy.run_module(module, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(arguments[0], run_name="__main__")
        except Read:
            return
        finally:
            if before is not None:
                sys.modules[module] = before
    raise Wrong(f"{module or arguments[0]} reads no options")
