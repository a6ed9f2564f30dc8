"""From the library's records to columns, without a step of Python for each."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from streamgmm.events import Records

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from streamgmm.errors import EventError

__all__ = ["columns"]

_VALUE, _OFFSET, _TIMESTAMP, _KEY = map(attrgetter, ("value", "offset", "timestamp", "key"))


def columns(
    records: list[Any], faults: Mapping[int, EventError], *, with_headers: bool = False
) -> Records:
    """Return records of one partition as columns."""
    n = len(records)
    offsets = np.fromiter(map(_OFFSET, records), np.int64, n)
    timestamps = np.fromiter(map(_TIMESTAMP, records), np.float64, n) / 1000
    timestamps[timestamps < 0] = np.nan
    return Records(
        list(map(_VALUE, records)),
        offsets,
        timestamps,
        list(map(_KEY, records)),
        faults,
        partial(_headers, records, offsets) if with_headers else None,
    )


def _headers(
    records: list[Any], offsets: NDArray[np.int64], offset: int
) -> Sequence[tuple[str, bytes | None]]:
    found: Sequence[tuple[str, bytes | None]] = records[
        int(np.searchsorted(offsets, offset))
    ].headers
    return found
