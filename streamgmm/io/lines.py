"""From bytes as they come to lines: inflating gzip and cutting at newlines.

Chunks and lists of lines travel through generators; an empty one means that nothing came for
a while, and is passed on so that whoever waits can look around. At the other end, a file
that a crash left with half a line is mended.
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_LINE = 16 * 2**20
"""Bytes; a longer line is cut here, and so becomes a dead letter."""

CHUNK = 256 * 1024
GZIP_MAGIC = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


def inflate(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Inflate gzip, also several members one after the other.

    Raises
    ------
    zlib.error
        The data are damaged.
    EOFError
        They end in the middle.
    """
    member = None  # None between two members
    for chunk in chunks:
        if not chunk:
            yield chunk
        data = chunk
        while data:
            member = member or zlib.decompressobj(wbits=31)
            text = member.decompress(data, CHUNK)  # bounded, whatever the data claim
            if text:
                yield text
            data = member.unconsumed_tail
            if member.eof:
                data, member = member.unused_data.lstrip(b"\0"), None  # zeros are padding
    if member is not None:
        yield member.flush()
        raise EOFError("the gzip data end in the middle")


def split(chunks: Iterator[bytes]) -> Iterator[list[bytes]]:
    """Cut text into lines, without their newlines; a byte order mark is dropped."""
    rest = b""
    begun = False
    cut = False  # inside a line whose beginning was passed on already
    for chunk in chunks:
        lines = (rest + chunk).split(b"\n")
        if lines[1:] and not begun:
            lines[0] = lines[0].removeprefix(_BOM)
            begun = True
        rest = lines.pop()
        if cut and lines:
            del lines[0]
            cut = False
        if cut:
            rest = b""
        elif len(rest) > MAX_LINE:
            lines.append(rest[:MAX_LINE])
            rest, cut = b"", True
        if lines or not chunk:
            yield lines
    if rest:
        yield [rest if begun else rest.removeprefix(_BOM)]


def mend_last_line(path: Path) -> None:
    """End a file with a newline: after its last record, or by removing half a record."""
    if not path.is_file() or not path.stat().st_size:
        return
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(end - 1)
        if file.read(1) == b"\n":
            return
        start, tail = end, b""
        while start and b"\n" not in tail:
            start = max(0, start - CHUNK)
            file.seek(start)
            tail = file.read(end - start)
        last = tail.rpartition(b"\n")[2]
        try:
            msgspec.json.decode(last)
        except (ValueError, RecursionError):
            file.truncate(end - len(last))
        else:
            file.seek(end)
            file.write(b"\n")
