"""Where outputs go: files (or standard output), or Kafka topics."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from streamgmm.errors import StreamGMMError
from streamgmm.io.client import Message
from streamgmm.io.files import FileSink
from streamgmm.service.shortening import shortened
from streamgmm.service.tracing import NOT_TRACED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.config import FileOutput, KafkaOutput
    from streamgmm.events import DeadLetter
    from streamgmm.io.client import Sink, Transactions
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.pipeline import Outputs
    from streamgmm.service.tracing import Tracer

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
    """Records to topics: keyed by what the event is about, dead letters as the input was.

    What is larger than its topic takes is shortened, and what cannot be is dropped: both are
    counted, and told the first time, and nothing waits for it.

    Parameters
    ----------
    sink
        Where to.
    topics
        Their names.
    metrics
        Where to count.
    tracer
        Gives alerts their headers.
    """

    def __init__(
        self,
        sink: Sink | Transactions,
        topics: KafkaOutput,
        metrics: Metrics,
        tracer: Tracer = NOT_TRACED,
    ) -> None:
        self._tracer = tracer
        self._sink = sink
        self._topics = topics
        self._metrics = metrics
        self._told: set[tuple[str, str]] = set()
        for topic in filter(None, (topics.scores, topics.alerts, topics.dead_letters)):
            metrics.shortened.labels(topic)
            metrics.dropped.labels(topic)

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
            # Neither a key nor its escapes in JSON are longer than this leaves room for.
            most = self._sink.room(topic) // 2
            for text, value in zip(batch.keys, outputs.scores, strict=True):
                key = _encoded(text)
                if len(value) > most:
                    self._fit(Message(topic, value, key))
                else:
                    send(topic, value, key)
        if topic := self._topics.alerts:
            for row, record in outputs.alerts:
                headers = self._tracer.alert(topic, batch, row)
                value = msgspec.json.encode(record)
                self._fit(Message(topic, value, _encoded(batch.key(row)), headers))
        if topic := self._topics.dead_letters:
            for letter in outputs.dead_letters:
                self._fit(Message(topic, letter.value, letter.key, _headers(letter)))

    def _fit(self, message: Message) -> None:
        """Send a message as it is if its topic takes it, or shorter, or not at all."""
        topic, room = message.topic, self._sink.room(message.topic)
        if message.size <= room:
            self._sink.send(*message[:4])
            return
        short = shortened(message, room)
        self._note(topic, message.size, room, dropped=short is None)
        if short is not None:
            self._sink.send(*short[:4])

    def _note(self, topic: str, size: int, room: int, *, dropped: bool) -> None:
        counter = self._metrics.dropped if dropped else self._metrics.shortened
        counter.labels(topic).inc()
        done = "dropped" if dropped else "shortened"
        if (topic, done) not in self._told:
            self._told.add((topic, done))
            _log.warning(
                "an output of %d bytes for %s, which takes %d at most, is %s; later ones are "
                "counted in streamgmm_%s_outputs_total. To have them whole raise the topic's "
                "max.message.bytes",
                size, topic, room, done, done,
            )  # fmt: skip

    def flush(self, timeout: float) -> bool:
        """Wait until the brokers have acknowledged everything."""
        done = self._sink.flush(timeout)
        if not done:
            for message in self._sink.too_large():
                self._fit(message)
        return done

    def close(self) -> None:
        """Close the producer."""
        self._sink.close()


def _encoded(key: str | None) -> bytes | None:
    return None if key is None else key.encode()


def _headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    described: dict[str, Any] = letter.as_dict()
    return [
        (name, str(described[name]).encode())
        for name in ("id", "reason", "detail", "field", "origin", "position", "length", "checksum")
        if described[name] is not None
    ]
