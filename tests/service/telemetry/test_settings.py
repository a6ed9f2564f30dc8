"""What is sent and where to, by the job, the environment and the specification."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from streamgmm.config import loads
from streamgmm.errors import ConfigError
from streamgmm.service.telemetry.settings import settings_of
from tests.service.telemetry.jobs import FILE, job


def test_nothing_is_sent_unless_the_job_asks_for_it() -> None:
    # As an operator of Kubernetes puts it into every container.
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "otlp"}
    assert settings_of(loads(FILE, env={}), env) is None


@pytest.mark.parametrize(
    ("env", "signals"),
    [
        ({}, {"metrics", "traces"}),
        ({"OTEL_SDK_DISABLED": "TRUE"}, None),
        ({"OTEL_TRACES_EXPORTER": "none"}, {"metrics"}),
        ({"OTEL_TRACES_EXPORTER": " None"}, {"metrics"}),
        ({"OTEL_TRACES_EXPORTER": "none", "OTEL_METRICS_EXPORTER": "none"}, None),
    ],
)
def test_the_environment_can_turn_it_off(env: dict[str, str], signals: set[str] | None) -> None:
    settings = settings_of(job(), env)
    assert (settings and set(settings.endpoints)) == signals


@pytest.mark.parametrize(
    ("given", "env", "traces"),
    [
        ("", {}, "http://localhost:4318/v1/traces"),
        ("", {"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c/otlp/"}, "https://c/otlp/v1/traces"),
        (
            "",
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318",
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://t:1/in",
            },
            "http://t:1/in",
        ),
        (
            'endpoint = "http://job:4318"',
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            },
            "http://job:4318/v1/traces",
        ),
    ],
)
def test_the_job_goes_before_the_environment(given: str, env: dict[str, str], traces: str) -> None:
    settings = settings_of(job(f'export = ["traces"]\n{given}'), env)
    assert settings is not None
    assert dict(settings.endpoints) == {"traces": traces}


def test_who_this_is() -> None:
    env = {
        "OTEL_SERVICE_NAME": "fraud",
        "OTEL_RESOURCE_ATTRIBUTES": "service.version=9,team=x%20y,service.name=other",
    }
    settings = settings_of(job(), env)
    assert settings is not None
    assert settings.resource == {
        "service.name": "fraud",
        "service.version": "9",
        "service.instance.id": "worker-1",
        "team": "x y",
    }
    told = 'export = "traces"\nservice_name = "flows"\nresource = ["team=z", "a.b=c=d"]'
    of_job = settings_of(job(told), env)
    assert of_job is not None
    assert of_job.resource["service.name"] == "flows"
    assert (of_job.resource["team"], of_job.resource["a.b"]) == ("z", "c=d")
    plain = settings_of(job(text=FILE), {})
    assert plain is not None
    assert plain.resource["service.name"] == "streamgmm"
    assert len(plain.resource["service.instance.id"]) == 36


@pytest.mark.parametrize(
    ("given", "env", "ratio"),
    [
        ("", {}, 0.1),
        ("", {"OTEL_TRACES_SAMPLER": "always_on"}, 1.0),
        ("", {"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, 0.0),
        ("", {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.25"}, 0.25),
        ("", {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio"}, 1.0),
        ("sampling_ratio = 0.5", {"OTEL_TRACES_SAMPLER": "always_on"}, 0.5),
    ],
)
def test_the_share_of_traces(given: str, env: dict[str, str], ratio: float) -> None:
    settings = settings_of(job(f'export = "traces"\n{given}'), env)
    assert settings is not None
    assert settings.ratio == ratio


def test_intervals_and_bounds_have_their_usual_names() -> None:
    env = {
        "OTEL_BSP_SCHEDULE_DELAY": "1500",
        "OTEL_BSP_MAX_QUEUE_SIZE": "100",
        "OTEL_METRIC_EXPORT_INTERVAL": "10000",
    }
    settings = settings_of(job(), env)
    assert settings is not None
    assert (settings.trace_delay, settings.metric_interval) == (1.5, 10.0)
    assert (settings.most_waiting, settings.most_at_once) == (100, 100)


@pytest.mark.parametrize(
    ("env", "told"),
    [
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:x"}, "TRACES_ENDPOINT is"),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "port 4318"),
        ({"OTEL_TRACES_SAMPLER": "jaeger_remote"}, "always_on, always_off, traceidratio"),
        (
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "2"},
            "a number from 0 to 1",
        ),
        ({"OTEL_BSP_MAX_QUEUE_SIZE": "0"}, "a number from 1 to 2147483647"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "1m"}, "a number from 1 to"),
        ({"OTEL_METRIC_EXPORT_INTERVAL": "1e300"}, "a number from 1 to"),
        ({"OTEL_EXPORTER_OTLP_TIMEOUT": "10s"}, 'TIMEOUT is "10s"; allowed is a number from 0.001'),
        ({"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "-1"}, "TRACES_TIMEOUT is"),
        ({"OTEL_EXPORTER_OTLP_COMPRESSION": "zstd"}, "allowed are none, gzip, deflate"),
        ({"OTEL_EXPORTER_OTLP_METRICS_COMPRESSION": "br"}, "METRICS_COMPRESSION is"),
        ({"OTEL_EXPORTER_OTLP_HEADERS": "hunter2"}, "HEADERS is a value that is not shown"),
        ({"OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/ca.pem"}, 'is "/no/ca.pem", but there is no'),
        ({"OTEL_EXPORTER_OTLP_CLIENT_KEY": "/"}, "name a PEM file"),
    ],
)
def test_what_the_environment_says_wrong_is_named(env: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError, match=told.replace("(", r"\(")):
        settings_of(job(), env)


def test_what_the_environment_has_for_others_is_taken(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    env = {
        "OTEL_EXPORTER_OTLP_HEADERS": "Authorization=Basic abc==,",
        "OTEL_EXPORTER_OTLP_COMPRESSION": "GZIP",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "0.5",
        "OTEL_EXPORTER_OTLP_CERTIFICATE": str(tmp_path / "ca.pem"),
        "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "of nobody",
    }
    assert settings_of(job('export = "metrics"'), env) is not None


@pytest.mark.parametrize(
    "endpoint",
    [
        "collector:4318",
        "ftp://c",
        "http://",
        "http://c:99999",
        "http://u:p@c",
        "http://c?a=b",
        "http://c:4318/v1/traces",
        7,
    ],
)
def test_a_malformed_endpoint_is_told_with_what_is_allowed(endpoint: str | int) -> None:
    value = f'"{endpoint}"' if isinstance(endpoint, str) else endpoint
    with pytest.raises(ConfigError, match='allowed is "http://host:port" or "https://host:port"'):
        job(f"endpoint = {value}")


def test_headers_are_secret_wherever_they_stand(tmp_path: Path) -> None:
    text = 'headers = "authorization=Bearer%20hunter2,x-scope=one"'
    config = job(f'export = "traces"\n{text}')
    settings = settings_of(config, {})
    assert settings is not None
    assert settings.headers == {"authorization": "Bearer hunter2", "x-scope": "one"}
    assert "hunter2" not in config.to_toml(comments=True) + repr(config)
    assert "Bearer hunter2" in {secret.reveal() for secret in config.secrets()}
    file = tmp_path / "headers"
    file.write_text("authorization=Basic%20eA==\n")
    from_file = settings_of(job(f'export = "traces"\nheaders_file = "{file}"'), {})
    assert from_file is not None
    assert from_file.headers == {"authorization": "Basic eA=="}
    with pytest.raises(ConfigError, match="has both headers and headers_file"):
        job(f'{text}\nheaders_file = "{file}"')
    for wrong in ("Bearer hunter2", "a=hunter2%0d%0ab: c"):
        with pytest.raises(ConfigError, match="headers is a value that is not shown") as raised:
            job(f'headers = "{wrong}"')
        assert "hunter2" not in str(raised.value)


def test_check_tells_what_opentelemetry_itself_does_not_take(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(FILE + '[telemetry]\nexport = ["traces"]\n')
    for variable in (
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",  # read as it is loaded
        "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",  # and when an exporter is made
    ):
        done = subprocess.run(
            [sys.executable, "-m", "streamgmm", "check", str(path)],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, variable: "nonsense"},
        )
        assert done.returncode == 3
        assert "OTEL_... variables ask for cannot be used: " in done.stderr
        assert "nonsense" in done.stderr
        assert "Traceback" not in done.stderr


BLOCKED = """
import sys
sys.modules["opentelemetry"] = None
from streamgmm.cli import main
sys.exit(main(["check", sys.argv[1]]))
"""


def test_what_is_not_installed_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text(FILE + '[telemetry]\nexport = ["traces"]\n')
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 3
    assert "pip install 'streamgmm[otel]'" in done.stderr
    assert "Traceback" not in done.stderr


UNLOADED = """
import sys
from streamgmm.cli import main
code = main(["run", sys.argv[1]])
print(*(name for name in sys.modules if name.startswith(("opentelemetry", "google.", "requests"))))
sys.exit(code)
"""


def test_a_job_that_does_not_ask_for_it_loads_nothing_of_it(tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text('{"bytes_out": 1}\n' * 300)
    path = tmp_path / "job.toml"
    path.write_text(
        FILE.replace("f.jsonl", str(tmp_path / "events.jsonl"))
        + f'[sink]\ntype = "file"\nscores = "{tmp_path}/scores"\nalerts = ""\n'
        + '[service]\nhttp = ""\n'
    )
    done = subprocess.run(
        [sys.executable, "-c", UNLOADED, str(path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr
    assert len((tmp_path / "scores").read_text().splitlines()) == 300
