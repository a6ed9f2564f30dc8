"""Checkpoints in a directory, whole or not there.

A file is written beside its final name, forced to the disk, renamed, and the directory forced to
the disk as well, so that a crash at any moment leaves the older checkpoint or the new one, never
half of one.
"""

from __future__ import annotations

import contextlib
import os
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

from streamgmm.errors import StateError
from streamgmm.service.checkpoint import Checkpoint, Entry, newest_usable
from streamgmm.system import require_posix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["DirectoryStore"]

_SUFFIX: Final = ".sgmm"
_HOUR: Final = 3600
_DAY: Final = 86_400


class DirectoryStore:
    """The checkpoints of any number of models in one directory.

    Parameters
    ----------
    directory
        Made if it does not exist.
    keep
        How many of the newest of each model to keep; a damaged newest falls back to those before.
    hourly, daily
        Beside them the last one of each of so many hours, and of so many days (UTC), to go back to.
    for_reading
        Whether nothing is to be written, so that the directory is neither made nor ours to change.

    Raises
    ------
    StateError
        If the directory cannot be made or written to.
    """

    transactional = False

    def __init__(
        self,
        directory: Path,
        keep: int = 2,
        *,
        hourly: int = 0,
        daily: int = 0,
        for_reading: bool = False,
    ) -> None:
        self.directory = directory
        self._keep = keep
        self._spans = ((_HOUR, hourly), (_DAY, daily))
        if for_reading:
            return
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"the checkpoint directory {directory} cannot be made: {error.strerror}; "
                "set service.checkpoint to a directory that this user may write"
            ) from error
        if not os.access(directory, os.W_OK | os.X_OK):
            raise StateError(
                f"the checkpoint directory {directory} cannot be written by this user; "
                "change its owner, or set service.checkpoint to another directory"
            )

    @property
    def where(self) -> str:
        """The directory's path."""
        return str(self.directory)

    def write(self, checkpoint: Checkpoint) -> int:
        """Put a checkpoint on stable storage and drop those beyond `keep`.

        Returns
        -------
        int
            Its size in bytes.

        Raises
        ------
        OSError
            If it cannot be written (disk full, say); the earlier checkpoints are untouched.
        """
        data = checkpoint.to_bytes()
        earlier = self.files(checkpoint.name)
        number = self.number(earlier[0]) + 1 if earlier else 1
        final = self.directory / f"{_file_stem(checkpoint.name)}.{number:012d}{_SUFFIX}"
        temporary = final.with_name(f"{final.name}.tmp")
        try:
            with temporary.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(final)
        except OSError:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)
            raise
        self._sync_directory()
        self._prune([final, *earlier])
        return len(data)

    def _prune(self, files: list[Path]) -> None:
        """Drop what is neither among the newest nor the last of an hour or day that counts."""
        times = {file: file.stat().st_mtime for file in files}  # the newest file comes first
        kept = set(files[: self._keep])
        for length, most in self._spans:
            last: dict[int, Path] = {}
            for file in files:
                last.setdefault(int(times[file] // length), file)
            kept.update(last[span] for span in sorted(last, reverse=True)[:most])
        for file in files:
            if file not in kept:
                file.unlink(missing_ok=True)

    def load(
        self, name: str, usable: Callable[[Checkpoint], bool] = lambda _: True
    ) -> Checkpoint | None:
        """Give the newest whole checkpoint of a model that is `usable`, or None if there is none.

        Raises
        ------
        StateError
            If there are checkpoints and every one of them is damaged or of a newer release.
        """
        return newest_usable(name, self.entries(name), usable, self.where)

    def opening(self) -> contextlib.AbstractContextManager[None]:
        """Files are read one by one: nothing to share."""
        return contextlib.nullcontext()

    def start_over(self) -> None:
        """Forget nothing: a checkpoint is written after the commit it belongs to."""

    def names(self) -> list[str]:
        """Name the models of which there are checkpoints."""
        found = {path.name.rsplit(".", 2)[0] for path in self.directory.glob(f"*.*{_SUFFIX}")}
        return sorted(map(unquote, found))

    def entries(self, name: str) -> list[Entry]:
        """List a model's checkpoints, newest first, damaged ones too."""
        listed = []
        for file in self.files(name):
            status = file.stat()
            read = partial(_read, file)
            number = self.number(file)
            label = str(file)
            listed.append(Entry(name, number, status.st_mtime, status.st_size, label, read))
        return listed

    def clear(self) -> None:
        """Remove all checkpoints of all models, and what was left half written."""
        for name in self.names():
            for file in self.files(name):
                file.unlink(missing_ok=True)
        for half in self.directory.glob(f"*{_SUFFIX}.tmp"):
            half.unlink(missing_ok=True)
        self._sync_directory()

    def files(self, name: str) -> list[Path]:
        """Give the files of a model's checkpoints, newest first."""
        stem = _file_stem(name)
        found = [
            path
            for path in self.directory.glob(f"*{_SUFFIX}")
            if path.name.rsplit(".", 2)[0] == stem and path.name.rsplit(".", 2)[1].isdigit()
        ]
        return sorted(found, key=self.number, reverse=True)

    @staticmethod
    def number(path: Path) -> int:
        """Give a checkpoint's number, which counts up from 1."""
        return int(path.name.rsplit(".", 2)[1])

    @contextlib.contextmanager
    def held(self, *, alone: bool = False) -> Iterator[None]:
        """Mark the directory as in use by a job; `alone`: or see that no job uses it.

        Raises
        ------
        StateError
            If a job uses it that should not, or somebody is changing it.
        StreamGMMError
            If this is Windows, where it cannot be marked.
        """
        require_posix("changing a directory of checkpoints")
        import fcntl

        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError(
                    f"a job is running on {self.directory}: stop all its workers first"
                    if alone
                    else f"somebody is changing {self.directory} at this moment: try again"
                ) from error
            yield
        finally:
            os.close(descriptor)

    def _sync_directory(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _read(file: Path) -> Checkpoint:
    return Checkpoint.from_bytes(file.read_bytes())


def _file_stem(name: str) -> str:
    return quote(name, safe="")
