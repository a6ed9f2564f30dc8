"""Streams that break sums, scales and assumptions; docs/hard-streams.md says what happens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.mixture.streams import Array

N, WARMUP = 800, 150  # events, of which so many are collected before the fit
LATER = 400  # where a stream changes


def normal(d: int = 4, *, n: int = N, seed: int = 0) -> Array:
    return np.random.default_rng([seed, d]).normal(size=(n, d))


def some(share: float, shape: tuple[int, ...] = (N,), *, seed: int = 9) -> Array:
    return np.random.default_rng(seed).random(shape) < share


def with_column(values: Array, *, later: Array | None = None, d: int = 4) -> Array:
    """Return normal events whose column 2 takes these values, from LATER on others."""
    X = normal(d)
    X[:, 2] = values
    if later is not None:
        X[LATER:, 2] = later[LATER:]
    return X


def struck(size: float, *, share: float = 0.125, start: int = 0) -> Array:
    """Return normal events, some of which (100 of 800) are at +-size in every feature."""
    X = normal()
    hit = some(share) & (np.arange(N) >= start)
    X[hit] = size * np.random.default_rng(1).choice([-1.0, 1.0], size=(int(hit.sum()), 4))
    return X


def shifted_from(start: int, by: float, *, scale: float = 1.0) -> Array:
    X = normal()
    X[start:] = scale * X[start:] + by
    return X


def contaminated() -> Array:
    X = normal()
    X[:WARMUP][some(0.3, (WARMUP,))] += 15.0
    return X


def missing(share: float, d: int = 6) -> Array:
    return np.where(some(share, (N, d)), np.nan, normal(d))


def collinear() -> Array:
    X = normal()
    X[:, 1], X[:, 2] = X[:, 0], -3.0 * X[:, 0]
    return X


Z = normal(1)[:, 0]
NOTHING = np.full(N, np.nan)

STREAMS: dict[str, Callable[[], Array]] = {
    "constant features": lambda: with_column(np.full(N, 7.0)) * [1.0, 0.0, 1.0, 1.0],
    "integers with few values": lambda: some(0.5, (N, 3)) + 1.0 * some(0.1, (N, 3), seed=2),
    "offset of 1e9": lambda: normal() + 1e9,
    "90% missing": lambda: missing(0.9),
    "nothing but missing": lambda: np.full((N, 3), np.nan),
    "a feature never seen": lambda: with_column(NOTHING),
    "a feature seen late": lambda: with_column(NOTHING, later=Z),
    "a feature not seen any more": lambda: with_column(Z, later=NOTHING),
    "regime change": lambda: shifted_from(LATER, 40.0, scale=3.0),
    "level shift of 1e9": lambda: shifted_from(LATER, 1e9),
    "30% contamination in the warm-up": contaminated,
    "all equal": lambda: np.full((N, 3), 4.25),
    "all zero": lambda: np.zeros((N, 3)),
    "all equal but one": lambda: np.where(np.arange(N)[:, None] == LATER, 5.0, np.ones((N, 2))),
    "one feature": lambda: normal(1),
    "100 gross outliers": lambda: struck(1e4),
    "100 outliers at 1e8": lambda: struck(1e8),
    "values of 1e300": lambda: struck(1e300),
    "nothing but 1e300": lambda: np.where(some(0.5, (N, 3)), 1e300, -1e300),
    "the largest numbers": lambda: np.where(some(0.01, (N, 3)), 1.79e308, -1.79e308),
    "scales of 1 and 1e12 in turn": lambda: (
        normal() * np.where(np.arange(N) % 2, 1.0, 1e12)[:, None]
    ),
    "scales of 1 and 1e150 in turn": lambda: (
        normal() * np.where(np.arange(N) % 2, 1.0, 1e150)[:, None]
    ),
    "features 1e200 apart": lambda: normal() * [1e-100, 1.0, 1e3, 1e100],
    "denormals": lambda: normal() * 1e-310,
    "a feature that becomes constant": lambda: with_column(Z, later=np.full(N, Z[0])),
    "a constant that starts to vary": lambda: with_column(np.full(N, 5.0), later=5.0 + Z),
    "a constant that varies by 1e-6": lambda: with_column(np.full(N, 5.0), later=5.0 + 1e-6 * Z),
    "a constant that varies by 1e6": lambda: with_column(np.full(N, 5.0), later=5.0 + 1e6 * Z),
    "collinear features": collinear,
    "random walk": lambda: np.cumsum(normal(2), axis=0),
    "log-normal, sigma 4": lambda: np.exp(4.0 * normal()),
    "Cauchy": lambda: np.random.default_rng(5).standard_cauchy((N, 3)),
}
