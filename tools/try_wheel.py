"""Try the installed package, wherever it was built: imports, known numbers, the command.

    python tools/try_wheel.py

Without a test framework and away from the checkout, as every wheel is tried after it was built
(pyproject.toml, [tool.cibuildwheel]). The known numbers are those of ``tests/releases``: the same
bits on every platform, where NUMERICS is the same.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
FEATURES: Final = ("duration", "bytes_out", "bytes_in", "packets_out", "packets_in")
COMMAND: Final = [sys.executable, "-m", "streamgmm"]


def run(*arguments: str, cwd: str) -> str:
    """Run the command; give what it wrote to standard output."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, capture_output=True, encoding="utf-8", check=False
    )
    if done.returncode != 0:
        sys.exit(f"streamgmm {' '.join(arguments)} exits {done.returncode}:\n{done.stderr}")
    return done.stdout


def known_numbers(folder: Path) -> int:
    """Compare scores with those that were kept; give how many."""
    from streamgmm import OnlineGMM

    told: dict[str, Any] = json.loads((folder / "release.json").read_text("utf-8"))
    model = OnlineGMM.from_bytes((folder / "online_gmm.sgmm").read_bytes())
    events = [json.loads(line) for line in (folder / "next.jsonl").read_text("utf-8").splitlines()]
    scores = [model.score_learn_one({name: float(e[name]) for name in FEATURES}) for e in events]
    if scores != told["scores"]["online_gmm"]:
        sys.exit(f"other bits than those of {folder.name}: {scores[:3]} ...")
    return len(scores)


def main() -> None:
    """Try all of it; end with 1 and the reason where something is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.path[:] = [one for one in sys.path if one and Path(one).resolve() != ROOT / "tools"]
        import streamgmm

        where = Path(streamgmm.__file__).resolve()
        if where.is_relative_to(ROOT / "streamgmm"):
            sys.exit(f"this would try the checkout, not a wheel: {where}")
        version = streamgmm.__version__
        compared = known_numbers(ROOT / "tests" / "releases" / version)
        if run("--version", cwd=folder).split() != ["streamgmm", version]:
            sys.exit("the command is of another version than the library")
        Path("flows.jsonl").write_text(
            run("generate", "network", "--count", "2000", "--seed", "1", cwd=folder), "utf-8"
        )
        summary = run("replay", "--input", "flows.jsonl", "--label", "label", cwd=folder)
        if "ROC-AUC" not in summary:
            sys.exit(f"replay says nothing of what was found:\n{summary}")
        os.chdir(ROOT)  # Windows removes no folder that somebody is in
    print(f"streamgmm {version} in {where.parent}: {compared} scores as known, the command works")


if __name__ == "__main__":
    main()
