"""The verbs that deal with saved state: look at it, compare it, forget it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from streamgmm.words import aligned, number

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from streamgmm.service.learned_between import Between
    from streamgmm.service.portrait import Portrait
    from streamgmm.service.reset import Forgotten

__all__ = ["add_verbs"]

_SNAPSHOT = (
    "a checkpoint's file; or a directory of checkpoints or a job's TOML file, with :MODEL where "
    "there are several, and :NUMBER where the newest is not meant: config/kafka.toml:flows-0:12"
)


def add_verbs(verbs: Any) -> None:
    """Add `inspect` and `reset` to a parser's verbs."""
    inspect = verbs.add_parser(
        "inspect", help="show what a checkpoint holds, or what was learned between two"
    )
    inspect.add_argument("snapshot", metavar="SNAPSHOT", nargs="+", help=_SNAPSHOT)
    inspect.add_argument(
        "--diff", action="store_true", help="compare two, the earlier one first: --diff A B"
    )
    inspect.add_argument("--json", action="store_true", help="as JSON")
    inspect.set_defaults(call=_inspect, parser=inspect)
    reset = verbs.add_parser(
        "reset",
        help="forget a stopped job's state, to learn afresh",
        description="Forgets all checkpoints of a stopped job, in its directory or topic. What its "
        "consumer group has committed stays, so the job goes on where it was, with empty models.",
    )
    reset.add_argument("config", metavar="CONFIG", help="the job's TOML file")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    reset.set_defaults(call=_reset)


def _inspect(options: argparse.Namespace) -> int:
    import msgspec

    from streamgmm.service.learned_between import between
    from streamgmm.service.snapshots import find

    due = 2 if options.diff else 1
    if len(options.snapshot) != due:
        options.parser.error(
            f"{len(options.snapshot)} snapshots are named; "
            + ("--diff takes two, the earlier one first" if options.diff else "without --diff one")
        )
    sitters = [find(address) for address in options.snapshot]
    told: Between | Portrait = between(*sitters) if options.diff else sitters[0].portrait()
    if options.json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told)).decode() + "\n")
    else:
        sys.stdout.write(_differences(told) if options.diff else _table(told))  # type: ignore[arg-type]
    return 0


def _table(one: Portrait) -> str:
    state = "ready" if one.ready else "in warm-up"
    standing = [str(incident["standing"]) for incident in one.incidents]
    counts = ", ".join(f"{standing.count(what)} {what}" for what in sorted(set(standing)))
    rows: list[tuple[str, ...]] = [
        ("model", one.model + (f", checkpoint {one.number}" if one.number else "")),
        ("positions", _each(one.positions) + (" (went back)" if one.went_back else "")),
        ("events seen", f"{one.events_seen:,}, {state}" + (", frozen" if one.frozen else "")),
        ("configuration", one.fingerprint),
        ("threshold", _nats(one.threshold)),
        ("gate", _nats(one.gate)),
        ("drift", f"moved {number(one.drift_moved)}, misfit {number(one.drift_misfit)} sigma"),
        ("incidents", f"{len(standing)}" + (f": {counts}" if counts else "")),
        ("covariance", one.covariance or "none yet"),
    ]
    parts: list[tuple[str, ...]] = [
        ("component", "weight", "n", "standing", "feature", "mean (two spreads below, above)")
    ]
    for component in one.components:
        head: tuple[str, ...] = (
            str(component.component),
            f"{component.weight:.1%}",
            number(component.n),
            component.standing,
        )
        for feature in component.features:
            parts.append((*head, feature.feature, feature.text))
            head = ("", "", "", "")
    lines = [(incident["id"], incident["standing"], incident["text"]) for incident in one.incidents]
    return _below(rows, parts if one.components else [], lines)


def _differences(one: Between) -> str:
    configuration = "the same" if not one.configuration else "\n".join(("", *one.configuration))
    rows: list[tuple[str, ...]] = [
        ("model", one.model),
        ("checkpoints", _change(one.numbers)),
        *(("position", f"{name}: {_change(pair)}") for name, pair in one.positions.items()),
        ("events", f"{one.events:+,}"),
        ("threshold", " -> ".join(map(_nats, one.threshold))),
        ("gate", " -> ".join(map(_nats, one.gate))),
        ("incidents", _change(one.incidents)),
        ("born", ", ".join(map(str, one.born)) or "none"),
        ("configuration", configuration),
    ]
    moved: list[tuple[str, ...]] = [
        ("component", "weight", "n", "moved (spreads)", "furthest", "mean (two spreads each way)")
    ]
    moved += [
        (
            str(part.component),
            " -> ".join(f"{weight:.1%}" for weight in part.weight),
            " -> ".join(number(n) for n in part.n),
            number(part.moved, 2),
            part.feature,
            part.text,
        )
        for part in one.components
    ]
    gone = [
        (
            f"component {part.component} ({part.weight:.1%}) is gone, merged or retired",
            ""
            if part.distance is None
            else f"nearest now: {part.nearest}, {number(part.distance, 2)} of its spreads away",
        )
        for part in one.gone
    ]
    return _below(rows, moved if one.components else [], gone)


def _below(*tables: Sequence[Sequence[str]]) -> str:
    return "\n".join(aligned(table) for table in tables if table)


def _each(positions: dict[str, int]) -> str:
    return ", ".join(f"{name}: {position:,}" for name, position in positions.items()) or "none"


def _change(pair: tuple[int | None, int | None]) -> str:
    return " -> ".join("none" if one is None else f"{one:,}" for one in pair)


def _nats(level: float | None) -> str:
    return "none" if level is None else f"{number(level)} nats"


def _reset(options: argparse.Namespace) -> int:
    from streamgmm.config import load
    from streamgmm.errors import StreamGMMError
    from streamgmm.service.reset import reset

    asked = []

    def agreed(what: Forgotten) -> bool:
        models = ", ".join(
            name + (" (cannot be read)" if seen is None else f" ({seen:,} events)")
            for name, seen in what.models.items()
        )
        sys.stderr.write(f"This forgets, in {what.where}: {models}.\n{what.positions}\n")
        asked.append(what)
        if options.yes:
            return True
        if not sys.stdin.isatty():
            raise StreamGMMError(
                "nobody can be asked, standard input is no terminal: nothing was forgotten; "
                "--yes forgets without asking"
            )
        sys.stderr.write("Forget all of it? [y/N] ")
        sys.stderr.flush()
        return sys.stdin.readline().strip().lower() in ("y", "yes")

    if reset(load(options.config), agreed):
        sys.stdout.write(f"forgotten: {', '.join(asked[0].models)}\n")
        return 0
    sys.stdout.write("nothing was forgotten\n" if asked else "there is nothing to forget\n")
    return 1 if asked else 0
