"""Alerts over expected: does a p-value of one in so many happen once in so many events?

Seeded streams of normal events, light, Gaussian and heavy in the tails, stationary and drifting.
Each score gets its p-value before it is let in. Counted after the first 20,000 events, at p = 1e-3,
1e-4 and 1e-5; "early" is 1e-3 over those first 20,000, from the end of warm-up on.

    python benchmarks/calibration.py
    python benchmarks/calibration.py --streams 3 --events 200000 --only tail

Two parts: `tail`, the distribution of scores alone, fed with scores; and `detector`, the whole
detector, fed with events of four behaviours (50, 30, 15 and 5%). It exits 1 where a median over
the streams is out of its bounds. Fewer events than 1,000,000 leave too few alerts at 1e-5 to tell.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from streamgmm.detection import Detector
from streamgmm.detection.tail import Tail

Array = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]
Blocks = Iterator[tuple[Array, float]]  # p-values, and the seconds it took to find them

PROBABILITIES = (1e-3, 1e-4, 1e-5)
SETTLING = 20_000
BLOCK = 20_000
START = 500

# Scores alone: of light, Gaussian and heavy-tailed features (an NLL is quadratic), and others.
SCORES: dict[str, Draw] = {
    "light": lambda rng, n: (rng.uniform(-1.0, 1.0, size=(n, 4)) ** 2).sum(axis=1),
    "light, stops dead": lambda rng, n: rng.uniform(size=n),
    "gaussian": lambda rng, n: 0.5 * rng.chisquare(8, size=n),
    "gaussian, one feature": lambda rng, n: 0.5 * rng.chisquare(1, size=n),
    "heavy": lambda rng, n: 0.5 * (rng.standard_t(3, size=(n, 4)) ** 2).sum(axis=1),
    "heavy, log-normal": lambda rng, n: rng.lognormal(size=n),
}
# A distribution with a dead stop that moves leaves itself behind at once.
STEADY_ONLY = ("light, stops dead",)
# Features of events, of variance 1 or so.
FEATURES: dict[str, Draw] = {
    "light": lambda rng, n: rng.uniform(-1.7, 1.7, size=n),
    "gaussian": lambda rng, n: rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_t(4, size=n),
}
SHARES = (0.5, 0.3, 0.15, 0.05)
DRIFT_OF_SCORES = 1.0  # standard deviations in the course of the stream, upwards
DRIFT_OF_EVENTS = 10.0  # the same of each behaviour, in a direction of its own

BOUNDS = {
    False: ((0.8, 1.25), (0.8, 1.25), (0.5, 2.0)),
    True: ((0.5, 2.0), (1 / 3, 3.0), (0.0, np.inf)),
}


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of stream: ``part`` is "tail" or "detector", ``kind`` its tails."""

    part: str
    kind: str
    drifts: bool


@dataclass(frozen=True, slots=True)
class Found:
    """What one stream gave: ratios at the PROBABILITIES, and at 1e-3 early; us of CPU an event."""

    case: Case
    seed: int
    ratios: tuple[float, ...]
    early: float
    cost: float


def of_scores(case: Case, rng: np.random.Generator, events: int) -> Blocks:
    """Yield the p-values that the tail alone finds, block by block."""
    draw = SCORES[case.kind]
    spread = float(draw(rng, 10_000).std())
    rise = DRIFT_OF_SCORES * spread / events if case.drifts else 0.0
    tail = Tail(100_000)
    tail.start(draw(rng, START))
    for at in range(0, events, BLOCK):
        n = min(BLOCK, events - at)
        scores = draw(rng, n) + rise * np.arange(at, at + n)
        began = time.process_time()
        p, done = np.empty(n), 0
        while done < n:
            part = slice(done, min(done + tail.due, n))
            p[part] = tail.p_value(scores[part])
            tail.add(scores[part])
            done = part.stop
        yield p, time.process_time() - began


