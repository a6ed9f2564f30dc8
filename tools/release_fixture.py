"""Keep what this release writes, so that later ones can show that they read it.

    make release-fixture

writes ``tests/releases/VERSION``: see ``tests/releases/kept.py``. A release that has been cut stays
as it is.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Final

import streamgmm
from streamgmm import OnlineGMM
from streamgmm.io.generate import flows
from tests.releases import kept
from tools.release import released

ROOT: Final = Path(__file__).parents[1]
LEARNED: Final = 2_500
NEXT: Final = 100
SEED: Final = 20


def main() -> None:
    """Write the fixture of the version at hand."""
    version = streamgmm.__version__
    folder = ROOT / "tests" / "releases" / version
    if version in released(ROOT / "CHANGELOG.md") and folder.exists():
        sys.exit(f"{folder.relative_to(ROOT)}: {version} is released, and stays as it was")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    lines = [json.dumps(flow) for flow in islice(flows(seed=SEED), LEARNED + NEXT)]
    learned, following = lines[:LEARNED], lines[LEARNED:]
    (folder / kept.EVENTS).write_text("".join(f"{line}\n" for line in following), "utf-8")
    (folder / kept.JOB).write_text(kept.JOB_TEXT, "utf-8")

    model = OnlineGMM(n_components=4, seed=SEED)
    for line in learned:
        model.learn_one(kept.vector(json.loads(line)))
    (folder / kept.MODEL).write_bytes(model.to_bytes())
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        kept.ran(folder / kept.JOB, work, learned)
        newest = max((work / kept.CHECKPOINTS).glob("*.sgmm"))
        (folder / kept.CHECKPOINTS).mkdir()
        shutil.copy(newest, folder / kept.CHECKPOINTS)

    told = kept.manifest(LEARNED)
    (folder / kept.MANIFEST).write_text(json.dumps(told), "utf-8")
    with tempfile.TemporaryDirectory() as name:
        told |= {"scores": kept.gone_on(folder, Path(name))}
    (folder / kept.MANIFEST).write_text(json.dumps(told, indent=1) + "\n", "utf-8")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    print(f"{folder.relative_to(ROOT)}: {size:,} bytes")


if __name__ == "__main__":
    main()
