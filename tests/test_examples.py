"""Each example runs as it is and says what it promises."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def output_of(capsys: pytest.CaptureFixture[str]):
    def run(name: str) -> str:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def test_every_example_is_tested() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in source for path in EXAMPLES.glob("*.py"))


def test_quick_start(output_of) -> None:
    printed = output_of("quick_start.py")
    roc_auc = re.search(r"10,000 events, ROC-AUC (0\.\d+)", printed)
    assert roc_auc
    assert float(roc_auc[1]) > 0.97
    assert len(re.findall(r"event .* nats; f\d is .*, expected", printed)) == 5
    assert "established" in printed


def test_network_flows(output_of) -> None:
    printed = output_of("network_flows.py")
    lines = [line for line in printed.splitlines() if " nats " in line]
    assert any(re.match(r" *flood .*packets_out .*expected about", line) for line in lines)
    alerts = re.search(r"(\d+) alerts in 20,000 flows: .*'flood': (\d+)", printed)
    assert alerts
    total, floods = int(alerts[1]), int(alerts[2])
    assert floods >= 10
    assert total - floods <= 40


def test_data_frame(output_of) -> None:
    printed = output_of("data_frame.py")
    strangest, *_ = re.findall(r"^(\d{3,4}) ", printed, re.MULTILINE)
    assert strangest == "4000"
    reasons = printed.partition("given the rest:")[2].split()
    assert {reasons[0], reasons[4]} == {"temperature", "log_hired"}
