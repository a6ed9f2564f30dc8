"""The scripts as they are run: a stopped comparison goes on, tables come from kept results."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.comparison import kept
from benchmarks.other_commit import lines

ROOT = Path(__file__).parents[2]


def quality(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, ROOT / "benchmarks" / "quality.py", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    folder = tmp_path / "sets"
    folder.mkdir()
    for name in ("one", "two"):
        X, y = rng.normal(size=(150, 2)), np.zeros(150, dtype=int)
        y[::15] = 1
        X[::15] += 30.0
        np.savez(folder / f"{name}.npz", X=X, y=y)
    return folder


def test_results_are_kept_and_not_run_again(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = ("--data", data, "--only", "streamgmm", "1 component", "--seeds", "1", "--out", out)
    first = quality(*run)
    assert first.returncode == 0, first.stderr
    assert "are there already" not in first.stderr
    results = kept.read(out / kept.NAME)
    assert len(results) == 4
    tables = (out / "quality.md").read_text("utf-8")
    assert "| 1 component |" in tables

    stored = (out / kept.NAME).read_text("utf-8")
    second = quality(*run)
    assert "4 of 4 results are there already" in second.stderr
    skipping = quality(*run, "--skip", "1 component")
    assert "2 of 2 results are there already" in skipping.stderr
    assert (out / kept.NAME).read_text("utf-8") == stored
    assert second.stdout == first.stdout

    (out / "quality.md").unlink()
    again = quality("--from", out / kept.NAME, "--out", out)
    assert again.returncode == 0, again.stderr
    assert (out / "quality.md").read_text("utf-8") == tables


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "no .npz file in nowhere"),
        (["--from", "nowhere.jsonl"], "there are no results in nowhere.jsonl"),
        ([], "one of the arguments --data --from is required"),
    ],
)
def test_what_cannot_be_done_is_said(arguments: list[str], message: str) -> None:
    done = quality(*arguments)
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_detector_that_is_not_there_is_named_beside_those_that_are(data: Path) -> None:
    done = quality("--data", data, "--only", "strangegmm")
    assert done.returncode != 0
    assert "no detector 'strangegmm' here; there are 'streamgmm'" in done.stderr


def test_two_commits_are_compared_round_by_round() -> None:
    before, now = [1.0, 2.0, 4.0], [1.5, 3.0, 6.0]
    table = list(lines("abc", {"block": (before, now)}))
    assert table[1].split() == ["block", "2.000", "3.000", "1.50", "(1.50", "to", "1.50)"]
