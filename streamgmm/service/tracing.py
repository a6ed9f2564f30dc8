"""What a job tells of its work while it does it, and the one to whom it tells nothing.

A job's work is a sequence of *cycles*: what was read, worked on and put out between two commits.
Each step of it is told as it begins and ends. Whoever listens (`service.telemetry`) makes traces
of that; by default nobody does, and a step costs two calls that return at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamgmm.events import Batch, Records
    from streamgmm.service.pipeline import Outputs

__all__ = ["NOT_TRACED", "NotTraced", "Step", "Tracer"]


class Step(Protocol):
    """A step of the work, begun and ended as a context manager; what it raises is noted."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *raised: Any) -> None: ...

    def note(self, **notes: Any) -> None:
        """Say more of it."""

    def fail(self, error: Exception) -> None:
        """Note what went wrong with it; not needed for what it raises."""

    def alerted(self, records: Records, came: Sequence[Outputs]) -> None:
        """Note which of the records it was about were alerts."""

    def drop(self) -> None:
        """Forget it, if no other step was within it: there was nothing to do."""


class Tracer(Protocol):
    """Is told of a job's work; on one thread at a time."""

    @property
    def wants_headers(self) -> bool:
        """Whether the headers of records are of use, see `Records.headers`."""

    def step(self, name: str, **notes: Any) -> Step:
        """Begin a step, within the one that is under way."""

    def keep(self) -> None:
        """Note that something happens that is seldom, and of interest in any case."""

    def alert(self, topic: str, batch: Batch, row: int) -> list[tuple[str, bytes]]:
        """Note an alert; give the headers by which its readers find back here."""

    def recovering(self, partition: str, events: int) -> None:
        """Note that so many events of a partition are to be learned again."""

    def recovered(self, partition: str) -> None:
        """Note that none of a partition is, if there were any."""

    def end(self, error: Exception | None = None) -> None:
        """End a cycle: all is committed, or lost with `error`."""


class NotTraced:
    """A tracer whom nothing interests, and each of its steps."""

    wants_headers = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def step(self, name: str, **notes: Any) -> Self:  # noqa: ARG002 - nobody listens
        """Return itself."""
        return self

    def note(self, **notes: Any) -> None:
        """Forget it."""

    def fail(self, error: Exception) -> None:
        """Forget it."""

    def alerted(self, records: Records, came: Sequence[Outputs]) -> None:
        """Forget it."""

    def drop(self) -> None:
        """Do nothing."""

    def keep(self) -> None:
        """Forget it."""

    def alert(self, topic: str, batch: Batch, row: int) -> list[tuple[str, bytes]]:  # noqa: ARG002
        """Give no headers."""
        return []

    def recovering(self, partition: str, events: int) -> None:
        """Forget it."""

    def recovered(self, partition: str) -> None:
        """Forget it."""

    def end(self, error: Exception | None = None) -> None:
        """Do nothing."""


NOT_TRACED: Final = NotTraced()
