"""What a model costs by its size: processor time an event, memory, and bytes of a checkpoint.

    python -m benchmarks.size
    python -m benchmarks.size --covariance diag --features 10 100

Each size in three processes of its own, of which the fastest counts: a detector with its defaults,
but for the number of components, over 120,000 normal events of as many behaviours, so that all
components are used and the window of scores is full. Time is of the last 20,000 events, the median
of blocks of 1,000; memory is what the process has more than before.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from streamgmm import snapshot
from streamgmm.detection import Detector, DetectorSettings

EVENTS, TIMED, BLOCK = 120_000, 20_000, 1_000
ROUNDS = 3
FIRST = (8, 10)  # components and features that ratios are to


def resident() -> float:
    """Return the memory of this process in MB."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def measure(k: int, d: int, covariance: str) -> dict[str, float]:
    """Return microseconds an event, MB of memory and kB of a checkpoint."""
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=6.0, size=(k, d))
    warmup = max(500, 4 * d, 20 * k)
    before = resident()
    settings = DetectorSettings(n_components=k, covariance=covariance, warmup=warmup)
    detector = Detector(d, settings)
    blocks = []
    for at in range(0, EVENTS, BLOCK):
        X = centres[rng.integers(k, size=BLOCK)] + rng.normal(size=(BLOCK, d))
        began = time.process_time()
        detector.process(X)
        if at >= EVENTS - TIMED:
            blocks.append(time.process_time() - began)
    return {
        "us": statistics.median(blocks) / BLOCK * 1e6,
        "mb": resident() - before,
        "kb": len(snapshot.pack(detector.state())) / 1e3,
        "used": float(np.count_nonzero(detector.weights)),
    }


def apart(k: int, d: int, covariance: str) -> dict[str, float]:
    """Measure one size in processes of their own: the least disturbed of them."""
    order = [sys.executable, "-m", "benchmarks.size", "--one", str(k), str(d), covariance]
    found: list[dict[str, float]] = []
    for _ in range(ROUNDS):
        done = subprocess.run(order, stdout=subprocess.PIPE, text=True, check=True)
        found.append(json.loads(done.stdout))
    return min(found, key=lambda one: one["us"])


def main() -> None:
    """Measure all sizes and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--components", type=int, nargs="+", default=[4, 8, 16, 64])
    parser.add_argument("--features", type=int, nargs="+", default=[2, 10, 30, 100])
    parser.add_argument("--covariance", default="full", help="full, tied, diag or spherical")
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        k, d, covariance = asked.one
        print(json.dumps(measure(int(k), int(d), covariance)))
        return
    first = apart(*FIRST, "full")
    print(f"K = {FIRST[0]}, d = {FIRST[1]}, full: {first}", file=sys.stderr)
    print("| K | d | covariance | components used | us/event | ratio | MB | checkpoint, kB |")
    print("|---|---|---|---|---|---|---|---|")
    for k in asked.components:
        for d in asked.features:
            one = apart(k, d, asked.covariance)
            print(
                f"| {k} | {d} | {asked.covariance} | {one['used']:.0f} | {one['us']:.2f} "
                f"| {one['us'] / first['us']:.2g} | {one['mb']:.1f} | {one['kb']:,.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
