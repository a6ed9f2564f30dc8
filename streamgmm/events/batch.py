"""A batch: events as arrays, and what could not become one as dead letters."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from streamgmm.errors import EventError
from streamgmm.events.cells import CsvDecoder
from streamgmm.events.clock import EventClock
from streamgmm.events.columns import CategoryColumns, TimeColumns
from streamgmm.events.decode import Decoder, JsonDecoder, feature_getter, member_getter
from streamgmm.events.encode import Encoder
from streamgmm.events.histories import HistoryColumns
from streamgmm.events.records import DeadLetter, Record, Records
from streamgmm.events.roles import (
    keys_column,
    labels_column,
    times_column,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from streamgmm.events.schema import Schema
    from streamgmm.events.surprise import Judged


_LOOK_EVERY = 256


@dataclass(frozen=True, slots=True)
class Batch:
    """n decoded events of one partition, in its order, as columns.

    Attributes
    ----------
    X : (n, d)
        Encoded features; NaN = missing.
    time : (n,)
        Event time, seconds since the epoch; NaN = none.
    owners
        Whom each event is about, or None: as decoded, or the record's own key; see `keys`.
    positions : (n,)
        Line numbers or offsets.
    raw
        The original bytes.
    origin
        File name, or topic-partition.
    labels : (n,)
        1 anomaly, 0 normal, NaN unknown; None where the schema names no label.
    decoder
        What read the events.
    judged
        For each column of a category, what the categories came to.
    """

    X: NDArray[np.float64]
    time: NDArray[np.float64]
    owners: Sequence[Any]
    positions: NDArray[np.int64]
    raw: Sequence[bytes]
    origin: str
    labels: NDArray[np.float64] | None
    decoder: Decoder
    judged: Mapping[int, Judged] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def keys(self) -> list[str | None]:
        """Whom each event is about, as text."""
        return keys_column(self.owners)

    def key(self, row: int) -> str | None:
        """Return whom one event is about, as text."""
        return keys_column([self.owners[row]])[0]

    @property
    def missing(self) -> NDArray[np.int64]:
        """Missing values per column: (d,)."""
        missing: NDArray[np.int64] = np.isnan(self.X).sum(axis=0, dtype=np.int64)
        return missing

    def unknown_fields(self) -> int:
        """Return how many fields the schema does not read, in one event of 256.

        Looking at each would cost more than reading it does. Which are looked at is up to their
        positions.
        """
        if (
            not len(self)
            or -self.positions[0] % _LOOK_EVERY > self.positions[-1] - self.positions[0]
        ):
            return 0
        rows = np.flatnonzero(self.positions % _LOOK_EVERY == 0).tolist()
        return sum(self.decoder.unknown(self.raw[row]) for row in rows)

    def id(self, row: int) -> str:
        """Return the identity of an event: origin and position."""
        return f"{self.origin}-{self.positions[row]}"

    def event(self, row: int) -> bytes:
        """Return an original event as one line of JSON, for an alert (``msgspec.Raw``)."""
        return self.decoder.event(self.raw[row])


class BatchDecoder:
    """Turns records of one partition into batches.

    Parameters
    ----------
    schema
        What an event looks like.
    origin
        Names the partition in ids: the file, or topic-partition.
    columns
        The header of a CSV source; None reads JSON objects.
    delimiter
        Between the cells of a CSV source.
    max_ahead
        Seconds; see `EventClock`.
    decoder
        Of `schema`, for events that are neither JSON nor CSV.

    Attributes
    ----------
    clock : EventClock
    categories : CategoryColumns
        What has been learned of categories.
    histories : HistoryColumns
        What is remembered of keys. The state of these three belongs to the partition's.

    Examples
    --------
    >>> from streamgmm.events import Field, Record, Schema
    >>> decoder = BatchDecoder(Schema((Field("a"), Field("b"))), origin="flows.jsonl")
    >>> batch, dead = decoder.decode([Record(b'{"a": 1, "b": 2}', 1), Record(b"?", 2)])
    >>> batch.X
    array([[1., 2.]])
    >>> [(letter.id, letter.reason) for letter in dead]
    [('flows.jsonl-2', 'not_json')]
    """

    def __init__(
        self,
        schema: Schema,
        *,
        origin: str,
        columns: Sequence[str] | None = None,
        delimiter: str = ",",
        max_ahead: float = 86_400.0,
        decoder: Decoder | None = None,
    ) -> None:
        self.schema = schema
        self.origin = origin
        self.clock = EventClock(max_ahead)
        self.encoder = Encoder(schema)
        if decoder is None:
            decoder = (
                JsonDecoder(schema) if columns is None else CsvDecoder(schema, columns, delimiter)
            )
        self._decoder = decoder
        self._plain = decoder.plain if isinstance(decoder, JsonDecoder) else None
        self.categories = CategoryColumns(schema)
        self.histories = HistoryColumns(schema)
        self._times_of = TimeColumns(schema)
        self._features = feature_getter(schema)
        self._width = schema.width
        offsets = zip(schema.fields, schema.offsets, strict=True)
        self._numbers = [column for one, column in offsets if one.kind == "number" and one.member]
        self._key = member_getter(schema, schema.key)
        self._time = member_getter(schema, schema.time)
        self._label = member_getter(schema, schema.label)

    def decode(
        self,
        records: Sequence[Record],
        *,
        learn: bool = True,
        aside: Mapping[int, EventError] | None = None,
    ) -> tuple[Batch, list[DeadLetter]]:
        """Decode, encode and judge a block of records, in order; `learn` from their categories.

        A record that cannot be used, or is `aside` by its position, becomes a dead letter and
        leaves its neighbours as they are; how records are cut into blocks changes nothing.
        """
        good = records = Records.of(records)
        structs, numbers, faults = self._read(records, {**records.faults, **(aside or {})})
        rows: Sequence[int] = range(len(records))
        if faults:
            rows = [i for i in rows if i not in faults]
            structs, numbers = [structs[i] for i in rows], numbers[rows]
            good = records.take(rows)

        X, unfit = self.encoder.forward(self._in_columns(numbers))
        time, untimely = self._times(structs, good)
        unfit = untimely | unfit
        if self._times_of:
            unfit = self._times_of.fill(X, structs, time) | unfit
        unfit |= self._judge(time, unfit)
        if unfit:
            faults |= {rows[i]: error for i, error in unfit.items()}
            keep = [i for i in range(len(good)) if i not in unfit]
            X, time = X[keep], time[keep]
            good, structs = good.take(keep), [structs[i] for i in keep]
        batch = self._batch(X, time, structs, good, learn=learn)
        return batch, [DeadLetter.of(records[i], self.origin, faults[i]) for i in sorted(faults)]

    def _read(
        self, records: Records, aside: Mapping[int, EventError]
    ) -> tuple[list[Any], NDArray[np.float64], dict[int, EventError]]:
        """Return structs, numbers (n, m), and row -> what is wrong; those aside are not read."""
        values, faults = records.values, {}
        if aside:
            places = enumerate(records.positions.tolist())
            faults = {row: aside[at] for row, at in places if at in aside}
            values = [None if row in faults else value for row, value in enumerate(values)]
        structs, numbers, bad = self._events(values)
        return structs, numbers, bad | faults

    def _events(
        self, values: Sequence[bytes | None]
    ) -> tuple[list[Any], NDArray[np.float64], dict[int, EventError]]:
        numbers = np.empty((len(values), len(self._numbers)))
        structs: list[Any] = [None] * len(values)
        rest: Sequence[int] = range(len(values))  # those that a shorter way does not read
        if self._plain is not None:
            structs, rest = self._plain.read(values, numbers)
        faults: dict[int, EventError] = {}
        if rest:
            decoded = self._decoder.decode_many([values[row] for row in rest])
            for row, struct in zip(rest, decoded, strict=True):
                structs[row] = struct
            faults = {row: s for row, s in zip(rest, decoded, strict=True) if type(s) is EventError}
            good = [row for row in rest if row not in faults]
            found = list(chain.from_iterable(self._features(structs[row]) for row in good))
            # In an array of floats None becomes NaN.
            numbers[good] = np.array(found, dtype=np.float64).reshape(len(good), len(self._numbers))
        return structs, numbers, faults

    def _in_columns(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return numbers (n, m) in their columns of (n, d), in the user's units."""
        if self._width == len(self._numbers):
            return numbers
        values = np.full((len(numbers), self._width), np.nan)
        values[:, self._numbers] = numbers
        return values

    def _times(
        self, structs: list[Any], records: Records
    ) -> tuple[NDArray[np.float64], dict[int, EventError]]:
        if self._time is None or self.schema.time is None:
            return records.timestamps, {}
        values = list(map(self._time, structs))
        return times_column(values, self.schema.time_unit, records.timestamps, self.schema.time)

    def _judge(
        self, time: NDArray[np.float64], unfit: dict[int, EventError]
    ) -> dict[int, EventError]:
        """Move the clock over the events that are fit; return those too far ahead of it."""
        rows = np.delete(np.arange(len(time)), list(unfit)) if unfit else np.arange(len(time))
        before = self.clock.latest
        admitted = self.clock.admit(time[rows])
        return {
            row: EventError(
                "too_far_ahead",
                f"the event is dated {time[row]:.3f} s since the epoch, more than "
                f"{self.clock.max_ahead:g} s after the latest one of its partition "
                f"(about {before:.3f})",
                self.schema.time,
            )
            for row in rows[~admitted].tolist()
        }

    def _batch(
        self,
        X: NDArray[np.float64],
        time: NDArray[np.float64],
        structs: list[Any],
        records: Records,
        *,
        learn: bool,
    ) -> Batch:
        owners = records.keys if self._key is None else list(map(self._key, structs))
        # What cannot be used is not counted either, so this comes last.
        judged = self.categories.learn(X, structs, owners, count=learn) if self.categories else {}
        if self.histories:
            self.histories.fill(X, structs, owners, time, learn=learn)
        return Batch(
            X=X,
            time=time,
            owners=owners,
            positions=records.positions,
            raw=cast("Sequence[bytes]", records.values),  # none of these is a tombstone
            origin=self.origin,
            labels=None if self._label is None else labels_column(list(map(self._label, structs))),
            decoder=self._decoder,
            judged=judged,
        )
