"""The chart as Helm renders it. `make helm` builds Helm and runs this; `make test` does not.

pytest tests/deploy/check_helm.py --helm HELM [--write]
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from streamgmm.config import loads
from tests.deploy.kubernetes import VERSIONS, container_of, environment_of, manifests, validate

HERE = Path(__file__).parent
DEPLOY = HERE.parents[1] / "deploy"
CHART = DEPLOY / "helm" / "streamgmm"
MANIFESTS = DEPLOY / "kubernetes" / "streamgmm.yaml"
PROMETHEUS, DASHBOARDS = DEPLOY / "prometheus", DEPLOY / "grafana" / "dashboards"

Helm = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def helm(request: pytest.FixtureRequest) -> Helm:
    """Give a function that runs Helm on the chart, for the newest Kubernetes."""
    program = request.config.getoption("--helm")
    assert program, "name the program: --helm build/helm/helm, as `make helm` does"

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        words = [program, *map(str, arguments), "--kube-version", VERSIONS[-1]]
        return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)

    return run


def rendered(helm: Helm, *arguments: object) -> str:
    done = helm("template", "streamgmm", CHART, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_helm_has_nothing_to_say(helm: Helm) -> None:
    for values in ((), ("--values", HERE / "everything.yaml")):
        done = helm("lint", "--strict", CHART, *values)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_plain_manifests_are_what_the_chart_gives(
    helm: Helm, request: pytest.FixtureRequest
) -> None:
    text = rendered(helm)
    if request.config.getoption("--write"):
        MANIFESTS.write_text(text, "utf-8")
    assert MANIFESTS.read_text("utf-8") == text, "the chart has changed: make helm OPTIONS=--write"


def test_everything_on_is_valid_too(helm: Helm) -> None:
    objects = manifests(rendered(helm, "--values", HERE / "everything.yaml"))
    # Of the operator's own kinds: no schemas are at hand.
    monitor, rule = objects.pop("ServiceMonitor"), objects.pop("PrometheusRule")
    validate(objects)
    assert rule["spec"] == yaml.safe_load((PROMETHEUS / "streamgmm.rules.yml").read_text("utf-8"))
    dashboards = objects["ConfigMap streamgmm-dashboards"]["data"]
    assert dashboards == {one.name: one.read_text("utf-8") for one in DASHBOARDS.glob("*.json")}

    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint["port"] in {port["name"] for port in objects["Service"]["spec"]["ports"]}
    assert endpoint["authorization"]["credentials"] == {"name": "commands", "key": "secret"}
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    selector = monitor["spec"]["selector"]["matchLabels"]
    assert selector.items() <= objects["Service"]["metadata"]["labels"].items()

    assert "replicas" not in objects["StatefulSet"]["spec"]  # the autoscaler's affair
    target = objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == objects["StatefulSet"]["metadata"]["name"]


def test_what_values_say_reaches_the_worker(helm: Helm) -> None:
    objects = manifests(rendered(helm, "--values", HERE / "everything.yaml"))
    env = environment_of(objects)
    # The file is there in the pod alone; what it does for the job is seen by its content.
    mounted = [one["mountPath"] for one in container_of(objects)["volumeMounts"]]
    assert str(Path(env.pop("STREAMGMM__SERVICE__TOKEN_FILE")).parent) in mounted
    env["STREAMGMM__SERVICE__TOKEN"] = "s3cret"
    config = loads(objects["ConfigMap"]["data"]["job.toml"], name="job.toml", env=env)
    assert config.source.brokers == ("kafka-1:9093", "kafka-2:9093")
    assert config.service.guard == "all"


def test_a_job_of_ones_own_takes_the_place_of_the_shipped_one(helm: Helm) -> None:
    own = HERE.parents[1] / "config" / "kafka.toml"
    objects = manifests(rendered(helm, "--set-file", f"job={own}"))
    assert objects["ConfigMap"]["data"]["job.toml"] == own.read_text("utf-8")
    job = objects["ConfigMap"]["data"]["job.toml"]
    # Served where the probes ask, whatever the file says.
    assert loads(job, name="job.toml", env=environment_of(objects)).service.http == "0.0.0.0:9464"


@pytest.mark.parametrize(("release", "job"), [("streamgmm-a", "streamgmm-a"), ("b", "streamgmm-b")])
def test_the_rules_find_every_release(helm: Helm, release: str, job: str) -> None:
    done = helm("template", release, CHART, "--set", "serviceMonitor.enabled=true")
    (endpoint,) = manifests(done.stdout)["ServiceMonitor"]["spec"]["endpoints"]
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": job}]


@pytest.mark.parametrize("value", ["replica=3", "replicas=two", "token.gaurdAll=true"])
def test_a_value_that_is_not_understood_is_refused(helm: Helm, value: str) -> None:
    done = helm("template", "streamgmm", CHART, "--set", value)
    assert done.returncode != 0
    assert "schema" in done.stderr
