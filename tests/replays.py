"""Events taken through the pipeline of a job, and what came of them."""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from streamgmm.config import load
from streamgmm.events import Record
from streamgmm.io.generate import flows
from streamgmm.service.replay import Findings, make_pipeline, replay
from streamgmm.service.settings import detector_settings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from streamgmm.config import Config
    from streamgmm.service.pipeline import Outputs, Pipeline
    from tests.workers import Worker


def replayed(config: Config, events: Sequence[dict[str, Any]]) -> tuple[Findings, list[Outputs]]:
    """Replay events as JSON lines, 1,000 at a time."""
    pipeline = make_pipeline(
        config.schema(), detector_settings(config), origin="events", columns=None
    )
    lines = [Record(msgspec.json.encode(one), i) for i, one in enumerate(events, 1)]
    blocks: list[Outputs] = []

    def see(outputs: Outputs, findings: Findings) -> bool:
        blocks.append(outputs)
        return True

    found = replay([lines[i : i + 1000] for i in range(0, len(lines), 1000)], pipeline, see)
    return found, blocks


def scores(blocks: Sequence[Outputs]) -> Any:
    """Every event's score, one after the other."""
    return np.concatenate([block.verdicts.score for block in blocks])


def alerts(blocks: Sequence[Outputs]) -> list[dict[str, Any]]:
    """Every alert as JSON has it."""
    found = [record for block in blocks for _, record in block.alerts]
    return [msgspec.json.decode(msgspec.json.encode(one)) for one in found]


def new_pipeline(config: Path, partition: str) -> Pipeline:
    """A partition's model before its first event."""
    job = load(config)
    return make_pipeline(
        job.schema(), detector_settings(job), origin=partition, columns=None, want_scores=True
    )


def flow_records(numbers: range) -> list[Record]:
    """These flows as the records of one partition."""
    chosen = islice(flows(seed=5), numbers.start, numbers.stop, numbers.step)
    return [Record(msgspec.json.encode(flow), i) for i, flow in enumerate(chosen)]


def expected_scores(config: Path, partition: str, numbers: range) -> dict[str, bytes]:
    """What one uninterrupted model says of these flows, by event id."""
    pipeline = new_pipeline(config, partition)
    outputs = pipeline.process(flow_records(numbers))
    return {outputs.batch.id(row): line for row, line in enumerate(outputs.scores)}


def assert_exactly_the_uninterrupted_scores(
    worker: Worker, topic: str, records: list[Any], count: int
) -> None:
    """Every event has its score, repeated ones the same, and all as if nothing had happened."""
    expected = expected_scores(worker.config, f"{topic}-0", range(0, count, 2))
    expected |= expected_scores(worker.config, f"{topic}-1", range(1, count, 2))
    got: dict[str, set[bytes]] = defaultdict(set)
    for record in records:
        got[msgspec.json.decode(record.value)["id"]].add(record.value)
    assert set(got) == set(expected)
    assert all(got[name] == {line} for name, line in expected.items())
