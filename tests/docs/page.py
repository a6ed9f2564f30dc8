"""Works through the blocks of a page in order, as a reader would, and keeps what became of each."""

from __future__ import annotations

import re
import time
import tomllib
import traceback
from functools import partial
from typing import TYPE_CHECKING

from tests.docs.blocks import ROOT, Block, BlockError, blocks_of
from tests.docs.endless import programs_of
from tests.docs.jobs import look_at_part, run_job
from tests.docs.objects import look_at_json
from tests.docs.printed import agrees, agrees_as_json
from tests.docs.python import new_namespace, run_python
from tests.docs.shell import CommandError
from tests.docs.stand_ins import STAND_INS
from tests.docs.trees import look_at_promql, look_at_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.shell import Shell

_NAMED = re.compile(r"# ([\w./-]+\.(?:toml|ya?ml|json))\n")
"""The first line of a file that a page lets its reader write."""


_MARKED = {
    "diagram": "a diagram",
    "usage": "a usage, which tests/site/test_references.py holds to the parser",
}


class PageRun:
    """One page, in one namespace and one terminal.

    `rows` has for each block: page, line, language, how it was executed, seconds.
    """

    def __init__(self, page: Path, shell: Shell) -> None:
        self.rows: list[tuple[str, int, str, str, float]] = []
        self._page, self._shell = page, shell
        self._namespace = new_namespace()

    def run(self) -> list[str]:
        """Execute all blocks; give what is wrong, each with page and line."""
        problems = []
        try:
            blocks = blocks_of(self._page)
        except BlockError as error:
            return [str(error)]
        for block in blocks:
            if block.printed:
                continue
            began = time.perf_counter()
            try:
                how = self._run(block)
            except Exception as error:  # noqa: BLE001
                problems.append(f"{block.where}: {_told(error)}")
                continue
            self._keep(block, how, time.perf_counter() - began)
            if block.prints:
                compared = "compared" if "checked" not in how else "not compared, see above"
                self._keep(block.prints, compared, 0.0)
        return problems

    def _keep(self, block: Block, how: str, seconds: float) -> None:
        name = str(block.page.relative_to(ROOT))
        self.rows.append((name, block.line, block.language, how, seconds))

    def _run(self, block: Block) -> str:
        if block.language == "sh":
            return self._commands(block)
        if block.language == "python":
            how, output = run_python(block, self._namespace)
            _compare(block, output)
            return how
        if block.language == "text":
            return f"nothing to run: {_MARKED[block.mark]}"
        if block.language == "math":
            return "nothing to run: a formula, which tests/site renders"
        if block.is_directive:
            return "nothing to run: a directive of the site, which tests/site builds"
        if named := _NAMED.match(block.text):
            self._shell.write(named[1], block.text)
        if block.language == "toml":
            whole = "source" in tomllib.loads(block.text) and "events" in tomllib.loads(block.text)
            return run_job(block, self._shell) if whole else look_at_part(block)
        return {
            "json": look_at_json,
            "promql": partial(look_at_promql, folder=self._shell.folder),
            "yaml": partial(look_at_yaml, folder=self._shell.folder),
        }[block.language](block)

    def _commands(self, block: Block) -> str:
        ran = self._shell.run(block.text, partial(_is_shown, block) if block.prints else None)
        if not ran.checked:
            _compare(block, ran.output)
            return "run, and goes on until the page's end" if ran.goes_on else "run"
        others = programs_of(block.text) - set(STAND_INS)
        how = "run, and of it checked only" if others else "checked, not run"
        return f"{how}: {_listed(ran.checked)}"


def _is_shown(block: Block, output: str) -> bool:
    assert block.prints
    agree = agrees_as_json if block.prints.language == "json" else agrees
    return agree(block.prints.text, output)


def _compare(block: Block, output: str) -> None:
    if block.prints and not _is_shown(block, output):
        raise CommandError(
            f"the commands\n{_indented(block.text)}\nshould print, says {block.prints.where},\n"
            f"{_indented(block.prints.text)}\nbut printed\n{_indented(output)}"
        )


def _listed(checked: list[tuple[str, str]]) -> str:
    """Name the commands, those with the same reason together."""
    reasons: dict[str, list[str]] = {}
    for command, because in checked:
        reasons.setdefault(because, []).append(f"`{command}`")
    return "; ".join(f"{', '.join(them)}, because {why}" for why, them in reasons.items())


def _told(error: Exception) -> str:
    if isinstance(error, AssertionError):
        return str(error)
    return "".join(traceback.format_exception(error)[-3:])


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines()).rstrip("\n")
