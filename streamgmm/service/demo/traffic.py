"""Generated flows as if they came now, with attacks among them when somebody asks for one.

The flows are those of a Monday morning, dated from the beginning of the demonstration on.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from streamgmm.io.generate import START, flows
from streamgmm.service.demo.attacks import flows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    Flow = dict[str, Any]

__all__ = ["Traffic"]

_MORNING: Final = START + 2 * 3600.0  # 10:00, when the office is at work
_BUSY: Final = 2.4  # so many times the mean rate of a week


class Traffic:
    """Flows in order of time.

    Parameters
    ----------
    rate
        Flows a second at working hours.
    begin
        When they begin, seconds since the epoch.
    seed
        Of flows and attacks.
    """

    def __init__(self, *, rate: float, begin: float, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._shift = begin - _MORNING
        self._ordinary = self._shifted(
            flows(seed=seed, rate=rate / _BUSY, start=_MORNING, attack_share=0.0)
        )
        self._next = next(self._ordinary)
        self._asked: deque[str] = deque()  # from HTTP's threads
        self._coming: list[Flow] = []

    def ask(self, kind: str) -> None:
        """Let an attack begin with the next block; from any thread."""
        self._asked.append(kind)

    def until(self, now: float) -> list[Flow]:
        """Give all flows up to `now`, seconds since the epoch, that were not given yet."""
        given = []
        while self._next["ts"] <= now:
            given.append(self._next)
            self._next = next(self._ordinary)
        while self._asked:
            self._coming += flows_of(self._asked.popleft(), self._rng, now)
        due = [flow for flow in self._coming if flow["ts"] <= now]
        if due:
            self._coming = [flow for flow in self._coming if flow["ts"] > now]
            given = sorted(given + due, key=lambda flow: flow["ts"])
        return given

    def _shifted(self, ordinary: Iterator[Flow]) -> Iterator[Flow]:
        for flow in ordinary:
            flow["ts"] = round(flow["ts"] + self._shift, 3)
            yield flow
