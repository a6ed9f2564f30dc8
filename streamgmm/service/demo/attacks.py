"""Attacks on request for the live demonstration, as a probe would see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgmm.io.attacks import exfiltration, flood, scan
from streamgmm.io.behaviours import CLIENTS, OUTSIDE, Flows, make_flows
from streamgmm.io.generate import FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ATTACKS", "flows_of"]

_SLOW_SECONDS: Final = 60.0
_NEW_SECONDS: Final = 180.0
_NEW_RATE: Final = 6.0


def burst(rng: np.random.Generator, begin: float) -> Flows:
    """Let a client scan a server, and outside addresses flood another one, within 20 seconds."""
    return Flows.concatenate([scan(rng, begin, 20), flood(rng, begin + 2.0, 15)])


def slow(rng: np.random.Generator, begin: float) -> Flows:
    """Let a client send large amounts outside, a few seconds apart, for a minute."""
    sent = exfiltration(rng, begin, 9)
    return _dated(sent, begin + _SLOW_SECONDS * np.arange(len(sent.ts)) / len(sent.ts))


def new_behaviour(rng: np.random.Generator, begin: float) -> Flows:
    """Let calls begin: nobody attacks, but nothing of the kind was there before."""
    n = int(_NEW_RATE * _NEW_SECONDS)
    duration = np.exp(rng.normal(4.5, 0.5, n))
    return make_flows(
        ts=begin + _NEW_SECONDS * np.sort(rng.random(n)),
        src=rng.choice(CLIENTS, n),
        dst=np.full(n, rng.choice(OUTSIDE), dtype=object),
        proto="udp",
        dport=3478,
        duration=duration,
        bytes_out=9_000.0 * duration * np.exp(rng.normal(0.0, 0.1, n)),
        bytes_in=9_000.0 * duration * np.exp(rng.normal(0.0, 0.1, n)),
        packets_out=np.rint(50 * duration),
        packets_in=np.rint(50 * duration),
        label=0,
        kind="calls",
    )


def _dated(columns: Flows, ts: np.ndarray[Any, np.dtype[np.float64]]) -> Flows:
    return Flows(**{**{name: getattr(columns, name) for name in FIELDS}, "ts": np.round(ts, 3)})


ATTACKS: Final[dict[str, Callable[[np.random.Generator, float], Flows]]] = {
    "burst": burst,
    "slow": slow,
    "new-behaviour": new_behaviour,
}
"""By name: (random generator, beginning in s since the epoch) -> flows."""


def flows_of(kind: str, rng: np.random.Generator, begin: float) -> list[dict[str, Any]]:
    """Give the flows of an attack as a probe would write them, in order of time."""
    return list(ATTACKS[kind](rng, begin).sorted().events(FIELDS))
