"""Generates labelled network flows: ordinary behaviours with a daily rhythm, and attacks.

Time is event time: the flows are dated one after the other from `start`, `rate` of them a
second in the mean, and the rhythm follows those dates. The same seed gives the same flows,
however many are taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
import numpy as np

from streamgmm.io.attacks import ATTACKS, attacks_of, attacks_starting_in
from streamgmm.io.authorisations import authorisations
from streamgmm.io.behaviours import BEHAVIOURS, Flows
from streamgmm.io.columns import in_order

if TYPE_CHECKING:
    from collections.abc import Iterable

    Flow = dict[str, Any]

FIELDS = (
    "ts",
    "src",
    "dst",
    "proto",
    "dport",
    "duration",
    "bytes_out",
    "bytes_in",
    "packets_out",
    "packets_in",
    "label",
    "kind",
)
"""Members of a flow: seconds since the epoch, addresses, protocol, port, seconds, and what the
client sent (out) and received (in); `label` is 1 for an attack, `kind` names the behaviour."""

START = 1_767_600_000.0
"""Monday, 5 January 2026, 08:00 UTC."""

_WINDOW = 4096  # flows made at a time, in the mean
_LINES = 500
_TICK = 0.05  # seconds; paced, the shortest rest between two writes


def flows(
    *,
    seed: int = 0,
    rate: float = 2.0,
    start: float = START,
    attack_share: float = 0.01,
    attacks: Iterable[str] | None = None,
) -> Iterator[Flow]:
    """Generate flows without end.

    Parameters
    ----------
    seed
        Of the random generator.
    rate
        Flows a second of event time, in the mean over a week.
    start
        Event time of the beginning, seconds since the epoch.
    attack_share
        Share of attack flows in the mean, 0 to 0.5.
    attacks
        Their kinds: of "scan", "flood", "exfiltration", "beaconing"; None for all of them.

    Yields
    ------
    dict
        With the members `FIELDS`, in order of `ts`.

    Examples
    --------
    >>> flow = next(flows(seed=1))
    >>> flow["kind"], flow["label"], flow["proto"]
    ('dns', 0, 'udp')
    """
    if not (rate > 0 and 0 <= attack_share <= 0.5 and seed >= 0):
        raise ValueError(
            f"rate is {rate!r}, attack_share {attack_share!r}, seed {seed!r}; allowed are a rate "
            f"above 0, a share from 0 to 0.5 and a seed from 0 up"
        )
    rng = np.random.default_rng(seed)
    chosen = ATTACKS if attacks is None else attacks_of(attacks)

    def window(begin: float, length: float) -> list[Flows]:
        made = [b.flows(rng, begin, length, rate * (1 - attack_share)) for b in BEHAVIOURS]
        return made + attacks_starting_in(rng, begin, length, rate * attack_share, chosen)

    for now in in_order(window, start, _WINDOW / rate):
        yield from now.events(FIELDS)


STREAMS: dict[str, Callable[..., Iterator[dict[str, Any]]]] = {
    "network": flows,
    "transactions": authorisations,
}
"""What can be generated; each takes a `seed` and a `rate`."""


class LineStream(Protocol):
    """What lines can be written to; a binary file is one."""

    def write(self, lines: bytes, /) -> object:
        """Take whole lines."""

    def flush(self) -> object:
        """See that they go on their way."""


def write_jsonl(
    events: Iterable[Flow],
    stream: LineStream,
    *,
    count: int | None = None,
    rate: float | None = None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Write events as JSON lines; return how many.

    Parameters
    ----------
    count
        Stop after so many; None writes all of them.
    rate
        Events a second of real time; None writes as fast as it goes.
    clock, sleep
        What real time is.
    """
    encoder = msgspec.json.Encoder()
    chosen = islice(events, count)
    written = 0
    began = clock()
    while True:
        due = _LINES
        if rate is not None:
            # Against the beginning, not the last tick: a late tick is made up for.
            elapsed = clock() - began
            due = min(int(elapsed * rate) + 1 - written, _LINES)
            if due <= 0:
                sleep(max(_TICK, written / rate - elapsed))
                continue
        chunk = list(islice(chosen, due))
        if not chunk:
            return written
        stream.write(encoder.encode_lines(chunk))
        written += len(chunk)
        if rate is not None:
            stream.flush()
