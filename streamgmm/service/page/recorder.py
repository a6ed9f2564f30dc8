"""What the live page shows, recorded as it happens: the loop writes, HTTP reads.

The loop gives it every block of outputs and, once a second, the models. It keeps no event but a
few, in memory that does not grow with time, and nothing of it is state: it shapes no output, and a
restart begins a new record.
"""

from __future__ import annotations

import math
import time
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from streamgmm.service.page.book import Book, Kept, Row
from streamgmm.service.page.fields import CategoryShares
from streamgmm.service.page.history import Event, History, columns, summed_up
from streamgmm.service.page.mixture import MixtureHistory, shown, told

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamgmm.detection import Detector
    from streamgmm.events import Batch, Schema
    from streamgmm.service.likeness import Likeness
    from streamgmm.service.page.history import Bucket
    from streamgmm.service.pipeline import Outputs

__all__ = ["ALL", "Recorder"]

ALL: Final = ""
"""Names all models together."""

_WATCHED_SECONDS: Final = 15.0
_MOST_EVENT_BYTES: Final = 4096
_MOST_ABSENT: Final = 8


class Recorder:
    """The record of one worker; thread-safe.

    Parameters
    ----------
    schema
        Of the events.
    clock
        Seconds since the epoch: when blocks arrive.
    """

    def __init__(self, schema: Schema, clock: Callable[[], float] = time.time) -> None:
        self.schema = schema
        self.clock = clock
        self._shares = CategoryShares(schema)
        self._lock = Lock()
        self._histories: dict[str, History] = {}
        self._mixtures: dict[str, MixtureHistory] = {}
        self._thresholds: dict[str, float] = {}
        self._book = Book()
        self._recorded: dict[str, int] = {}  # partitions, and the next position of each
        self._again: dict[str, int] = {}  # of those that come again: where what is new begins
        self._absent: list[str] = []  # models that have left, the latest last
        self._watched_at = -math.inf

    # ---- the loop ---------------------------------------------------------------------------

    def take(self, model: str, outputs: Outputs, detector: Detector) -> None:
        """Record what came of a block of a model's events."""
        verdicts, batch = outputs.verdicts, outputs.batch
        if not len(batch) or (begin := self._first_new(batch)) == len(batch):
            return
        row = begin + int(verdicts.score[begin:].argmax())
        raw = batch.raw[row]
        strangest = Event(
            float(verdicts.score[row]),
            batch.id(row),
            batch.key(row),
            float(batch.time[row]),
            raw if len(raw) <= _MOST_EVENT_BYTES else None,
            batch.decoder,
        )
        threshold = detector.threshold
        alerts = [(at, record) for at, record in outputs.alerts if at >= begin]
        block = summed_up(verdicts.score[begin:], len(alerts), threshold, strangest)
        ids = None if detector.mixture is None else detector.mixture.ids
        now = self.clock()
        with self._lock:
            self._note_present(model)
            self._add(model, now, block)
            cloud = self._mixture(model).cloud
            cloud.add(batch.X[begin:], [at - begin for at, _ in alerts], now)
            for at, record in alerts:
                component = None if ids is None else int(ids[record.component])
                shares = self._shares.of(batch, at)
                moment = now if math.isnan(batch.time[at]) else float(batch.time[at])
                self._book.take(model, Kept(record, component, shares, moment))

    def start_over(self) -> None:
        """Note that what came last may come again: none of it is recorded twice."""
        self._again |= self._recorded

    def _first_new(self, batch: Batch) -> int:
        """Give the first row that was not recorded before, and note how far the batch goes."""
        origin, end = batch.origin, int(batch.positions[-1]) + 1
        again = self._again.get(origin, 0)
        if end >= again:
            self._again.pop(origin, None)
            self._recorded[origin] = end
        return int(np.searchsorted(batch.positions, again))

    def _add(self, model: str, now: float, block: Bucket) -> None:
        if model not in self._histories:
            self._begin(model)
        own, of_all = self._histories[model], self._histories[ALL]
        own.add(block, now)
        self._thresholds[model] = block.threshold
        if of_all is not own:
            # All models together alert from the lowest of their thresholds on.
            block.threshold = min(self._thresholds.values())
            of_all.add(block, now)

    def _begin(self, model: str) -> None:
        """Begin a model's history; that of the only one is that of all."""
        if not self._histories:
            self._histories[ALL] = self._histories[model] = History()
            return
        self._histories[ALL] = self._histories[ALL].copy()
        self._histories[model] = History()

    def show(self, models: Mapping[str, Detector]) -> None:
        """Record how the models stand; to be called about once a second."""
        now = self.clock()
        watched = abs(now - self._watched_at) < _WATCHED_SECONDS
        with self._lock:
            for name, detector in models.items():
                self._note_present(name)
                self._mixture(name).look(detector, now, watched=watched)
                self._book.follow(name, detector.incidents)

    def forget(self, model: str) -> None:
        """Note that a model has left. The latest that have are kept, as they often come back."""
        with self._lock:
            self._thresholds.pop(model, None)
            self._note_present(model)
            self._absent.append(model)
            if len(self._absent) > _MOST_ABSENT:
                gone = self._absent.pop(0)
                self._histories.pop(gone, None)
                self._mixtures.pop(gone, None)
                self._book.forget(gone)

    def _note_present(self, model: str) -> None:
        if model in self._absent:
            self._absent.remove(model)

    def _mixture(self, model: str) -> MixtureHistory:
        if model not in self._mixtures:
            self._mixtures[model] = MixtureHistory(self.schema)
        return self._mixtures[model]

    # ---- HTTP -------------------------------------------------------------------------------

    def models(self) -> list[str]:
        """Name the models."""
        with self._lock:
            return sorted(set(self._mixtures) - set(self._absent))

    def history(self, model: str, *, span: float, points: int, since: float) -> dict[str, Any]:
        """Give the scores of a model, or of `ALL`, from `since` on, in columns.

        Raises
        ------
        KeyError
            If there is no such model.
        """
        with self._lock:
            width, buckets = self._read(model, since, span, points)
        return {
            **columns(width, buckets),
            "strangest": [_brief(one.strangest) for one in buckets],
        }

    def strangest(self, model: str, *, span: float, points: int, start: float) -> Event | None:
        """Give the strangest event of the bucket at `start`; KeyError: no such model."""
        with self._lock:
            _, buckets = self._read(model, start, span, points)
        return next((one.strangest for one in buckets if one.start == start), None)

    def _read(self, model: str, since: float, span: float, points: int) -> tuple[int, list[Bucket]]:
        history = self._histories[model] if self._histories or model else History()
        return history.read(since, span, points)

    def rate(self, model: str) -> float:
        """Give events a second over the latest ten."""
        now = self.clock()
        with self._lock:
            history = self._histories.get(model)
            return 0.0 if history is None else history.rate(now)

    def rows(self, model: str, *, after: int, most: int) -> tuple[int, list[Row]]:
        """Give the rows of the table that changed after a version, and the version they reach."""
        with self._lock:
            return self._book.version, self._book.rows(model or None, after, most)

    def opened(self, name: str) -> dict[str, Any] | None:
        """Give a row of the table with its records, each with its component; None: not kept.

        An incident's own component is given as well.
        """
        self._watch()
        with self._lock:
            found = self._book.find(name)
            if found is None:
                return None
            row, records = msgspec.structs.replace(found[0]), found[1]
            mixture = self._mixtures.get(row.model)
            now = None if mixture is None else mixture.sight(day=False).now
        return {
            "row": row,
            "component": _component(now, row.behaviour),
            "records": [
                {
                    "record": kept.record,
                    "component": _component(now, kept.component_id),
                    "shares": kept.shares,
                }
                for kept in records
            ],
        }

    def mixture(self, model: str, x: str | None, y: str | None, *, day: bool) -> dict[str, Any]:
        """Give the mixture of a model in the plane of two columns; KeyError: no such model."""
        self._watch()
        with self._lock:
            sight = self._mixtures[model].sight(day=day)
        return shown(sight, x, y)

    def _watch(self) -> None:
        self._watched_at = self.clock()


def _brief(event: Event | None) -> dict[str, Any] | None:
    if event is None:
        return None
    at = None if math.isnan(event.time) else round(event.time, 3)
    return {"id": event.id, "key": event.key, "time": at}


def _component(now: tuple[float, Likeness] | None, name: int | None) -> dict[str, Any] | None:
    """Describe the component of an identity as it is now; None if it is gone."""
    if now is None or name is None:
        return None
    for component in now[1].components():
        if component.id == name:
            return told(component)
    return None
