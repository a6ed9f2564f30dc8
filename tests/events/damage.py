"""Messages of a binary format with bytes that were lost, changed or put in."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from streamgmm.events import REASONS, BatchDecoder, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streamgmm.events import Batch, DeadLetter, Schema
    from streamgmm.events.binary import BinaryDecoder


@st.composite
def damaged(draw: st.DrawFn, wholes: Sequence[bytes]) -> bytes:
    """One of some messages, with up to four wounds."""
    data = bytearray(draw(st.sampled_from(wholes)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["cut", "flip", "put", "drop", "splice"])):
            case "cut":
                del data[at:]
            case "flip" if at < len(data):
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "put":
                # A number as large as they come lies where a length or a count may be.
                numbers = st.sampled_from([b"\xff" * 9 + b"\1", b"\xfe" * 9 + b"\1", b"\xff\x7f"])
                data[at:at] = draw(numbers | st.binary(max_size=6))
            case "drop":
                del data[at : at + draw(st.integers(1, 4))]
            case "splice":
                data[at:] = draw(st.sampled_from(wholes))[draw(st.integers(0, 20)) :]
    return bytes(data)


def assert_harmless(schema: Schema, decoder: BinaryDecoder, good: bytes, data: bytes) -> None:
    """Hold that bytes between two events are an event or a dead letter, and change no other."""

    def decode(records: list[Record]) -> tuple[Batch, list[DeadLetter]]:
        return BatchDecoder(schema, origin="fuzz-0", decoder=decoder).decode(records)

    batch, dead = decode([Record(good, 0), Record(data, 1), Record(good, 2)])
    alone, _ = decode([Record(good, 0), Record(good, 2)])
    if dead:
        assert batch.positions.tolist() == alone.positions.tolist() == [0, 2]
        assert np.array_equal(batch.X, alone.X, equal_nan=True)
        (letter,) = dead
        assert (letter.position, letter.reason in REASONS) == (1, True)
        json.dumps(letter.as_dict())
    else:
        assert batch.positions.tolist() == [0, 1, 2]
    batch.unknown_fields()
    for row in range(len(batch)):
        assert isinstance(json.loads(batch.event(row)), dict)
