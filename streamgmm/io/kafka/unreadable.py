"""Records that the library cannot read: it stops for good at the first one; here each gets a fault.

A batch may be compressed in a way for which a package is missing, be damaged in a way that the
brokers do not look for (they do not read the names of headers), or be damaged where it is kept, so
that its checksum is not that of its bytes. Each of its records keeps its offset, so that it can be
a dead letter like any other event, and what follows is read.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from kafka.consumer.fetcher import Fetcher
from kafka.errors import UnsupportedCodecError
from kafka.record.default_records import DefaultRecord
from kafka.record.util import decode_varint

from streamgmm.errors import EventError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kafka import KafkaConsumer, TopicPartition

__all__ = ["Unreadable"]

_CODECS: Final = {1: "gzip", 2: "snappy", 3: "lz4", 4: "zstd"}
_MAGIC: Final = 2


class Unreadable:
    """What a consumer could not read.

    Parameters
    ----------
    consumer
        From now on it gives a record for everything in a batch, with the bytes of the batch for the
        value of the first one where they are all that there is.
    """

    def __init__(self, consumer: KafkaConsumer) -> None:
        self._faults: dict[TopicPartition, dict[int, EventError]] = defaultdict(dict)
        faults = self._faults

        class PartitionRecords(Fetcher.PartitionRecords):  # type: ignore[misc]
            def _unpack_records(self, tp: TopicPartition, records: Any, *rest: Any) -> Any:
                return super()._unpack_records(tp, _Batches(records, faults, tp), *rest)

        consumer._fetcher.PartitionRecords = PartitionRecords

    def take(self, partition: TopicPartition, last: int) -> Mapping[int, EventError]:
        """Give what was wrong with records of a partition up to offset `last`, once."""
        known = self._faults.get(partition)
        if not known:
            return {}
        return {offset: known.pop(offset) for offset in sorted(known) if offset <= last}


class _Batches:
    """The library's batches of one fetch, those with records as `_Readable`."""

    def __init__(
        self, records: Any, faults: dict[TopicPartition, dict[int, EventError]], tp: TopicPartition
    ) -> None:
        self._records = records
        self._faults = faults
        self._partition = tp

    def next_batch(self) -> Any:
        batch = self._records.next_batch()
        if batch is None or batch.magic != _MAGIC:
            return batch
        if not batch.validate_crc():
            return _Damaged(batch, self._faults, self._partition, self._next_base())
        if batch.is_control_batch:
            return batch
        return _Readable(batch, self._faults, self._partition)

    def _next_base(self) -> int | None:
        """Give the first offset of the batch that follows; None if it is not known yet."""
        following = self._records._next_slice
        return None if following is None else int.from_bytes(following[:8], "big")


class _Readable:
    """A batch that can be read to its end."""

    def __init__(
        self, batch: Any, faults: dict[TopicPartition, dict[int, EventError]], tp: TopicPartition
    ) -> None:
        self._batch = batch
        self._faults = faults
        self._partition = tp

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def validate_crc(self) -> bool:
        """Say that it is to be read; that its checksum is right was seen before."""
        return True

    def __iter__(self) -> Iterator[Any]:
        batch = self._batch
        payload = bytes(memoryview(batch._buffer)[batch._pos :]) if batch.compression_type else b""
        try:
            iter(batch)  # decompresses
        except Exception as error:  # noqa: BLE001 - each codec's package has its own
            yield from self._lost(self._why(error), payload)
            return
        del payload
        done = object()
        while True:
            try:
                yield from iter(batch.__next__, done)
            except Exception as error:  # noqa: BLE001 - whatever damaged bytes come to
                if batch._next_record_index >= batch.records_count:
                    return  # bytes behind the last record are nobody's
                yield from self._damaged(error)
            else:
                return

    def _why(self, error: Exception) -> str:
        codec = _CODECS.get(self._batch.compression_type, f"codec {self._batch.compression_type}")
        if isinstance(error, UnsupportedCodecError):
            return f"it is compressed with {codec}, for which a package is missing here ({error})"
        return f"it is compressed with {codec} and cannot be decompressed ({error!r})"

    def _damaged(self, error: Exception) -> Iterator[Any]:
        """Give the record that raised, without its headers, and go on behind it."""
        batch = self._batch
        offset = batch.base_offset + batch._next_record_index
        try:
            end, key, value = _record_at(batch._buffer, batch._pos)
        except (ValueError, IndexError):
            rest = bytes(batch._buffer[batch._pos :])
            yield from self._lost(f"its batch is damaged ({error})", rest)
            batch._next_record_index = batch.records_count
            return
        batch._pos = end
        batch._next_record_index += 1
        yield self._record(offset, key, value)

    def _lost(self, why: str, payload: bytes) -> Iterator[Any]:
        """Give what is left of the batch as records that are faults."""
        batch = self._batch
        first, last = batch.base_offset + batch._next_record_index, self.last_offset
        for offset in range(first, last + 1):
            where = f"; the bytes of offsets {first} to {last} are with the first of them"
            self._faults[self._partition][offset] = EventError("unreadable", f"{why}{where}")
            yield self._record(offset, None, payload if offset == first else b"")

    def _record(self, offset: int, key: bytes | None, value: bytes | None) -> Any:
        batch = self._batch
        return DefaultRecord(
            len(value or b""), offset, batch.first_timestamp, batch.timestamp_type, key, value, []
        )


class _Damaged(_Readable):
    """A batch whose checksum is not that of its bytes: nothing in it is to be believed.

    Attributes
    ----------
    last_offset, next_offset : int
        Where it ends by its own word, if what follows does not say otherwise.
    is_control_batch : bool
        Never: of what may be a batch of events something must be told.
    """

    is_control_batch = False

    def __init__(
        self,
        batch: Any,
        faults: dict[TopicPartition, dict[int, EventError]],
        tp: TopicPartition,
        following: int | None,
    ) -> None:
        super().__init__(batch, faults, tp)
        base, last = batch.base_offset, batch.last_offset
        if following is None:
            # Until more comes its two words for it must agree; else it is told of the first.
            last = last if batch.records_count == last - base + 1 > 0 else base
        elif not base <= last < following:
            last = max(base, following - 1)
        self.last_offset = last
        self.next_offset = last + 1

    def __iter__(self) -> Iterator[Any]:
        payload = bytes(memoryview(self._batch._buffer)[self._batch._pos :])
        yield from self._lost(
            "its batch is damaged: its checksum is not that of its bytes", payload
        )


def _record_at(buffer: Any, at: int) -> tuple[int, bytes | None, bytes | None]:
    """Give the end of the record that begins here, its key and its value.

    Raises
    ------
    ValueError, IndexError
        If there is none.
    """
    length, at = decode_varint(buffer, at)
    end = at + length
    if not at < end <= len(buffer):
        raise ValueError(f"a record of {length} bytes where {len(buffer) - at} are left")
    at += 1  # its attributes
    for _ in range(2):  # what its time and its offset are beyond the batch's
        _, at = decode_varint(buffer, at)
    fields: list[bytes | None] = []
    for _ in range(2):
        length, at = decode_varint(buffer, at)
        if length > end - at:
            raise ValueError(f"a field of {length} bytes where {end - at} are left")
        fields.append(None if length < 0 else bytes(buffer[at : at + length]))
        at += max(0, length)
    return end, fields[0], fields[1]
