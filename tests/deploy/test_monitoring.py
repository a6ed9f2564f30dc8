"""From an event to the webhook and to the panel: a worker on Kafka, watched by real servers.

What is shipped in deploy/ is used as it is, with other addresses, and with minutes for seconds.
"""

from __future__ import annotations

import json
import re
import subprocess
import uuid
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

import msgspec
import numpy as np
import pytest
from kafka import KafkaAdminClient

from deploy.grafana.generate import FOLDER, generated
from deploy.grafana.queries import ask, queries_of, table
from streamgmm.io.generate import flows
from tests.deploy.servers import Alertmanager, Prometheus, Receiver, free_port, program
from tests.workers import Topics, Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RATE = 40.0  # flows a second
WARM = 3_000  # flows before Prometheus comes: with few, the tail and so the threshold are wide
PARTITIONS = 2


class Traffic:
    """Sends ordinary flows until it is closed, now and then one that is none or lacks a field."""

    def __init__(self, topics: Topics, topic: str) -> None:
        self._topics, self._topic = topics, topic
        self._flows = flows(seed=5, attack_share=0.0)
        self._number = 0
        self._now = 0.0
        self._closing = Event()
        self._thread = Thread(target=self._run, name="traffic")

    def send(self, n: int) -> None:
        """Send so many of them at once."""
        for _ in range(n):
            flow = next(self._flows)
            self._now = flow["ts"]
            self._number += 1
            if self._number % 20 == 0:
                del flow["duration"]
            value = b"torn off" if self._number % 150 == 0 else msgspec.json.encode(flow)
            self._topics.send(self._topic, value, partition=self._number % PARTITIONS)

    def attack(self) -> None:
        """Let one client send out a thousand times what anybody ever did, 120 times."""
        sizes = np.random.default_rng(1).uniform(1e13, 1e14, 120).tolist()
        for flow, sent in zip(flows(seed=6), sizes, strict=False):
            flow |= {"ts": self._now, "src": "10.0.0.7", "duration": 1e5, "bytes_out": sent}
            self._topics.send(self._topic, msgspec.json.encode(flow), partition=0)

    def _run(self) -> None:
        while not self._closing.wait(1 / RATE):
            self.send(1)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._closing.set()
        self._thread.join(10)


@dataclass(frozen=True)
class Scene:
    """What runs."""

    worker: Worker
    traffic: Traffic
    prometheus: Prometheus
    receiver: Receiver


def shortened(text: str) -> str:
    """Give a configuration with seconds for minutes, minutes for hours, and moments for seconds."""
    text = re.sub(r"\b(\d+)d\b", lambda found: f"{24 * int(found[1])}h", text)
    shorter = {"h": "m", "m": "s", "s": "0ms"}
    return re.sub(r"\b(\d+)([hms])\b", lambda found: found[1] + shorter[found[2]], text)


def replaced(text: str, **by: str) -> str:
    for old, new in by.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@pytest.fixture(scope="module")
def topics(kafka: str) -> Iterator[tuple[str, str, str]]:
    """Yield names: of the input, with two partitions, of alerts and of dead letters."""
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    unique = uuid.uuid4().hex[:12]
    names = f"watched-{unique}", f"watched-alerts-{unique}", f"watched-dead-{unique}"
    admin.create_topics(
        {name: {"num_partitions": PARTITIONS, "replication_factor": 1} for name in names},
        wait_for_metadata=True,
    )
    yield names
    admin.delete_topics(list(names))
    admin.close()


