"""Events as lines of a CSV file."""

from __future__ import annotations

import csv
import math
from typing import TYPE_CHECKING, Any

import msgspec

from streamgmm.errors import ConfigError, EventError
from streamgmm.events.decode import decode_each, event_struct
from streamgmm.events.faults import missing, not_finite, not_utf8, wrong_type
from streamgmm.events.members import members

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamgmm.events.schema import Schema

TORN_JSON = 'if these are JSON lines and the first of them is torn, set [source] format = "jsonl"'


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
        self._struct = event_struct(schema)
        self._members = [
            (name, self._column(name), one.attribute, one.is_text, one.required)
            for name, one in members(schema).items()
        ]

    def decode(self, value: bytes | None) -> Any:
        """Return the typed struct of one event, or raise EventError."""
        cells = self._cells(value)
        values: dict[str, Any] = {}
        for name, column, attribute, is_text, required in self._members:
            text = cells[column]
            if text and not text.isspace():
                values[attribute] = text.strip() if is_text else _number(text, name)
            elif required:
                raise missing(name, "blank")
        return self._struct(**values)

    def decode_many(self, values: Sequence[bytes | None]) -> list[Any]:
        """Return a struct or an EventError for each event, in order."""
        return decode_each(self.decode, values)

    def event(self, value: bytes) -> bytes:
        """Return a line that was decoded as a JSON object, its numbers as numbers."""
        cells = zip(self._columns, self._cells(value), strict=True)
        return msgspec.json.encode({name: _json_value(text) for name, text in cells})

    def unknown(self, value: bytes) -> int:  # noqa: ARG002  # the header says it for every line
        """Return how many cells of a line are not read."""
        return len(self._columns) - len(self._members)

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
                + (f"; {TORN_JSON}" if set('{}":') & set("".join(self._columns)) else "")
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
