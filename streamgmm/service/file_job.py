"""The job over a file or standard input: to the end, then out."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from streamgmm.io.files import FileSource
from streamgmm.service.dead_letters import counted
from streamgmm.service.logs import place
from streamgmm.service.shards import Start

if TYPE_CHECKING:
    from streamgmm.config import FileInput
    from streamgmm.events import Records
    from streamgmm.service.job import Parts
    from streamgmm.service.stop import Stop

__all__ = ["FileJob", "open_source"]

# What a file is recognised by when a job goes on where it was.
_HEAD_BYTES: Final = 64 * 1024
_MOST_UNCONFIRMED: Final = 100_000
_log = logging.getLogger(__name__)


def open_source(source: FileInput, stop: Stop, after: int = 0) -> FileSource:
    """Open the configured file, past its first `after` lines; `stop` ends the wait for a pipe."""
    return FileSource(
        source.path,
        format=source.format,  # type: ignore[arg-type]  # the configuration's rule allows no other
        batch_size=source.batch_size,
        after=after,
        idle=0.25,
        stopped=stop.is_set,
    )


class FileJob:
    """Takes a file through the models and into the sink.

    Parameters
    ----------
    source
        What to read.
    opened
        The same, opened at its beginning; closed by `run`.
    parts
        What the job works with.
    """

    def __init__(self, source: FileInput, opened: FileSource, parts: Parts) -> None:
        self._source = source
        self._opened = opened
        self._origin = opened.origin
        self._models = parts.models
        self._sink = parts.sink
        self._house = parts.house
        self._tracer = parts.tracer
        self._stop = parts.stop
        self.events = 0
        self.alerts = 0
        self.dead_letters: Counter[str] = Counter()  # by reason

    def run(self) -> None:
        """Process to the end of the file, or until asked to stop; then settle everything."""
        with self._opened, self._begin() as records:
            self._house.trouble(None)
            for batch in records:
                if batch:
                    self._process(batch)
                if self._stop.is_set():
                    break
                self._keep_house()
        if self._delivered():
            self._remember_head()
            self._house.checkpoint()
        self._tracer.end()
        self._house.show()
        _log.info(
            "%s: %d events, %d alerts, %s",
            self._origin,
            self.events,
            self.alerts,
            counted(self.dead_letters),
        )
        self._house.require_delivery()

    def _begin(self) -> FileSource:
        """Restore the model and give the source past the lines that are done."""
        start = Start(due=None, first=0, end=None, fallback=0)
        position = self._models.open(self._origin, {self._origin: start})[self._origin]
        if position and not self._same_file(self._models.mark(self._origin)):
            _log.info(
                "%s is not the file that the checkpoint knows: read from its beginning, by the "
                "model as it was",
                self._origin,
            )
            self._models.restart(self._origin)
            position = 0
        if not position:
            return self._opened
        where = place(self._origin, position)
        _log.info("%s: going on after line %d", self._origin, position - 1, extra=where)
        self._opened.close()
        return open_source(self._source, self._stop, after=position - 1)

    def _process(self, batch: Records) -> None:
        with self._tracer.step("process", messages=len(batch)) as step:
            came = self._models.process(self._origin, batch)
            step.alerted(batch, came)
        for outputs in came:
            self._sink.take(outputs)
            self.events += len(outputs.batch)
            self.alerts += len(outputs.alerts)
            self.dead_letters.update(letter.reason for letter in outputs.dead_letters)

    def _keep_house(self) -> None:
        self._house.obey()
        due = self._house.checkpoint_is_due()
        if due or self._sink.unconfirmed > _MOST_UNCONFIRMED or self._house.show_is_due():
            delivered = self._delivered()
            self._house.show()
            if due and delivered:
                self._remember_head()
                self._house.checkpoint()
            self._tracer.end()

    def _delivered(self) -> bool:
        with self._tracer.step("commit") as step:
            waiting = self._sink.unconfirmed
            step.note(outputs=waiting)
            if not waiting:
                step.drop()
            return self._house.deliver()

    def _remember_head(self) -> None:
        self._models.mark(self._origin).update(_head_of(self._source.path, _HEAD_BYTES))

    def _same_file(self, mark: dict[str, Any]) -> bool:
        now = _head_of(self._source.path, int(mark.get("bytes", 0)))
        return bool(now) and now == mark


def _head_of(path: str, size: int) -> dict[str, Any]:
    """Describe a file's first `size` bytes; nothing for standard input and pipes."""
    if path == "-" or not Path(path).is_file():
        return {}
    with Path(path).open("rb") as file:
        head = file.read(size)
    return {"bytes": len(head), "blake2b": hashlib.blake2b(head, digest_size=16).hexdigest()}
