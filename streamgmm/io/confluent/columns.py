"""From the library's messages to records in columns, with little Python for each."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, cast

import numpy as np
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Message

from streamgmm.events import Records
from streamgmm.io.client import Partition

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

__all__ = ["by_partition"]

_kind, _milliseconds = itemgetter(0), itemgetter(1)


def by_partition(
    messages: Sequence[Message], wanted: Collection[Partition], *, with_headers: bool = False
) -> dict[Partition, Records]:
    """Give the records of wanted partitions; they come in runs of the same one."""
    topics, numbers = set(map(Message.topic, messages)), set(map(Message.partition, messages))
    if len(topics) == len(numbers) == 1:  # mostly, where one partition has much to be read
        only = Partition(*cast("tuple[str, int]", (*topics, *numbers)))
        return {only: _columns(messages, with_headers)} if only in wanted else {}
    places = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
    runs: dict[Partition, list[Message]] = {}
    begin = 0
    for place, run in groupby(places):
        end = begin + sum(map(len, zip(run, strict=True)))
        partition = Partition(*cast("tuple[str, int]", place))
        if partition in wanted:
            runs.setdefault(partition, []).extend(messages[begin:end])
        begin = end
    return {partition: _columns(run, with_headers) for partition, run in runs.items()}


def _columns(messages: Sequence[Message], with_headers: bool) -> Records:  # noqa: FBT001 - private
    count = len(messages)
    offsets = np.fromiter(map(Message.offset, messages), np.int64, count)
    times = list(map(Message.timestamp, messages))
    stamps = np.fromiter(map(_milliseconds, times), np.float64, count) / 1000
    if TIMESTAMP_NOT_AVAILABLE in set(map(_kind, times)):
        stamps[[kind == TIMESTAMP_NOT_AVAILABLE for kind, _ in times]] = np.nan
    return Records(
        cast("list[bytes | None]", list(map(Message.value, messages))),
        offsets,
        stamps,
        cast("list[bytes | None]", list(map(Message.key, messages))),
        headers=partial(_headers, messages, offsets) if with_headers else None,
    )


def _headers(
    messages: Sequence[Message], offsets: NDArray[np.int64], offset: int
) -> Sequence[tuple[str, bytes | None]]:
    found = messages[int(np.searchsorted(offsets, offset))].headers() or []
    return cast("list[tuple[str, bytes | None]]", found)
