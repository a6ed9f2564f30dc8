"""Results made up for tests."""

from __future__ import annotations

from benchmarks.comparison.protocol import Result


def made(
    detector: str,
    name: str,
    seed: int,
    auc: float = 0.9,
    precision: float = 0.5,
    version: str = "1",
    digest: str = "d",
) -> Result:
    """Return a result of 1,000 events that took 1 us each, one more for every seed."""
    seconds = 1e-3 * (1 + seed)
    return Result(
        detector, name, seed, auc, precision, 1_000, seconds, version, digest, seeded=True
    )
