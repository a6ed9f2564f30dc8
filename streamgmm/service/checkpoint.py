"""Checkpoints: a state with the input position it reflects, and what keeps them.

The format is that of `streamgmm.snapshot`: plain arrays, versioned and checksummed. A store is a
directory (`directory_store`) or a compacted topic (`topic_store`).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from streamgmm import snapshot
from streamgmm.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

__all__ = ["LAYOUT", "Checkpoint", "CheckpointStore", "Entry", "newest_usable"]

LAYOUT: Final = 1
"""Of a checkpoint's fields, and of all in its state that has no version of its own."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What is kept of one model.

    Attributes
    ----------
    name
        The model's: a partition (``flows-0``), a topic or a file.
    positions
        For each partition that feeds the model, the position of the first event not in it.
    state
        Everything else that shapes an output, as plain arrays and scalars.
    fingerprint, configuration
        Of the configuration the model was learned under; the text is a line a key, see `terms`.
    skip
        Whether somebody put an older model back here: what lies between `positions` and what is
        committed is then not learned again.
    """

    name: str
    positions: Mapping[str, int]
    state: Mapping[str, Any]
    fingerprint: str
    configuration: str
    skip: bool = False

    def to_bytes(self) -> bytes:
        """Pack everything; `from_bytes` gives it back, bit for bit."""
        fields = {field: getattr(self, field) for field in self.__slots__}
        return snapshot.pack({"version": LAYOUT, **fields})

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Unpack, or raise StateError where the bytes are no (whole) checkpoint of ours."""
        fields = snapshot.unpack(data)
        version = fields.pop("version", LAYOUT)  # the first builds said nothing of it
        if version != LAYOUT:
            raise StateError(snapshot.refusal("the checkpoint", version, LAYOUT))
        if set(fields) != set(cls.__slots__):
            raise StateError(f"not a checkpoint: it holds {', '.join(sorted(fields)) or 'nothing'}")
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class Entry:
    """One checkpoint in a store.

    Attributes
    ----------
    model, number
        Whose it is; of one model the newest has the highest number.
    written
        When, s since the epoch.
    size
        In bytes.
    label
        Where exactly it is, for a person.
    read
        Gives it, or raises StateError or OSError where it is damaged.
    """

    model: str
    number: int
    written: float
    size: int
    label: str
    read: Callable[[], Checkpoint]

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The checkpoint, or None where it is damaged."""
        try:
            return self.read()
        except (StateError, OSError):
            return None


class CheckpointStore(Protocol):
    """Keeps the latest checkpoints of any number of models.

    Attributes
    ----------
    transactional
        Whether what `write` was given counts from the next commit of outputs and positions on, and
        not at all if that fails. Else it counts when `write` returns.
    """

    transactional: bool

    @property
    def where(self) -> str:
        """Its place, for messages."""

    def write(self, checkpoint: Checkpoint) -> int:
        """Add a checkpoint, drop what is too old, and return its size in bytes; OSError: failed."""

    def load(
        self, name: str, usable: Callable[[Checkpoint], bool] = lambda _: True
    ) -> Checkpoint | None:
        """Give the newest whole checkpoint of a model that is `usable`, or None if there is none.

        A damaged one, or one of a newer release, is reported in the log and passed over; so is
        one for which `usable` raises StateError.

        Raises
        ------
        StateError
            If there are checkpoints and none of them can be read.
        """

    def opening(self) -> AbstractContextManager[None]:
        """Within it several models are loaded in a row: what was read for one may serve another."""

    def start_over(self) -> None:
        """Forget what was written since the last commit: that was lost."""

    def names(self) -> list[str]:
        """Name the models of which there are checkpoints."""

    def entries(self, name: str) -> list[Entry]:
        """List a model's checkpoints, newest first, damaged ones too."""

    def clear(self) -> None:
        """Remove all checkpoints of all models."""

    def held(self, *, alone: bool = False) -> AbstractContextManager[None]:
        """Mark the store as in use by a job; `alone`: or see that no job uses it.

        Raises
        ------
        StateError
            If a job uses it that should not, or somebody is changing it.
        """


def newest_usable(
    name: str, entries: Iterable[Entry], usable: Callable[[Checkpoint], bool], where: str
) -> Checkpoint | None:
    """Choose among a model's checkpoints, given newest first, as `CheckpointStore.load` says."""
    refused: list[str] = []
    whole = 0
    for entry in entries:
        try:
            checkpoint = entry.read()
            chosen = usable(checkpoint)
        except (StateError, OSError) as error:
            _log.warning("checkpoint %s is passed over: %s", entry.label, error)
            refused.append(f"{entry.label}: {error}")
            continue
        whole += 1
        if chosen:
            return checkpoint
        _log.info("checkpoint %s is ahead of the committed position: passed over", entry.label)
    if refused and not whole:
        raise StateError(
            f"no checkpoint of {name} in {where} can be used:\n  "
            + "\n  ".join(refused)
            + "\nput a whole one back, or let the model learn afresh (`streamgmm reset`)"
        )
    return None
