"""Ordinary behaviours of a small office network, made many flows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.io.columns import DAY, HOUR, Columns

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[Any]

CLIENTS = np.array([f"10.0.{net}.{host}" for net in (1, 2, 3) for host in range(10, 60)], object)
SERVERS = np.array([f"10.0.10.{host}" for host in range(5, 25)], object)
OUTSIDE = np.array([f"203.0.113.{host}" for host in range(1, 255)], object)


@dataclass(frozen=True, slots=True)
class Flows(Columns):
    """n flows."""

    src: Array
    dst: Array
    proto: Array
    dport: Array
    duration: Array
    bytes_out: Array
    bytes_in: Array
    packets_out: Array
    packets_in: Array
    label: Array
    kind: Array


def make_flows(
    *,
    ts: Array,
    src: Array,
    dst: Array,
    proto: str,
    dport: Array | int,
    duration: Array,
    bytes_out: Array,
    bytes_in: Array,
    packets_out: Array | None = None,
    packets_in: Array | None = None,
    label: int,
    kind: str,
) -> Flows:
    """Return n flows, sizes as whole numbers and times as a probe would write them.

    Packets left out follow from the bytes, 1,400 to a packet.
    """
    n = len(ts)
    out, back = np.rint(bytes_out).astype(np.int64), np.rint(bytes_in).astype(np.int64)
    return Flows(
        ts=np.round(ts, 3),
        src=src,
        dst=dst,
        proto=np.full(n, proto, dtype=object),
        dport=np.broadcast_to(np.asarray(dport, dtype=np.int64), (n,)),
        duration=np.round(duration, 6),
        bytes_out=out,
        bytes_in=back,
        packets_out=-(-out // 1400) if packets_out is None else packets_out.astype(np.int64),
        packets_in=-(-back // 1400) if packets_in is None else packets_in.astype(np.int64),
        label=np.full(n, label, dtype=np.int64),
        kind=np.full(n, kind, dtype=object),
    )


def office_hours(ts: Array) -> Array:
    """Intensity 0 to 1: high from 8 to 18 on weekdays, a tenth at night, low at weekends."""
    hour = ts % DAY / HOUR
    rise, fall = 1 / (1 + np.exp(-2 * (hour - 8))), 1 / (1 + np.exp(2 * (hour - 18)))
    weekday = (ts // DAY + 3) % 7 < 5  # the epoch was a Thursday
    return np.asarray(0.1 + 0.9 * rise * fall * np.where(weekday, 1.0, 0.15))


def after_midnight(ts: Array) -> Array:
    """Intensity 0 to 1: a bell about 02:30, with a width of half an hour."""
    hour = ts % DAY / HOUR
    return np.asarray(np.exp(-0.5 * ((hour - 2.5) / 0.5) ** 2))


def steady(ts: Array) -> Array:
    """Intensity 1 at all times."""
    return np.ones(len(ts))


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One kind of ordinary traffic; sizes and durations are log-normal.

    Attributes
    ----------
    share
        Of all ordinary flows, in the mean over a week.
    rhythm
        Event times -> intensity from 0 to 1.
    dst
        Addresses to choose from.
    duration, bytes_out, bytes_in
        Median and spread (standard deviation of the logarithm).
    coupling
        Correlation of the logarithms of duration and of both sizes.
    """

    kind: str
    share: float
    rhythm: Callable[[Array], Array]
    proto: str
    dport: int
    dst: Array
    duration: tuple[float, float]
    bytes_out: tuple[float, float]
    bytes_in: tuple[float, float]
    coupling: float = 0.5

    def flows(self, rng: np.random.Generator, begin: float, length: float, rate: float) -> Flows:
        """Return the flows of a window of time: a Poisson process thinned by the rhythm."""
        peak = rate * self.share / _mean_intensity(self.rhythm)
        ts = begin + length * rng.random(rng.poisson(peak * length))
        ts = ts[rng.random(len(ts)) < self.rhythm(ts)]
        n = len(ts)
        shared = rng.standard_normal(n)

        def size(median: float, spread: float) -> Array:
            own = rng.standard_normal(n)
            z = np.sqrt(self.coupling) * shared + np.sqrt(1 - self.coupling) * own
            return np.asarray(median * np.exp(spread * z))

        return make_flows(
            ts=ts,
            src=rng.choice(CLIENTS, n),
            dst=rng.choice(self.dst, n),
            proto=self.proto,
            dport=self.dport,
            duration=size(*self.duration),
            bytes_out=40 + size(*self.bytes_out),
            bytes_in=40 + size(*self.bytes_in),
            label=0,
            kind=self.kind,
        )


def _mean_intensity(rhythm: Callable[[Array], Array]) -> float:
    return float(rhythm(np.arange(0.0, 7 * DAY, 600.0)).mean())


BEHAVIOURS = (
    Behaviour("web", 0.45, office_hours, "tcp", 443, OUTSIDE,
              (0.8, 1.0), (1_500, 0.8), (18_000, 1.4)),
    Behaviour("dns", 0.25, office_hours, "udp", 53, SERVERS,
              (0.02, 0.7), (45, 0.2), (120, 0.4)),
    Behaviour("mail", 0.08, office_hours, "tcp", 993, OUTSIDE,
              (2.0, 0.9), (3_000, 1.1), (9_000, 1.3)),
    Behaviour("ssh", 0.04, office_hours, "tcp", 22, SERVERS,
              (240.0, 1.2), (9_000, 1.1), (14_000, 1.1), 0.8),
    Behaviour("database", 0.10, office_hours, "tcp", 5432, SERVERS,
              (0.15, 0.8), (700, 0.6), (5_000, 1.2)),
    Behaviour("monitoring", 0.06, steady, "tcp", 9100, SERVERS,
              (0.05, 0.3), (250, 0.1), (6_000, 0.15)),
    Behaviour("backup", 0.02, after_midnight, "tcp", 873, SERVERS,
              (60.0, 0.8), (40_000_000, 1.0), (20_000, 0.6), 0.9),
)  # fmt: skip
