"""What operators ask of a running job: left by HTTP's threads, carried out by the loop.

A command takes effect between two blocks of events. Its answer waits for the checkpoint that
holds it, so that what was answered as saved survives a crash.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from streamgmm.detection import UnknownIncidentError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Action", "Answer", "Command", "Commands", "UnknownModelError"]

Action = Literal["list", "accept", "mute", "unmute", "freeze", "unfreeze"]

_PATIENCE: Final = 20.0
_BUSY: Final = (
    "the job did not come to it in time (see /readyz for what keeps it): nothing was changed; "
    "ask again"
)
_UNDONE: Final = "a transaction was lost at that moment: nothing was changed; ask again"
_ENDED: Final = "the job has ended: nothing was changed"
_UNSAVED: Final = (
    "in force, but not in a checkpoint yet (none is configured, or it could not be written): "
    "a crash before the next one takes it back"
)


class UnknownModelError(LookupError):
    """There is no model of this name here."""

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Command:
    """What is asked: of an incident, by its name, or (None) of all models."""

    action: Action
    incident: str | None = None

    @property
    def changes(self) -> bool:
        """Whether it changes a model."""
        return self.action != "list"

    def __str__(self) -> str:
        """Write it as an operator does."""
        return self.action if self.incident is None else f"{self.action} {self.incident}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of it: an HTTP status and a JSON object."""

    status: int
    body: dict[str, Any]


@dataclass(eq=False, slots=True)
class _Asked:
    command: Command
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None


class Commands:
    """A mailbox; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Asked] = deque()
        self._unsaved: list[_Asked] = []
        self._closed = False

    def ask(self, command: Command, patience: float = _PATIENCE) -> Answer:
        """Leave a command and wait for its answer, `patience` seconds at most."""
        asked = _Asked(command)
        with self._lock:
            if self._closed:
                return Answer(503, {"error": _ENDED})
            self._waiting.append(asked)
        asked.answered.wait(patience)
        with self._lock:
            if asked.answer is None:
                self._waiting.remove(asked)
                return Answer(503, {"error": _BUSY})
            return Answer(asked.answer.status, dict(asked.answer.body))

    def carry_out(self, do: Callable[[Command], dict[str, Any]]) -> bool:
        """Do what was asked for, in the loop; returns whether that changed a model."""
        changed = False
        while True:
            with self._lock:
                if not self._waiting:
                    return changed
                asked = self._waiting.popleft()
                asked.answer = _outcome(asked.command, do)
                if asked.answer.status == 200 and asked.command.changes:
                    self._unsaved.append(asked)
                    changed = True
                else:
                    asked.answered.set()

    def confirm(self, *, saved: bool) -> None:
        """Answer what was carried out: it is in a checkpoint now, or could not be saved."""
        with self._lock:
            for asked in self._unsaved:
                assert asked.answer is not None
                if saved:
                    asked.answer.body["saved"] = True
                    del asked.answer.body["note"]
                asked.answered.set()
            self._unsaved.clear()

    def undo(self) -> None:
        """Answer what was carried out and not confirmed: it was lost with a transaction."""
        with self._lock:
            for asked in self._unsaved:
                asked.answer = Answer(503, {"error": _UNDONE})
                asked.answered.set()
            self._unsaved.clear()

    def close(self) -> None:
        """Refuse what is still waiting, and all that comes."""
        self.confirm(saved=False)
        with self._lock:
            self._closed = True
            for asked in self._waiting:
                asked.answer = Answer(503, {"error": _ENDED})
                asked.answered.set()
            self._waiting.clear()


def _outcome(command: Command, do: Callable[[Command], dict[str, Any]]) -> Answer:
    try:
        body = do(command)
    except (UnknownIncidentError, UnknownModelError) as error:
        return Answer(404, {"error": str(error)})
    except ValueError as error:
        return Answer(409, {"error": str(error)})
    if command.changes:
        body |= {"saved": False, "note": _UNSAVED}
    return Answer(200, body)
