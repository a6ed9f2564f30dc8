"""Which commands of the documents go on by themselves until somebody ends them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from streamgmm.cli import _parser
from streamgmm.config import KafkaInput, load
from streamgmm.errors import ConfigError


class EndlessError(AssertionError):
    """A reader would wait for ever."""


_VARIABLE = re.compile(r"\w+=")


def endless_lines(text: str, folder: Path) -> list[str]:
    """Give the lines of a block that go on until they are ended, those with & at their end too.

    Raises
    ------
    EndlessError
        There are lines behind one without &.
    """
    lines = _lines(text)
    found = [line for line in lines if goes_on(line.removesuffix("&"), folder)]
    for line in found:
        if not line.endswith("&") and line != lines[-1]:
            raise EndlessError(
                f"`{line}` goes on until it is ended, so nobody gets to the line after it: "
                "end it with &, or let it be the last of its block"
            )
    return found


def programs_of(text: str) -> set[str]:
    """Name the programs of a block; a benchmark's is "benchmark", as its stand-in's."""
    found = set()
    for line in _lines(text):
        for program, *rest in pipeline(line):
            measures = program.startswith("python") and "benchmarks" in " ".join(rest[:2])
            found.add("benchmark" if measures else Path(program).name)
    return found


def _lines(text: str) -> list[str]:
    """Give the lines of a block, those that go on in the next joined, without comments."""
    lines = [one.strip() for one in re.sub(r"\\\n|(?<=\|)\n", " ", text).splitlines()]
    return [re.sub(r"\s+#.*", "", one) for one in lines if one and not one.startswith("#")]


def goes_on(line: str, folder: Path) -> bool:
    """Whether a line, a pipeline perhaps, has a command that does not end by itself."""
    return any(_one(words, folder) for words in pipeline(line))


def pipeline(line: str) -> list[list[str]]:
    """Give the words of each command of a line, without variables before it and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    words = list(lexer)
    for i, word in enumerate(words):
        if set(word) <= set("|&;"):
            found.append([])
        elif set(word) <= set("<>") or (i and set(words[i - 1]) <= set("<>&")):
            continue
        elif found[-1] or not _VARIABLE.match(word):
            found[-1].append(word)
    return [one for one in found if one]


def _one(words: list[str], folder: Path) -> bool:
    program, rest = words[0], words[1:]
    if program == "tail":
        return any(re.fullmatch(r"-[fF]|--follow.*", one) for one in rest)
    if program == "kcat":
        return "-C" in rest and not {"-e", "-c"} & set(rest)
    if program == "make":
        return "demo-live" in rest
    if program != "streamgmm" or not rest:
        return False
    if rest[0] == "demo":
        return "--live" in rest
    if rest[0] == "generate":
        return "--rate" in rest and "--count" not in rest
    return rest[0] == "run" and _runs_on_kafka(rest, folder)


def _runs_on_kafka(words: list[str], folder: Path) -> bool:
    try:
        config = load(folder / _parser().parse_args(words).config, env={})
    except (ConfigError, SystemExit):
        return False  # which the command will say itself
    return isinstance(config.source, KafkaInput)
