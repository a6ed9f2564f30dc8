"""Events as lines of a CSV file."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.errors import ConfigError, EventError
from streamgmm.events.decode import event_struct
from streamgmm.events.faults import missing, not_finite, not_utf8, wrong_type

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamgmm.events.schema import Schema


class CsvDecoder:
    """Reads one line of a CSV file an event; a blank cell is a missing value.

    Parameters
    ----------
    columns
        The header: names of the cells of each line.
    delimiter
        One character between cells.

    Raises
    ------
    ConfigError
        The header lacks a field of the schema.
    """

    def __init__(self, schema: Schema, columns: Sequence[str], delimiter: str = ",") -> None:
        self._columns = tuple(columns)
        self._delimiter = delimiter
        self._schema = schema
        self._struct = event_struct(schema)
        self._features = [
            (f"f{i}", field, self._column(field.name)) for i, field in enumerate(schema.fields)
        ]
        self._specials = [
            (role, self._column(name))
            for role in ("key", "time", "label")
            if (name := getattr(schema, role)) is not None and name not in schema.names
        ]

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""
        cells = self._cells(value)
        members: dict[str, Any] = {}
        for attribute, field, column in self._features:
            text = cells[column]
            if text and not text.isspace():
                members[attribute] = _number(text, field.name)
            elif field.required:
                raise missing(field.name, "blank")
        for role, column in self._specials:
            members[role] = cells[column].strip() or None
        return self._struct(**members)

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""
        out: list[Any] = []
        for value in values:
            try:
                out.append(self.decode(value))
            except EventError as error:
                out.append(error)
        return out

    def event(self, value: bytes) -> bytes:
        """Return a line that was decoded as a JSON object, its numbers as numbers."""
        cells = zip(self._columns, self._cells(value), strict=True)
        return msgspec.json.encode({name: _json_value(text) for name, text in cells})

    def _cells(self, value: bytes | None) -> list[str]:
        if value is None or not value.strip():
            raise EventError("empty", "the event has no bytes; a line of cells is expected")
        try:
            cells = self._split(value.decode())
        except UnicodeDecodeError as error:
            raise not_utf8(error) from None
        except (csv.Error, StopIteration) as error:
            raise EventError("bad_row", f"the line cannot be split into cells: {error}") from None
        if len(cells) != len(self._columns):
            raise EventError(
                "bad_row",
                f"the line has {len(cells)} cells where the header names {len(self._columns)}",
            )
        return cells

    def _split(self, line: str) -> list[str]:
        if '"' not in line:
            return line.split(self._delimiter)
        return next(csv.reader((line,), delimiter=self._delimiter, strict=True))

    def _column(self, name: str) -> int:
        try:
            return self._columns.index(name)
        except ValueError:
            raise ConfigError(
                f"the file has no column {name!r}; its header names {', '.join(self._columns)}"
            ) from None


def _number(text: str, name: str) -> float:
    try:
        number = float(text.replace("_", "?"))  # to Python 1_000 is a number, to nobody else
    except ValueError:
        raise wrong_type(name, text, "a number or a blank cell") from None
    if not math.isfinite(number):
        raise not_finite(name, text)
    return number


def _json_value(text: str) -> Any:
    """Return a cell as its JSON value: null if blank, a number if it is written as one."""
    if not text.strip():
        return None
    try:
        msgspec.json.decode(text, type=float)
    except ValueError:
        return text
    return msgspec.Raw(text.strip().encode())
