"""Speed and memory of score-then-learn: blocks of rows, and dictionaries one by one.

    python benchmarks/throughput.py [--stream FILE.npz]
    python benchmarks/throughput.py --against COMMIT

Times are medians over repeats, interleaved in one run, and given beside two yardsticks of the same
run: a naive NumPy mixture, and a bare Python loop that adds up a dictionary. ``--stream`` takes an
.npz file with X (n, d) and reports the rate and the memory over all of it. ``--against`` builds
another commit in a temporary folder and measures both in turns: the ratio says what a change costs.
"""

from __future__ import annotations

import argparse
import inspect
import json
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import streamgmm
from streamgmm import OnlineGMM

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks import other_commit

Array = NDArray[np.float64]

EVENTS, FEATURES, COMPONENTS = 50_000, 10, 8
PLAIN = {
    "established": None, "shrinkage": 0.0, "correlation_shrinkage": 0.0, "gate": None,
    "influence": float("inf"), "weight_floor": 0.0, "structure": False,
}  # fmt: skip


def stream(n: int, seed: int = 0) -> Array:
    """Return n events of four behaviours with correlated features."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(4, FEATURES, FEATURES))
    centre = 4.0 * rng.normal(size=(4, FEATURES))
    which = rng.integers(4, size=n)
    noise = rng.normal(size=(n, FEATURES))
    return centre[which] + np.einsum("nij,nj->ni", mixing[which], noise)


def trained(**changes: object) -> OnlineGMM:
    """Return a model that is long past warm-up; rules that it does not know are off already."""
    known = inspect.signature(OnlineGMM).parameters
    changes = {name: value for name, value in changes.items() if name in known}
    model = OnlineGMM(n_components=COMPONENTS, **changes)  # type: ignore[arg-type]
    model.learn_many(stream(20_000, seed=1))
    return model


def naive_numpy(X: Array) -> None:
    """Score and learn with stepwise EM as one would write it in NumPy, factors kept."""
    rng = np.random.default_rng(0)
    weight = np.full(COMPONENTS, 1.0 / COMPONENTS)
    mean = X[rng.integers(len(X), size=COMPONENTS)].copy()
    scatter = np.stack([np.cov(X.T)] * COMPONENTS)
    factor = np.linalg.inv(np.linalg.cholesky(scatter))
    log_det = np.log(np.einsum("kii->ki", factor)).sum(axis=1)
    for x in X:
        delta = x - mean
        whitened = np.einsum("kij,kj->ki", factor, delta)
        log_density = np.log(weight) + log_det - 0.5 * (whitened**2).sum(axis=1)
        responsibility = np.exp(log_density - log_density.max())
        responsibility /= responsibility.sum()
        weight += 1e-4 * (responsibility - weight)
        eta = 1e-4 * responsibility / weight
        mean += eta[:, None] * delta
        outer = delta[:, :, None] * delta[:, None, :]
        scatter += eta[:, None, None] * (outer - scatter)


def dictionaries(X: Array) -> list[dict[str, float]]:
    """Return rows as dictionaries."""
    names = [f"feature_{i}" for i in range(X.shape[1])]
    return [dict(zip(names, row, strict=True)) for row in X.tolist()]


def one_by_one(model: OnlineGMM, events: list[dict[str, float]]) -> None:
    """Score, then learn each, in two calls."""
    for x in events:
        model.score_one(x)
        model.learn_one(x)


def in_one_pass(model: OnlineGMM, events: list[dict[str, float]]) -> None:
    """Score and learn each in one call."""
    for x in events:
        model.score_learn_one(x)


def add_up(events: list[dict[str, float]]) -> float:
    """Do the least that a Python loop over dictionaries can do."""
    return sum(sum(x.values()) for x in events)


def tasks() -> dict[str, tuple[Callable[[], object], int]]:
    """Return what is measured, by name: the work, and how many events it is."""
    X = stream(EVENTS)
    events = dictionaries(X[:10_000])
    by_name = OnlineGMM(n_components=COMPONENTS)
    for x in dictionaries(stream(5_000, seed=1)):
        by_name.learn_one(x)
    plain, full, diagonal = trained(**PLAIN), trained(), trained(covariance="diag")
    return {
        "block, plain algorithm": (lambda: plain.score_learn_many(X), len(X)),
        "block, every rule": (lambda: full.score_learn_many(X), len(X)),
        "block, every rule, diagonal": (lambda: diagonal.score_learn_many(X), len(X)),
        "block, score only": (lambda: full.score_many(X), len(X)),
        "score_one then learn_one": (lambda: one_by_one(by_name, events), len(events)),
        "score_learn_one": (lambda: in_one_pass(by_name, events), len(events)),
        "yardstick: naive NumPy": (lambda: naive_numpy(X[:2_000]), 2_000),
        "yardstick: add up a dictionary": (lambda: add_up(events), len(events)),
    }


def microseconds(task: Callable[[], object], n: int) -> float:
    """Return what one event costs of the processor's time, n of them in one go."""
    start = time.process_time()
    task()
    return (time.process_time() - start) / n * 1e6


