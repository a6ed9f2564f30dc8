"""The plain manifests: valid, of this version, and with a job that can be run.

That they are what the chart gives is checked by `make helm` (check_helm.py).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import yaml

import streamgmm
from streamgmm.config import loads
from tests.deploy.kubernetes import container_of, environment_of, manifests, validate

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "streamgmm"
OBJECTS = manifests((ROOT / "deploy" / "kubernetes" / "streamgmm.yaml").read_text("utf-8"))
POD = OBJECTS["StatefulSet"]["spec"]["template"]


def test_the_manifests_are_valid() -> None:
    validate(OBJECTS)


def test_chart_and_image_have_the_version_of_the_package() -> None:
    version = streamgmm.__version__
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == version
    assert container_of(OBJECTS)["image"] == f"streamgmm:{version}"


def test_the_job_is_valid_in_the_environment_that_a_worker_has() -> None:
    text = OBJECTS["ConfigMap"]["data"]["job.toml"]
    shipped = (CHART / "files" / "job.toml").read_bytes()
    assert text.encode() == shipped
    checksum = POD["metadata"]["annotations"]["checksum/job"]
    assert checksum == hashlib.sha256(shipped).hexdigest()
    config = loads(text, name="job.toml", env=environment_of(OBJECTS))
    assert config.source.instance == "streamgmm-0"
    # What is written to is a volume; the rest of the image is read-only.
    container = container_of(OBJECTS)
    writable = [one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")]
    assert any(config.service.journal.startswith(path) for path in writable)
    served = config.service.http.rpartition(":")[2]
    assert container["ports"] == [{"name": "http", "containerPort": int(served)}]
    # The policy lets a worker reach its brokers.
    egress = [
        port["port"]
        for rule in OBJECTS["NetworkPolicy"]["spec"]["egress"]
        for port in rule["ports"]
    ]
    assert {int(broker.rpartition(":")[2]) for broker in config.source.brokers} <= set(egress)


def test_a_worker_has_no_rights_that_it_does_not_need() -> None:
    spec, container = POD["spec"], container_of(OBJECTS)
    assert not spec["automountServiceAccountToken"]
    assert spec["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]


def test_what_selects_the_workers_selects_them() -> None:
    labels = POD["metadata"]["labels"].items()
    selectors = [
        OBJECTS["StatefulSet"]["spec"]["selector"]["matchLabels"],
        OBJECTS["Service"]["spec"]["selector"],
        OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        OBJECTS["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector and selector.items() <= labels for selector in selectors)


@pytest.mark.parametrize("path", ["livenessProbe", "readinessProbe"])
def test_the_probes_ask_what_a_worker_answers(path: str) -> None:
    answered = (ROOT / "streamgmm" / "service" / "http.py").read_text("utf-8")
    asked = container_of(OBJECTS)[path]["httpGet"]["path"]
    assert f'Route("{asked}"' in answered


def test_the_values_keep_to_their_schema() -> None:
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    assert set(values) == set(schema["properties"]) - {"global"}
