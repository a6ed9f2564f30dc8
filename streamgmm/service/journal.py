"""What a partition's worker is at, in a file that outlives the process.

Before a block of events is processed its range is noted here, and afterwards that it is done. Each
note is one small write to a file that stays open: it reaches the kernel's memory, which a process
that dies, however suddenly, does not take with it (the machine would; nothing waits for the disk).
A mapped file would be faster still, but a full or failing disk would then be the end of the
process (SIGBUS) instead of an error.

Layout, all numbers unsigned 64-bit little endian::

    magic      8 bytes  b"SGMMJRN1"
    work      32 bytes  first, end, checksum of a single event, 1 while at work
    suspicion 32 bytes  first, end, checksum of a single event, deaths
    count      8 bytes  of events set aside so far
    aside     16 bytes each, `MOST_ASIDE` times in a ring: position, checksum
"""

from __future__ import annotations

import hashlib
import logging
import os
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from streamgmm.events import Record

    Journals = Callable[[str], "Journal | None"]

__all__ = ["MOST_ASIDE", "Journal", "Span", "checksum", "clear_journals", "journal_of"]

MOST_ASIDE: Final = 1024
"""Of so many events that were set aside, the latest ones of a partition, it is remembered."""
_MAGIC: Final = b"SGMMJRN1"
_SUFFIX: Final = ".journal"
_SPAN: Final = struct.Struct("<QQQQ")
_COUNT: Final = struct.Struct("<Q")
_ASIDE: Final = struct.Struct("<QQ")
_WORK_AT: Final = len(_MAGIC)
_SUSPICION_AT: Final = _WORK_AT + _SPAN.size
_COUNT_AT: Final = _SUSPICION_AT + _SPAN.size
_ASIDE_AT: Final = _COUNT_AT + _COUNT.size
_SIZE: Final = _ASIDE_AT + MOST_ASIDE * _ASIDE.size
_log = logging.getLogger(__name__)


class Span(NamedTuple):
    """Events from `first` up to, and without, `end`.

    `checksum` is that of the event where it is a single one; `times` how often, and 0 for never.
    """

    first: int = 0
    end: int = 0
    checksum: int = 0
    times: int = 0

    def overlaps(self, first: int, end: int) -> bool:
        """Whether it stands for any event at all, and one of these is among them."""
        return self.times > 0 and first < self.end and self.first < end

    @property
    def single(self) -> bool:
        """Whether it is one event."""
        return self.end - self.first == 1


class Journal:
    """One partition's file.

    Parameters
    ----------
    path
        Made if it is not there; begun anew if it is no journal.

    Raises
    ------
    OSError
        If it cannot be made or read.

    Attributes
    ----------
    suspicion : Span
        Where the process has died, and how often in a row.
    aside : dict
        Events set aside: position to checksum.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        data = os.pread(self._file, _SIZE, 0)
        if len(data) != _SIZE or not data.startswith(_MAGIC):
            data = _MAGIC.ljust(_SIZE, b"\0")
            os.pwrite(self._file, data, 0)  # all of it: later notes find their place on the disk
        self._work = Span(*_SPAN.unpack_from(data, _WORK_AT))
        self.suspicion = Span(*_SPAN.unpack_from(data, _SUSPICION_AT))
        (self._count,) = _COUNT.unpack_from(data, _COUNT_AT)
        entries = [_ASIDE.unpack_from(data, _place(i)) for i in range(min(self._count, MOST_ASIDE))]
        self.aside: dict[int, int] = dict(entries)

    @property
    def interrupted(self) -> Span | None:
        """What a process was at that came to no end; None if the last one ended well."""
        return self._work if self._work.times else None

    def begin(self, first: int, end: int, checksum: int = 0) -> None:
        """Note that events are being worked on."""
        self._write(_WORK_AT, _SPAN.pack(first, end, checksum, 1))

    def done(self) -> None:
        """Note that nothing is."""
        self._work = Span()
        self._write(_WORK_AT, _SPAN.pack(*self._work))

    def suspect(self, span: Span) -> None:
        """Note where the process has died; an empty span: nothing is suspected."""
        self.suspicion = span
        self._write(_SUSPICION_AT, _SPAN.pack(*span))

    def set_aside(self, position: int, checksum: int) -> None:
        """Remember that an event is not to be processed again."""
        if self.aside.get(position) == checksum:
            return
        self.aside[position] = checksum
        self._write(_place(self._count), _ASIDE.pack(position, checksum))
        self._count += 1
        self._write(_COUNT_AT, _COUNT.pack(self._count))

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _write(self, at: int, data: bytes) -> None:
        if self._file is None:
            return
        try:
            os.pwrite(self._file, data, at)
        except OSError as error:
            _tell(self._path, error)
            with suppress(OSError):  # the first error counts, and is told
                self.close()
            self._file = None


def journal_of(directory: Path, partition: str) -> Journal | None:
    """Open a partition's journal; where that fails, say what it means and give None."""
    path = directory / f"{quote(partition, safe='')}{_SUFFIX}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return Journal(path)
    except OSError as error:
        _tell(path, error)
        return None


def clear_journals(directory: Path) -> None:
    """Remove the journals of all partitions in a directory."""
    for path in directory.glob(f"*{_SUFFIX}"):
        path.unlink(missing_ok=True)


def checksum(record: Record) -> int:
    """Give what an event is known by beside its position: 64 bits of a hash."""
    digest = hashlib.blake2b(record.value or b"", digest_size=8)
    return int.from_bytes(digest.digest(), "little")


def _place(number: int) -> int:
    return _ASIDE_AT + number % MOST_ASIDE * _ASIDE.size


def _tell(path: Path, error: OSError) -> None:
    _log.error(
        "%s cannot be written (%s): should an event kill this process, it would not be found out; "
        "set service.journal to a directory that this user may write",
        path,
        error.strerror or error,
    )
