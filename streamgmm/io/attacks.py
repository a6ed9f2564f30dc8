"""Attacks among the flows: in bursts (scan, flood) and scattered (exfiltration, beaconing)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from streamgmm.io.behaviours import CLIENTS, OUTSIDE, SERVERS, Flows, make_flows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Attack:
    """One kind of attack.

    Attributes
    ----------
    share
        Of all attack flows, in the mean.
    flows
        Fewest and most flows of one episode.
    make
        (random generator, beginning, number of flows) -> the flows of an episode.
    """

    kind: str
    share: float
    flows: tuple[int, int]
    make: Callable[[np.random.Generator, float, int], Flows]


def scan(rng: np.random.Generator, begin: float, n: int) -> Flows:
    """One client tries many ports of one server within a minute; few answer."""
    return make_flows(
        ts=begin + np.cumsum(rng.exponential(0.3, n)),
        src=np.full(n, rng.choice(CLIENTS), dtype=object),
        dst=np.full(n, rng.choice(SERVERS), dtype=object),
        proto="tcp",
        dport=rng.permutation(np.arange(1, 10_001))[:n],
        duration=rng.exponential(0.002, n),
        bytes_out=rng.choice([40.0, 44.0, 60.0], n),
        bytes_in=rng.choice([0.0, 40.0], n, p=[0.3, 0.7]),
        label=1,
        kind="scan",
    )


def flood(rng: np.random.Generator, begin: float, n: int) -> Flows:
    """Many outside addresses send packets to one server, which no longer answers."""
    packets = rng.poisson(900, n) + 100
    return make_flows(
        ts=begin + 20 * np.sort(rng.random(n)),
        src=rng.choice(OUTSIDE, n),
        dst=np.full(n, rng.choice(SERVERS), dtype=object),
        proto="udp",
        dport=443,
        duration=rng.uniform(1.0, 3.0, n),
        bytes_out=60.0 * packets,
        bytes_in=np.zeros(n),
        packets_out=packets,
        label=1,
        kind="flood",
    )


def exfiltration(rng: np.random.Generator, begin: float, n: int) -> Flows:
    """One client sends large amounts outside, some minutes apart."""
    sent = 3e7 * np.exp(0.8 * rng.standard_normal(n))
    return make_flows(
        ts=begin + np.cumsum(rng.exponential(600.0, n)),
        src=np.full(n, rng.choice(CLIENTS), dtype=object),
        dst=np.full(n, rng.choice(OUTSIDE), dtype=object),
        proto="tcp",
        dport=443,
        duration=sent / rng.uniform(2e5, 2e6, n),
        bytes_out=sent,
        bytes_in=sent * rng.uniform(0.001, 0.003, n),
        label=1,
        kind="exfiltration",
    )


def beaconing(rng: np.random.Generator, begin: float, n: int) -> Flows:
    """One client calls outside at even intervals and gets little back."""
    interval = rng.uniform(60.0, 300.0)
    return make_flows(
        ts=begin + interval * (np.arange(n) + 0.02 * rng.standard_normal(n)).clip(0),
        src=np.full(n, rng.choice(CLIENTS), dtype=object),
        dst=np.full(n, rng.choice(OUTSIDE), dtype=object),
        proto="tcp",
        dport=8443,
        duration=30.0 + rng.normal(0.0, 0.5, n).clip(-5, 5),
        bytes_out=512.0 + rng.integers(0, 3, n),
        bytes_in=128.0 + rng.integers(0, 2, n),
        label=1,
        kind="beaconing",
    )


ATTACKS = (
    Attack("scan", 0.35, (20, 80), scan),
    Attack("flood", 0.35, (30, 120), flood),
    Attack("exfiltration", 0.10, (3, 9), exfiltration),
    Attack("beaconing", 0.20, (12, 48), beaconing),
)


def attacks_of(kinds: Iterable[str]) -> tuple[Attack, ...]:
    """Return the attacks of some kinds alone; their shares are of all attack flows again.

    Raises
    ------
    ValueError
        If there is no attack of such a kind, or none is named.
    """
    wanted = set(kinds)
    unknown = wanted - {attack.kind for attack in ATTACKS}
    if unknown or not wanted:
        allowed = ", ".join(attack.kind for attack in ATTACKS)
        raise ValueError(f"attacks are {sorted(wanted)}; allowed are one or more of {allowed}")
    chosen = [attack for attack in ATTACKS if attack.kind in wanted]
    whole = sum(attack.share for attack in chosen)
    return tuple(replace(attack, share=attack.share / whole) for attack in chosen)


def attacks_starting_in(
    rng: np.random.Generator,
    begin: float,
    length: float,
    rate: float,
    attacks: tuple[Attack, ...] = ATTACKS,
) -> list[Flows]:
    """Return the episodes that start in a window of time, each whole.

    `rate` is attack flows a second, in the mean.
    """
    episodes = []
    for attack in attacks:
        low, high = attack.flows
        expected = rate * attack.share / ((low + high) / 2) * length
        for _ in range(rng.poisson(expected)):
            n = int(rng.integers(low, high + 1))
            episodes.append(attack.make(rng, begin + length * rng.random(), n))
    return episodes
