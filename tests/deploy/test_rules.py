"""The rules for Prometheus as promtool and the runbook see them, and hours without any fault."""

from __future__ import annotations

import re
import subprocess
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from streamgmm.io.authorisations import authorisations
from streamgmm.io.generate import START, flows
from tests.deploy.accelerated import SCRAPE_SECONDS, promtool_series, scraped
from tests.deploy.servers import program

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "streamgmm.rules.yml"
HOURS = 30


def run(name: str, *args: object) -> str:
    done = subprocess.run(
        [program(name), *map(str, args)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> set[str]:
    return set(re.findall(r"- alert: (\w+)", RULES.read_text()))


def test_the_configuration_is_understood() -> None:
    run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    run("amtool", "check-config", PROMETHEUS / "alertmanager.yml")


def test_each_alert_comes_when_it_is_due_and_no_earlier() -> None:
    files = sorted((PROMETHEUS / "tests").glob("*.yml"))
    run("promtool", "test", "rules", *files)
    text = "".join(file.read_text() for file in files)
    assert {name for name in alerts() if name in text} == alerts()


def test_every_alert_has_its_section_in_the_runbook() -> None:
    _, *sections = re.split(
        r"^## (?=Streamgmm)", (ROOT / "docs/runbook.md").read_text(), flags=re.MULTILINE
    )
    assert {section.partition("\n")[0] for section in sections} == alerts()
    links = re.findall(r"alert: (\w+)\n.*?/runbook\.md#(\w+)'", RULES.read_text(), flags=re.DOTALL)
    assert {name.lower() for name in alerts()} == {anchor for _, anchor in links}
    for name, anchor in links:
        assert name.lower() == anchor


def test_every_metric_of_the_rules_is_shown() -> None:
    asked = set(re.findall(r"(?<![\w:])streamgmm_\w+", RULES.read_text()))
    page = (ROOT / "docs/metrics.md").read_text()
    assert {name for name in asked if f"`{name}`" not in page} == set()


def network() -> Iterator[tuple[float, dict[str, Any]]]:
    until = START + HOURS * 3600
    made = flows(seed=3, rate=0.1, attack_share=0.0)
    return ((one["ts"], one) for one in takewhile(lambda one: one["ts"] < until, made))


def transactions() -> Iterator[tuple[float, dict[str, Any]]]:
    from datetime import datetime

    def timed() -> Iterator[tuple[float, dict[str, Any]]]:
        for one in authorisations(seed=3, rate=0.1, fraud_share=0.0):
            yield datetime.fromisoformat(one["transmitted_at"]).timestamp(), one

    made = timed()
    begin, first = next(made)
    yield begin, first
    yield from takewhile(lambda one: one[0] < begin + HOURS * 3600, made)


@pytest.mark.parametrize("preset", [network, transactions], ids=lambda preset: preset.__name__)
def test_nothing_fires_where_nothing_happens(preset: Any, tmp_path: Path) -> None:
    """After a first day, on which all is new: the last hours of generated traffic, as scraped."""
    asked = set(re.findall(r"(?<![\w:])streamgmm_\w+", RULES.read_text()))
    job = ROOT / "streamgmm" / "presets" / f"{preset.__name__}.toml"
    found = scraped(job, preset(), asked)
    assert found.scrapes >= 3600 * (HOURS - 1) / SCRAPE_SECONDS
    assert found.events > 5_000
    firing = 'count by (alertname) (count_over_time(ALERTS{alertstate="firing"}[5h]))'
    expected = {"expr": firing, "eval_time": f"{HOURS - 1}h"}
    alive = {
        "expr": "sum(job:streamgmm_events:rate5m) > bool 0",
        "eval_time": f"{HOURS - 1}h",
        "exp_samples": [{"labels": "{}", "value": 1}],
    }
    case = {
        "interval": f"{SCRAPE_SECONDS}s",
        "input_series": promtool_series(found, job="streamgmm", instance="a:9464"),
        "promql_expr_test": [expected, alive],
    }
    test = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case]}
    file = tmp_path / "healthy.test.yml"
    file.write_bytes(msgspec.json.encode(test))  # JSON is YAML, too
    run("promtool", "test", "rules", file)
