"""The code blocks of the documents: where each stands, and what it is to the blocks around it.

Text after commands in the same section is what they print. Elsewhere it is marked in the fence, as
as a diagram. Nothing is indented: such a block has no language, so nobody could say whether
it is to be executed. CONTRIBUTING.md tells how blocks are written.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        ROOT / "CHANGELOG.md",
        ROOT / "streamgmm" / "data" / "README.md",
        *ROOT.glob("deploy/**/*.md"),
        *ROOT.glob("docs/**/*.md"),
    ]
)
LANGUAGES = {"json", "math", "promql", "python", "sh", "text", "toml", "yaml"}
PRINTED = {"json", "text"}
"""What can be the output of the commands before it."""
MARKS = {
    "json": {"alert", "event", "log", "score", "webhook"},
    "text": {"diagram", "usage"},
}
"""What a block can be that no command prints, as its fence says."""

_PRINTS = {"python", "sh"}

_FENCE = re.compile(r"( {0,3})(`{3,}|~{3,})\s*(.*)")
_HEADING = re.compile(r"#{1,6} ")
_ITEM = re.compile(r"\s*([-*+]|\d+[.)])\s")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: `line` is that of its first line of code; `mark` what the fence adds."""

    page: Path
    line: int
    language: str
    mark: str
    text: str
    prints: Block | None = None
    printed: bool = False

    @property
    def where(self) -> str:
        """Give page and line, as an editor takes them."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_directive(self) -> bool:
        """Whether it is for the builder of the site, as ```{eval-rst}."""
        return bool(re.fullmatch(r"\{[\w-]+\}", self.language))


class BlockError(AssertionError):
    """A block is not written as blocks are."""


def blocks_of(page: Path) -> list[Block]:
    """Read the blocks of a page.

    Raises
    ------
    BlockError
        Naming line and remedy, where a block has an unknown language, is indented, or is text that
        no command prints and that has no mark.
    """
    found: list[Block] = []
    section = section_of_last = 0
    lines = page.read_text("utf-8").splitlines()
    at = 0
    while at < len(lines):
        line = lines[at]
        section += bool(_HEADING.match(line))
        if fence := _FENCE.fullmatch(line):
            end = _end_of(lines, at, fence, page)
            body = [one.removeprefix(fence[1]) for one in lines[at + 1 : end]]
            block = _block(page, at + 2, fence[3], body)
            last = found[-1] if found else None
            if last and section == section_of_last and _is_output(block, last):
                found[-1] = Block(*(getattr(last, name) for name in _OWN), prints=block)
                block = Block(*(getattr(block, name) for name in _OWN), printed=True)
            _complain(block)
            found.append(block)
            section_of_last, at = section, end + 1
            continue
        if _is_indented(lines, at):
            raise BlockError(
                f"{page.relative_to(ROOT)}:{at + 1}: an indented block has no language; fence "
                f"it with ``` and one of {', '.join(sorted(LANGUAGES))}:\n{line}"
            )
        at += 1
    return found


_OWN = ("page", "line", "language", "mark", "text")


def _end_of(lines: list[str], at: int, fence: re.Match[str], page: Path) -> int:
    for end in range(at + 1, len(lines)):
        if re.fullmatch(rf"\s*{re.escape(fence[2])}\s*", lines[end]):
            return end
    raise BlockError(f"{page.relative_to(ROOT)}:{at + 1}: {fence[2]} is never closed")


def _block(page: Path, line: int, info: str, body: list[str]) -> Block:
    language, _, mark = info.strip().partition(" ")
    return Block(page, line, language, mark.strip(), "".join(f"{one}\n" for one in body))


def _is_output(block: Block, last: Block) -> bool:
    """A block is the output of commands that stand right before it, whatever prose is between."""
    return block.language in PRINTED and not block.mark and last.language in _PRINTS


def _complain(block: Block) -> None:
    if block.language not in LANGUAGES and not block.is_directive:
        raise BlockError(
            f"{block.where}: no block of language {block.language!r} is known here; there are "
            f"{', '.join(sorted(LANGUAGES))} (a new one goes into tests/docs)"
        )
    marks = MARKS.get(block.language, set())
    if block.mark and block.mark not in marks:
        raise BlockError(
            f"{block.where}: ```{block.language} cannot be marked {block.mark!r}; allowed: "
            f"{', '.join(sorted(marks)) or 'no mark'}"
        )
    if block.language == "text" and not block.mark and not block.printed:
        raise BlockError(
            f"{block.where}: text that is not printed by a block before it in its section "
            f"needs a mark: ```text {' or ```text '.join(sorted(MARKS['text']))}"
        )


def _is_indented(lines: list[str], at: int) -> bool:
    """Whether an indented block of code begins here: after a blank line, and in no list."""
    if not lines[at].startswith("    ") or not lines[at].strip() or (at and lines[at - 1].strip()):
        return False
    for before in reversed(lines[:at]):
        if before.strip() and not before.startswith(" "):
            return not _ITEM.match(before)
    return True


def sections_of(page: Path) -> dict[str, str]:
    """Give the text of each section of the second level, by its heading."""
    _, *parts = re.split(r"^## ", page.read_text("utf-8"), flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}
