"""Files as sources and sinks: JSON lines or CSV in, plain or gzip; JSON lines out.

Reading is a chain of small generators: bytes as they come, inflated where they are gzip,
cut into lines, gathered into batches of records. The position of a record is the number of
its line, from 1.
"""

from __future__ import annotations

import csv
import os
import select
import stat
import sys
import zlib
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal, Self

from streamgmm.errors import ConfigError, StreamGMMError
from streamgmm.events import Records
from streamgmm.events.cells import TORN_JSON
from streamgmm.io.lines import CHUNK, GZIP_MAGIC, inflate, mend_last_line, split
from streamgmm.system import POSIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

FileFormat = Literal["auto", "jsonl", "csv"]

_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


class FileSource:
    """Records of a file, in batches; an iterator to be used once.

    Parameters
    ----------
    path
        ``"-"`` is standard input. Gzip is recognised by its first bytes.
    format
        ``"auto"`` goes by the name (without .gz), then by the first character: ``{`` or ``[``
        means JSON lines, anything else CSV with a header.
    batch_size
        Most records in a batch. What arrives through a pipe is passed on at once.
    after
        Skip the records up to and including this position (to resume).
    idle
        For pipes: after so many seconds without input yield an empty batch, so that the
        caller can look around; None, and Windows, waits without end.
    stopped
        Asked while a pipe is quiet before its first line, when no caller can look around yet;
        True ends the wait, and the source is empty.

    Attributes
    ----------
    columns : tuple of str or None
        The header of a CSV file, for `BatchDecoder`; None for JSON lines.
    delimiter : str
        Between the cells of a CSV file: the most frequent of ``, ; | tab`` in the header.
    origin : str
        The file's name, for ids.

    Raises
    ------
    ConfigError
        The file cannot be opened, or has no usable header.
    StreamGMMError
        While iterating: damaged gzip or a failed read; what came before was yielded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        format: FileFormat = "auto",  # noqa: A002  # the name in the configuration
        batch_size: int = 1000,
        after: int = 0,
        idle: float | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._path = os.fspath(path)
        self._batch_size = batch_size
        self._after = after
        self._file = _open_input(self._path)
        mode = os.fstat(self._file.fileno())
        self._pipe = not stat.S_ISREG(mode.st_mode)
        self._size = None if self._pipe else mode.st_size
        self._idle = idle if self._pipe and POSIX else None  # Windows waits for sockets alone
        self._bytes_read = 0
        self._line = 0
        self._stopped = stopped
        self._failure: StreamGMMError | None = None
        self.origin = "stdin" if self._path == "-" else Path(self._path).name
        self.columns: tuple[str, ...] | None = None
        self.delimiter = ","
        try:
            self._lines = self._start(format)
        except BaseException:
            self.close()
            raise

    @property
    def fraction(self) -> float | None:
        """Share of the file read so far, 0 to 1; None for pipes."""
        if self._size is None:
            return None
        return self._bytes_read / self._size if self._size else 1.0

    def __iter__(self) -> Iterator[Records]:
        batch: list[bytes] = []
        numbers: list[int] = []
        for lines in self._lines:
            for line in lines:
                self._line += 1
                value = line.rstrip(b"\r")
                if value and self._line > self._after and not value.isspace():
                    batch.append(value)
                    numbers.append(self._line)
                    if len(batch) == self._batch_size:
                        yield Records.of_lines(batch, numbers)
                        batch, numbers = [], []
            if self._pipe and (batch or not lines):
                yield Records.of_lines(batch, numbers)
                batch, numbers = [], []
        if batch:
            yield Records.of_lines(batch, numbers)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Close the file; standard input stays open."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _start(self, wanted: FileFormat) -> Iterator[list[bytes]]:
        """Find out the format, take the header away and return the rest of the lines."""
        known = _by_name(self._path) if wanted == "auto" else wanted
        lines = split(self._chunks())
        if known == "jsonl":
            return lines
        for first in lines:
            while first and not first[0].strip():
                self._line += 1
                del first[0]
            if not first and self._stopped():
                return iter(())
            if not first:
                continue
            if known is None and first[0].lstrip()[:1] in (b"{", b"["):
                return chain([first], lines)
            self._line += 1
            self._read_header(first.pop(0), guessed=known is None)
            return chain([first], lines)
        if self._failure is not None:
            raise self._failure
        if known == "csv":
            raise ConfigError(f"{self._path}: is empty; a CSV file begins with a header")
        return iter(())

    def _read_header(self, line: bytes, *, guessed: bool) -> None:
        try:
            text = line.decode().rstrip("\r")
            self.delimiter = max(",;\t|", key=text.count)
            cells = next(csv.reader((text,), delimiter=self.delimiter, strict=True))
        except (UnicodeDecodeError, csv.Error) as error:
            raise ConfigError(
                f"{self._path}: line {self._line} is no header of a CSV file ({error}); "
                "allowed are CSV with a header, and JSON lines"
                + (f"; {TORN_JSON}" if guessed else "")
            ) from None
        columns = tuple(cell.strip() for cell in cells)
        if all(map(_is_number, columns)):
            raise ConfigError(
                f"{self._path}: line {self._line} has numbers only ({text[:60]}); a CSV file "
                f"begins with a header that names its columns"
            )
        twice = {name for name in columns if columns.count(name) > 1}
        if twice:
            raise ConfigError(
                f"{self._path}: the header names {', '.join(sorted(twice))!r} twice; "
                f"each column needs a name of its own"
            )
        self.columns = columns

    def _chunks(self) -> Iterator[bytes]:
        """Yield the text as it comes; b"" when idle. A failure is kept and ends the text."""
        raw = self._raw()
        head = b""
        try:
            for chunk in raw:
                head += chunk
                if len(head) >= len(GZIP_MAGIC):
                    break
                if not chunk:
                    yield chunk
            stream = chain([head] if head else [], raw)
            yield from inflate(stream) if head.startswith(GZIP_MAGIC) else stream
        except (OSError, EOFError, zlib.error) as error:
            self._failure = StreamGMMError(
                f"{self._path}: cannot be read past line {self._line}: {error}"
            )

    def _raw(self) -> Iterator[bytes]:
        descriptor = self._file.fileno()
        while True:
            if self._idle is not None and not select.select([descriptor], [], [], self._idle)[0]:
                yield b""
                continue
            chunk = os.read(descriptor, CHUNK)
            if not chunk:
                return
            self._bytes_read += len(chunk)
            yield chunk


class FileSink:
    """JSON records, one a line, to a file or to standard output.

    Parameters
    ----------
    path
        ``"-"`` is standard output.
    append
        Go on after what the file holds (a last line that was cut off by a crash is removed
        first); otherwise the file begins anew.

    Raises
    ------
    ConfigError
        The file cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, append: bool = True) -> None:
        self._standard = os.fspath(path) == "-"
        try:
            if append and not self._standard:
                mend_last_line(Path(path))
            self._file = self._open(Path(path), append=append)
        except OSError as error:
            raise ConfigError(
                f"{os.fspath(path)}: cannot be written ({error.strerror}); "
                f"name a file in a directory that exists"
            ) from None

    def _open(self, path: Path, *, append: bool) -> BinaryIO:
        return sys.stdout.buffer if self._standard else path.open("ab" if append else "wb")

    def write(self, records: Iterable[bytes]) -> None:
        """Write records, each the JSON text of one line without its newline."""
        text = b"\n".join(records)
        if text:
            self._file.write(text + b"\n")

    def flush(self) -> None:
        """Bring everything to the file, and the file to the disk."""
        self._file.flush()
        if not self._standard and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Flush, and close the file; standard output stays open."""
        self._file.flush()
        if not self._standard:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _open_input(path: str) -> BinaryIO:
    if path == "-":
        return open(0, "rb", buffering=0, closefd=False)
    try:
        return Path(path).open("rb", buffering=0)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); name a file of JSON lines or CSV, "
            f'or "-" for standard input'
        ) from None


def _by_name(path: str) -> str | None:
    name = Path(path.removesuffix(".gz"))
    return _SUFFIXES.get(name.suffix.lower())


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
