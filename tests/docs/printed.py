"""What a page says that commands print, against what they printed."""

from __future__ import annotations

import json
import re
from typing import Any

ANY = "..."
"""Stands for what differs from run to run: some characters; alone on a line, any lines or none."""


def agrees(expected: str, got: str) -> bool:
    """Whether output is as a page shows it; blanks at the ends of lines do not count."""
    # Of a table's cell that differs the width may differ as well.
    wanted = re.sub(r"\.\.\. +", "... ", _trimmed(expected))
    parts = re.split(r"(?m)^\.\.\.\n|\.\.\.", wanted)
    return _in_order(parts, _trimmed(got))


def agrees_as_json(expected: str, got: str) -> bool:
    """The same where the page shows an object with line breaks of its own."""
    try:
        return _equal(json.loads(expected), json.loads(got))
    except ValueError:
        return agrees(expected, got)


def _trimmed(text: str) -> str:
    return "".join(f"{line.rstrip()}\n" for line in text.strip("\n").splitlines())


def _in_order(parts: list[str], text: str) -> bool:
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return text == first
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in parts[1:-1]:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _equal(expected: Any, got: Any) -> bool:
    if expected == ANY:
        return True
    if isinstance(expected, dict) and isinstance(got, dict):
        return expected.keys() == got.keys() and all(_equal(expected[k], got[k]) for k in expected)
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(_equal, expected, got))
    return bool(expected == got)