def measure(repeats: int) -> dict[str, float]:
    """Return microseconds an event, by what was done."""
    work = tasks()
    times: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repeats):
        for name, (task, n) in work.items():
            times[name].append(microseconds(task, n))
    return {name: statistics.median(values) for name, values in times.items()}


def serve() -> None:
    """Measure what each line of the standard input names; answer with one line of JSON."""
    work = tasks()
    own = [name for name in work if not name.startswith("yardstick")]
    for line in sys.stdin:
        match line.strip():
            case "where":
                answer: object = streamgmm.__file__
            case "tasks":
                answer = own
            case name:
                answer = microseconds(*work[name])
        print(json.dumps(answer), flush=True)


def peak_memory() -> float:
    """Return the largest resident set so far, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def over_a_stream(path: Path, block: int = 10_000) -> None:
    """Run the default over a whole file; print the rate and the memory on the way."""
    with np.load(path) as stored:
        X = np.ascontiguousarray(stored["X"], dtype=np.float64)
    X = X[np.random.default_rng(0).permutation(len(X))]
    model = OnlineGMM()
    model.learn_many(X[:block])
    memory, size = [peak_memory()], [len(model.to_bytes())]
    start = time.perf_counter()
    for at in range(block, len(X), block):
        model.score_learn_many(X[at : at + block])
        memory.append(peak_memory())
    seconds = time.perf_counter() - start
    size.append(len(model.to_bytes()))
    rest = len(X) - block
    print(f"\n{path.stem}: {len(X):,} events of {X.shape[1]} features, default configuration")
    print(f"  {rest / seconds:,.0f} events/s ({seconds / rest * 1e6:.2f} us an event)")
    print(
        f"  peak memory after the first block {memory[0]:.1f} MiB, at the end {memory[-1]:.1f} MiB"
    )
    print(f"  saved state after the first block {size[0]:,} bytes, at the end {size[-1]:,} bytes")


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--stream", type=Path, help="an .npz file with X (n, d)")
    parser.add_argument("--against", metavar="COMMIT", help="compare with another commit")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve()
        return
    print(f"K = {COMPONENTS}, d = {FEATURES}, full covariance unless said; microseconds an event")
    if arguments.against:
        times = other_commit.compare(arguments.against, arguments.repeats)
        print("\n".join(other_commit.lines(arguments.against, times)))
    else:
        print("\n".join(beside_yardsticks(measure(arguments.repeats))))
    if arguments.stream:
        over_a_stream(arguments.stream)


def beside_yardsticks(figures: dict[str, float]) -> Iterator[str]:
    """Yield a table of medians, as ratios to the yardsticks of the same run."""
    naive, loop = figures["yardstick: naive NumPy"], figures["yardstick: add up a dictionary"]
    yield f"  {'':<32} us/event   naive NumPy / it   it / adding up"
    for name, cost in figures.items():
        yield f"  {name:<32} {cost:8.3f} {naive / cost:18.1f} {cost / loop:16.2f}"


if __name__ == "__main__":
    main()
