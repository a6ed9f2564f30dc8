"""Streaming detectors beside one another: processor time, memory, and alerts against a budget.

    python -m benchmarks.peers
    python -m benchmarks.peers --events 3000 --features 10 50 --skip "river LocalOutlierFactor"
    python -m benchmarks.peers --alerts

Each detector scores and learns the same rows, one default configuration for all, in a process of
its own, in turns: the median over the rounds of microseconds of processor time an event after the
first 1,000, of what these take, and by how much the process grew. Packages are imported before, and
numerical libraries held to one thread. With --alerts the detectors are asked for
one alert in a thousand on normal events that come in four behaviours, steady ones and such as
drift: streamgmm by its own budget, the others under river's QuantileFilter, which keeps that
quantile of the scores so far. What is printed is alerts over those asked for, after the first
20,000 events.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks.calibration import DRIFT_OF_EVENTS, FEATURES, SETTLING, SHARES
from benchmarks.comparison import peers
from benchmarks.comparison.protocol import Array

BUDGET = 1e-3
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
TASTE = 150  # rows that import a package and warm its caches
SETTLED = 1_000  # rows of which the cost counts apart: warm-ups
QUICK, MANY = 100e-6, 20  # seconds an event below which so many times the events are measured


def by_block(X: Array) -> Iterator[int]:
    """Score and learn rows in blocks of 1,000."""
    from streamgmm import OnlineGMM

    model = OnlineGMM()
    for at in range(0, len(X), SETTLED):
        model.score_learn_many(X[at : at + SETTLED])
        yield at + SETTLED


def decided(X: Array) -> Iterator[int]:
    """Score and learn blocks of 1,000 with p-values, alerts and reasons."""
    from streamgmm.detection import Detector

    model = Detector(X.shape[1])
    for at in range(0, len(X), SETTLED):
        model.process(X[at : at + SETTLED])
        yield at + SETTLED


def by_event(X: Array) -> Iterator[int]:
    """Score and learn dictionaries, in two calls, as river's detectors do."""
    from streamgmm import OnlineGMM

    model = OnlineGMM()
    for done, row in enumerate(X, 1):
        x = dict(enumerate(row.tolist()))
        model.score_one(x)
        model.learn_one(x)
        yield done


OWN: dict[str, Callable[[Array], Iterator[int]]] = {
    "streamgmm, blocks": by_block,
    "streamgmm, blocks, with alerts and reasons": decided,
    "streamgmm, dictionaries one by one": by_event,
}


def works() -> list[str]:
    """Return what can be measured here."""
    able = {one.name for one in peers.detectors()[0]}
    return [*OWN, *(name for name in peers.PEERS if name in able)]


def rows(n: int, d: int, *, drifts: bool = False, kind: str = "gaussian", seed: int = 0) -> Array:
    """Return n events of four behaviours in d features."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(scale=4.0, size=(len(SHARES), d))
    which = rng.choice(len(SHARES), size=n, p=SHARES)
    X = centres[which] + FEATURES[kind](rng, n * d).reshape(n, d)
    if drifts:
        ways = rng.normal(size=centres.shape)
        ways *= DRIFT_OF_EVENTS / n / np.linalg.norm(ways, axis=1, keepdims=True)
        X += ways[which] * np.arange(n)[:, None]
    return X


def cost(name: str, n: int, d: int) -> dict[str, float]:
    """Measure one detector in this process: us an event once settled, ms to settle, MB grown by."""
    measure = of_own if name in OWN else of_peer
    return measure(name, n, rows(MANY * n, d))


def of_own(name: str, n: int, X: Array) -> dict[str, float]:
    """Measure ours, which can be stopped at."""
    work = OWN[name]
    for _ in work(X[:TASTE]):
        pass
    before, began, settling = peak(), time.process_time(), 0.0
    grew = 0.0
    for done in work(X):
        if done == SETTLED:
            settling = time.process_time() - began
        if done == n:
            grew = peak() - before
    spent = time.process_time() - began - settling
    return {"us": spent / (len(X) - SETTLED) * 1e6, "ms": settling * 1e3, "mb": grew}


def of_peer(name: str, n: int, X: Array) -> dict[str, float]:
    """Measure another one: all rows, and the first ones alone."""
    peer = peers.PEERS[name]
    Z = peer.prepared(X)
    peer.scorer(Z[:TASTE], 0)
    before = peak()
    settling = seconds(peer, Z[:SETTLED])
    settled = (seconds(peer, Z[:n]) - settling) / (n - SETTLED)
    grew = peak() - before
    if settled < QUICK:
        settled = (seconds(peer, Z) - settling) / (len(Z) - SETTLED)
    return {"us": settled * 1e6, "ms": settling * 1e3, "mb": grew}


def seconds(peer: peers.Peer, X: Array) -> float:
    """Return the processor time that a peer takes."""
    began = time.process_time()
    peer.scorer(X, 0)
    return time.process_time() - began


def peak() -> float:
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_turns(names: list[str], n: int, d: int, rounds: int) -> dict[str, dict[str, float]]:
    """Measure detectors in processes of their own, one after the other, round by round."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    for _ in range(rounds):
        for name in names:
            order = [sys.executable, "-m", "benchmarks.peers", "--one", name]
            order += ["--events", str(n), "--features", str(d)]
            done = subprocess.run(
                order, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | ONE_THREAD
            )
            found[name].append(json.loads(done.stdout))
            print(f"{name}, d = {d}: {found[name][-1]}", file=sys.stderr)
    return {
        name: {key: statistics.median(one[key] for one in got) for key in ("us", "ms", "mb")}
        for name, got in found.items()
    }


