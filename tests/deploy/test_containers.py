"""Dockerfile and compose.yaml as checkers see them; that they work is seen in test_compose.py.

The steps of the Dockerfile are executed in tests/packaging/test_distributions.py.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
import yaml

import streamgmm
from streamgmm.config import load
from tests.deploy.checkers import check
from tests.deploy.compose import COMPOSE, ROOT, laid_out, mounts, services
from tests.deploy.dockerfile import steps_of

if TYPE_CHECKING:
    from pathlib import Path

DOCKERFILE = ROOT / "deploy" / "docker" / "Dockerfile"
VERSION = streamgmm.__version__


def test_hadolint_has_nothing_to_say() -> None:
    assert check("hadolint", DOCKERFILE) == ""


def test_a_build_sees_what_it_copies() -> None:
    ignored = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text("utf-8").splitlines()
    seen = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source.split("/")[0]
        for step in steps_of(DOCKERFILE)
        if step.instruction == "COPY" and "from" not in step.flags
        for source in step.arguments.split()[:-1]
    }
    assert copied == seen


def test_the_image_runs_without_rights_and_says_whether_it_lives() -> None:
    steps = {step.instruction: step for step in steps_of(DOCKERFILE)}
    assert steps["USER"].arguments == "10001:10001"
    assert "/healthz" in steps["HEALTHCHECK"].arguments
    stages = [step.arguments for step in steps_of(DOCKERFILE) if step.instruction == "FROM"]
    assert len(stages) == 2
    # One Python in both: the environment goes from the one to the other.
    assert len({re.match(r"python:[\d.]+", stage)[0] for stage in stages}) == 1


def test_compose_is_valid() -> None:
    check("check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE)


def test_every_image_has_a_version_and_every_mounted_file_is_there() -> None:
    for name, service in services().items():
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name
        assert all(source.exists() for source in mounts(name).values()), name
        if service["image"].startswith("streamgmm:"):
            assert service["image"] == f"streamgmm:{VERSION}"
            assert service["read_only"]
            assert service["cap_drop"] == ["ALL"]
    # What is looked at is for this machine alone.
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert len(ports) == 5
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_job_is_valid_and_its_topics_are_made() -> None:
    config = load(mounts("streamgmm")["/etc/streamgmm/job.toml"], env={})
    script = COMPOSE.with_name("create-topics.sh").read_text("utf-8")
    made = set(re.findall(r"^create (\S+)", script, re.MULTILINE))
    named = {config.sink.alerts, config.sink.scores, config.sink.dead_letters}
    state = config.service.checkpoint.removeprefix("topic:")
    assert made == {*config.source.topics, *named, state}
    broker = services()["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert all(f"//{one}" in broker for one in config.source.brokers)
    (volume,) = (one for one in services()["streamgmm"]["volumes"] if one.startswith("journal:"))
    assert config.service.journal.startswith(volume.split(":")[1])


def test_kafka_listens_where_it_says() -> None:
    told = services()["kafka"]["environment"]
    listeners = dict(one.split("://") for one in told["KAFKA_LISTENERS"].split(","))
    advertised = dict(one.split("://") for one in told["KAFKA_ADVERTISED_LISTENERS"].split(","))
    protocols = dict(
        one.split(":") for one in told["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"].split(",")
    )
    assert listeners.keys() == protocols.keys() == {*advertised, "CONTROLLER"}
    assert all(at.endswith(listeners[name]) for name, at in advertised.items())
    assert told["KAFKA_INTER_BROKER_LISTENER_NAME"] in advertised
    assert told["KAFKA_CONTROLLER_QUORUM_VOTERS"] == f"1@kafka{listeners['CONTROLLER']}"
    # Data stay in a volume, and what this machine reaches is what is published.
    volumes = [one.split(":")[1] for one in services()["kafka"]["volumes"]]
    assert told["KAFKA_LOG_DIRS"] in volumes
    (port,) = services()["kafka"]["ports"]
    assert port.endswith(listeners["HOST"])


@pytest.mark.slow
def test_prometheus_and_alertmanager_understand_what_they_are_given(tmp_path: Path) -> None:
    root = laid_out("prometheus", tmp_path)
    said = check("promtool", "check", "config", root / "etc/prometheus/prometheus.yml")
    assert "1 rule files found" in said
    check("amtool", "check-config", mounts("alertmanager")["/etc/alertmanager/alertmanager.yml"])


def test_prometheus_is_told_of_the_worker_and_of_alertmanager() -> None:
    told = yaml.safe_load(mounts("prometheus")["/etc/prometheus/prometheus.yml"].read_text())
    (job,) = told["scrape_configs"]
    assert job["job_name"].startswith("streamgmm")  # the rules and dashboards go by it
    told_of = [*job["static_configs"], *told["alerting"]["alertmanagers"][0]["static_configs"]]
    hosts = [target.partition(":")[0] for one in told_of for target in one["targets"]]
    assert hosts == ["streamgmm", "alertmanager"]
    assert set(hosts) <= set(services())


def test_grafana_finds_its_source_and_its_dashboards(tmp_path: Path) -> None:
    root = laid_out("grafana", tmp_path)
    provisioning = root / "etc/grafana/provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards/streamgmm.yml").read_text())[
        "providers"
    ]
    dashboards = root / provider["options"]["path"].lstrip("/")
    assert len(list(dashboards.glob("*.json"))) == 4
    (source,) = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    shipped = ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml"
    (example,) = yaml.safe_load(shipped.read_text())["datasources"]
    assert source | {"url": ""} == example | {"url": ""}
    assert re.match(r"http://(\w+):9090", source["url"])[1] in services()
    home = services()["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert json.loads((root / home.lstrip("/")).read_text())["title"]
