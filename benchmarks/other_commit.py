"""This tree and another commit of it side by side: the same work, in turns, in one run.

The commit is checked out and built in a temporary folder. Each side works in a process of its own,
which holds its models and does one measurement at a time when it is told to.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

ROOT = Path(__file__).parents[1]


class Side:
    """A process that measures with the package of one tree."""

    def __init__(self, tree: Path) -> None:
        command = [sys.executable, str(ROOT / "benchmarks" / "throughput.py"), "--serve"]
        environment = {**os.environ, "PYTHONPATH": str(tree)}
        self._process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        found = Path(self.ask("where"))
        if not found.is_relative_to(tree):
            raise SystemExit(f"the package of {tree} is wanted, but {found} is what is imported")

    def ask(self, what: str) -> Any:
        """Return the answer to one line."""
        _pipe(self._process.stdin).write(what + "\n")
        _pipe(self._process.stdin).flush()
        answer = _pipe(self._process.stdout).readline()
        if not answer:
            raise SystemExit(f"the measuring process ended with {self._process.wait()}")
        return json.loads(answer)

    def close(self) -> None:
        """End the process."""
        _pipe(self._process.stdin).close()
        self._process.wait()


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def built(commit: str) -> Iterator[Path]:
    """Check out ``commit`` in a temporary folder, build its kernels, and yield the folder."""
    with tempfile.TemporaryDirectory() as place:
        tree = Path(place).resolve() / "tree"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            build = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"]
            subprocess.run(build, cwd=tree, check=True, stdout=subprocess.DEVNULL)
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def compare(commit: str, rounds: int) -> dict[str, tuple[list[float], list[float]]]:
    """Return microseconds an event, round by round, of ``commit`` and of this tree, by task."""
    with built(commit) as tree:
        sides = [Side(tree), Side(ROOT)]
        try:
            times: dict[str, tuple[list[float], list[float]]] = {}
            for name in sides[1].ask("tasks"):
                times[name] = ([], [])
            for i in range(rounds):
                for name, found in times.items():
                    for at in (0, 1) if i % 2 == 0 else (1, 0):
                        found[at].append(sides[at].ask(name))
            return times
        finally:
            for side in sides:
                side.close()


def lines(
    commit: str, times: Mapping[str, tuple[Sequence[float], Sequence[float]]]
) -> Iterator[str]:
    """Yield a table: both costs (medians), and how the ratio of a round spreads."""
    yield f"  {'':<32} {commit:>12} this tree    ratio (10% to 90% of the rounds)"
    for name, (before, now) in times.items():
        ratio = np.array(now) / np.array(before)
        low, middle, high = np.quantile(ratio, [0.1, 0.5, 0.9])
        yield (
            f"  {name:<32} {np.median(before):12.3f} {np.median(now):9.3f} "
            f"{middle:8.2f} ({low:.2f} to {high:.2f})"
        )
