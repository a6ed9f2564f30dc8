"""What goes in undecoded, and what comes out unusable: records and dead letters."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from streamgmm.errors import EventError

DEAD_LETTER_BYTES = 64 * 1024
_MOST_KEY_BYTES = 1024


class Record(NamedTuple):
    """One record of a source, not yet decoded.

    Parameters
    ----------
    value
        The event's bytes; None is a Kafka tombstone (a dead letter).
    position
        Line number (from 1) or Kafka offset.
    timestamp
        The record's own time, seconds since the epoch, or None.
    key
        The record's own key, or None.
    """

    value: bytes | None
    position: int
    timestamp: float | None = None
    key: bytes | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Records(Sequence[Record]):
    """n records of one partition, in its order, as columns: a batch is taken whole.

    As a sequence it gives a `Record` for an index and `Records` for a slice.

    Parameters
    ----------
    values
        The events' bytes.
    positions : (n,)
        Line numbers or offsets, rising.
    timestamps : (n,)
        The records' own times, seconds since the epoch; NaN = none.
    keys
        The records' own keys.
    faults
        By position, what the source found wrong with a record itself: it is a dead letter.
    headers
        Gives the headers of a record, by position; None where nobody wants them.

    Examples
    --------
    >>> records = Records.of([Record(b"{}", 7), Record(b"[]", 9, 12.5, b"who")])
    >>> records.positions, records[1].key, records[:1].values
    (array([7, 9]), b'who', [b'{}'])
    """

    values: Sequence[bytes | None]
    positions: NDArray[np.int64]
    timestamps: NDArray[np.float64]
    keys: Sequence[bytes | None]
    faults: Mapping[int, EventError] = field(default_factory=dict)
    headers: Callable[[int], Sequence[tuple[str, bytes | None]]] | None = None

    @classmethod
    def of(cls, records: Iterable[Record]) -> Records:
        """Return records as columns."""
        if isinstance(records, Records):
            return records
        columns = map(list, zip(*records, strict=True))
        values, positions, timestamps, keys = tuple(columns) or ([], [], [], [])
        # In an array of floats None becomes NaN.
        return cls(values, np.array(positions, np.int64), np.array(timestamps, np.float64), keys)

    @classmethod
    def of_lines(cls, lines: list[bytes], positions: Sequence[int]) -> Records:
        """Return the lines of a file, which have neither time nor key of their own."""
        n = len(lines)
        return cls(lines, np.array(positions, np.int64), np.full(n, np.nan), [None] * n)

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> Record: ...

    @overload
    def __getitem__(self, index: slice) -> Records: ...

    def __getitem__(self, index: int | slice) -> Record | Records:
        if isinstance(index, slice):
            return Records(
                self.values[index],
                self.positions[index],
                self.timestamps[index],
                self.keys[index],
                self.faults,
                self.headers,
            )
        time = float(self.timestamps[index])
        return Record(
            self.values[index],
            int(self.positions[index]),
            None if math.isnan(time) else time,
            self.keys[index],
        )

    def take(self, rows: Sequence[int]) -> Records:
        """Return some of the records."""
        return Records(
            [self.values[row] for row in rows],
            self.positions[rows],
            self.timestamps[rows],
            [self.keys[row] for row in rows],
            self.faults,
            self.headers,
        )


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that could not be used, why, and enough of it to find and repair it.

    Attributes
    ----------
    reason
        One of ``events.REASONS``.
    detail
        For a person: what was got and what is allowed.
    value
        The original's first 64 kB.
    length, checksum
        Of the whole original: bytes, and ``sha256:`` with the hexadecimal digest.
    key
        The record's, in Kafka; None where it had none, or one of more than 1 kB.
    """

    reason: str
    detail: str
    field: str | None
    origin: str
    position: int
    value: bytes
    length: int
    checksum: str
    key: bytes | None = None

    @property
    def id(self) -> str:
        """The event's identity: origin and position."""
        return f"{self.origin}-{self.position}"

    def as_dict(self) -> dict[str, Any]:
        """Return the letter as a JSON record; bytes that are not text go as ``value_base64``."""
        record: dict[str, Any] = {
            "id": self.id,
            "reason": self.reason,
            "detail": self.detail,
            "field": self.field,
            "origin": self.origin,
            "position": self.position,
            "length": self.length,
            "checksum": self.checksum,
        }
        try:
            record["value"] = self.value.decode()
        except UnicodeDecodeError:
            record["value_base64"] = base64.b64encode(self.value).decode()
        return record

    @classmethod
    def of(cls, record: Record, origin: str, error: EventError) -> DeadLetter:
        """Return the letter of a record that failed with `error`."""
        value = record.value or b""
        return cls(
            reason=error.reason,
            detail=error.detail,
            field=error.field,
            origin=origin,
            position=record.position,
            value=value[:DEAD_LETTER_BYTES],
            length=len(value),
            checksum=f"sha256:{hashlib.sha256(value).hexdigest()}",
            key=record.key if len(record.key or b"") <= _MOST_KEY_BYTES else None,
        )
