"""What a page asks a program for: its options, and the files that it names."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path


class Wrong(Exception):  # noqa: N818
    """What a page asks a program for is not there, or not so."""


def needs(path: str) -> Path:
    """Give a file or folder that must be there."""
    if not Path(path).exists():
        raise Wrong(f"there is no {path}")
    return Path(path)


def options(program: str, arguments: list[str], *flags: str) -> tuple[Namespace, list[str]]:
    """Read options that take a value, those with a star any number of times; the rest are words."""
    parser = ArgumentParser(program, add_help=False, allow_abbrev=False)
    for flag in flags:
        if flag.endswith("*"):
            parser.add_argument(flag.rstrip("*"), action="append", default=[])
        else:
            parser.add_argument(flag)
    found, rest = parser.parse_known_args(arguments)
    return found, [one for one in rest if not one.startswith("-")]
