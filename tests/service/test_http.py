from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from streamgmm.config import Secret, Service
from streamgmm.detection import UnknownIncidentError
from streamgmm.errors import ConfigError, StreamGMMError
from streamgmm.service.client import Client
from streamgmm.service.commands import Command, Commands
from streamgmm.service.http import HttpServer, Operators
from streamgmm.service.logs import level, set_level
from streamgmm.service.metrics import Metrics
from streamgmm.service.status import ModelStatus, Status

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def status() -> Status:
    return Status()


@pytest.fixture
def url(status: Status) -> Iterator[str]:
    metrics = Metrics("1.2.3")
    metrics.events.labels("flows-0").inc(7)
    with HttpServer("127.0.0.1", 0, metrics, status) as server:
        yield server.url


def get(url: str | Request) -> tuple[int, str]:
    try:
        with urlopen(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_metrics_are_prometheus_text(url: str) -> None:
    code, text = get(f"{url}/metrics")
    assert code == 200
    assert 'streamgmm_events_total{partition="flows-0"} 7.0' in text
    assert 'streamgmm_build_info{version="1.2.3"} 1.0' in text
    assert "_created" not in text


def test_health_is_ok_as_long_as_the_process_answers(url: str) -> None:
    assert get(f"{url}/healthz") == (200, "ok\n")


def test_unknown_paths_are_404(url: str) -> None:
    assert get(f"{url}/nothing")[0] == 404


def test_readiness_follows_the_status(url: str, status: Status) -> None:
    code, text = get(f"{url}/readyz")
    assert (code, json.loads(text)["reason"]) == (503, "starting")

    status.set_trouble(None)
    status.set_models(
        {
            "flows-0": ModelStatus(ready=True, seen=900, needed=500),
            "flows-1": ModelStatus(ready=False, seen=20, needed=500),
        }
    )
    code, text = get(f"{url}/readyz")
    answer = json.loads(text)
    assert code == 503
    assert answer["reason"] == "flows-1: warming up, 20 of 500 events"
    assert answer["partitions"]["flows-0"] == {
        "ready": True,
        "seen": 900,
        "needed": 500,
        "behind": 0,
        "reason": None,
    }
    assert answer["partitions"]["flows-1"]["ready"] is False
    assert "streamgmm_service_ready 0.0" in get(f"{url}/metrics")[1]

    status.set_models({"flows-0": ModelStatus(ready=True, seen=900, needed=500)})
    code, text = get(f"{url}/readyz")
    assert (code, json.loads(text)["ready"]) == (200, True)
    assert "streamgmm_service_ready 1.0" in get(f"{url}/metrics")[1]

    status.set_trouble("the broker cannot be reached")
    code, text = get(f"{url}/readyz")
    assert (code, json.loads(text)["reason"]) == (503, "the broker cannot be reached")


def test_a_relearning_model_is_not_ready() -> None:
    status = Status()
    status.set_trouble(None)
    status.set_models({"a": ModelStatus(ready=True, seen=9, needed=5, behind=12)})
    assert status.read().reason == "a: learning 12 events again, up to the committed position"


def test_a_member_without_partitions_stands_by() -> None:
    status = Status()
    status.set_trouble(None)
    assert status.read().ready
    assert "standby" in status.read().reason


def test_a_taken_port_is_a_clear_error(status: Status) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"127\.0\.0\.1:{port} is taken"):
            HttpServer("127.0.0.1", port, Metrics(""), status)


def test_a_host_that_does_not_exist_is_a_clear_error(status: Status) -> None:
    with pytest.raises(ConfigError, match="is not known"):
        HttpServer("no.such.host.invalid", 0, Metrics(""), status)


def test_the_port_is_free_again_afterwards(status: Status) -> None:
    with HttpServer("127.0.0.1", 0, Metrics(""), status) as server:
        port = int(server.url.rsplit(":", 1)[1])
        assert get(f"{server.url}/healthz")[0] == 200
    with HttpServer("127.0.0.1", port, Metrics(""), status) as server:
        assert get(f"{server.url}/healthz")[0] == 200


# ---- commands ----------------------------------------------------------------------------


class Job(threading.Thread):
    """A loop that does what is asked of it."""

    def __init__(self, token: str) -> None:
        super().__init__(daemon=True)
        self.commands = Commands()
        self.operators = Operators(self.commands, Secret(token))
        self.done: list[Command] = []
        self.ended = threading.Event()

    def __enter__(self) -> Job:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.join(5)

    def run(self) -> None:
        while not self.ended.wait(0.002):
            if self.commands.carry_out(self._do):
                self.commands.confirm(saved=True)

    def _do(self, command: Command) -> dict[str, object]:
        if command.incident == "t-0:9":
            raise UnknownIncidentError("there is no incident 9")
        self.done.append(command)
        return {"action": command.action}


