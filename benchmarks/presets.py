"""How much the presets `card` and `zeek` find in generated events, by kind.

    python -m benchmarks.presets [--seeds 3]

Each seed is a stream of its own, replayed as `streamgmm replay` would; what is counted begins
with the end of warm-up.
"""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.config import load_preset
from streamgmm.service.quality import roc_auc
from tests.cards import authorisations
from tests.replays import replayed
from tests.zeek import connections

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 20_000
STREAMS: dict[str, Callable[[int], list[dict[str, Any]]]] = {
    "card": lambda seed: authorisations(EVENTS, seed=seed),
    "zeek": lambda seed: connections(EVENTS, seed=seed),
}


def run(preset: str, seed: int) -> tuple[Counter[str], Counter[str], str]:
    """Return how many of each kind there were and were found, and a line of figures."""
    config = load_preset(preset, env={}, changes={"events": {"label": "label"}})
    events = STREAMS[preset](seed)
    found, blocks = replayed(config, events)
    truth, score = found.truth(), found.score()
    judged = events[-len(truth) :]
    alerted = np.concatenate([block.verdicts.is_anomaly for block in blocks])[-len(truth) :]
    times = np.concatenate([block.batch.time for block in blocks])[-len(truth) :]
    kinds = ["normal" if not one["label"] else str(one.get("kind", "attack")) for one in judged]
    there, got = Counter(kinds), Counter(np.array(kinds)[alerted].tolist())
    days = (times.max() - times.min()) / 86_400
    line = (
        f"ROC-AUC {roc_auc(truth, score):.3f}, {truth.sum()} of {len(truth)} events anomalous, "
        f"{alerted.sum() / days:.0f} alerts a day, {(alerted & ~truth).sum() / days:.0f} of them "
        f"false"
    )
    return there, got, line


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="default 3")
    seeds = range(1, parser.parse_args().seeds + 1)
    for preset in STREAMS:
        there: Counter[str] = Counter()
        got: Counter[str] = Counter()
        for seed in seeds:
            more, found, line = run(preset, seed)
            there += more
            got += found
            print(f"{preset}, seed {seed}: {line}")
        for kind in sorted(there):
            print(f"    {kind:20} {got[kind]:5} of {there[kind]:6} alerted")


if __name__ == "__main__":
    main()
