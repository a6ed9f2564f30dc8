"""What metrics and traces for OpenTelemetry cost, and what they cost when they are off.

    python -m benchmarks.telemetry [--rounds 5] [--commit NAME] [--client NAME]

The service over a real Kafka, alerts alone, exactly once, as in `kafka.py`: in turns without
telemetry, with metrics and traces (to a collector on this machine; as by default, and every trace),
and, with `--commit`, that commit without it. Processor time of the service's process an event,
between two commits in full flow, and its ratio to that without, round by round. Then what the calls
of one batch come to where nobody listens, alone.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from benchmarks.other_commit import built
from streamgmm.service.tracing import NOT_TRACED
from tests.brokers.apache_kafka import KafkaBroker
from tests.otlp import Collector

OFF = "off"


def environments(collector: Collector, before: Path | None) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield each variant and the environment that makes it."""
    plain = dict(os.environ)
    told = {
        **plain,
        "STREAMGMM__TELEMETRY__EXPORT": "metrics,traces",
        "STREAMGMM__TELEMETRY__ENDPOINT": collector.endpoint,
    }
    if before is not None:
        theirs = {**plain, "PYTHONPATH": str(before), "PYTHONSAFEPATH": "1"}
        require_package_of(before, theirs)
        yield "the commit before", theirs
    yield OFF, plain
    yield "on", told
    yield "on, every trace", {**told, "STREAMGMM__TELEMETRY__SAMPLING_RATIO": "1"}


def require_package_of(tree: Path, env: Mapping[str, str]) -> None:
    """See that a process with this environment works with the package of that tree."""
    command = [sys.executable, "-c", "import streamgmm; print(streamgmm.__file__)"]
    found = subprocess.run(
        command, env=dict(env), check=True, capture_output=True, text=True
    ).stdout
    if not Path(found.strip()).is_relative_to(tree):
        raise SystemExit(f"the package of {tree} is wanted, but {found} is what is imported")


def a_batch() -> None:
    """Tell of one batch what a job over Kafka does, and nobody listens."""
    with NOT_TRACED.step("poll") as step:
        step.note(messages=1000)
    with NOT_TRACED.step("process", topic="flows", partition="0", messages=1000) as step:
        for name in ("decode", "score and learn", "write"):
            with NOT_TRACED.step(name):
                pass
        NOT_TRACED.recovered("flows-0")
        step.alerted((), ())  # type: ignore[arg-type]  # nobody looks
    with NOT_TRACED.step("send") as step:
        step.drop()
        step.note(messages=0)


def of_a_batch(rounds: int = 7, calls: int = 20_000) -> float:
    """Return the microseconds of that, at the least."""
    costs = []
    for _ in range(rounds):
        began = time.process_time()
        for _ in range(calls):
            a_batch()
        costs.append(time.process_time() - began)
    return min(costs) / calls * 1e6


def main() -> None:
    """Parse the arguments, run, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--commit", help="beside this commit, without telemetry")
    parser.add_argument("--client", default="confluent", help="kafka-python or confluent")
    options = parser.parse_args()
    from benchmarks.kafka import BATCH, COUNTS, Bench

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        before = stack.enter_context(built(options.commit)) if options.commit else None
        collector = stack.enter_context(Collector())
        broker = stack.enter_context(KafkaBroker(folder / "kafka")).bootstrap
        bench, found = Bench(broker, folder), defaultdict(list)
        variants = dict(environments(collector, before))
        for i in range(options.rounds):
            for name in list(variants)[:: 1 if i % 2 == 0 else -1]:
                bench.env = variants[name]
                count = COUNTS[options.client]["alerts"]
                found[name].append(bench.service(options.client, count, every_score=False).cpu)
        spans, exports = len(collector.spans), collector.exports
    print(f"| {options.client}, batches of {BATCH:,} | us CPU/event | ratio to off | 10% to 90% |")
    print("|---|---|---|---|")
    for name, costs in found.items():
        ratio = np.array(costs) / np.array(found[OFF])
        low, high = np.quantile(ratio, [0.1, 0.9])
        print(
            f"| {name} | {statistics.median(costs) * 1e6:.2f} | {np.median(ratio):.3f} "
            f"| {low:.3f} to {high:.3f} |"
        )
    print(f"\nthe collector got {spans:,} spans, and metrics {exports} times")
    print(f"where nobody listens the calls of one batch take {of_a_batch():.2f} us")


if __name__ == "__main__":
    main()
