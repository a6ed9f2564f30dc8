"""Kept results: a run that was stopped goes on, and what is out of date is measured again."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.comparison import kept
from benchmarks.comparison.protocol import Array, Detector, digest

from .results import made


def nothing(X: Array, seed: int) -> Array:
    return X[:, 0] + seed


SEEDED = Detector("seeded", nothing, "1")
UNSEEDED = Detector("unseeded", nothing, "1", seeded=False)


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    made_up = [tmp_path / "a.npz", tmp_path / "b.npz"]
    for path in made_up:
        path.write_bytes(path.name.encode())
    return made_up


def test_detectors_without_randomness_run_once(paths: list[Path]) -> None:
    wanted = kept.tasks([SEEDED, UNSEEDED], paths, seeds=3)
    count = {name: sum(t.detector == name for t in wanted) for name in ("seeded", "unseeded")}
    assert count == {"seeded": 6, "unseeded": 2}


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / kept.NAME
    results = [made("x", "a", seed, auc=1 / 3) for seed in range(3)]
    for result in results:
        kept.add(path, result)
    assert kept.read(path) == results
    assert kept.read(tmp_path / "none.jsonl") == []


def test_a_line_cut_short_is_measured_again(tmp_path: Path) -> None:
    path = tmp_path / kept.NAME
    kept.add(path, made("x", "a", 0))
    kept.add(path, made("x", "b", 0))
    path.write_text(path.read_text()[:-30])
    kept.add(path, made("x", "b", 0, auc=0.7))
    assert [(r.name, r.roc_auc) for r in kept.read(path)] == [("a", 0.9), ("b", 0.7)]


def test_the_last_of_repeated_results_counts(tmp_path: Path) -> None:
    path = tmp_path / kept.NAME
    for auc in (0.1, 0.2):
        kept.add(path, made("x", "a", 0, auc=auc))
    assert [r.roc_auc for r in kept.read(path)] == [0.2]


def test_only_what_is_not_there_remains(paths: list[Path]) -> None:
    wanted = kept.tasks([SEEDED], paths, seeds=2)
    there = made("seeded", "a", 1, digest=digest(paths[0]))
    have, remain = kept.split(wanted, [SEEDED], [there, made("other", "a", 0)])
    assert have == [there]
    assert {(t.path.stem, t.seed) for t in remain} == {("a", 0), ("b", 0), ("b", 1)}


@pytest.mark.parametrize("change", [{"version": "0"}, {"digest": "of other contents"}])
def test_results_of_another_version_or_other_data_do_not_count(
    paths: list[Path], change: dict[str, str]
) -> None:
    there = made("seeded", "a", 0, **{"digest": digest(paths[0]), **change})
    have, remain = kept.split(kept.tasks([SEEDED], paths[:1], seeds=1), [SEEDED], [there])
    assert (have, len(remain)) == ([], 1)
