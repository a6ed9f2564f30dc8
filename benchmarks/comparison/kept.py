"""Results on disk, one line of JSON each, added as they come: a run that is stopped goes on.

A result is kept for as long as its detector's version and its set's contents are the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from os import SEEK_END
from pathlib import Path

from .protocol import Detector, Result, digest

NAME = "results.jsonl"


@dataclass(frozen=True, slots=True)
class Task:
    """One measurement: a detector by name, since a process is given names and not functions."""

    detector: str
    path: Path
    seed: int


def read(path: Path) -> list[Result]:
    """Return the results of a file, the last one where a measurement was repeated.

    A line that was cut short is passed over.
    """
    found: dict[tuple[str, str, int], Result] = {}
    for line in path.read_text("utf-8").splitlines() if path.exists() else []:
        try:
            result = Result(**json.loads(line))
        except json.JSONDecodeError:
            continue
        found[result.detector, result.name, result.seed] = result
    return list(found.values())


def add(path: Path, result: Result) -> None:
    """Append a result to a file, on a line of its own also after one that was cut short."""
    with path.open("a+b") as file:
        if file.tell():
            file.seek(-1, SEEK_END)
            if file.read() != b"\n":
                file.write(b"\n")
        file.write(json.dumps(asdict(result)).encode() + b"\n")


def tasks(detectors: Sequence[Detector], paths: Sequence[Path], seeds: int) -> list[Task]:
    """Return what is to be measured; detectors without randomness run with one seed."""
    return [
        Task(detector.name, path, seed)
        for detector in detectors
        for seed in range(seeds if detector.seeded else 1)
        for path in paths
    ]


def split(
    wanted: Iterable[Task], detectors: Sequence[Detector], results: Iterable[Result]
) -> tuple[list[Result], list[Task]]:
    """Return the results that there are for what is wanted, and the tasks that remain."""
    versions = {detector.name: detector.version for detector in detectors}
    known = {(r.detector, r.name, r.seed): r for r in results}
    have, remain, digests = [], [], dict[Path, str]()
    for task in wanted:
        result = known.get((task.detector, task.path.stem, task.seed))
        contents = digests.setdefault(task.path, digest(task.path))
        if result and (result.version, result.digest) == (versions[task.detector], contents):
            have.append(result)
        else:
            remain.append(task)
    return have, remain
