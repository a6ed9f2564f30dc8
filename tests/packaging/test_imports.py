"""What an import of the package brings along, in a fresh interpreter."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "streamgmm"

# Each costs between 0.05 and 1 s, or is a server's or an optional package's affair.
HEAVY = {
    "confluent_kafka", "fastavro", "google.protobuf", "kafka", "matplotlib", "opentelemetry",
    "pandas", "prometheus_client", "pyspark", "river.anomaly", "scipy", "sklearn", "starlette",
    "uvicorn",
}  # fmt: skip

LIST_MODULES = "import json, sys, streamgmm; print(json.dumps(sorted(sys.modules)))"


def modules_after_import() -> set[str]:
    command = [sys.executable, "-c", LIST_MODULES]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(result.stdout))


def test_importing_the_package_loads_no_heavy_or_optional_package() -> None:
    assert not HEAVY & modules_after_import()


# import-linter reads no Cython, so the kernels' part of its contract is checked here.
KERNELS_MAY_KNOW = {
    "streamgmm": set(),
    "streamgmm.mixture": {"streamgmm.mixture"},
    "streamgmm.detection": {"streamgmm.mixture", "streamgmm.detection"},
    "streamgmm.events": set(),
    "streamgmm.service": set(),
}


@pytest.mark.parametrize(
    "source", sorted([*PACKAGE.rglob("*.pyx"), *PACKAGE.rglob("*.pxd")]), ids=lambda path: path.name
)
def test_a_kernel_knows_only_what_its_room_may_know(source: Path) -> None:
    room = ".".join(source.relative_to(PACKAGE.parent).parent.parts)
    text = source.read_text(encoding="utf-8")
    imported = re.findall(r"^\s*(?:from|import|cimport)\s+(streamgmm[.\w]*)", text, re.MULTILINE)
    rooms = {".".join(name.split(".")[:2]) for name in imported}
    assert rooms <= KERNELS_MAY_KNOW[room]