def post(url: str, token: str | None) -> tuple[int, dict[str, object]]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    code, text = get(Request(url, method="POST", headers=headers))
    return code, json.loads(text)


def test_commands_need_the_token(status: Status) -> None:
    with Job("s3cret") as job, HttpServer("127.0.0.1", 0, Metrics(""), status, job.operators) as at:
        assert json.loads(get(f"{at.url}/incidents")[1]) == {"action": "list"}
        for token in (None, "", "s3cre", "s3cret2", "S3CRET"):
            code, body = post(f"{at.url}/freeze", token)
            assert code == 401
            assert "Authorization: Bearer" in str(body["error"])
        assert [command.action for command in job.done] == ["list"]
        assert post(f"{at.url}/freeze", "s3cret") == (200, {"action": "freeze", "saved": True})
        assert post(f"{at.url}/unfreeze", "s3cret")[0] == 200
        for action in ("accept", "mute", "unmute"):
            assert post(f"{at.url}/incidents/t-0%3A7/{action}", "s3cret")[0] == 200
        assert job.done[-3:] == [
            Command("accept", "t-0:7"), Command("mute", "t-0:7"), Command("unmute", "t-0:7")
        ]  # fmt: skip
        assert post(f"{at.url}/incidents/t-0:9/mute", "s3cret") == (
            404, {"error": "there is no incident 9"}
        )  # fmt: skip
        code, body = post(f"{at.url}/incidents/t-0:7/delete", "s3cret")
        assert code == 404
        assert "allowed are accept, mute, unmute" in str(body["error"])
        assert get(f"{at.url}/freeze")[0] == 405, "a link does nothing"


def test_the_level_of_the_log_is_read_by_all_and_changed_with_the_token(status: Status) -> None:
    before = level()
    with Job("s3cret") as job, HttpServer("127.0.0.1", 0, Metrics(""), status, job.operators) as at:
        try:
            assert post(f"{at.url}/log-level/error", None)[0] == 401
            assert json.loads(get(f"{at.url}/log-level")[1])["level"] == before
            told = Client(at.url, "s3cret").log_level("error")
            assert told == {"level": "error", "before": before}
            assert Client(at.url).log_level()["level"] == level() == "error"
            code, body = post(f"{at.url}/log-level/loud", "s3cret")
            assert (code, "allowed are debug, info" in str(body["error"])) == (404, True)
        finally:
            set_level(before)


def test_without_a_token_nothing_is_changed(status: Status) -> None:
    with Job("") as job, HttpServer("127.0.0.1", 0, Metrics(""), status, job.operators) as at:
        for token in (None, "", "guess"):
            code, body = post(f"{at.url}/freeze", token)
            assert code == 403
            assert "set STREAMGMM__SERVICE__TOKEN" in str(body["error"])
        assert get(f"{at.url}/incidents")[0] == 200
        assert [command.action for command in job.done] == ["list"]


def test_the_client_tells_what_the_job_tells(status: Status) -> None:
    with Job("s3cret") as job, HttpServer("127.0.0.1", 0, Metrics(""), status, job.operators) as at:
        address = at.url.removeprefix("http://")
        client = Client(address, "s3cret")
        assert client.incidents() == {"action": "list"}
        assert client.act("mute", "t-0:7")["saved"] is True
        assert client.act("freeze")["saved"] is True
        with pytest.raises(StreamGMMError, match="there is no incident 9"):
            client.act("mute", "t-0:9")
        with pytest.raises(StreamGMMError, match="Authorization: Bearer"):
            Client(address).act("freeze")
        with pytest.raises(StreamGMMError, match="does not answer as a job"):
            Client(f"{address}/healthz?").incidents()
    with pytest.raises(StreamGMMError, match=r"cannot be reached .*give its service.http"):
        Client(address).incidents()
    with pytest.raises(StreamGMMError, match="no address of a job"):
        Client("file:///etc/passwd").incidents()


def with_token(url: str, token: str) -> Request:
    return Request(url, headers={"Authorization": f"Bearer {token}"})


def test_readers_need_the_token_where_that_is_asked_for(status: Status) -> None:
    commands = Commands()
    operators = Operators(commands, Secret("s3cret"), guard_all=True)
    assert "s3cret" not in repr(operators)
    with HttpServer("127.0.0.1", 0, Metrics(""), status, operators) as at:
        for path in ("/metrics", "/incidents"):
            for token in ("", "S3CRET", "s3cret2"):
                code, text = get(with_token(at.url + path, token))
                assert code == 401
                assert "Authorization: Bearer" in text
            assert get(at.url + path)[0] == 401
        code, text = get(with_token(f"{at.url}/metrics", "s3cret"))
        assert code == 200
        assert "streamgmm_build_info" in text
        assert get(f"{at.url}/healthz")[0] == 200, "supervisors have no token"
        assert get(f"{at.url}/readyz")[0] == 503
    commands.close()


