"""The list of blocks: what became of each, written where `--doc-blocks` says."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

_ROWS = "blocks"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--doc-blocks", metavar="FILE", help="write the list of executed blocks")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Write the list, from all processes, and print how many there are of each kind."""
    file = config.getoption("--doc-blocks")
    if not file:
        return
    reports = [one for kind in ("passed", "failed") for one in terminalreporter.getreports(kind)]
    rows = sorted(
        tuple(row)
        for one in reports
        if one.when == "call"
        for name, rows in one.user_properties
        if name == _ROWS
        for row in rows
    )
    path = Path(file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(as_table(rows), "utf-8")
    terminalreporter.write_line(f"{len(rows)} blocks are listed in {file}")


def as_table(rows: list[tuple[str, int, str, str, float]]) -> str:
    """Give the list as Markdown: how many there are of each kind, then each of them."""
    kinds = Counter((language, how.partition(":")[0]) for _, _, language, how, _ in rows)
    lines = ["# Code blocks of the documents", ""]
    lines += [f"- {count} {language}: {how}" for (language, how), count in sorted(kinds.items())]
    lines += ["", "| block | language | how | seconds |", "|---|---|---|---|"]
    for page, line, language, how, seconds in rows:
        shown = how.replace("|", "\\|")
        lines.append(f"| {page}:{line} | {language} | {shown} | {seconds:.1f} |")
    return "\n".join(lines) + "\n"