@pytest.fixture(scope="module")
def scene(
    kafka: str, topics: tuple[str, str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """Yield a worker that is ready, with steady traffic, and the servers that watch it."""
    directory = tmp_path_factory.mktemp("watched")
    source, alerts, dead = topics
    with ExitStack() as stack:
        reader = Topics(kafka)
        stack.callback(reader.close)
        traffic = Traffic(reader, source)
        traffic.send(WARM)
        reader.flush()
        worker = stack.enter_context(
            Worker(directory, brokers=kafka, topic=source, alerts=alerts, dead_letters=dead)
        )
        wait_for(lambda: worker.readiness()["ready"], "the worker to be ready")
        wait_for(lambda: worker.metric("lag_events") == 0, "the worker to have caught up")
        receiver = stack.enter_context(Receiver())
        address = re.search(r"http://(\S+)/metrics", worker.log)
        assert address is not None
        port = free_port()
        (directory / "streamgmm.rules.yml").write_text(
            shortened((PROMETHEUS / "streamgmm.rules.yml").read_text())
        )
        told = (PROMETHEUS / "alertmanager.yml").read_text()
        (directory / "alertmanager.yml").write_text(
            replaced(shortened(told), **{"http://localhost:8080/alerts": receiver.url})
        )
        watched = (PROMETHEUS / "prometheus.yml").read_text()
        (directory / "prometheus.yml").write_text(
            replaced(
                watched,
                **{
                    "15s": "1s",
                    "localhost:9093": f"127.0.0.1:{port}",
                    "localhost:9464": address[1],
                },
            )
        )
        stack.enter_context(traffic)
        stack.enter_context(Alertmanager(directory, directory / "alertmanager.yml", port))
        prometheus = stack.enter_context(Prometheus(directory, directory / "prometheus.yml"))
        yield Scene(worker, traffic, prometheus, receiver)


def test_names_and_units_are_as_prometheus_has_them(scene: Scene) -> None:
    code, text = scene.worker.get("/metrics")
    assert code == 200
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"],
        input=text,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_an_attack_reaches_the_webhook_and_nothing_else_does(scene: Scene) -> None:
    seen = "sum(count_over_time(job_partition:streamgmm_alerts:increase10m[1m]))"
    wait_for(
        lambda: scene.prometheus.value(seen) >= 8 * PARTITIONS, "a quiet time, by the rules' clock"
    )
    assert scene.prometheus.firing() == []
    assert scene.receiver.names() == set()

    scene.traffic.attack()
    name = "StreamgmmAnomalyRateHigh"
    (alert,) = wait_for(lambda: scene.receiver.alerts(name, "firing")[:1], "the webhook")
    assert alert["labels"] == {
        "alertname": name,
        "job": "streamgmm",
        "partition": next(iter(scene.worker.readiness()["partitions"])),
        "severity": "critical",
    }
    assert alert["annotations"]["runbook_url"] == "docs/runbook.md#streamgmmanomalyratehigh"
    assert "alerts within 10 minutes" in alert["annotations"]["description"]
    print(msgspec.json.encode(alert).decode())
    # 20 seconds: those that the rate is taken over, and those that it is kept for.
    wait_for(lambda: scene.receiver.alerts(name, "resolved"), "the end of the alert", 90)
    assert scene.receiver.names() == {name}


def test_the_dashboards_are_what_the_generator_makes() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert written == generated(), "write them again: python -m deploy.grafana.generate"


def test_the_page_lists_what_the_dashboards_ask() -> None:
    page = (ROOT / "docs" / "dashboards.md").read_text()
    unlisted = [query.cells() for query in queries_of() if f"| {query.cells()} | " not in page]
    assert unlisted == [], "write them again: pytest with --panels docs/dashboards.md"
    assert page.count("| streamgmm / ") == len(list(queries_of()))


def test_every_panel_and_variable_has_data(scene: Scene, panels: Callable[[str], None]) -> None:
    answers = {}

    def all_have_data() -> bool:
        for query in queries_of():
            answers[query] = ask(scene.prometheus.url, query, "10s")
        return all(answer.has_data for answer in answers.values())

    try:
        wait_for(all_have_data, "data for every panel", 30)
    finally:
        panels(table(answers.values()))
    dashboards = [json.loads(text) for text in generated().values()]
    asked = {(query.dashboard, query.asker) for query in answers}
    for board in dashboards:
        assert {(board["title"], panel["title"]) for panel in board["panels"]} <= asked
        assert all(panel["description"] for panel in board["panels"])
