"""Bringing a model back to where it was before a block of events that failed half way.

A failure leaves the state half changed, and a copy before every block would cost a small block more
than its events do. So a copy is made now and then, and the records since are kept: the state before
the block is the copy with these learned again, bit for bit, as that is up to the records alone.
"""

from __future__ import annotations

import copy
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from streamgmm.detection import Detector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streamgmm.errors import EventError
    from streamgmm.events import Records
    from streamgmm.service.shards import Shard

__all__ = ["Undo"]

# What a copy takes depends on the model: 70 us of numbers alone, some ms with tables of categories.
# The next one is made once the events since have taken so many times as long,
_SHARE: Final = 50
# and are so many, or so many bytes;
_EVENTS: Final = 4096
_BYTES: Final = 1024 * 1024
# with more of them, in any case.
_MOST_BYTES: Final = 16 * 1024 * 1024
_TRIES: Final = 3
_log = logging.getLogger(__name__)


class Undo:
    """Remembers the recent past of one model.

    Parameters
    ----------
    shard
        The model, with the partitions that feed it.
    """

    def __init__(self, shard: Shard) -> None:
        self._shard = shard
        self._copy: dict[str, Any] | None = None
        self._since: list[tuple[str, Records, Mapping[int, EventError]]] = []
        self._events = self._bytes = 0
        self._seconds = self._began = self._due = 0.0

    def prepare(self) -> None:
        """Make a copy of the state before a block if there is none, or it is time for another."""
        if (
            self._copy is None
            or self._is_time()
            or self._copy["partitions"].keys() != self._shard.pipelines.keys()
        ):
            self.renew()
        self._began = time.perf_counter()

    def _is_time(self) -> bool:
        enough = self._events >= _EVENTS or self._bytes >= _BYTES
        return (enough and self._seconds >= self._due) or self._bytes >= _MOST_BYTES

    def renew(self) -> None:
        """Make a copy of the state as it is now."""
        began = time.perf_counter()
        self._copy = self._shard.state()
        self._due = _SHARE * (time.perf_counter() - began)
        self._since.clear()
        self._events = self._bytes = 0
        self._seconds = 0.0

    def note(
        self, partition: str, records: Records, aside: Mapping[int, EventError], size: int
    ) -> None:
        """Note that the model has seen these records of `size` bytes, some of them `aside`."""
        self._since.append((partition, records, aside))
        self._events += len(records)
        self._bytes += size
        self._seconds += time.perf_counter() - self._began

    def forget(self) -> None:
        """Note that the state changed otherwise."""
        self._copy = None

    def back(self) -> None:
        """Bring the model back to where it was at the last `note`, or the last copy.

        Raises
        ------
        Exception
            What learning again raises, though it did not the first time, three times in a row.
        """
        for tries_left in reversed(range(_TRIES)):
            try:
                self._back()
            except Exception as error:
                if not tries_left:
                    raise
                _log.debug("going back failed: %r", error)
            else:
                return

    def _back(self) -> None:
        assert self._copy is not None
        state = copy.deepcopy(self._copy)
        self._shard.take_over(Detector.from_state(state["detector"]))
        for name, pipeline in self._shard.pipelines.items():
            pipeline.restore(state["partitions"][name])
        for partition, records, aside in self._since:
            self._shard.pipelines[partition].run(records, aside, silently=True)
