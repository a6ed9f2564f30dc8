"""Python blocks: of one page in one namespace, through doctest where they have prompts."""

from __future__ import annotations

import contextlib
import doctest
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.docs.blocks import Block

_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def new_namespace() -> dict[str, Any]:
    """Give what a page begins with."""
    return {"__name__": "__main__"}


def run_python(block: Block, namespace: dict[str, Any]) -> tuple[str, str]:
    """Execute a block; say how, and what it printed where it has no prompts.

    Raises
    ------
    AssertionError
        With doctest's report: place, command, expected and got.
    Exception
        Whatever a block without prompts raises.
    """
    if ">>> " not in block.text:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            code = "\n" * (block.line - 1) + block.text  # so that errors name the page's lines
            exec(compile(code, str(block.page), "exec"), namespace)
        return "run", printed.getvalue()
    test = doctest.DocTestParser().get_doctest(
        block.text, namespace, block.where, str(block.page), block.line - 1
    )
    test.globs = namespace  # a copy was made; what is defined here is for the next block
    told = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=_FLAGS)
    failures, tried = runner.run(test, out=told.write, clear_globs=False)
    assert not failures, told.getvalue()
    return f"run by doctest: {tried} examples", ""
