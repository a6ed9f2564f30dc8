"""What is kept of a release, and how a later one goes on from it.

A folder of ``tests/releases`` holds, as the release wrote them: a model of the library
(`OnlineGMM.to_bytes`), a job with the checkpoint that ``streamgmm run`` wrote of it, and what both
made of the events that came next. ``tools/release_fixture.py`` writes it.
"""

from __future__ import annotations

import json
import shutil
from contextlib import chdir
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import streamgmm
from streamgmm import OnlineGMM, snapshot
from streamgmm.cli import main
from streamgmm.detection import detector
from streamgmm.mixture import NUMERICS, saved
from streamgmm.portable import _STATE_VERSION
from streamgmm.service import checkpoint, slots

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST: Final = "release.json"
MODEL: Final = "online_gmm.sgmm"
EVENTS: Final = "next.jsonl"
JOB: Final = "job.toml"
CHECKPOINTS: Final = "checkpoints"
FEATURES: Final = ("duration", "bytes_out", "bytes_in", "packets_out", "packets_in")

# Numbers go in as they are: a logarithm's last digits are the machine's affair.
JOB_TEXT: Final = """\
[source]
type = "file"
path = "flows.jsonl"

[events]
key = "src"
time = "ts"

[events.fields]
duration = "identity"
packets_out = "identity"
dport = { transform = "surprise", given = "src" }
recent = { history = "count", per = "src", half_life = "1h" }

[model]
n_components = 4

[alerts]
budget = "20/day"

[sink]
type = "file"
alerts = "alerts.jsonl"
scores = "scores.jsonl"

[service]
http = ""
checkpoint = "checkpoints"
journal = ""
"""


class Versions(NamedTuple):
    """By what a release's state is known: see docs/versions.md."""

    numerics: int
    snapshot: int
    online_gmm: int
    detector: int
    mixture: int
    checkpoint: int
    state_topic: int


def versions() -> dict[str, int]:
    """Give those of this build."""
    return Versions(
        numerics=NUMERICS,
        snapshot=snapshot.VERSION,
        online_gmm=_STATE_VERSION,
        detector=detector.STATE_VERSION,
        mixture=saved.STATE_VERSION,
        checkpoint=checkpoint.LAYOUT,
        state_topic=slots._VERSION,
    )._asdict()


def vector(event: dict[str, Any]) -> dict[str, float]:
    """Give the features of an event as the model of the library takes them."""
    return {name: float(event[name]) for name in FEATURES}


def ran(job: Path, folder: Path, events: list[str]) -> list[dict[str, Any]]:
    """Run a job over a file of these lines; give the scores that it wrote since it began."""
    written = folder / "scores.jsonl"
    earlier = len(_lines(written))
    (folder / "flows.jsonl").write_text("".join(f"{line}\n" for line in events), "utf-8")
    shutil.copy(job, folder / JOB)
    with chdir(folder):
        code = main(["run", JOB])
    if code != 0:
        raise RuntimeError(f"`streamgmm run` ended with code {code}")
    return [json.loads(line) for line in _lines(written)[earlier:]]


def gone_on(folder: Path, work: Path) -> dict[str, list[float]]:
    """Load what a release wrote, and score the events that come next, in an empty folder `work`."""
    events = _lines(folder / EVENTS)
    model = OnlineGMM.from_bytes((folder / MODEL).read_bytes())
    scores = [model.score_learn_one(vector(json.loads(line))) for line in events]
    shutil.copytree(folder / CHECKPOINTS, work / CHECKPOINTS)
    # Another file than the one it knows is read from its beginning, by the model as it was.
    records = ran(folder / JOB, work, events)
    return {
        "online_gmm": scores,
        "job": [record["score"] for record in records],
        "p_value": [record["p_value"] for record in records],
    }


def manifest(events: int) -> dict[str, Any]:
    """Give what is said of a release, before its scores."""
    return {"version": streamgmm.__version__, "events": events, "versions": versions()}


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8").splitlines() if path.exists() else []