def of_events(case: Case, rng: np.random.Generator, events: int) -> Blocks:
    """Yield the p-values that a detector finds, block by block, from its being ready on."""
    d, draw = 4, FEATURES[case.kind]
    centres = rng.normal(scale=4.0, size=(len(SHARES), d))
    ways = rng.normal(size=centres.shape)
    ways *= DRIFT_OF_EVENTS / events / np.linalg.norm(ways, axis=1, keepdims=True)
    detector = Detector(d)
    for at in range(0, events, BLOCK):
        n = min(BLOCK, events - at)
        behaviour = rng.choice(len(SHARES), size=n, p=SHARES)
        X = centres[behaviour] + draw(rng, n * d).reshape(n, d)
        if case.drifts:
            X += ways[behaviour] * np.arange(at, at + n)[:, None]
        began = time.process_time()
        verdicts = detector.process(X)
        seconds = time.process_time() - began
        yield verdicts.p_value[verdicts.ready], seconds


SOURCES = {"tail": of_scores, "detector": of_events}


def measure(task: tuple[Case, int], events: int) -> Found:
    """Run one stream and count its alerts."""
    case, seed = task
    rng = np.random.default_rng([seed, *f"{case.part} {case.kind}".encode()])
    counts, early, seen, seconds = np.zeros(len(PROBABILITIES)), 0, 0, 0.0
    for p, took in SOURCES[case.part](case, rng, SETTLING + events):
        seconds += took
        settled = p[max(SETTLING - seen, 0) :]
        early += int((p[: len(p) - len(settled)] <= 1e-3).sum())
        counts += [(settled <= probability).sum() for probability in PROBABILITIES]
        seen += len(p)
    judged = max(seen - SETTLING, 1)
    ratios = tuple(float(ratio) for ratio in counts / judged / np.array(PROBABILITIES))
    return Found(case, seed, ratios, early / SETTLING / 1e-3, seconds / seen * 1e6)


def keeps(case: Case, medians: Array) -> bool:
    """Whether the medians (3,) over the streams are within their bounds."""
    inside = [low <= m <= high for m, (low, high) in zip(medians, BOUNDS[case.drifts], strict=True)]
    return all(inside)


def report(found: list[Found]) -> Iterator[str]:
    """Yield the table in Markdown: medians over the streams, with least and most."""
    yield "| part | tails | stream | 1e-3 | 1e-4 | 1e-5 | early, 1e-3 | us/event | |"
    yield "|---|---|---|---|---|---|---|---|---|"
    for case in dict.fromkeys(f.case for f in found):
        mine = [f for f in found if f.case == case]
        ratios = np.array([[*f.ratios, f.early] for f in mine])
        middle, low, high = np.median(ratios, axis=0), ratios.min(axis=0), ratios.max(axis=0)
        cells = [f"{m:.2f} ({a:.2f} to {b:.2f})" for m, a, b in zip(middle, low, high, strict=True)]
        cost = np.median([f.cost for f in mine])
        stream = "drifts" if case.drifts else "steady"
        verdict = "kept" if keeps(case, middle[:3]) else "MISSED"
        row = [case.part, case.kind, stream, *cells, f"{cost:.2f}", verdict]
        yield f"| {' | '.join(row)} |"


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--streams", type=int, default=10, help="of each kind (default 10)")
    parser.add_argument(
        "--events", type=int, default=1_000_000, help="judged of each stream (default 1,000,000)"
    )
    parser.add_argument("--only", choices=tuple(SOURCES), help="this part alone")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every stream's figures")
    arguments = parser.parse_args()
    if arguments.streams < 1 or arguments.events < 1:
        parser.error("--streams and --events must be at least 1")
    parts = [arguments.only] if arguments.only else list(SOURCES)
    kinds = {"tail": SCORES, "detector": FEATURES}
    cases = [
        Case(p, kind, drifts)
        for p in parts
        for kind, drifts in product(kinds[p], (False, True))
        if not (drifts and kind in STEADY_ONLY)
    ]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        found = list(
            pool.map(
                partial(measure, events=arguments.events),
                product(cases, range(arguments.streams)),
            )
        )
    print("\n".join(report(found)))
    if arguments.json is not None:
        arguments.json.write_text(json.dumps([asdict(f) for f in found], indent=1) + "\n")
    medians = {c: np.median([f.ratios for f in found if f.case == c], axis=0) for c in cases}
    if not all(keeps(case, middle) for case, middle in medians.items()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
