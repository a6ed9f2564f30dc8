"""Dead letters in the log: the first of each reason, for a person to see what is wrong."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from streamgmm.service.logs import place

if TYPE_CHECKING:
    from collections import Counter

    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.sinks import OutputSink

__all__ = ["FirstLetters", "counted"]

_log = logging.getLogger(__name__)


class FirstLetters:
    """A sink that warns of the first dead letter of each reason and passes everything on.

    Parameters
    ----------
    sink
        Where outputs go.
    kept
        Whether the job's sink keeps dead letters.
    """

    def __init__(self, sink: OutputSink, *, kept: bool) -> None:
        self._sink = sink
        self._kept = kept
        self._known: set[str] = set()

    @property
    def unconfirmed(self) -> int:
        """How many records were taken since the last flush."""
        return self._sink.unconfirmed

    @property
    def unconfirmed_bytes(self) -> int:
        """How many bytes they come to."""
        return self._sink.unconfirmed_bytes

    @property
    def unanswered(self) -> int:
        """How many of them the sink has not even acknowledged."""
        return self._sink.unanswered

    @property
    def retried(self) -> int:
        """How many records had to be sent again so far."""
        return self._sink.retried

    def flush(self, timeout: float) -> bool:
        """Deliver everything taken; False if that takes more than `timeout` seconds."""
        return self._sink.flush(timeout)

    def close(self) -> None:
        """Let go of files and connections."""
        self._sink.close()

    def take(self, outputs: Outputs) -> None:
        """Warn of what is new among the dead letters, and pass the outputs on."""
        self._sink.take(outputs)
        for letter in outputs.dead_letters:
            if letter.reason in self._known:
                if _log.isEnabledFor(logging.DEBUG):
                    where = place(letter.origin, letter.position)
                    _log.debug("%s is a dead letter: %s", letter.id, letter.detail, extra=where)
                continue
            self._known.add(letter.reason)
            hint = "" if self._kept else "; sink.dead_letters would keep them"
            _log.warning(
                "%s is a dead letter, the first for %s: %s%s",
                letter.id,
                letter.reason,
                letter.detail,
                hint,
                extra=place(letter.origin, letter.position),
            )


def counted(letters: Counter[str]) -> str:
    """Say how many, and for which reasons."""
    parts = ", ".join(f"{count} {reason}" for reason, count in letters.most_common())
    return f"{letters.total()} dead letters{f' ({parts})' if parts else ''}"
