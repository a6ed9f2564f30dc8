"""Checkpoints in a compacted topic: state, outputs and positions stand or fall together.

What is written goes into the transaction that is open; the job commits it. `slots` says what the
records look like. All records of a model are in one partition, so that a reader finds a
transaction's whole or not at all.
"""

from __future__ import annotations

import contextlib
import zlib
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from streamgmm.errors import StateError
from streamgmm.service.checkpoint import Checkpoint, Entry, newest_usable
from streamgmm.service.slots import Slots, next_snapshot, occupied, prefix, slots_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from streamgmm.io.client import StateRecord, StateTopic

__all__ = ["TopicStore", "Writer"]

_KEEP: Final = 2


class Writer(Protocol):
    """Takes records into a transaction that somebody else commits."""

    def send(
        self,
        topic: str,
        value: bytes | None,
        key: bytes,
        *,
        partition: int,
    ) -> None:
        """Take one."""


class TopicStore:
    """The checkpoints of a consumer group's models in a topic, which groups may share.

    Parameters
    ----------
    topic
        Where they are.
    group
        The job's consumer group: no more than a name here.
    writer
        The transaction of outputs and positions.
    committed
        Called where what was written counts at once, after an operator's change.
    members
        Says how many workers the group has.
    keep
        How many checkpoints of each model to keep.
    """

    transactional = True

    def __init__(
        self,
        topic: StateTopic,
        group: str,
        writer: Writer,
        *,
        committed: Callable[[], None] = lambda: None,
        members: Callable[[], int],
        keep: int = _KEEP,
    ) -> None:
        self._topic = topic
        self._group = group
        self._writer = writer
        self._committed = committed
        self._members = members
        self._keep = keep
        self._known: dict[str, Slots] = {}  # without data
        self._records: dict[bytes, StateRecord] = {}
        self._read: set[int] = set()
        self._sharing = False

    @property
    def where(self) -> str:
        """The topic's name."""
        return f"topic {self._topic.name} (group {self._group})"

    def write(self, checkpoint: Checkpoint) -> int:
        """Put a checkpoint into the open transaction, over the oldest one; return its size.

        Raises
        ------
        SourceUnavailableError
            If nothing of this model was loaded before, and the topic cannot be read.
        """
        name = checkpoint.name
        slots = self._known.get(name) or self._find(name)
        data = checkpoint.to_bytes()
        records, after = next_snapshot(slots, data, checkpoint.positions, keep=self._keep)
        for key, value in records:
            self._writer.send(self._topic.name, value, key, partition=slots.partition)
        self._known[name] = after
        self._committed()
        return len(data)

    def load(
        self, name: str, usable: Callable[[Checkpoint], bool] = lambda _: True
    ) -> Checkpoint | None:
        """Give the newest whole checkpoint of a model that is `usable`, or None if there is none.

        Raises
        ------
        StateError
            If there are checkpoints and every one of them is damaged or of a newer release.
        SourceUnavailableError
            If the topic cannot be read to its end; to be tried again.
        """
        return newest_usable(name, self.entries(name), usable, self.where)

    @contextlib.contextmanager
    def opening(self) -> Iterator[None]:
        """Keep what is read within, to serve the models that are loaded in a row."""
        self._sharing = True
        try:
            yield
        finally:
            self._sharing = False
            self._let_go()

    def start_over(self) -> None:
        """Forget what was written since the last commit: that was lost."""
        self._known.clear()

    def names(self) -> list[str]:
        """Name the models of which there are checkpoints."""
        self._fetch(range(self._topic.partitions))
        return sorted(slots_of(self._records, self._group))

    def entries(self, name: str) -> list[Entry]:
        """List a model's checkpoints, newest first, damaged ones too."""
        slots = self._find(name)
        listed = []
        for slot in slots.newest_first():
            manifest = slots.manifests[slot]
            number, size = (0, 0) if manifest is None else (manifest.number, manifest.size)
            label = f"{number or '(no number)'} of {name} in {self.where}"
            read = partial(_read, slots, slot)
            listed.append(Entry(name, number, slots.written(slot), size, label, read))
        return listed

    def clear(self) -> None:
        """Remove all checkpoints of the group's models: tombstones, manifests first."""
        self._fetch(range(self._topic.partitions))
        for key in occupied(self._records, self._group):
            self._writer.send(self._topic.name, None, key, partition=self._records[key].partition)
        self._known.clear()
        self._let_go()
        self._committed()

    @contextlib.contextmanager
    def held(self, *, alone: bool = False) -> Iterator[None]:
        """See, if `alone`, that the group has no workers; the group itself tells of a job."""
        if alone and self._members():
            raise StateError(
                f"workers of the group {self._group!r} are running: stop all of them first"
            )
        yield

    def _find(self, name: str) -> Slots:
        """Find a model where its name leads to, or where that led when partitions were fewer."""
        home = zlib.crc32(name.encode()) % self._topic.partitions
        self._fetch([home])
        found = slots_of(self._records, self._group).get(name)
        if found is None and self._topic.partitions > 1:
            self._fetch(range(self._topic.partitions))
            found = slots_of(self._records, self._group).get(name)
        if found is None:
            found = Slots(prefix(self._group, name), {}, {}, {}, home)
        self._known[name] = found.without_data()
        return found

    def _fetch(self, partitions: Collection[int]) -> None:
        if not self._sharing:
            self._let_go()
        wanted = set(partitions) - self._read
        if wanted:
            self._records |= self._topic.read(wanted)
            self._read |= wanted

    def _let_go(self) -> None:
        self._records = {}
        self._read.clear()


def _read(slots: Slots, slot: int) -> Checkpoint:
    return Checkpoint.from_bytes(slots.data(slot))
