"""The events of the benchmarks over Kafka: about 200 bytes of JSON, with ten features."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from benchmarks.kafka_loops import FEATURES


def events(count: int, seed: int) -> Iterator[bytes]:
    """Yield JSON events of three behaviours and, one in a hundred, a strange one."""
    rng = np.random.default_rng(seed)
    centre = 4.0 * rng.normal(size=(3, FEATURES))
    for start in range(0, count, 10_000):
        n = min(10_000, count - start)
        X = centre[rng.integers(3, size=n)] + rng.normal(size=(n, FEATURES))
        X[rng.random(n) < 0.01] += 6.0
        for i, row in enumerate(X.round(6).tolist(), start):
            yield msgspec.json.encode(
                {"id": f"{i:012d}", "source": f"sensor-{i % 1000:03d}.example"}
                | {f"f{j}": x for j, x in enumerate(row)}
            )
