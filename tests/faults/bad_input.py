"""What can be wrong with an event, and good events between which it is sent."""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamgmm.io.generate import flows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FIELD", "GOOD", "KINDS", "MUTATED", "mixture"]

FIELD: Final = 'weight = { transform = "identity", required = true }'
"""A field of the job, so that there is one that may be missing."""
GOOD: Final = "good"
MUTATED: Final = "a valid event with up to four random wounds"
_LARGE: Final = 5_000_000
_DEEP: Final = 10_000

Event = dict[str, Any]


def _dumped(event: Event, **changed: Any) -> bytes:
    return msgspec.json.encode({**event, **changed})


def _with(event: Event, name: str, text: bytes) -> bytes:
    """Write an event whose field has a value that JSON, or msgspec, does not write."""
    return _dumped({key: value for key, value in event.items() if key != name})[:-1] + (
        b',"%s":%s}' % (name.encode(), text)
    )


def _without(event: Event, name: str) -> bytes:
    return _dumped({key: value for key, value in event.items() if key != name})


def _wounded(event: Event, rng: random.Random) -> bytes:
    data = bytearray(_dumped(event))
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.choice(["cut", "flip", "put", "drop", "double"]):
            case "cut":
                del data[at:]
            case "flip" if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case "put":
                data[at:at] = rng.randbytes(rng.randint(1, 6))
            case "drop":
                del data[at : at + rng.randint(1, 6)]
            case "double":
                data[at:at] = data[at : at + rng.randint(1, 30)]
    return bytes(data)


def _one_of(*texts: bytes) -> Callable[[Event, random.Random], bytes]:
    def make(event: Event, rng: random.Random) -> bytes:
        return _with(event, rng.choice(["duration", "bytes_in", "weight"]), rng.choice(texts))

    return make


# Name -> what makes one of an event; the number is how many there are at most, for their size.
KINDS: Final[dict[str, tuple[Callable[[Event, random.Random], bytes | None], int]]] = {
    "not JSON": (lambda event, rng: rng.choice([b"?", b"<xml/>", b"a,b,c", b"{]", b"nul"]), 10**6),
    "JSON, but no object": (lambda event, rng: rng.choice([b"[]", b"1", b'"x"', b"null"]), 10**6),
    "truncated": (lambda event, rng: (d := _dumped(event))[: rng.randrange(1, len(d))], 10**6),
    "invalid UTF-8": (
        lambda event, rng: _dumped(event).replace(
            b'"src":"',
            b'"src":"' + rng.choice([b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf0\x28\x8c\xbc"]),
        ),
        10**6,
    ),
    "empty": (lambda event, rng: rng.choice([b"", b" ", b"\n\t"]), 10**6),
    "null (a tombstone)": (lambda event, rng: None, 10**6),
    "5 MB, not JSON": (lambda event, rng: b"x" * _LARGE, 2),
    "5 MB, an event with a long field": (lambda event, rng: _dumped(event, text="x" * _LARGE), 2),
    "10,000 levels of nesting": (
        lambda event, rng: _with(
            event,
            rng.choice(["x", "src", "weight"]),
            rng.choice([b"[" * _DEEP + b"]" * _DEEP, b'{"a":' * _DEEP + b"1" + b"}" * _DEEP]),
        ),
        500,
    ),
    "NaN, Infinity, 1e400": (_one_of(b"NaN", b"Infinity", b"-Infinity", b"1e400"), 10**6),
    "wrong types": (_one_of(b'"7"', b"[1]", b'{"a":1}', b'""'), 10**6),
    "required field missing": (
        lambda event, rng: rng.choice([_without(event, "weight"), _with(event, "weight", b"null")]),
        10**6,
    ),
    "time too far ahead": (
        lambda event, rng: _dumped(event, ts=event["ts"] + rng.uniform(2, 900) * 86_400),
        10**6,
    ),
    "time that is none": (lambda event, rng: _dumped(event, ts=rng.choice(["x", "", [1]])), 10**6),
}


def mixture(fuzzed: int, seed: int = 1) -> Iterator[tuple[str, bytes | None]]:
    """Give kinds and bytes: so many bad events, and between them about as many good ones."""
    rng = random.Random(seed)
    share = fuzzed // (2 * len(KINDS))
    kinds = [name for name, (_, most) in KINDS.items() for _ in range(min(share, most))]
    kinds += [MUTATED] * (fuzzed - len(kinds))
    kinds += [GOOD] * fuzzed
    rng.shuffle(kinds)
    # The models warm up undisturbed, and their partitions have a time.
    for kind, flow in zip(
        [GOOD] * 600 + kinds, islice(flows(seed=5), 600 + 2 * fuzzed), strict=True
    ):
        event = {**flow, "weight": round(rng.gauss(0, 1), 6)}
        if kind == GOOD:
            yield kind, _dumped(event)
        elif kind == MUTATED:
            yield kind, _wounded(event, rng)
        else:
            yield kind, KINDS[kind][0](event, rng)
