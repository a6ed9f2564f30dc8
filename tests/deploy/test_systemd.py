"""The unit as systemd's own checker sees it, and a job under the strictest of what it asks for."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.checkers import check

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "streamgmm.service"
PROGRAM = "/opt/streamgmm/bin/streamgmm"
MOST_EXPOSURE = 20  # tenths; of what is left nearly all is the network, which is the service's work

# PR_SET_MDWE (Linux 6.3) refuses as MemoryDenyWriteExecute= does, and is kept over exec.
NO_WRITABLE_CODE = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(65, 1, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """Give the unit for a machine where the program is that of this environment."""
    installed = Path(sys.executable).with_name("streamgmm")
    path = tmp_path / UNIT.name
    path.write_text(UNIT.read_text("utf-8").replace(PROGRAM, str(installed)), "utf-8")
    return path


@pytest.mark.slow
def test_systemd_understands_the_unit(unit: Path) -> None:
    check("systemd-analyze", "verify", "--man=no", unit)


@pytest.mark.slow
def test_little_is_left_that_the_service_could_harm(unit: Path) -> None:
    check("systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", unit)


def test_a_stop_and_an_end_are_treated_as_the_program_means_them() -> None:
    text = UNIT.read_text("utf-8")
    # Usage, configuration and saved state need a person (streamgmm --help).
    assert re.search(r"^RestartPreventExitStatus=2 3 5$", text, re.MULTILINE)
    assert int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)[1]) > 45


def test_a_job_needs_no_memory_that_is_written_and_executed() -> None:
    flows = subprocess.run(
        [sys.executable, "-m", "streamgmm", "generate", "network", "--count", "2000"],
        capture_output=True, check=True, timeout=60,
    ).stdout  # fmt: skip
    job = ROOT / "config" / "network.toml"
    command = [sys.executable, "-m", "streamgmm", "run", str(job)]
    done = subprocess.run(
        [sys.executable, "-c", NO_WRITABLE_CODE, *command],
        input=flows, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
