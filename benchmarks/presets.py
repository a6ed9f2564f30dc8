"""What the presets `transactions`, `network` and `zeek` find in generated events, by kind.

    python -m benchmarks.presets [transactions network zeek] [--seeds 3]

Each seed is a stream of its own, replayed as `streamgmm replay` would; what is counted begins with
the end of warm-up. An episode is a run of one kind by the same card or host. It is found with its
first alert; its delay is the time from its first event to that one, and the number of events until
then.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.config import load_preset
from streamgmm.io.authorisations import authorisations
from streamgmm.io.generate import flows
from tests.replays import replayed
from tests.zeek import connections

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DAY = 86_400.0
# An episode ends where its card or host is quiet for so long.
_APART = 6 * 3600.0
# One event in 200 is an anomaly. A day of flows has 172,800.
_SHARE = 0.005
STREAMS: dict[str, Callable[..., list[dict[str, Any]]]] = {
    "transactions": lambda seed, n: list(islice(authorisations(seed=seed, fraud_share=_SHARE), n)),
    "network": lambda seed, n, **kinds: list(
        islice(flows(seed=seed, attack_share=_SHARE, **kinds), n)
    ),
    "zeek": lambda seed, n, **kinds: connections(n, seed=seed, attack_share=_SHARE, **kinds),
}
EVENTS = {"transactions": 40_000, "network": 100_000, "zeek": 100_000}


@dataclass(slots=True)
class Kind:
    """What was found of one kind of anomaly."""

    events: int = 0
    alerted: int = 0
    episodes: int = 0
    found: int = 0
    seconds: list[float] = field(default_factory=list)
    until: list[int] = field(default_factory=list)

    def __iadd__(self, other: Kind) -> Kind:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self


@dataclass(frozen=True, slots=True)
class Measured:
    """What one replay came to; alerts are by day of event time."""

    days: float
    alerts: float
    false_alarms: float
    budget: float
    roc_auc: float
    average_precision: float
    kinds: dict[str, Kind]

    @property
    def recall(self) -> dict[str, float]:
        """Share of each kind's episodes that were found."""
        return {name: kind.found / kind.episodes for name, kind in self.kinds.items()}


def measure(preset: str, seed: int, count: int, **kinds: Any) -> Measured:
    """Replay a stream through a preset; `kinds` is what `flows` takes as `attacks`."""
    config = load_preset(preset, env={}, changes={"events": {"label": "label"}})
    events = STREAMS[preset](seed, count, **kinds)
    found, blocks = replayed(config, events)
    n = len(found.rankings)
    labels = np.concatenate([block.batch.labels for block in blocks])
    truth = labels[-n:] > 0
    alerted = np.concatenate([block.verdicts.is_anomaly for block in blocks])[-n:]
    times = np.concatenate([block.batch.time for block in blocks])[-n:]
    days = float(times.max() - times.min()) / DAY
    return Measured(
        days=days,
        alerts=float(alerted.sum()) / days,
        false_alarms=float((alerted & ~truth).sum()) / days,
        budget=float(str(config.alerts.budget).removesuffix("/day")),
        roc_auc=found.rankings.roc_auc(),
        average_precision=found.rankings.average_precision(),
        kinds=_by_kind(events[-n:], times, alerted),
    )


def _by_kind(events: list[dict[str, Any]], times: Any, alerted: Any) -> dict[str, Kind]:
    episodes: dict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for i in np.argsort(times, kind="stable").tolist():
        event = events[i]
        if not event["label"]:
            continue
        runs = episodes[event["kind"], _whose(event)]
        if not runs or times[i] - times[runs[-1][-1]] > _APART:
            runs.append([])
        runs[-1].append(i)
    kinds: dict[str, Kind] = defaultdict(Kind)
    for (name, _), runs in sorted(episodes.items()):
        for run in runs:
            hits = [place for place, i in enumerate(run) if alerted[i]]
            kind = kinds[name]
            kind.events += len(run)
            kind.alerted += len(hits)
            kind.episodes += 1
            if hits:
                kind.found += 1
                kind.seconds.append(float(times[run[hits[0]]] - times[run[0]]))
                kind.until.append(hits[0] + 1)
    return dict(kinds)


def _whose(event: Mapping[str, Any]) -> str:
    # Of a flood the sources are many and the target is one.
    target = event["kind"] == "flood"
    names = ("card", "dst" if target else "src", "id.resp_h" if target else "id.orig_h")
    return next(str(event[name]) for name in names if name in event)


def table(preset: str, measured: list[Measured]) -> str:
    """Return the figures of several seeds as a table in Markdown."""
    kinds: dict[str, Kind] = defaultdict(Kind)
    for one in measured:
        for name, kind in one.kinds.items():
            kinds[name] += kind
    mean = {
        name: float(np.mean([getattr(one, name) for one in measured]))
        for name in ("alerts", "false_alarms", "roc_auc", "average_precision", "days")
    }
    summary = (
        f"`{preset}`, {len(measured)} streams of {mean['days']:.1f} days: {mean['alerts']:.0f} "
        f"alerts a day, {mean['false_alarms']:.0f} of them false (budget {measured[0].budget:g}); "
        f"ROC-AUC {mean['roc_auc']:.3f}, average precision {mean['average_precision']:.2f}"
    )
    lines = [
        summary,
        "",
        "| kind | episodes found | events alerted | median delay | events until then |",
        "|---|---|---|---|---|",
    ]
    for name, kind in sorted(kinds.items()):
        delay = f"{np.median(kind.seconds):.0f} s" if kind.seconds else "-"
        until = f"{np.median(kind.until):.0f}" if kind.until else "-"
        lines.append(
            f"| {name} | {kind.found} of {kind.episodes} | {kind.alerted} of {kind.events} "
            f"| {delay} | {until} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("presets", nargs="*", metavar="PRESET", help="default: all")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="default 3")
    options = parser.parse_args()
    for preset in options.presets or STREAMS:
        seeds = range(1, options.seeds + 1)
        print(table(preset, [measure(preset, seed, EVENTS[preset]) for seed in seeds]))


if __name__ == "__main__":
    main()
