"""The site, built once a session as `make docs` does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(pages: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "--builder=html", "--fail-on-warning", "--nitpicky"]
    command += ["--keep-going", "--quiet", f"--doctree-dir={site.parent / 'doctrees'}"]
    return subprocess.run(
        [*command, str(pages), str(site)], capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("site") / "html"
    done = build(ROOT / "docs", place)
    assert (done.returncode, done.stderr) == (0, "")
    return place
