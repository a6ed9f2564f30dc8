"""What to say while outputs wait: a sink that is slow is not one that accepts nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from streamgmm.service.sinks import OutputSink

__all__ = ["Stall"]

# So long without an acknowledgement and the sink counts as one that accepts nothing.
_DEAF_SECONDS: Final = 10.0


class Stall:
    """Looks at a sink now and then while outputs wait for it."""

    def __init__(self, sink: OutputSink) -> None:
        self._sink = sink
        self._unanswered: int | None = None
        self._moved_at = 0.0

    def end(self) -> None:
        """Note that nothing waits."""
        self._unanswered = None

    def trouble(self) -> tuple[str, str]:
        """Say what the sink does, and how much waits for it."""
        if not self._sink.unconfirmed:
            return "positions cannot be committed: the brokers do not answer", ""
        now, unanswered = time.monotonic(), self._sink.unanswered
        if unanswered != self._unanswered:
            self._unanswered, self._moved_at = unanswered, now
        if now - self._moved_at < _DEAF_SECONDS:
            what = "the sink is slow"
        else:
            what = "outputs cannot be delivered: the sink does not accept them"
        size = self._sink.unconfirmed_bytes / 1e6
        waiting = f"{self._sink.unconfirmed:,} outputs wait ({size:.1f} MB)"
        return what, f"; {waiting}, and no events are read meanwhile"
