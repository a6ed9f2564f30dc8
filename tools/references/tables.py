"""Markdown tables, and the places in pages that they are put into."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_PLACE = re.compile(
    r"(?P<begin><!-- generated: (?P<name>[^>]+) -->\n)(?P<made>.*?)(?P<end><!-- end -->)",
    re.DOTALL,
)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table as GitHub and MyST read it."""
    lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    lines += [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    return "\n".join(line.replace("|  |", "| |") for line in lines) + "\n"


def placed(text: str, made: Mapping[str, str]) -> str:
    """Put what was made between the comments that name it.

    Raises
    ------
    KeyError
        If the page asks for what nobody makes.
    ValueError
        If it has no place for something that was made.
    """
    asked = [match["name"] for match in _PLACE.finditer(text)]
    if without := sorted(set(made) - set(asked)):
        raise ValueError(
            f"the page has no place for {', '.join(without)}; put <!-- generated: {without[0]} --> "
            f"and <!-- end --> where it is to stand"
        )
    return _PLACE.sub(lambda match: f"{match['begin']}{made[match['name']]}{match['end']}", text)


def _cell(text: str) -> str:
    # What is between backticks stays as it is; elsewhere a star would begin an emphasis.
    parts = text.replace("|", r"\|").split("`")
    parts[::2] = [part.replace("*", r"\*") for part in parts[::2]]
    return " ".join("`".join(parts).split())
