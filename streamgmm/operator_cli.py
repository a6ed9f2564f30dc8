"""The operator's verbs: of a running job incidents, freezing and log; checkpoints of one."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from streamgmm.words import aligned

if TYPE_CHECKING:
    import argparse

__all__ = ["add_verbs"]

_ADDRESS: Final = "127.0.0.1:9464"
_HTTP, _TOKEN = "STREAMGMM__SERVICE__HTTP", "STREAMGMM__SERVICE__TOKEN"
_EPILOG: Final = (
    f"the token of commands (service.token) is taken from {_TOKEN}, or from the file that "
    f"{_TOKEN}_FILE names"
)


def add_verbs(verbs: Any) -> None:
    """Add `incidents`, `freeze`, `unfreeze`, `log-level` and `checkpoints` to a parser's verbs."""
    words = "new behaviours that a running job alerts on: list, accept, mute"
    incidents = verbs.add_parser("incidents", help=words, epilog=_EPILOG)
    actions = incidents.add_subparsers(dest="action", metavar="ACTION", required=True)
    shown = actions.add_parser("list", help="show the incidents of a running job")
    _at(shown, _list)
    for action, words in (
        ("accept", "an incident's behaviour counts as normal from now on"),
        ("mute", "an incident's events are counted, and no alerts any more"),
        ("unmute", "a muted incident's events are alerts again"),
    ):
        one = actions.add_parser(action, help=words, epilog=_EPILOG)
        one.add_argument("incident", metavar="ID", help="as `list` names it, such as flows-0:7")
        _at(one, _act)
    for verb, words in (
        ("freeze", "let a running job learn nothing for now; it scores and alerts on"),
        ("unfreeze", "let a frozen job learn again"),
    ):
        one = verbs.add_parser(verb, help=words, epilog=_EPILOG)
        one.set_defaults(action=verb, incident=None)
        _at(one, _act)
    words = "show or change what a running job logs, until its end"
    log_level = verbs.add_parser("log-level", help=words, epilog=_EPILOG)
    levels = ("debug", "info", "warning", "error")
    told = ", ".join(levels)
    log_level.add_argument("level", nargs="?", choices=levels, metavar="LEVEL", help=told)
    _at(log_level, _log_level)
    _add_checkpoints(verbs)


def _add_checkpoints(verbs: Any) -> None:
    checkpoints = verbs.add_parser(
        "checkpoints", help="of a job: list them, or go back to one to forget a bad period"
    )
    actions = checkpoints.add_subparsers(dest="action", metavar="ACTION", required=True)
    shown = actions.add_parser("list", help="show the checkpoints that a job can go back to")
    shown.add_argument("config", metavar="CONFIG", help="the job's TOML file")
    shown.set_defaults(call=_checkpoints)
    back = actions.add_parser(
        "revert",
        help="put an older model back; the position in the input stays where it is",
        description="Puts an older model back into a stopped job. The position in the input stays: "
        "what came since is neither put out again nor learned.",
    )
    back.add_argument("config", metavar="CONFIG", help="the job's TOML file")
    back.add_argument("number", metavar="NUMBER", type=int, help="as `list` names it")
    back.add_argument("--model", metavar="NAME", help="which model, where there are several")
    back.set_defaults(call=_revert)


def _at(parser: argparse.ArgumentParser, call: Any) -> None:
    parser.add_argument(
        "--at",
        metavar="ADDRESS",
        default=os.environ.get(_HTTP) or _ADDRESS,
        help=f"the job's service.http; by default {_HTTP}, or else {_ADDRESS}",
    )
    parser.set_defaults(call=call)


def _client(options: argparse.Namespace) -> Any:
    from streamgmm.config import Secret, secret_of
    from streamgmm.service.client import Client

    given, file = Secret(os.environ.get(_TOKEN, "")), os.environ.get(f"{_TOKEN}_FILE", "")
    return Client(options.at, secret_of(given, file, f"{_TOKEN}_FILE").reveal())


def _list(options: argparse.Namespace) -> int:
    told = _client(options).incidents()
    frozen = [name for name, model in told["models"].items() if model["frozen"]]
    if frozen:
        sys.stdout.write(f"frozen, learning nothing: {', '.join(frozen)}\n")
    rows: list[tuple[str, ...]] = [("id", "standing", "alerts", "severity", "last", "what")]
    rows += [
        (
            one["id"],
            one["standing"],
            f"{one['alerts']:,}"
            + (f" (+{one['muted_events']:,} muted)" * bool(one["muted_events"])),
            f"{one['severity']:g}",
            one["last_time"] or f"event {one['last_event']:,}",
            one["text"],
        )
        for one in told["incidents"]
    ]
    sys.stdout.write(aligned(rows) if len(rows) > 1 else "there are no incidents\n")
    return 0


def _act(options: argparse.Namespace) -> int:
    told = _client(options).act(options.action, options.incident)
    if options.incident is None:
        names = ", ".join(told["models"]) or "the job has no model at present"
        sys.stdout.write(f"{options.action}: {names}\n")
    else:
        sys.stdout.write(f"{told['incident']['id']}: {told['done']}\n")
    if not told["saved"]:
        sys.stderr.write(f"streamgmm: {told['note']}\n")
    return 0


def _log_level(options: argparse.Namespace) -> int:
    told = _client(options).log_level(options.level)
    before = "" if options.level is None else f" (before: {told['before']})"
    sys.stdout.write(f"{told['level']}{before}\n")
    return 0


def _checkpoints(options: argparse.Namespace) -> int:
    from streamgmm.config import load
    from streamgmm.service.history import table
    from streamgmm.service.stores import store_of

    rows = table(store_of(load(options.config)))
    sys.stdout.write(aligned(rows) if len(rows) > 1 else "there are no checkpoints\n")
    return 0


def _revert(options: argparse.Namespace) -> int:
    from streamgmm.config import load
    from streamgmm.service.history import revert
    from streamgmm.service.stores import store_of

    config = load(options.config)
    old = revert(store_of(config), config, options.model, options.number)
    sys.stdout.write(
        f"{old.name}: the model of checkpoint {options.number} is back; the position stays, and "
        "what came since is not learned\n"
    )
    return 0