def show_costs(names: list[str], n: int, features: list[int], rounds: int) -> None:
    """Print a table of costs."""
    by_width = [in_turns(names, n, d, rounds) for d in features]
    head = [f"us/event, d = {d} | ratio | first {SETTLED:,}, ms | MB" for d in features]
    print(f"| detector | {' | '.join(head)} |\n|---|{'---|' * 4 * len(features)}")
    for name in names:
        cells = []
        for found in by_width:
            least = found[names[0]]["us"]
            own = found[name]
            cells += [f"{own['us']:.3g}", f"{own['us'] / least:.2g}", f"{own['ms']:.3g}"]
            cells.append(f"{own['mb']:.1f}")
        print(f"| {name} | {' | '.join(cells)} |")


def filtered(scores: Array) -> np.ndarray:
    """Return which events river's QuantileFilter lets through as anomalies."""
    from river import stats

    quantile, alerts = stats.Quantile(1 - BUDGET), np.zeros(len(scores), bool)
    for i, score in enumerate(scores.tolist()):
        level = quantile.get()
        alerts[i] = level is not None and score >= level
        quantile.update(score)
    return alerts


def alerts_of(name: str, X: Array, seed: int) -> float:
    """Return alerts over those asked for, after the settling time."""
    if name == "streamgmm":
        from streamgmm.detection import Budget, Detector, DetectorSettings

        found = Detector(X.shape[1], DetectorSettings(budget=Budget(probability=BUDGET)))
        alerts = found.process(X).is_anomaly
    else:
        peer = peers.PEERS[name]
        alerts = filtered(peer.scorer(peer.prepared(X), seed))
    return float(alerts[SETTLING:].mean() / BUDGET)


def show_alerts(names: list[str], n: int, streams: int) -> None:
    """Print alerts over those asked for, median and range over the streams."""
    cases = {
        f"{kind}, {'drifts' if drifts else 'steady'}": (kind, drifts)
        for kind in ("gaussian", "heavy")
        for drifts in (False, True)
    }
    print(f"| detector | {' | '.join(cases)} |\n|---|{'---|' * len(cases)}")
    for name in names:
        cells = []
        for kind, drifts in cases.values():
            found = [
                alerts_of(name, rows(n, 4, drifts=drifts, kind=kind, seed=seed), seed)
                for seed in range(streams)
            ]
            least, most = min(found), max(found)
            cells.append(f"{statistics.median(found):.2f} ({least:.2f} to {most:.2f})")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=3_000, help="rows (default 3,000)")
    parser.add_argument("--features", type=int, nargs="+", default=[10], help="default 10")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    parser.add_argument("--only", nargs="+", metavar="DETECTOR", help="these names and no others")
    parser.add_argument("--skip", nargs="+", default=[], metavar="DETECTOR", help="not these")
    parser.add_argument("--alerts", action="store_true", help="count alerts against a budget")
    parser.add_argument("--streams", type=int, default=5, help="with --alerts (default 5)")
    parser.add_argument("--one", metavar="DETECTOR", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(cost(asked.one, asked.events, asked.features[0])))
        return
    known = ["streamgmm", *peers.PEERS] if asked.alerts else works()
    unknown = [name for name in [*(asked.only or []), *asked.skip] if name not in known]
    if unknown:
        raise SystemExit(f"peers.py: error: no {unknown[0]!r} here; there are {', '.join(known)}")
    names = [name for name in asked.only or known if name not in asked.skip]
    if asked.alerts:
        show_alerts(names, max(asked.events, SETTLING + 1), asked.streams)
    else:
        show_costs(names, asked.events, asked.features, asked.rounds)


if __name__ == "__main__":
    main()
