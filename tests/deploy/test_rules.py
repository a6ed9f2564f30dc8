"""The rules for Prometheus as promtool and the runbook see them, and hours without any fault."""

from __future__ import annotations

import re
import subprocess
from datetime import datetime
from heapq import merge
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest

from streamgmm.io.authorisations import START as AUTHORISED
from streamgmm.io.authorisations import authorisations
from streamgmm.io.generate import START, flows
from streamgmm.service.demo.attacks import flows_of
from tests.deploy.accelerated import SCRAPE_SECONDS, promtool_series, scraped
from tests.deploy.servers import program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = PROMETHEUS / "streamgmm.rules.yml"
HOURS, HOUR = 30, 3600.0
Timed = tuple[float, dict[str, Any]]  # seconds since the epoch, event


def run(name: str, *args: object) -> str:
    done = subprocess.run(
        [program(name), *map(str, args)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts() -> set[str]:
    return set(re.findall(r"- alert: (\w+)", RULES.read_text()))


@pytest.mark.slow
def test_the_configuration_is_understood() -> None:
    run("promtool", "check", "config", PROMETHEUS / "prometheus.yml")
    run("amtool", "check-config", PROMETHEUS / "alertmanager.yml")


@pytest.mark.slow
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


def network() -> Iterator[Timed]:
    """Give flows of hours, and in the last one a scan and a flood within twenty seconds."""
    until, attacked = START + HOURS * HOUR, START + (HOURS - 1) * HOUR
    made = takewhile(lambda one: one["ts"] < until, flows(seed=3, rate=0.1, attack_share=0.0))
    attack = flows_of("burst", np.random.default_rng(1), attacked)
    return ((one["ts"], one) for one in merge(made, attack, key=lambda one: one["ts"]))


def transactions() -> Iterator[Timed]:
    """Give authorisations of hours, and in the last one 180 frauds within three minutes."""
    until, attacked = AUTHORISED + HOURS * HOUR, AUTHORISED + (HOURS - 1) * HOUR
    made = map(timed, authorisations(seed=3, rate=0.1, fraud_share=0.0))
    stolen = (one for one in authorisations(seed=3, rate=0.1, fraud_share=0.5) if one["label"])
    frauds = (
        (at, {**one, "transmitted_at": at})
        for at, one in zip(np.arange(attacked, attacked + 180, 1.0).tolist(), stolen, strict=False)
    )
    return takewhile(lambda one: one[0] < until, merge(made, frauds, key=lambda one: one[0]))


def timed(one: dict[str, Any]) -> Timed:
    return datetime.fromisoformat(one["transmitted_at"]).timestamp(), one


@pytest.mark.slow
@pytest.mark.parametrize("preset", [network, transactions], ids=lambda preset: preset.__name__)
def test_nothing_fires_before_something_happens(
    preset: Callable[[], Iterator[Timed]], tmp_path: Path
) -> None:
    """After a first day, on which all is new: quiet hours, then an attack."""
    asked = set(re.findall(r"(?<![\w:])streamgmm_\w+", RULES.read_text()))
    job = ROOT / "streamgmm" / "presets" / f"{preset.__name__}.toml"
    found = scraped(job, preset(), asked)
    assert found.scrapes >= 3600 * HOURS / SCRAPE_SECONDS - 10
    assert found.events > 5_000
    firing = 'ALERTS{alertstate="firing"}'
    case = {
        "interval": f"{SCRAPE_SECONDS}s",
        "input_series": promtool_series(found, job="streamgmm", instance="a:9464"),
        "promql_expr_test": [
            {
                "expr": f"count by (alertname) (count_over_time({firing}[4h]))",
                "eval_time": f"{HOURS - 1}h",
            },
            {
                "expr": f"count by (alertname) ({firing})",
                "eval_time": f"{HOURS - 1}h10m",
                "exp_samples": [{"labels": '{alertname="StreamgmmAnomalyRateHigh"}', "value": 1}],
            },
        ],
    }
    test = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case]}
    file = tmp_path / "hours.test.yml"
    file.write_bytes(msgspec.json.encode(test))  # JSON is YAML, too
    run("promtool", "test", "rules", file)
