"""`docs/command-line.md`: every command and option, and the exit codes."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING
from unittest.mock import patch

from streamgmm.cli import EXIT_CODES, _parser
from tools.references.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WIDTH = 88


def blocks() -> dict[str, str]:
    """Write the commands, and the table of exit codes."""
    return {"commands": "\n".join(_commands()), "exit codes": exit_codes()}


def exit_codes() -> str:
    """Write the table of exit codes."""
    return table(("code", "meaning"), [(str(code), text) for code, text in EXIT_CODES.items()])


def _commands() -> Iterator[str]:
    # Defaults are those of a shell in which nothing is set.
    with patch.dict(os.environ, clear=True):
        root = _parser()
    for parser, words in _leaves(root, ""):
        yield f"### `{parser.prog}`\n"
        about = parser.description or words
        yield f"{about[:1].upper()}{about[1:].rstrip('.')}.\n"
        options = [action for action in parser._actions if action.dest != "help"]
        yield f"```text usage\n{_wrapped(parser.prog, _usages(parser, options))}\n```\n"
        if options:
            yield table(("argument", "meaning"), map(_row, options))
        if parser.epilog:
            yield f"{parser.epilog[:1].upper()}{parser.epilog[1:]}.\n"


def _leaves(
    parser: argparse.ArgumentParser, words: str
) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Walk the commands that have no further ones."""
    below = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    if not below:
        yield parser, words
    for group in below:
        told = {choice.dest: choice.help or "" for choice in group._choices_actions}
        for name, child in group.choices.items():
            yield from _leaves(child, told[name])


def _usages(parser: argparse.ArgumentParser, options: list[argparse.Action]) -> Iterator[str]:
    """Write each argument, and those of which one is due together."""
    groups = {group._group_actions[0]: group for group in parser._mutually_exclusive_groups}
    others = {one for group in groups.values() for one in group._group_actions[1:]}
    for action in options:
        if action in groups:
            either = " | ".join(_usage(one)[1:-1] for one in groups[action]._group_actions)
            yield f"({either})" if groups[action].required else f"[{either}]"
        elif action not in others:
            yield _usage(action)


def _wrapped(name: str, usages: Iterable[str]) -> str:
    """Write a command in lines that need no scrolling, the further ones below its arguments."""
    lines = [name]
    for usage in usages:
        if len(lines[-1]) + 1 + len(usage) > _WIDTH:
            lines.append(" " * len(name))
        lines[-1] += f" {usage}"
    return "\n".join(lines)


def _usage(action: argparse.Action) -> str:
    text = _value(action)
    if action.option_strings:
        text = f"{action.option_strings[-1]} {text}".strip()
    if action.nargs == "+":
        return f"{text} [...]"
    optional = not action.required if action.option_strings else action.nargs == "?"
    return f"[{text}]" if optional else text


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if action.metavar:
        return str(action.metavar)
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper()


def _row(action: argparse.Action) -> tuple[str, str]:
    name = action.option_strings[-1] if action.option_strings else _value(action)
    if action.option_strings and action.nargs != 0:
        name = f"{name} {_value(action)}"
    words = action.help or ""
    if action.choices and action.metavar is None:
        words = f"{words}: " if words else ""
        words += " or ".join(f"`{choice}`" for choice in action.choices)
        name = name.split(" ")[0] if action.option_strings else action.dest.upper()
    return f"`{name}`", words
