"""Files as sources and sinks."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from itertools import chain
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamgmm.errors import ConfigError, StreamGMMError
from streamgmm.io import lines as lines_module
from streamgmm.io.files import FileSink, FileSource
from streamgmm.io.lines import inflate, split

if TYPE_CHECKING:
    from pathlib import Path

    from streamgmm.events import Record

LINES = [b'{"a": %d}' % i for i in range(2500)]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def read(path: Path, **options) -> list[tuple[int, bytes | None]]:
    with FileSource(path, **options) as source:
        return [(record.position, record.value) for batch in source for record in batch]


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("name", ["flows.jsonl", "flows.jsonl.gz", "flows"])
def test_json_lines_plain_and_gzip(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, b"\n".join(LINES) + b"\n")
    with FileSource(path) as source:
        assert (source.columns, source.origin) == (None, name)
        batches = list(source)
        assert source.fraction == 1.0
    assert [len(batch) for batch in batches] == [1000, 1000, 500]
    assert [r.value for batch in batches for r in batch] == LINES
    assert [r.position for batch in batches for r in batch] == list(range(1, 2501))


def test_blank_lines_line_ends_and_byte_order_mark(tmp_path: Path) -> None:
    data = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}\n\n{"a": 3}'
    path = write(tmp_path / "x.jsonl", data)
    assert read(path) == [(1, b'{"a": 1}'), (4, b'{"a": 2}'), (6, b'{"a": 3}')]
    assert read(write(tmp_path / "x.jsonl.gz", data)) == read(path)


def test_resumes_after_a_position(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", b"\n".join(LINES))
    assert read(path, after=2497) == [(2498 + i, LINES[2497 + i]) for i in range(3)]
    assert read(path, after=2500) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv(tmp_path: Path, delimiter: str) -> None:
    text = "\n\ufeffa,b name,c\n1,2,3\n\n4,5,6\n".lstrip().replace(",", delimiter)
    with FileSource(write(tmp_path / "x.csv", text.encode())) as source:
        assert source.columns == ("a", "b name", "c")
        assert source.delimiter == delimiter
        values = [(r.position, r.value) for batch in source for r in batch]
    cells = delimiter.encode()
    assert values == [(2, b"1,2,3".replace(b",", cells)), (4, b"4,5,6".replace(b",", cells))]


def test_the_format_is_found_by_name_and_then_by_content(tmp_path: Path) -> None:
    csv, jsonl = b"a,b\n1,2\n", b'{"a": 1}\n'
    for name, data, columns in [
        ("x.csv.gz", csv, ("a", "b")), ("x.txt", csv, ("a", "b")), ("x.txt", b"\n" + jsonl, None),
        ("x.ndjson", b"a,b\n", None), ("x.log", b"[1]\n", None),
    ]:  # fmt: skip
        with FileSource(write(tmp_path / name, data)) as source:
            assert source.columns == columns, name
    with FileSource(write(tmp_path / "x.csv", jsonl), format="jsonl") as source:
        assert source.columns is None


def test_csv_and_resuming_count_the_header_as_a_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", b"a\n1\n2\n3\n")
    assert read(path) == [(2, b"1"), (3, b"2"), (4, b"3")]
    assert read(path, after=3) == [(4, b"3")]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    for name in ("x.jsonl", "x", "x.jsonl.gz"):
        assert read(write(tmp_path / name, b"")) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty; a CSV file begins with a header"),
        (b"1,2.5\n", "has numbers only"),
        (b"a,b,a\n", "names 'a' twice"),
        (b"\xff\n", "no header of a CSV file .* and JSON lines$"),
    ],
)
def test_a_csv_file_without_a_usable_header(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        FileSource(write(tmp_path / "x.csv", data))


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing: cannot be read \(No such file"):
        FileSource(tmp_path / "nothing")
    with pytest.raises(StreamGMMError, match="directory"):
        read(tmp_path, format="jsonl")


def test_damaged_gzip_yields_what_came_before_and_then_says_so(tmp_path: Path) -> None:
    data = gzip.compress(b"\n".join(LINES * 200))
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(data[: len(data) // 2])
    got: list[Record] = []
    with FileSource(path) as source, pytest.raises(StreamGMMError, match="end in the middle"):
        got.extend(chain.from_iterable(source))
    assert len(got) > 1000
    assert [r.value for r in got[:-1]] == (LINES * 200)[: len(got) - 1]
    path.write_bytes(data[:500] + b"?" * 500 + data[1000:])
    with pytest.raises(StreamGMMError, match="cannot be read past line"):
        read(path)


chunked = st.lists(st.text("ab\n\r", max_size=9).map(str.encode), max_size=8)


@given(chunked)
def test_lines_do_not_depend_on_how_the_bytes_come(chunks: list[bytes]) -> None:
    got = [line for lines in split(iter(chunks)) for line in lines]
    expected = b"".join(chunks).split(b"\n")
    assert got == (expected if expected[-1] else expected[:-1])


@given(st.lists(st.binary(max_size=2000), min_size=1, max_size=4), st.integers(1, 50))
def test_gzip_of_several_members_in_pieces(members: list[bytes], size: int) -> None:
    data = b"".join(map(gzip.compress, members))
    pieces = (data[i : i + size] for i in range(0, len(data), size))
    assert b"".join(inflate(pieces)) == b"".join(members)


def test_a_line_without_end_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "MAX_LINE", 10)
    chunks = [b"ok\n0123", b"456789abc", b"def", b"gh\nnext\n"]
    got = [line for lines in split(iter(chunks)) for line in lines]
    assert got == [b"ok", b"0123456789", b"next"]


# ---------------------------------------------------------------- pipes


def test_a_pipe_is_passed_on_as_it_comes(tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)  # read-write, so that opening waits for nobody
    os.write(writer, b'{"a": 1}\n{"a": 2}\n{"a"')
    with FileSource(fifo, idle=0.01) as source:
        assert source.fraction is None
        batches = iter(source)
        assert [r.value for r in next(batches)] == [b'{"a": 1}', b'{"a": 2}']
        assert len(next(batches)) == 0  # nothing came for a while
        os.write(writer, b": 3}\n")
        third = next(batch for batch in batches if batch)
        assert [(r.position, r.value) for r in third] == [(3, b'{"a": 3}')]
        os.write(writer, b'{"a": 4}')
        os.close(writer)
        rest = [(r.position, r.value) for batch in batches for r in batch]
        assert rest == [(4, b'{"a": 4}')]


def test_standard_input_and_output() -> None:
    program = (
        "from streamgmm.io.files import *\n"
        "sink = FileSink('-')\n"
        "for batch in FileSource('-'):\n"
        "    sink.write(r.value for r in batch)\n"
        "sink.flush(); sink.close(); print('still open')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        input=gzip.compress(b'{"a": 1}\n{"a": 2}\n'),
        capture_output=True,
        check=True,
        timeout=60,
    )
    assert result.stdout == b'{"a": 1}\n{"a": 2}\nstill open\n'


# ---------------------------------------------------------------- writing


def test_written_lines_are_read_back(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with FileSink(path) as sink:
        sink.write(LINES[:3])
        sink.write([])
        sink.flush()
        assert path.read_bytes() == b"\n".join(LINES[:3]) + b"\n"
        sink.write(LINES[3:])
    assert [value for _, value in read(path)] == LINES


def test_appending_mends_a_record_cut_off_by_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for before, after in [
        (b"", b""), (b'{"a": 1}\n', b'{"a": 1}\n'), (b'{"a": 1}\n{"a"', b'{"a": 1}\n'),
        (b'{"a": 1}\n{"a": 2}', b'{"a": 1}\n{"a": 2}\n'), (b'{"a', b""),
        (b'{"a": "' + b"x" * 600_000, b""),
    ]:  # fmt: skip
        path.write_bytes(before)
        with FileSink(path) as sink:
            sink.write([b"{}"])
        assert path.read_bytes() == after + b"{}\n"


def test_beginning_anew(tmp_path: Path) -> None:
    path = write(tmp_path / "out.jsonl", b"old\n")
    with FileSink(path, append=False) as sink:
        sink.write([b"{}"])
    assert path.read_bytes() == b"{}\n"


def test_a_sink_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="directory that exists"):
        FileSink(tmp_path / "no" / "where.jsonl")


def test_standard_output_may_be_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", stream)
    with FileSink("-") as sink:
        sink.write([b"{}"])
        sink.flush()
    assert stream.buffer.getvalue() == b"{}\n"
