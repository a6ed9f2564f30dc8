"""What an import of the package brings along, in a fresh interpreter."""

from __future__ import annotations

import json
import subprocess
import sys

# Each costs between 0.05 and 1 s, or is a server's or an optional package's affair.
HEAVY = {
    "confluent_kafka", "kafka", "matplotlib", "pandas", "prometheus_client", "pyspark",
    "river.anomaly", "scipy", "sklearn", "starlette", "uvicorn",
}  # fmt: skip

LIST_MODULES = "import json, sys, streamgmm; print(json.dumps(sorted(sys.modules)))"


def modules_after_import() -> set[str]:
    command = [sys.executable, "-c", LIST_MODULES]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(result.stdout))


def test_importing_the_package_loads_no_heavy_or_optional_package() -> None:
    assert not HEAVY & modules_after_import()
