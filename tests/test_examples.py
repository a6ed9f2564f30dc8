"""Each example runs as it is and says what it promises."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest
from PIL import Image

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture
def output_of(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    def run(name: str, *arguments: str) -> str:
        monkeypatch.setattr("sys.argv", [name, *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run


def numbers(pattern: str, printed: str) -> list[float]:
    """The numbers that a pattern finds, which must be there."""
    found = re.search(pattern, printed)
    assert found, f"no {pattern!r} in:\n{printed}"
    return [float(number.replace(",", "")) for number in found.groups()]


def test_every_example_is_tested() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in source for path in EXAMPLES.glob("*.py"))


def test_every_example_is_listed_with_what_it_prints() -> None:
    text = (EXAMPLES.parent / "docs" / "examples.md").read_text("utf-8")
    assert all(f"](../examples/{path.name})" in text for path in EXAMPLES.glob("*.py"))


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


def test_card_fraud(output_of) -> None:
    printed = output_of("card_fraud.py")
    payments, frauds = numbers(r"([\d,]+) payments, (\d+) of them frauds", printed)
    looked, found = numbers(r"of the (\d+) strangest (\d+) are frauds", printed)
    assert payments == 8_000
    assert found / looked > 25 * frauds / payments
    copied, of = numbers(r"counterfeit +(\d+) of +(\d+), mostly for 'entry_mode", printed)
    assert copied > 0.9 * of > 10


def test_network_intrusion(output_of) -> None:
    printed = output_of("network_intrusion.py", "--rows", "20000")
    attacks, found = numbers(r"20,000 connections, (\d+) of attacks: (\d+) found", printed)
    assert found > 0.5 * attacks
    (false,) = numbers(r"false alarms, ([\d.]+)% of what is normal", printed)
    assert false < 1.0
    assert len(re.findall(r"connection [\d,]+: src_bytes is 54,\d+, expected", printed)) >= 2


def test_medical_errors(output_of) -> None:
    printed = output_of("medical_errors.py")
    looked, found, chance = numbers(
        r"of the (\d+) strangest (\d+) are spoilt, by chance it would be (\d+)", printed
    )
    assert found > 0.9 * looked > 3 * chance
    named, of = numbers(r"in (\d+) of (\d+) the field named first is one that is wrong", printed)
    assert named > 0.9 * of


def test_customer_segments(output_of) -> None:
    printed = output_of("customer_segments.py")
    (at,) = numbers(r"visit ([\d,]+): a new segment, \[3\]", printed)
    assert 4_000 < at < 5_000
    assert numbers(r"adjusted Rand index ([\d.]+)", printed) > [0.95]
    largest = re.findall(r"visits since 6,000: (\w+)", printed)
    assert sorted(largest) == ["buys", "compares", "glances", "reads"]


def test_density(output_of) -> None:
    printed = output_of("density.py")
    (one,) = numbers(r"one Gaussian +(-[\d.]+)", printed)
    (mixture,) = numbers(r"mixture, one pass +(-[\d.]+)", printed)
    assert mixture > one + 0.15
    shares = re.findall(r"so it is for (\d+)% of", printed)
    assert len(shares) == 2
    assert all(65 < int(share) < 95 for share in shares)
    apart = re.findall(r"distance from the real ([\d.]+)", printed)
    assert len(apart) == 2
    assert all(float(distance) < 0.08 for distance in apart)


def test_missing_data(output_of) -> None:
    printed = output_of("missing_data.py")
    assert numbers(r"on average (\d+)% of the error of a fill by the mean", printed) < [55.0]
    (within,) = numbers(r"(\d+)% of the true values lie within two", printed)
    assert 90 < within <= 98
    assert numbers(r"with holes and without: correlation ([\d.]+)", printed) > [0.9]


def test_segment_image(output_of, tmp_path: Path) -> None:
    picture = tmp_path / "segments.png"
    printed = output_of(
        "segment_image.py", "--step", "8", "--segments", "12", "--out", str(picture)
    )
    empty = numbers(r"4,320 pixels, ([\d,]+) of them without a colour", printed)
    assert 1_100 < empty[0] < 1_500
    rmse = {
        name: numbers(rf"{name} +[\d.]+ +([\d.]+)", printed)[0]
        for name in ("the mean colour", "OnlineGMM, one pass", "GaussianMixture")
    }
    assert rmse["OnlineGMM, one pass"] < 0.55 * rmse["the mean colour"]
    assert rmse["OnlineGMM, one pass"] < 1.15 * rmse["GaussianMixture"]
    with Image.open(picture) as drawn:
        assert drawn.size == (900, 640)
        assert len(drawn.convert("RGB").getcolors(900 * 640)) > 100
