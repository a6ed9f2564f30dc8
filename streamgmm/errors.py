"""The package's own errors, one class for each way out of a job.

The command line turns the class into its exit code (``exit_code``); a library user
catches :class:`StreamGMMError` for all of them.
"""

from __future__ import annotations

from typing import ClassVar


class StreamGMMError(Exception):
    """Base of every error that this package raises on purpose."""

    exit_code: ClassVar[int] = 1


class ConfigError(StreamGMMError):
    """The job's configuration cannot be used; nothing was started.

    One error carries everything that was found, so that a file is put right in one go.

    Parameters
    ----------
    problems
        One sentence each: where (file and key), what was got, what is allowed, what to do.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, *problems: str) -> None:
        self.problems: tuple[str, ...] = problems
        super().__init__("\n".join(problems))


class BrokerError(StreamGMMError):
    """The broker refused us, or none was reached in time while starting."""

    exit_code: ClassVar[int] = 4


class StateError(StreamGMMError):
    """Saved state is damaged, of a newer version, or of another configuration."""

    exit_code: ClassVar[int] = 5


class EventError(StreamGMMError, ValueError):
    """One event cannot be decoded or encoded; the stream goes on without it.

    Parameters
    ----------
    reason
        A stable code for counting, such as ``"not_json"`` (``events.REASONS``).
    detail
        For a person: what was got and what is allowed.
    field
        The name of the field at fault, or None where the whole event is.
    """

    def __init__(self, reason: str, detail: str, field: str | None = None) -> None:
        self.reason = reason
        self.detail = detail
        self.field = field
        super().__init__(f"{reason}: {detail}")

    def __reduce__(self) -> tuple[type[EventError], tuple[str, str, str | None]]:
        # Exception.__reduce__ would call the class with the joined text alone.
        return type(self), (self.reason, self.detail, self.field)
