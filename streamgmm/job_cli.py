"""The verbs about a job's file: begin one, check one, explain one."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

__all__ = ["add_verbs"]

_WIDTH: Final = 96
_RATE: Final = 100.0
_NEXT: Final = """{path} is written. Next:
  - {source}
  - [events] and [events.fields]: the names as your events have them
  - [alerts] budget: how many false alarms a day you want to look at
Then `streamgmm check --explain {path}`, and `streamgmm run {path}`.
"""
_SOURCES: Final = {
    False: "[source] path, [sink] alerts: files, or standard input and output as they are",
    True: "[source] brokers: yours; the topics of [sink] must exist",
}


def add_verbs(verbs: Any, positive: Callable[[str], float]) -> None:
    """Add `init` and `check` to a parser's verbs; `positive` reads a number above 0."""
    from streamgmm.config.starter import STARTERS

    init = verbs.add_parser("init", help="write a commented TOML file to begin a job with")
    init.add_argument("preset", choices=STARTERS, help="what the events are")
    init.add_argument(
        "path", nargs="?", metavar="FILE", help="a new file; default: standard output"
    )
    init.add_argument("--topic", metavar="TOPIC", help="read this Kafka topic, not standard input")
    init.set_defaults(call=_init)

    check = verbs.add_parser("check", help="check a job's TOML file and list it in full")
    check.add_argument("config", metavar="CONFIG", help="the job's TOML file")
    check.add_argument(
        "--explain", action="store_true", help="say what each setting does and comes to"
    )
    check.add_argument(
        "--rate",
        type=positive,
        default=_RATE,
        metavar="R",
        help="with --explain: at so many events a second for each model; default 100",
    )
    check.set_defaults(call=_check)


def _init(options: argparse.Namespace) -> int:
    from streamgmm.config.starter import starter

    text = starter(options.preset, options.topic)
    if options.path is None:
        sys.stdout.write(text)
        return 0
    try:
        with Path(options.path).open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(
            f"{options.path} is there already and stays as it is; name another file"
        ) from None
    source = _SOURCES[options.topic is not None]
    sys.stdout.write(_NEXT.format(path=options.path, source=source))
    return 0


def _check(options: argparse.Namespace) -> int:
    from streamgmm.config import load
    from streamgmm.config.explain import explain
    from streamgmm.service.formats import binary_decoder
    from streamgmm.service.telemetry import require_telemetry

    config = load(options.config)
    binary_decoder(config)  # the events' types are held to the schema file
    config.secrets()  # where they stand in files, that those can be read
    require_telemetry(config)
    if not options.explain:
        sys.stdout.write(config.to_toml(comments=True))
        return 0
    for section, lines in explain(config, options.rate):
        sys.stdout.write(f"[{section}]\n")
        for name, sentence in lines:
            sys.stdout.write(
                textwrap.fill(f"{name}: {sentence}", _WIDTH, subsequent_indent="    ",
                              break_long_words=False, break_on_hyphens=False) + "\n"
            )  # fmt: skip
        sys.stdout.write("\n")
    return 0