def test_nobody_outside_this_machine_is_heard_unless_told_otherwise(status: Status) -> None:
    address = Service().host_port
    assert address is not None
    with HttpServer(address[0], 0, Metrics(""), status) as at:
        assert at._socket.getsockname()[0] == "127.0.0.1"
        port = at._socket.getsockname()[1]
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=5)
    with HttpServer("0.0.0.0", 0, Metrics(""), status) as at:
        port = at._socket.getsockname()[1]
        socket.create_connection(("127.0.0.2", port), timeout=5).close()


# ---- whom requests are addressed to --------------------------------------------------------


def addressed(url: str, host: str, *, origin: str | None = None, method: str = "GET") -> int:
    headers = {"Host": host} | ({} if origin is None else {"Origin": origin})
    return get(Request(url, headers=headers, method=method))[0]


def test_on_the_loopback_no_name_of_elsewhere_is_answered(url: str) -> None:
    port = url.rsplit(":", 1)[1]
    for host in ("localhost", "LOCALHOST.", "127.0.0.1", "127.0.0.9", "[::1]", "job.localhost"):
        assert addressed(f"{url}/metrics", host) == 200
        assert addressed(f"{url}/metrics", f"{host}:{port}") == 200
    for host in (
        "attacker.example", f"attacker.example:{port}", "localhost.attacker.example", "10.0.0.5",
        "127.0.0.1.attacker.example", "[::ffff:10.0.0.5]", "[broken", "notlocalhost", "user@evil",
    ):  # fmt: skip
        for path in ("/", "/metrics", "/healthz", "/api/live", "/incidents"):
            assert addressed(f"{url}{path}", host) == 421, host
    code, text = get(Request(f"{url}/metrics", headers={"Host": "flows.example"}))
    assert code == 421
    assert "'flows.example'; allowed are localhost, 127.0.0.1" in json.loads(text)["error"]
    assert "service.allowed_hosts" in text


def test_a_request_without_a_host_comes_from_no_browser(url: str) -> None:
    with socket.create_connection(("127.0.0.1", int(url.rsplit(":", 1)[1])), timeout=5) as probe:
        probe.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert probe.recv(100).startswith(b"HTTP/1.1 200")


def test_further_hosts_are_allowed_by_name(status: Status) -> None:
    allowed = ("flows.example", "*.jobs.example")
    with HttpServer("127.0.0.1", 0, Metrics(""), status, allowed_hosts=allowed) as at:
        for host in ("flows.example", "Flows.Example:80", "a.jobs.example", "a.b.jobs.example",
                     "localhost"):  # fmt: skip
            assert addressed(f"{at.url}/healthz", host) == 200, host
        for host in ("other.example", "jobs.example", "ajobs.example", "x.flows.example"):
            assert addressed(f"{at.url}/healthz", host) == 421, host


def test_elsewhere_probes_and_scrapers_ask_by_address(status: Status) -> None:
    with HttpServer("0.0.0.0", 0, Metrics(""), status) as at:
        for host in ("10.0.0.5:9464", "[fd00::7]", "flows.svc.cluster.local", "anything.example"):
            assert addressed(f"{at.url}/healthz", host) == 200, host
    allowed = ("flows.example",)
    with HttpServer("0.0.0.0", 0, Metrics(""), status, allowed_hosts=allowed) as at:
        for host in ("10.0.0.5:9464", "[fd00::7]:80", "flows.example", "localhost", "0.0.0.0"):
            assert addressed(f"{at.url}/healthz", host) == 200, host
        assert addressed(f"{at.url}/healthz", "anything.example") == 421


def test_commands_of_a_page_of_elsewhere_are_refused(status: Status) -> None:
    with Job("s3cret") as job, HttpServer("127.0.0.1", 0, Metrics(""), status, job.operators) as at:
        bearer = {"Authorization": "Bearer s3cret"}
        for origin, code in (
            (at.url, 200), ("http://localhost:3000", 200), ("https://attacker.example", 403),
            ("null", 403), ("file://", 403),
        ):  # fmt: skip
            asked = Request(f"{at.url}/freeze", method="POST", headers=bearer | {"Origin": origin})
            assert get(asked)[0] == code, origin
        assert len(job.done) == 2
        # A simple request, which a browser sends without asking first, has no such header.
        assert post(f"{at.url}/freeze", None)[0] == 401
