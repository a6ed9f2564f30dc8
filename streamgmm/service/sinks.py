"""Where outputs go: files (or standard output), or Kafka topics."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from streamgmm.errors import StreamGMMError
from streamgmm.io.files import FileSink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.config import FileOutput, KafkaOutput
    from streamgmm.events import DeadLetter
    from streamgmm.io.client import Sink, Transactions
    from streamgmm.service.pipeline import Outputs

__all__ = ["FileOutputs", "KafkaOutputs", "OutputSink"]

_log = logging.getLogger(__name__)


class OutputSink(Protocol):
    """Takes outputs; they count as delivered when `flush` returns True."""

    @property
    def unconfirmed(self) -> int:
        """How many records were taken since the last flush."""

    @property
    def unconfirmed_bytes(self) -> int:
        """How many bytes they come to, where they are kept in memory."""

    @property
    def unanswered(self) -> int:
        """How many of them the sink has not even acknowledged."""

    @property
    def retried(self) -> int:
        """How many records had to be sent again so far."""

    def take(self, outputs: Outputs) -> None:
        """Take what came of one block of records."""

    def flush(self, timeout: float) -> bool:
        """Deliver everything taken; False if that takes more than `timeout` seconds."""

    def close(self) -> None:
        """Let go of files and connections."""


class FileOutputs:
    """JSON lines to files; paths that are the same share one file.

    Parameters
    ----------
    sink
        The paths.
    append
        Go on after what the files hold, or begin them anew.
    """

    retried = unconfirmed_bytes = 0

    def __init__(self, sink: FileOutput, *, append: bool = True) -> None:
        paths = (sink.scores, sink.alerts, sink.dead_letters)
        self._files = {path: FileSink(path, append=append) for path in set(paths) if path}
        self._scores, self._alerts, self._dead_letters = map(self._files.get, paths)
        self.unconfirmed = 0

    @property
    def unanswered(self) -> int:
        """How many records were taken since the last flush."""
        return self.unconfirmed

    def take(self, outputs: Outputs) -> None:
        """Write to the files' buffers."""
        with _write_errors():
            if self._scores is not None:
                self._scores.write(outputs.scores)
            if self._alerts is not None:
                self._alerts.write(msgspec.json.encode(record) for _, record in outputs.alerts)
            if self._dead_letters is not None:
                self._dead_letters.write(
                    msgspec.json.encode(letter.as_dict()) for letter in outputs.dead_letters
                )
        self.unconfirmed += len(outputs.scores) + len(outputs.alerts) + len(outputs.dead_letters)

    def flush(self, timeout: float) -> bool:  # noqa: ARG002 - files do not keep one waiting
        """Bring everything to the disk."""
        with _write_errors():
            for file in self._files.values():
                file.flush()
        self.unconfirmed = 0
        return True

    def close(self) -> None:
        """Close the files; standard output stays open."""
        for path, file in self._files.items():
            try:
                file.close()
            except OSError as error:
                # Whatever was not flushed was not counted as delivered either.
                _log.warning("closing %s: %s", path, error.strerror or error)


@contextlib.contextmanager
def _write_errors() -> Iterator[None]:
    """Say what a failed write means; a reader that has gone is left to the caller."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StreamGMMError(
            f"outputs cannot be written: {error.strerror or error}; nothing is lost, their events "
            "are processed again when the job is started again"
        ) from error


class KafkaOutputs:
    """Records to topics: keyed by what the event is about, dead letters as the input was."""

    def __init__(self, sink: Sink | Transactions, topics: KafkaOutput) -> None:
        self._sink = sink
        self._topics = topics

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

    def take(self, outputs: Outputs) -> None:
        """Hand everything to the producer, which sends it in the background."""
        send, batch = self._sink.send, outputs.batch
        if topic := self._topics.scores:
            for key, value in zip(batch.keys, outputs.scores, strict=True):
                send(topic, value, None if key is None else key.encode())
        if topic := self._topics.alerts:
            for row, record in outputs.alerts:
                key = batch.key(row)
                send(topic, msgspec.json.encode(record), None if key is None else key.encode())
        if topic := self._topics.dead_letters:
            for letter in outputs.dead_letters:
                send(topic, letter.value, letter.key, _headers(letter))

    def flush(self, timeout: float) -> bool:
        """Wait until the brokers have acknowledged everything."""
        return self._sink.flush(timeout)

    def close(self) -> None:
        """Close the producer."""
        self._sink.close()


def _headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    described: dict[str, Any] = letter.as_dict()
    return [
        (name, str(described[name]).encode())
        for name in ("id", "reason", "detail", "field", "origin", "position", "length", "checksum")
        if described[name] is not None
    ]
