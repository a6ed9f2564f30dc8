"""Checkpoints in a directory: a model's state together with the input position it reflects.

A file is written beside its final name, forced to the disk, renamed, and the directory forced to
the disk as well, so that a crash at any moment leaves the older checkpoint or the new one, never
half of one. The format is that of `streamgmm.snapshot`: plain arrays, versioned and checksummed.
"""

from __future__ import annotations

import contextlib
import difflib
import fcntl
import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote

from streamgmm import snapshot
from streamgmm.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

__all__ = ["Checkpoint", "DirectoryStore", "require_same_configuration"]

_SUFFIX: Final = ".sgmm"
_HOUR: Final = 3600
_DAY: Final = 86_400
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """What is kept of one model.

    Attributes
    ----------
    name
        The model's: a partition (``flows-0``), a topic or a file.
    positions
        For each partition that feeds the model, the position of the first event not in it.
    state
        Everything else that shapes an output, as plain arrays and scalars.
    fingerprint, configuration
        Of the configuration the model was learned under; the text is for the reader of an error.
    skip
        Whether somebody put an older model back here: what lies between `positions` and what is
        committed is then not learned again.
    """

    name: str
    positions: Mapping[str, int]
    state: Mapping[str, Any]
    fingerprint: str
    configuration: str
    skip: bool = False

    def to_bytes(self) -> bytes:
        """Pack everything; `from_bytes` gives it back, bit for bit."""
        return snapshot.pack({field: getattr(self, field) for field in self.__slots__})

    @classmethod
    def from_bytes(cls, data: bytes) -> Checkpoint:
        """Unpack, or raise StateError where the bytes are no (whole) checkpoint."""
        fields = snapshot.unpack(data)
        if set(fields) != set(cls.__slots__):
            raise StateError(f"not a checkpoint: it holds {', '.join(sorted(fields)) or 'nothing'}")
        return cls(**fields)


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

    Raises
    ------
    StateError
        If the directory cannot be made or written to.
    """

    def __init__(self, directory: Path, keep: int = 2, *, hourly: int = 0, daily: int = 0) -> None:
        self.directory = directory
        self._keep = keep
        self._spans = ((_HOUR, hourly), (_DAY, daily))
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

        A damaged one is reported in the log and passed over.

        Raises
        ------
        StateError
            If there are checkpoints and every one of them is damaged or of a newer release.
        """
        files = self.files(name)
        refused: list[str] = []
        for file in files:
            try:
                checkpoint = Checkpoint.from_bytes(file.read_bytes())
            except (StateError, OSError) as error:
                _log.warning("checkpoint %s is passed over: %s", file, error)
                refused.append(f"{file.name}: {error}")
                continue
            if usable(checkpoint):
                return checkpoint
            _log.info("checkpoint %s is ahead of the committed position: passed over", file)
        if files and len(refused) == len(files):
            raise StateError(
                f"no checkpoint of {name} in {self.directory} can be used:\n  "
                + "\n  ".join(refused)
                + "\nput a whole one back, or remove these files to let the model learn afresh"
            )
        return None

    def names(self) -> list[str]:
        """Name the models of which there are checkpoints."""
        found = {path.name.rsplit(".", 2)[0] for path in self.directory.glob(f"*.*{_SUFFIX}")}
        return sorted(map(unquote, found))

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
        """
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


def require_same_configuration(
    checkpoint: Checkpoint, fingerprint: str, configuration: str, remedy: str
) -> None:
    """Refuse a checkpoint that was learned under another configuration.

    Raises
    ------
    StateError
        Naming every line of the configuration that differs, and the `remedy`.
    """
    if checkpoint.fingerprint == fingerprint:
        return
    changes = [
        f"  {line}"
        for line in difflib.ndiff(checkpoint.configuration.splitlines(), configuration.splitlines())
        if line.startswith(("- ", "+ "))
    ]
    raise StateError(
        f"the checkpoint of {checkpoint.name} was learned under another configuration "
        "(- then, + now):\n" + "\n".join(changes) + f"\nput the old values back, or {remedy}"
    )


def _file_stem(name: str) -> str:
    return quote(name, safe="")
