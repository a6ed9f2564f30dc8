"""Numbers and quantities as a person reads them: few digits, the unit's prefixes, no exponents."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["against", "aligned", "digits_of", "number", "quantity"]

# Units that take the prefixes of thousands: 9.1 MB, 3 kbit/s.
_PREFIXED: Final = frozenset(["B", "B/s", "bit", "bit/s", "Hz", "W", "Wh"])
_PREFIXES: Final = ("", "k", "M", "G", "T", "P", "E")
# Units of time, in seconds; shown as a duration: 340 ms, 2 h 5 min.
_TIME: Final = {
    "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0
}  # fmt: skip
_SHORT: Final = ("s", "ms", "us", "ns")
_LONG: Final = (("d", 86_400), ("h", 3600), ("min", 60), ("s", 1))
_LARGE, _SMALL = 1e15, 1e-4
_BEYOND_UNITS: Final = 1e300  # where rounding up, or turning into seconds, could overflow
_DIGITS: Final = 3
_MOST_DIGITS: Final = 12
_NOUGHT: Final = 0.01  # of a range: an expected value below that is 0


def number(value: float, digits: int = _DIGITS) -> str:
    """Write a number: thousands separated, `digits` that matter, no exponent if it fits.

    Examples
    --------
    >>> number(54540.0), number(366.21), number(0.07189)
    ('54,540', '366', '0.0719')
    """
    size = abs(value)
    if not math.isfinite(value) or size >= _LARGE or 0 < size < _SMALL:
        return f"{value:.{_DIGITS}g}"
    if size == 0:
        return "0"
    decimals = max(digits - 1 - _magnitude(size), 0)
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if decimals else text


def quantity(value: float, unit: str = "", digits: int = _DIGITS) -> str:
    """Write a number with its unit.

    Bytes, bits, hertz and watts take prefixes; units of time ("ms", "s", "min" ...) become a
    duration; any other unit stands behind the number.

    Examples
    --------
    >>> quantity(9_134_000, "B", 2), quantity(0.34, "s"), quantity(7512, "s"), quantity(12, "EUR")
    ('9.1 MB', '340 ms', '2 h 5 min', '12 EUR')
    """
    if not unit:
        return number(value, digits)
    if not abs(value) < _BEYOND_UNITS:
        return f"{number(value)} {unit}"
    if unit in _PREFIXED:
        rounded = _rounded(abs(value), digits)
        step = min(max(_magnitude(rounded) // 3, 0), len(_PREFIXES) - 1) if rounded else 0
        return f"{number(value / 1000.0**step, digits)} {_PREFIXES[step]}{unit}"
    if unit in _TIME:
        return _duration(value * _TIME[unit], digits)
    return f"{number(value, digits)} {unit}"


def digits_of(value: float, step: float) -> int:
    """Return how many digits of `value` matter where differences of about `step` do: 2 to 12.

    Examples
    --------
    >>> digits_of(12_400.0, 36_000.0), digits_of(1_000_012.0, 3.0)
    (2, 8)
    """
    if not (math.isfinite(value) and 0.0 < step < math.inf and value):
        return _DIGITS
    return min(max(_magnitude(abs(value)) - _magnitude(step) + 2, 2), _MOST_DIGITS)


def against(
    value: float,
    expected: float,
    low: float,
    high: float,
    *,
    given_rest: bool,
    show: Callable[[float, int], str] = number,
    noun: str = "",
) -> str:
    """Write a value against what was expected of it.

    Parameters
    ----------
    value, expected, low, high
        The value, the expected one, and the range in which it would be usual.
    given_rest
        Whether the expectation comes from the other features of the event.
    show
        Writes a value with so many digits.
    noun
        What there are so many of.

    Examples
    --------
    >>> against(9.0, 4.2, 3.0, 5.5, given_rest=True)
    '9, expected 4.2 (3 to 5.5) given the rest'
    >>> against(9.0, 4.2, 3.0, 5.5, given_rest=False, noun=" events")
    '9 events, usually 4.2 (3 to 5.5)'
    """
    width = high - low
    if abs(expected) < _NOUGHT * width:
        expected = 0.0
    lowest, middle, highest = (show(one, digits_of(one, width)) for one in (low, expected, high))
    got = show(value, digits_of(value, max(width, abs(value - expected))))
    within = f" ({lowest} to {highest})" if lowest != highest else ""
    got += noun
    if given_rest:
        return f"{got}, expected {middle}{within} given the rest"
    return f"{got}, usually {middle}{within}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Write rows of cells as lines, the cells of a column one below the other.

    Examples
    --------
    >>> print(aligned([("id", "what"), ("flows-0:7", "new")]), end="")
    id         what
    flows-0:7  new
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "".join(f"{line}\n" for line in lines)


def _duration(seconds: float, digits: int) -> str:
    sign, size = "-" if seconds < 0 else "", abs(seconds)
    if _rounded(size, digits) < 60.0:
        rounded = _rounded(size, digits)
        step = min(max(-(_magnitude(rounded) // 3), 0), len(_SHORT) - 1) if rounded else 0
        return f"{sign}{number(size * 1000.0**step, digits)} {_SHORT[step]}"
    if size >= _LARGE:
        return f"{sign}{number(size)} s"
    resolution = 10.0 ** (_magnitude(size) - digits + 1)
    first = next(i for i, (_, length) in enumerate(_LONG) if size >= length)
    fine = [i for i, (_, length) in enumerate(_LONG) if length >= resolution]
    last = min(max(first + 1, fine[-1] if fine else 0), len(_LONG) - 1)
    rest = round(size / _LONG[last][1]) * _LONG[last][1]
    parts = []
    for name, length in _LONG[: last + 1]:
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count:,} {name}")
    return sign + " ".join(parts)


def _magnitude(size: float) -> int:
    return math.floor(math.log10(size))


def _rounded(size: float, digits: int) -> float:
    return float(f"{size:.{digits - 1}e}")
