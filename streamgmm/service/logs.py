"""The log on standard error: as text or JSON, without secrets, repeats held back.

A line that concerns an event carries its id, partition and offset (see `place`): members of the
JSON object, and in text where the message does not say it. Of lines that differ in their values
alone ten are written a minute; the next one, or the end, says how many more there were.
"""

from __future__ import annotations

import contextlib
import copy
import json
import logging
import signal
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from streamgmm.config.sections import LOG_LEVELS
from streamgmm.service.secrecy import HidingFormatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from streamgmm.config import Secret

__all__ = ["JsonFormatter", "LogHandler", "TextFormatter", "level", "log_is_json", "log_to_stderr",
           "place", "set_level", "toggled_by_signal"]  # fmt: skip

_PLACE: Final = ("event_id", "partition", "offset")
_WINDOW: Final = 60.0  # seconds
_MOST: Final = 10  # lines of a kind in them
_KINDS: Final = 1000
_log = logging.getLogger(__name__)


def place(partition: str, offset: int) -> dict[str, Any]:
    """Return what a log line says of the event it is about, as `extra` of the logging calls."""
    return {"event_id": f"{partition}-{offset}", "partition": partition, "offset": offset}


class TextFormatter(HidingFormatter):
    """A line for a person: time, level, message."""

    def __init__(self, secrets: Iterable[Secret] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - as logging has it
        """Put the message together, with the event and the repeats behind it."""
        text = super().formatMessage(record)
        event = getattr(record, "event_id", None)
        if event is not None and event not in record.message:
            text += f" [{event}]"
        repeats = getattr(record, "repeats", 0)
        return f"{text} ({repeats:,} more like this)" if repeats else text


class JsonFormatter(HidingFormatter):
    """A JSON object a line: time (ISO 8601, UTC), level, logger, message.

    Where it applies also event_id, partition, offset, repeats (how many more like this) and
    exception (the traceback).
    """

    def format(self, record: logging.LogRecord) -> str:
        """Format a record; secrets are hidden in each value, so that the line stays JSON."""
        moment = datetime.fromtimestamp(record.created, UTC)
        line: dict[str, Any] = {
            "time": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.hide(record.getMessage()),
        }
        for name in (*_PLACE, "repeats"):
            value = getattr(record, name, None)
            if value is not None:
                line[name] = self.hide(value) if isinstance(value, str) else value
        if record.exc_info:
            line["exception"] = self.hide(self.formatException(record.exc_info))
        # A lone surrogate (a file's name that is not UTF-8) is shown as text has it.
        # In ASCII, so that nothing can be taken for the end of a line.
        return json.dumps(_encodable(line))


def _encodable(line: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if type(value) is str else value
        for name, value in line.items()
    }


@dataclass(slots=True)
class _Kind:
    """Lines that differ in their values alone: since when they are counted, how many, the last."""

    since: float
    shown: int = 0
    held: int = 0
    last: logging.LogRecord | None = None


class LogHandler(logging.StreamHandler[Any]):
    """Writes to a stream, and holds back what repeats; nothing of level debug."""

    def __init__(self, stream: Any, formatter: logging.Formatter) -> None:
        super().__init__(stream)
        self.setFormatter(formatter)
        self._kinds: dict[tuple[str, int, str], _Kind] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it; before it what the last minute held back."""
        self._settle(record.created)
        if record.levelno <= logging.DEBUG:
            super().emit(record)
            return
        name = (record.name, record.levelno, str(record.msg))
        kind = self._kinds.setdefault(name, _Kind(record.created))
        if len(self._kinds) > _KINDS:
            self._tell(self._kinds.pop(next(iter(self._kinds))))
        if kind.shown < _MOST:
            kind.shown += 1
            super().emit(record)
        else:
            kind.held, kind.last = kind.held + 1, record

    def close(self) -> None:
        """Say what was held back, and let go."""
        with contextlib.suppress(ValueError):  # the stream is closed already
            self._settle(float("inf"))
        super().close()

    def _settle(self, now: float) -> None:
        # Kinds stand in the order in which their minutes end.
        while self._kinds:
            name = next(iter(self._kinds))
            if now < self._kinds[name].since + _WINDOW:
                return
            self._tell(self._kinds.pop(name))

    def _tell(self, kind: _Kind) -> None:
        """Write the last line that was held back, with how many there were beside it."""
        if kind.last is None:
            return
        record = copy.copy(kind.last)
        if kind.held > 1:
            record.repeats = kind.held - 1
        super().emit(record)


def log_to_stderr(name: str, form: str = "text", secrets: Iterable[Secret] = ()) -> None:
    """Send the log to standard error, from the level of this name on.

    Parameters
    ----------
    form
        "text" or "json".
    """
    formatter = JsonFormatter("", secrets) if form == "json" else TextFormatter(secrets)
    logging.basicConfig(handlers=[LogHandler(sys.stderr, formatter)], force=True)
    _apply(name)
    sys.excepthook = _log_last_error


def log_is_json() -> bool:
    """Whether the log is written as JSON."""
    return any(isinstance(one.formatter, JsonFormatter) for one in logging.getLogger().handlers)


def _log_last_error(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Let the traceback of what nobody expected be a line of the log, without secrets."""
    _log.critical("the program ends: nobody expected this error", exc_info=(kind, error, trace))


def level() -> str:
    """Return the name of the level in force."""
    return logging.getLevelName(logging.getLogger().level).lower()


def set_level(name: str) -> str:
    """Let the log begin with another level; return the one before.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    if name not in LOG_LEVELS:
        raise ValueError(f"there is no log level {name!r:.80}; allowed are {', '.join(LOG_LEVELS)}")
    before = level()
    _apply(name)
    _log.warning("the log begins with level %s now (before: %s)", name, before)
    return before


def _apply(name: str) -> None:
    logging.getLogger().setLevel(name.upper())
    # What matters of theirs is said in our own words, once.
    apart = name != "debug"
    logging.getLogger("kafka").setLevel(logging.CRITICAL if apart else logging.NOTSET)
    logging.getLogger("confluent_kafka").setLevel(logging.CRITICAL + 1 if apart else logging.NOTSET)
    logging.getLogger("uvicorn").setLevel(logging.WARNING if apart else logging.NOTSET)


@contextlib.contextmanager
def toggled_by_signal() -> Iterator[None]:
    """Let SIGUSR1 change the level to debug, and back to what it was."""
    usual = level()

    def toggle(*_: Any) -> None:
        set_level("debug" if level() != "debug" else usual)

    earlier = signal.signal(signal.SIGUSR1, toggle)
    try:
        yield
    finally:
        signal.signal(signal.SIGUSR1, earlier)
