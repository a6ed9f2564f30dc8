"""What it costs to turn records into arrays, in microseconds an event.

    python -m benchmarks.events

Each line is the best of several rounds over 1,000 events with 10 number fields, a key and a
time (about 230 bytes of JSON), except where it says otherwise. The first line, the plain
decoder called in a loop, is what the others are to be compared with. Avro and Protobuf hold the
same members but the unread one; a nested event has its features in an object of their own.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from timeit import repeat
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.formats import binary_cases
from streamgmm.events import BatchDecoder, Field, JsonDecoder, Record, Schema
from streamgmm.events.field import EVENT_TIME

if TYPE_CHECKING:
    from collections.abc import Callable

N = 1_000
NAMES = [f"feature.{i}" for i in range(10)]
TRANSFORMS = ["log1p", "identity", "asinh", "log1p", "identity"] * 2


def events() -> list[dict[str, object]]:
    rng = np.random.default_rng(0)
    return [
        {
            "ts": 1_767_600_000.0 + i,
            "src": f"10.0.0.{i % 200}",
            "port": [443, 443, 53, 22, i][i % 5],
            **dict(zip(NAMES, np.round(rng.lognormal(3, 2, 10), 3).tolist(), strict=True)),
            "unknown": {"nested": [1, 2, 3]},
        }
        for i in range(N)
    ]


def in_objects(event: dict[str, object]) -> dict[str, object]:
    """Return the event with its features in an object of their own."""
    inside = {name.removeprefix("feature."): event[name] for name in NAMES}
    rest = {name: value for name, value in event.items() if name not in NAMES}
    return {**rest, "feature": inside}


def microseconds(work: Callable[[], object]) -> float:
    rounds = 10
    times = repeat(work, number=rounds, repeat=15, timer=time.process_time)
    return min(times) / rounds / N * 1e6


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    fields = tuple(Field(n, t) for n, t in zip(NAMES, TRANSFORMS, strict=True))  # type: ignore[arg-type]
    identity = Schema(tuple(Field(name) for name in NAMES), key="src", time="ts")
    transformed = Schema(fields, key="src", time="ts")
    plain = events()
    values = [json.dumps(event).encode() for event in plain]
    records = [Record(value, i) for i, value in enumerate(values)]
    one_bad = [*records[:500], Record(b'{"feature.1": NaN}', 500), *records[501:]]
    gaps = [{k: v for k, v in e.items() if k != NAMES[i % 10]} for i, e in enumerate(plain)]
    missing = [Record(json.dumps(event).encode(), i) for i, event in enumerate(gaps)]
    iso = [
        Record(json.dumps({**e, "ts": "2026-01-05T08:00:00.123Z"}).encode(), i)
        for i, e in enumerate(plain)
    ]
    nested = [Record(json.dumps(in_objects(event)).encode(), i) for i, event in enumerate(plain)]
    columns = ["ts", "src", *NAMES]
    rows = [
        Record(",".join(str(event[name]) for name in columns).encode(), i)
        for i, event in enumerate(plain)
    ]

    decoder = JsonDecoder(identity)
    batches = BatchDecoder(identity, origin="benchmark")
    encoding = BatchDecoder(transformed, origin="benchmark")
    number = tuple(Field(name) for name in NAMES)
    category, own = (
        BatchDecoder(Schema((*number, extra), key="src", time="ts"), origin="benchmark")
        for extra in (Field("port", "surprise"), Field("port", "surprise", given="src"))
    )
    hours = Field("time_of_day", "time_of_day", source=EVENT_TIME)
    by_day = BatchDecoder(Schema((*number, hours), key="src", time="ts"), origin="benchmark")
    csv = BatchDecoder(transformed, origin="benchmark", columns=columns)
    cases: dict[str, Callable[[], object]] = {
        "json.loads, in a loop": lambda: [json.loads(value) for value in values],
        "typed struct, one by one": lambda: [decoder.decode(value) for value in values],
        "typed struct, many": lambda: decoder.decode_many(values),
        "batch, identity": lambda: batches.decode(records),
        "batch, in a nested object": lambda: batches.decode(nested),
        "batch, log1p and asinh": lambda: encoding.decode(records),
        "batch, and a category": lambda: category.decode(records),
        "batch, and a category given a key": lambda: own.decode(records),
        "batch, and the time of day": lambda: by_day.decode(records),
        "batch, one of 1,000 bad": lambda: encoding.decode(one_bad),
        "batch, a field missing in each": lambda: encoding.decode(missing),
        "batch, ISO 8601 times": lambda: encoding.decode(iso),
        "batch, CSV": lambda: csv.decode(rows),
    }
    with TemporaryDirectory() as folder:
        cases |= binary_cases(Path(folder), plain, NAMES)
    for name, work in cases.items():
        print(f"{name:33} {microseconds(work):6.2f} us/event")


if __name__ == "__main__":
    main()
