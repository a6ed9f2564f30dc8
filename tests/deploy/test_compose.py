"""What compose.yaml starts does its work together: here as processes, on a broker of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from tests.brokers.kafka_jars import kafka_version
from tests.deploy.compose import COMPOSE, ROOT, mounts, services
from tests.deploy.servers import free_port
from tests.workers import Topics, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.brokers.apache_kafka import KafkaBroker


def started(words: list[str], log: Path, env: dict[str, str]) -> subprocess.Popen[bytes]:
    with log.open("wb") as file:
        return subprocess.Popen(words, cwd=ROOT, stderr=file, env={**os.environ, **env})


def make_topics(brokers: str, folder: Path) -> None:
    tool = folder / "kafka-topics.sh"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tests.deploy.kafka_topics "$@"\n')
    tool.chmod(0o755)
    env = {**os.environ, "KAFKA_TOPICS": str(tool), "BROKERS": brokers}
    command = ["/bin/sh", str(COMPOSE.parent / "create-topics.sh")]
    subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=60)


@pytest.mark.parametrize("name", ["kafka", "topics"])
def test_its_kafka_is_the_one_that_the_tests_run(name: str) -> None:
    assert services()[name]["image"] == f"apache/kafka:{kafka_version()}"


@pytest.mark.slow
def test_from_the_generator_to_alerts(own_kafka: KafkaBroker, tmp_path: Path) -> None:
    brokers = own_kafka.bootstrap
    make_topics(brokers, tmp_path)
    make_topics(brokers, tmp_path)  # another `up` finds them as they are

    program = [sys.executable, "-m", "streamgmm"]
    command = services()["generator"]["command"]
    # The same at other addresses, fast, and with a budget that makes alerts come soon.
    command = [{"kafka:9092": brokers, "20": "500"}.get(word, word) for word in command]
    elsewhere = {
        "STREAMGMM__SOURCE__BROKERS": brokers,
        "STREAMGMM__SERVICE__JOURNAL": str(tmp_path / "journal"),
        "STREAMGMM__SERVICE__HTTP": "127.0.0.1:0",
        "STREAMGMM__ALERTS__BUDGET": "0.01",
    }
    job = str(mounts("streamgmm")["/etc/streamgmm/job.toml"])
    with ExitStack() as stack:
        generator = started(program + command, tmp_path / "generator.log", {})
        stack.callback(generator.wait, 30)
        stack.callback(generator.kill)
        worker = started([*program, "run", job], tmp_path / "worker.log", elsewhere)
        stack.callback(worker.wait, 30)
        stack.callback(worker.kill)
        topics = Topics(brokers)
        stack.callback(topics.close)
        alert = json.loads(topics.read("flow-alerts", 1)[0].value)
        assert alert["reasons"]
        generator.terminate()
        generator.wait(30)
        worker.terminate()
        assert worker.wait(60) == 0, (tmp_path / "worker.log").read_text()
        assert topics.read("streamgmm-state", 1)
        flow = topics.read("flows", 1)[0]
        assert flow.key.decode() == json.loads(flow.value)["src"]
    assert (tmp_path / "generator.log").read_text() == ""


def test_who_is_on_call_reads_what_is_wrong() -> None:
    (port,) = services()["on-call"]["command"]
    configured = mounts("alertmanager")["/etc/alertmanager/alertmanager.yml"]
    assert f"url: http://localhost:{port}/" in configured.read_text("utf-8")

    free = free_port()
    command = [sys.executable, str(mounts("on-call")["/on_call.py"]), str(free)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        alert = {"status": "firing", "annotations": {"summary": "Very many anomalies"}}
        message = Request(
            f"http://localhost:{free}/alerts", data=json.dumps({"alerts": [alert]}).encode()
        )

        def told() -> bool:
            try:
                with urlopen(message, timeout=10) as answer:
                    return bool(answer.status == 204)
            except (URLError, ConnectionError):
                return False

        wait_for(told, "the receiver to listen", 20)
        assert process.stdout is not None
        assert process.stdout.readline() == "firing: Very many anomalies\n"
        process.kill()
