"""A report on flows with labels, and with an event that would break out of it."""

from __future__ import annotations

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from streamgmm.service.replay_file import ReplayFile, ReportFile
from streamgmm.service.stop import Stop
from tests.outputs import EVIL, START

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

JOB = """
[source]
type = "file"
path = "-"
[events]
key = "src"
time = "ts"
[events.fields]
duration = { transform = "log1p", unit = "s" }
bytes_out = { transform = "log1p", unit = "B" }
[alerts]
budget = 1e-3
"""


def events() -> Iterator[dict[str, Any]]:
    rng = np.random.default_rng(4)
    for i in range(6_000):
        odd = i > 1_000 and i % 400 == 0
        yield {
            "ts": START + 20 * i,
            "src": f"10.0.0.{i % 7}",
            "duration": float(np.exp(rng.normal(0.0, 0.5))),
            "bytes_out": int(np.exp(rng.normal(9.0, 0.6)) * (10_000 if odd else 1)),
            "label": int(odd),
            "kind": "exfiltration" if odd else "web",
        }


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file: 6,001 flows in a day and a half, some of them odd; the last is the evil one."""
    folder = tmp_path_factory.mktemp("report")
    told = list(events())
    evil = {"src": EVIL, "kind": EVIL, "label": 1, "bytes_out": 10**15}
    lines = [json.dumps(one) for one in [*told, told[-1] | evil]]
    (folder / "flows.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "job.toml").write_text(JOB)
    return written(folder / "flows.jsonl", str(folder / "job.toml"), label="label")


@pytest.fixture(scope="session")
def bare_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 1,000 events without time, key, label or configuration."""
    file = tmp_path_factory.mktemp("bare") / "flows.jsonl"
    names = ("duration", "bytes_out")
    some = [{name: one[name] for name in names} for one in islice(events(), 1_000)]
    some[900]["bytes_out"] = 10**15
    file.write_text("".join(json.dumps(one) + "\n" for one in some))
    return written(file, None, label=None)


def written(file: Path, config: str | None, *, label: str | None) -> Path:
    out = file.with_name("out.html")
    ReplayFile(
        str(file), config, label=label, alerts="", scores="", report=ReportFile(str(out)),
        stop=Stop(),
    ).run()  # fmt: skip
    return out
