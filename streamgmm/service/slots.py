"""Snapshots as records of a compacted topic, and back: pure functions.

A model has a few *slots*, and its snapshots take them in turn. In a slot each chunk of the snapshot
has a key of its own, and so has the manifest, which comes last::

    GROUP/MODEL/SLOT/00000, 00001, ...   chunks of the packed checkpoint, below 1 MB each
    GROUP/MODEL/SLOT/manifest            JSON: version, number, size, chunks, checksum, positions

Compaction keeps the latest record of each key. So a slot's chunks are those of its manifest, or
size and checksum tell that they are not. Group and model are URL-quoted.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, unquote

import msgspec

from streamgmm.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamgmm.io.client import StateRecord

__all__ = ["CHUNK", "Manifest", "Slots", "next_snapshot", "occupied", "prefix", "slots_of"]

CHUNK: Final = 900_000
"""Bytes of a chunk at most: with key and headers below the 1 MB that brokers take by default."""
_VERSION: Final = 1
_MANIFEST: Final = "manifest"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a slot holds.

    Attributes
    ----------
    version
        Of this layout.
    number
        Of the snapshot; it counts up from 1 for each model.
    size, chunks, checksum
        Bytes in all, in how many chunks, and their BLAKE2b (16 bytes, hexadecimal).
    positions
        As in the checkpoint.
    """

    version: int
    number: int
    size: int = 0
    chunks: int = 0
    checksum: str = ""
    positions: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Slots:
    """What a model has in its slots.

    Attributes
    ----------
    manifests
        By slot; None where it cannot be read.
    parts
        How many chunks a slot has had, at most: keys that may be there.
    records
        Where the data are.
    partition
        Of the topic, where all of it is.
    """

    prefix: str
    manifests: Mapping[int, Manifest | None]
    parts: Mapping[int, int]
    records: Mapping[bytes, StateRecord]
    partition: int

    @property
    def latest(self) -> int:
        """The highest number there is; 0 without any."""
        return max((one.number for one in self.manifests.values() if one is not None), default=0)

    def without_data(self) -> Slots:
        """Give what is to be known for writing, which takes little memory."""
        return Slots(self.prefix, self.manifests, self.parts, {}, self.partition)

    def newest_first(self) -> list[int]:
        """Give the slots, those whose manifest cannot be read last."""
        numbers = {slot: 0 if one is None else one.number for slot, one in self.manifests.items()}
        return sorted(numbers, key=lambda slot: numbers[slot], reverse=True)

    def written(self, slot: int) -> float:
        """Give when a slot's manifest was written, in s since the epoch."""
        return self.records[_key(self.prefix, slot, _MANIFEST)].written

    def data(self, slot: int) -> bytes:
        """Put a slot's snapshot together.

        Raises
        ------
        StateError
            If it is of a newer release, a chunk is missing, or they do not fit the manifest.
        """
        manifest = self.manifests[slot]
        if manifest is None:
            raise StateError("its manifest cannot be read")
        if manifest.version > _VERSION:
            raise StateError(
                f"it is laid out in version {manifest.version}, but this release of streamgmm "
                f"reads versions up to {_VERSION}: upgrade streamgmm, or use an older snapshot"
            )
        keys = [_key(self.prefix, slot, part) for part in range(manifest.chunks)]
        missing = sum(key not in self.records for key in keys)
        if missing:
            raise StateError(f"{missing} of its {manifest.chunks} chunks are missing")
        data = b"".join(self.records[key].value for key in keys)
        if len(data) != manifest.size or _checksum(data) != manifest.checksum:
            raise StateError("it is damaged: its chunks are not those that the manifest tells of")
        return data


def prefix(group: str, model: str = "") -> str:
    """Give what the keys of a group's models, or of one model, begin with."""
    return f"{quote(group, safe='')}/" + (f"{quote(model, safe='')}/" if model else "")


def next_snapshot(
    slots: Slots, data: bytes, positions: Mapping[str, int], *, keep: int, chunk: int = CHUNK
) -> tuple[list[tuple[bytes, bytes | None]], Slots]:
    """Give the records of a model's next snapshot, and what is in the slots after it.

    Parameters
    ----------
    slots
        What the model has so far.
    data, positions
        The packed checkpoint, and its positions for the manifest.
    keep
        How many slots there are.
    chunk
        Bytes of a chunk at most.

    Returns
    -------
    records
        Keys and values in the order to be written; None removes what a key had.
    slots
        Without the data.
    """
    number = slots.latest + 1
    slot = number % keep
    parts = [data[start : start + chunk] for start in range(0, len(data), chunk)]
    manifest = Manifest(
        version=_VERSION,
        number=number,
        size=len(data),
        chunks=len(parts),
        checksum=_checksum(data),
        positions=dict(positions),
    )
    surplus = range(len(parts), slots.parts.get(slot, 0))
    records: list[tuple[bytes, bytes | None]] = [
        *((_key(slots.prefix, slot, part), value) for part, value in enumerate(parts)),
        *((_key(slots.prefix, slot, part), None) for part in surplus),
        (_key(slots.prefix, slot, _MANIFEST), msgspec.json.encode(manifest)),
    ]
    after = Slots(
        slots.prefix,
        {**slots.manifests, slot: manifest},
        {**slots.parts, slot: len(parts)},
        {},
        slots.partition,
    )
    return records, after


def slots_of(records: Mapping[bytes, StateRecord], group: str) -> dict[str, Slots]:
    """Sort the records of a topic into the slots of a group's models, by model.

    Keys that are none of ours are passed over.
    """
    partitions: dict[str, int] = {}
    manifests: dict[str, dict[int, Manifest | None]] = {}
    parts: dict[str, dict[int, int]] = {}
    for key, kept in records.items():
        found = _parse(key, group)
        if found is None:
            continue
        model, slot, part = found
        manifests.setdefault(model, {})
        partitions[model] = kept.partition
        if part == _MANIFEST:
            manifests[model][slot] = _read_manifest(kept.value)
        else:
            most = parts.setdefault(model, {})
            most[slot] = max(most.get(slot, 0), int(part) + 1)
    return {
        model: Slots(prefix(group, model), known, parts.get(model, {}), records, partitions[model])
        for model, known in manifests.items()
    }


def occupied(keys: Iterable[bytes], group: str) -> list[bytes]:
    """Give those of a topic's keys that a group's models occupy, manifests first."""
    ours = [key for key in keys if _parse(key, group) is not None]
    return sorted(ours, key=lambda key: not key.endswith(_MANIFEST.encode()))


def _key(prefix: str, slot: int, part: int | str) -> bytes:
    return f"{prefix}{slot}/{part if isinstance(part, str) else f'{part:05d}'}".encode()


def _parse(key: bytes, group: str) -> tuple[str, int, str] | None:
    start = prefix(group).encode()
    if not key.startswith(start):
        return None
    pieces = key[len(start) :].decode(errors="replace").split("/")
    if len(pieces) != 3:
        return None
    model, slot, part = pieces
    if not slot.isdecimal() or not (part == _MANIFEST or part.isdecimal()):
        return None
    return unquote(model), int(slot), part


def _read_manifest(value: bytes) -> Manifest | None:
    try:
        return msgspec.json.decode(value, type=Manifest)
    except (msgspec.DecodeError, ValueError):
        return None


def _checksum(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()
