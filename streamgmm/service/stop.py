"""How a running service is asked to stop: by SIGTERM or SIGINT, and then in good order."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Stop", "StopRequested"]

_AT_ONCE: Final = (
    b"streamgmm: ended at once by a second signal; what was not delivered is done again at the "
    b"next start\n"
)


class StopRequested(Exception):  # noqa: N818 - it is no error
    """Somebody asked to stop before the work has begun."""


class Stop:
    """A request to stop, once made never taken back.

    Attributes
    ----------
    signal
        The signal that made it, None if there was none.
    """

    def __init__(self) -> None:
        self._event = threading.Event()
        self._since = 0.0
        self.signal: int | None = None

    def set(self) -> None:
        """Ask to stop."""
        self._since = time.monotonic()
        self._event.set()

    def is_set(self) -> bool:
        """Whether somebody asked."""
        return self._event.is_set()

    def check(self) -> None:
        """Raise `StopRequested` if somebody asked."""
        if self.is_set():
            raise StopRequested

    def wait(self, timeout: float) -> bool:
        """Wait until somebody asks, `timeout` seconds at most."""
        return self._event.wait(timeout)

    def overdue(self, patience: float) -> bool:
        """Whether somebody asked more than `patience` seconds ago."""
        return self.is_set() and time.monotonic() - self._since > patience

    def left(self, patience: float) -> float:
        """Give how much of `patience` seconds is left since somebody asked; all if nobody has."""
        return patience - (time.monotonic() - self._since) if self.is_set() else patience

    @contextlib.contextmanager
    def on_signals(self, *, at_once: bool = False) -> Iterator[None]:
        """Let SIGTERM and SIGINT ask; a second one interrupts.

        With `at_once` it ends the process there and then, as a crash would.
        """

        def ask(number: int, _: Any) -> None:
            if self.is_set():
                if at_once:
                    _end_at_once(number)
                raise KeyboardInterrupt
            self.signal = number
            self.set()

        earlier = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in earlier.items():
                signal.signal(number, handler)


def _end_at_once(number: int) -> NoReturn:
    """End as after a crash: closing in good order is what the second signal has no time for."""
    os.write(2, _AT_ONCE)
    os._exit(128 + number)
