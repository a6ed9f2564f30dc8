"""Programs that judge configuration, from this environment or from `make servers`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.deploy.servers import program


def check(name: str, *args: object, cwd: Path | None = None) -> str:
    """Run a checker; on failure the assertion shows all it wrote."""
    ours = Path(sys.executable).with_name(name)
    words = [str(ours) if ours.exists() else program(name), *map(str, args)]
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, f"{name} {args}:\n{done.stdout}\n{done.stderr}"
    return done.stdout
