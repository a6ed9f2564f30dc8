"""Where the microseconds of an event go on its way through the service, without a broker.

    python -m benchmarks.pipeline [--batch 5000] [--repeats 5]

The stages in turn over the events of `kafka.py`, prepared in batches as a client gives them: the
processor time of each, the least of the repeats; of the detector's parts, that of one go more.
Clients and brokers come on top; see `kafka.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from benchmarks.kafka_events import events
from benchmarks.kafka_loops import SCHEMA
from streamgmm import detection
from streamgmm.detection import Detector
from streamgmm.events import BatchDecoder, Records
from streamgmm.service.collector import long_running
from streamgmm.service.metrics import Metrics
from streamgmm.service.pipeline import Pipeline

WARM_UP, EVENTS = 50_000, 100_000


def batches(size: int) -> Iterator[Records]:
    """Yield records as a client gives them."""
    values = list(events(WARM_UP + EVENTS, seed=0))
    for start in range(0, len(values), size):
        some = values[start : start + size]
        at = np.arange(start, start + len(some))
        yield Records(some, at, 1.7e9 + at / 100, [None] * len(some))


def microseconds(task: Callable[[Any], object], inputs: Iterable[Any], repeats: int) -> float:
    """Return what an event costs of the processor's time, at the least."""
    inputs = list(inputs)
    costs = []
    for _ in range(repeats):
        began = time.process_time()
        for one in inputs:
            task(one)
        costs.append(time.process_time() - began)
    return min(costs) / EVENTS * 1e6


@contextmanager
def timed(owner: Any, name: str) -> Iterator[list[float]]:
    """Let a function of a module or class add the processor time of its calls to the list given."""
    original, spent = getattr(owner, name), [0.0]

    def call(*arguments: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return original(*arguments, **named)
        finally:
            spent[0] += time.process_time() - began

    setattr(owner, name, call)
    try:
        yield spent
    finally:
        setattr(owner, name, original)


def parts_of_detection(detect: Callable[[Any], object], decoded: Iterable[Any]) -> dict[str, float]:
    """Return microseconds an event in the parts of the detector, in one go over the events."""
    with (
        timed(detection.loop, "score_learn") as kernel,
        timed(detection.detector, "explain") as explained,
        timed(detection.tail.Tail, "p_value") as p_values,
        timed(detection.tail.Tail, "add") as added,
        timed(detection.learner.Learner, "_review") as reviews,
    ):
        for one in decoded:
            detect(one)
    parts = {
        "of that: the compiled loop": kernel[0],
        "of that: one alert in a thousand explained": explained[0],
        "of that: p-values and refits of the tail": p_values[0] + added[0],
        "of that: looks at frame, drift and quarantine": reviews[0],
    }
    return {name: seconds / EVENTS * 1e6 for name, seconds in parts.items()}


def measure(size: int, repeats: int) -> dict[str, float]:
    """Return microseconds an event by stage."""
    records = list(batches(size))
    decoder, detector = BatchDecoder(SCHEMA, origin="bench-0"), Detector(SCHEMA.width)
    pipeline = Pipeline(decoder, detector, Metrics("0"), want_scores=True)
    first = WARM_UP // size
    for one in records[:first]:
        pipeline.process(one)
    rest = records[first:]
    decoded = [decoder.decode(one)[0] for one in rest]
    done = [pipeline.process(one) for one in rest]

    def alerts(outputs: Any) -> None:
        pipeline.records.alerts(outputs.batch, outputs.verdicts)

    def scores(outputs: Any) -> None:
        pipeline.records.scores(outputs.batch, outputs.verdicts)

    def detect(batch: Any) -> None:
        detector.process(batch.X, t=batch.time)

    return {
        "bytes to columns": microseconds(decoder.decode, rest, repeats),
        "score, decide, learn": microseconds(detect, decoded, repeats),
        **parts_of_detection(detect, decoded),
        "metrics": microseconds(pipeline.count, done, repeats),
        "alerts in writing, one event in 1,000": microseconds(alerts, done, repeats),
        "scores in writing, every event": microseconds(scores, done, repeats),
        "a copy of the state to go back to, one in 5,000 events": microseconds(
            lambda _: pipeline.state(), range(EVENTS // 5_000), repeats
        ),
    }


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=5_000)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    with long_running():
        costs = measure(options.batch, options.repeats)
    print(f"| stage, batches of {options.batch:,} | us/event |\n|---|---|")
    for name, cost in costs.items():
        print(f"| {name} | {cost:.2f} |")


if __name__ == "__main__":
    main()
