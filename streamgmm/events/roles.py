"""The columns that are not features: whom an event is about, when it happened, the truth.

The values are what a decoder left in ``key``, ``time`` and ``label``: text, numbers, None.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from streamgmm.events.schema import TimeUnit

UNITS_PER_SECOND: dict[TimeUnit, float] = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}

# Year 1 up to, not including, year 10000: what ISO 8601 and datetime can write.
EARLIEST = -62_135_596_800.0
LATEST = 253_402_300_800.0

_TRUE = frozenset({"1", "true", "yes", "anomaly", "anomalous", "attack", "malicious", "fraud"})
_FALSE = frozenset({"0", "false", "no", "normal", "benign", "legitimate"})


def times_column(
    values: Sequence[Any], unit: TimeUnit, timestamps: NDArray[np.float64], name: str
) -> tuple[NDArray[np.float64], dict[int, EventError]]:
    """Return event times (n,) in seconds since the epoch, and row -> what is wrong with one.

    Parameters
    ----------
    values
        Numbers in `unit`s since the epoch, text (a number or ISO 8601; UTC where it names no
        offset), or None: then the record's timestamp.
    timestamps : (n,)
        The records' own times, seconds since the epoch; NaN = none.
    """
    faults: dict[int, EventError] = {}
    time = _numbers(values)
    if time is None:
        time = np.empty(len(values))
        for i, value in enumerate(values):
            try:
                time[i] = _one_time(value, unit)
            except ValueError as error:
                faults[i] = _bad_time(name, value, str(error))
                time[i] = np.nan
    elif unit != "s":
        time /= UNITS_PER_SECOND[unit]
    outside = (time < EARLIEST) | (time >= LATEST)
    for i in np.flatnonzero(outside).tolist():
        faults[i] = _bad_time(name, values[i], f"in {unit!r} it is outside the years 1 to 9999")
    for i in np.flatnonzero(np.isnan(time)).tolist():
        if i not in faults:
            time[i] = timestamps[i]
    return time, faults


def keys_column(values: Sequence[Any]) -> list[str | None]:
    """Return keys as text; whole numbers without a decimal point.

    Those of records are bytes; where they are not UTF-8 they are written as escapes.
    """
    return [value if type(value) is str or value is None else _text(value) for value in values]


def labels_column(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return the truth (n,): 1 anomaly, 0 normal, NaN where it is missing or not understood.

    Understood are numbers (0 is normal), truth values and the words ``normal``, ``benign``,
    ``legitimate``, ``no``, ``false`` against ``anomaly``, ``attack``, ``malicious``,
    ``fraud``, ``yes``, ``true``.
    """
    return np.array([_label(value) for value in values], dtype=np.float64)


def _numbers(values: Sequence[Any]) -> NDArray[np.float64] | None:
    """Return the values as floats if none is text (NumPy would parse it)."""
    if str in set(map(type, values)):
        return None
    return np.array(values, dtype=np.float64)


def _one_time(value: Any, unit: TimeUnit) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, str):
        return float(value) / UNITS_PER_SECOND[unit]
    text = value.strip()
    if ":" in text:  # no number: spares the failed try, which would cost more than all else
        return _iso_8601(text)
    try:
        number = float(text)
    except ValueError:
        return _iso_8601(text)
    if not math.isfinite(number):
        raise ValueError("it is not finite")
    return number / UNITS_PER_SECOND[unit]


def _iso_8601(text: str) -> float:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _bad_time(name: str, value: Any, why: str) -> EventError:
    return EventError(
        "bad_time",
        f"time field {name!r} is {value!r:.80}: {why}; allowed are numbers since the epoch "
        f'(set time_unit to their unit: "s", "ms", "us" or "ns") and ISO 8601 text',
        name,
    )


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _label(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, str):
        word = value.strip().lower()
        if word in _TRUE or word in _FALSE:
            return float(word in _TRUE)
        try:
            value = float(word)
        except ValueError:
            return math.nan
    return math.nan if math.isnan(value) else float(value != 0)
