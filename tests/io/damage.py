"""Batches of a partition damaged where they are kept, in each way that a reader may stop at."""

from __future__ import annotations

import struct
import subprocess
from itertools import cycle
from typing import TYPE_CHECKING

from kafka.record.util import calc_crc32c

from tests.brokers.kafka_jars import require

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_CHECKSUM, _ATTRIBUTES, _LAST_OFFSET_DELTA = 17, 22, 23
_CODECS = {"gzip": 1, "codec": 5}
SAID = {
    "bytes": "its checksum is not that of its bytes",
    "header": "its checksum is not that of its bytes",
    "gzip": "compressed with gzip and cannot be decompressed",
    "codec": "compressed with codec 5",
}
"""What is to be said of the records of a batch, by what was done to it."""


def kcat(brokers: str, topic: str, *options: str | bytes, events: Sequence[bytes]) -> None:
    """Produce events as one batch: it is sent when all are in, however slowly they are read."""
    together = ("-X", "linger.ms=30000", "-X", f"batch.num.messages={len(events)}")
    command = [require("kcat", "kcat"), "-P", "-b", brokers, "-t", topic, *together, *options]
    subprocess.run(command, input=b"".join(one + b"\n" for one in events), check=True)


def spans(segment: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Give where the batches in a partition's file begin and end, and the offsets in each."""
    at = 0
    while at < len(segment):
        begin = at
        first, length = struct.unpack_from(">qi", segment, at)
        (further,) = struct.unpack_from(">i", segment, at + _LAST_OFFSET_DELTA)
        at += 12 + length
        yield begin, at, first, first + further + 1


def damage(file: Path) -> dict[int, str]:
    """Damage batches where they are kept; return by offset what is to be said of its record."""
    data = bytearray(file.read_bytes())
    said: dict[int, str] = {}
    kinds = cycle((None, "bytes", "codec", None, "gzip", "header"))
    batches = [(*place, next(kinds)) for place in spans(data)]
    batches[-1] = (*batches[-1][:4], "bytes")
    for begin, end, first, after, kind in batches:
        if kind in _CODECS:
            data[begin + _ATTRIBUTES] = _CODECS[kind]
            checksum = calc_crc32c(memoryview(data)[begin + _CHECKSUM + 4 : end])
            struct.pack_into(">I", data, begin + _CHECKSUM, checksum)
        elif kind is not None:
            data[end - 3 if kind == "bytes" else begin + _LAST_OFFSET_DELTA] ^= 0x7F
        if kind is not None:
            said |= dict.fromkeys(range(first, after), SAID[kind])
    file.write_bytes(data)
    return said
