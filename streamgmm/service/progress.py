"""How far a replay is: a bar with the time left on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from streamgmm.words import number, quantity

if TYPE_CHECKING:
    from collections.abc import Callable

    from streamgmm.service.replay import Findings

__all__ = ["ReplayProgress"]

_EVERY: Final = 30.0
# Before that much of a file nobody can tell how long it takes.
_TELLING: Final = 0.01
_log = logging.getLogger(__name__)


class ReplayProgress:
    """Shows progress while it is entered.

    Parameters
    ----------
    console
        Where to; default standard error.
    clock
        Seconds, monotonic.
    """

    def __init__(
        self, console: Console | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console or Console(stderr=True, highlight=False)
        self._clock = clock
        self._began = self._told = clock()
        self._bar = Progress(
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[words]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None, words="")

    def __enter__(self) -> Self:
        self._began = self._told = self._clock()
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()

    def update(self, findings: Findings, fraction: float | None) -> None:
        """Say how far it is; `fraction` of the whole, None where nobody knows."""
        now = self._clock()
        words = _words(findings, fraction, now - self._began)
        if self._console.is_terminal:
            total = None if fraction is None else 1.0
            self._bar.update(self._task, total=total, completed=fraction or 0.0, words=words)
        elif now - self._told >= _EVERY:
            self._told = now
            share = "" if fraction is None else f"{fraction:.0%}, "
            _log.info("replayed %s%s events, %s", share, f"{findings.events:,}", words)


def _words(findings: Findings, fraction: float | None, seconds: float) -> str:
    rate = findings.events / seconds if seconds > 0 else 0.0
    parts = [f"{number(rate)} events/s", f"{findings.alerts:,} alerts"]
    if fraction is not None and fraction >= _TELLING:
        left = seconds * (1.0 - fraction) / fraction
        parts.append(f"{quantity(left, 's', 2)} left")
    return ", ".join(parts)
