"""A schema from the first records of a file, for those who have not written one yet."""

from __future__ import annotations

import csv
import logging
import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from streamgmm.errors import ConfigError
from streamgmm.events import Field, Schema
from streamgmm.events.members import READABLE, is_readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from streamgmm.events import Record

__all__ = ["infer_schema"]

_log = logging.getLogger(__name__)
_TIMES: Final = ("time", "ts", "timestamp", "@timestamp", "event_time", "datetime")
# A column whose largest value is so many times its median has no scale of its own.
_HEAVY_TAIL: Final = 50.0


def infer_schema(
    records: Sequence[Record],
    columns: Sequence[str] | None,
    delimiter: str = ",",
    label: str | None = None,
) -> Schema:
    """Take every numeric field as a feature.

    A field is numeric if it never holds anything else; one that rises from record to record
    (a line number, a clock) says nothing about the event and is left out. A field with a heavy
    tail goes through asinh, which is a logarithm for large values and takes any number. A field
    with a usual name (`ts`, `timestamp`, ...) is the event time. A field with a
    name that cannot be read is left out, and the log says so.

    Parameters
    ----------
    records
        The first ones; a few hundred are enough.
    columns, delimiter
        The header of a CSV file; None for JSON lines.
    label
        The field with the truth, never a feature.

    Raises
    ------
    ConfigError
        If there is no event, no field is numeric, or `label` is not there.
    """
    values: dict[str, list[Any]] = {}
    for event in _events(records, columns, delimiter):
        for name, value in event.items():
            values.setdefault(name, []).append(value)
    if not values:
        raise ConfigError(
            "there is no event to learn from: the input is empty, or its first records are neither "
            "JSON objects nor rows of a CSV file with a header"
        )
    for name in [name for name in values if not is_readable(name)]:
        del values[name]
        _log.warning("field %r is left out; what can be read is %s", name, READABLE)
    if label is not None and label not in values:
        raise ConfigError(
            f"--label names {label!r}, but the records have {', '.join(values)}: name one of these"
        )
    time = next((name for name in values if name.lower() in _TIMES and name != label), None)
    fields = [
        field
        for name, column in values.items()
        if name not in (label, time) and (field := _feature(name, column)) is not None
    ]
    if not fields:
        raise ConfigError(
            "the first records have no numeric field to learn from; write a CONFIG that names "
            "the fields under [events.fields]"
        )
    return Schema(
        fields=tuple(sorted(fields, key=lambda field: field.name)),
        time=time,
        time_unit=_time_unit(values[time]) if time else "s",
        label=label,
    )


def _events(
    records: Sequence[Record], columns: Sequence[str] | None, delimiter: str
) -> Iterator[dict[str, Any]]:
    for record in records:
        try:
            if columns is None:
                event = msgspec.json.decode(record.value or b"")
                if isinstance(event, dict):
                    yield event
            else:
                text = (record.value or b"").decode()
                cells = next(csv.reader((text,), delimiter=delimiter, strict=True))
                yield dict(zip(columns, map(_cell, cells), strict=True))
        except (ValueError, RecursionError, csv.Error):
            continue  # it will be a dead letter


def _cell(text: str) -> Any:
    if not text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return text


def _feature(name: str, column: Sequence[Any]) -> Field | None:
    known = [value for value in column if value is not None]
    if not known or not all(map(_is_number, known)):
        return None
    numbers = np.array(known, dtype=np.float64)
    if len(numbers) > 10 and (np.diff(numbers) > 0).all():
        return None
    size = np.abs(numbers)
    heavy = size.max() > _HEAVY_TAIL * max(float(np.median(size)), 1.0)
    return Field(name, "asinh" if heavy else "identity")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def _time_unit(column: Sequence[Any]) -> Any:
    """Tell seconds, milli-, micro- and nanoseconds since the epoch apart by their size."""
    size = max((abs(value) for value in column if _is_number(value)), default=0.0)
    return next(
        (unit for unit, most in (("s", 1e11), ("ms", 1e14), ("us", 1e17)) if size < most), "ns"
    )
