"""Where the microseconds of an event go on its way through the service, without a broker.

    python -m benchmarks.pipeline [--batch 5000] [--repeats 5]

The stages in turn over the events of `kafka.py`, prepared in batches as a client gives them: the
processor time of each, the least of the repeats. Clients and brokers come on top; see `kafka.py`.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from benchmarks.kafka_events import events
from benchmarks.kafka_loops import SCHEMA
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
        "metrics": microseconds(pipeline.count, done, repeats),
        "alerts in writing, one event in 1,000": microseconds(alerts, done, repeats),
        "scores in writing, every event": microseconds(scores, done, repeats),
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
