"""Finding a snapshot by what a person calls it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from streamgmm.config import load
from streamgmm.errors import StateError
from streamgmm.service.checkpoint import Checkpoint, Entry
from streamgmm.service.directory_store import DirectoryStore
from streamgmm.service.portrait import Sitter
from streamgmm.service.stores import store_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamgmm.config import Config
    from streamgmm.service.checkpoint import CheckpointStore

__all__ = ["find"]


def find(address: str) -> Sitter:
    """Find a snapshot and read it.

    Parameters
    ----------
    address
        A snapshot's file; or a job's TOML file or a directory, with ``:MODEL`` where it has
        several, and ``:NUMBER`` where it is not the newest that is meant.

    Raises
    ------
    StateError
        If there is no such snapshot, or it cannot be read.
    ConfigError, BrokerError
        If the job's file is wrong, or its topic cannot be read.
    """
    for place, rest in _partings(address):
        path = Path(place)
        if path.is_dir():
            return Sitter.of(_choose(DirectoryStore(path, for_reading=True), rest), {})
        if path.is_file() and path.suffix == ".toml":
            config = load(place)
            return Sitter.of(_choose(_store(config), rest), _units(config))
        if path.is_file() and not rest:
            return Sitter.of(_file(path), {})
    raise StateError(
        f"there is no snapshot {address!r}: name its file, or a directory of checkpoints or a "
        "job's TOML file (which tells of the topic), each with :MODEL and :NUMBER where needed"
    )


def _partings(address: str) -> Iterator[tuple[str, str]]:
    """Part the place from what stands behind a colon, if anything does."""
    yield address, ""
    for at, character in reversed(list(enumerate(address))):
        if character == ":":
            yield address[:at], address[at + 1 :]


def _store(config: Config) -> CheckpointStore:
    directory = Path(config.service.checkpoint)
    if not config.service.checkpoint or config.service.checkpoint_topic is not None:
        return store_of(config)
    if not directory.is_dir():
        raise StateError(f"the checkpoint directory {directory} is not there yet")
    return DirectoryStore(directory, for_reading=True)


def _units(config: Config) -> Mapping[str, str]:
    return {field.name: field.unit for field in config.schema().fields}


def _choose(store: CheckpointStore, wanted: str) -> Entry:
    names = store.names()
    model, number = wanted, ""
    if wanted not in names:
        model, _, number = wanted.rpartition(":")
        if not number.isdecimal():
            model, number = wanted, ""
    if not model and len(names) == 1:
        [model] = names
    if model not in names:
        asked = f"there is no model {model!r}" if model else "a model must be named, as :MODEL"
        raise StateError(f"{asked}; {store.where} has checkpoints of: {', '.join(names) or 'none'}")
    entries = store.entries(model)
    found = [one for one in entries if not number or one.number == int(number)]
    if not found:
        there = ", ".join(str(one.number) for one in entries)
        raise StateError(f"{model} has no checkpoint {number} in {store.where}; there are: {there}")
    return found[0]


def _file(path: Path) -> Entry:
    status = path.stat()
    number = path.name.rsplit(".", 2)[1] if path.name.count(".") > 1 else ""
    return Entry(
        model="",
        number=int(number) if number.isdecimal() else 0,
        written=status.st_mtime,
        size=status.st_size,
        label=str(path),
        read=lambda: Checkpoint.from_bytes(path.read_bytes()),
    )
