"""Prometheus, Alertmanager and a receiver of its webhooks, each on a free port of this machine."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

from tests.workers import wait_for

if TYPE_CHECKING:
    from pathlib import Path

_NAMES = {"alertmanager": ("prometheus-alertmanager", "alertmanager")}  # Debian's comes first


def program(name: str) -> str:
    """Find a program, or say where it is to be had."""
    for one in _NAMES.get(name, (name,)):
        if found := shutil.which(one):
            return found
    raise AssertionError(f"{name} is missing: `make servers` installs it")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class Server:
    """A process that answers at `url` + `ready`; its log goes to a file of `directory`."""

    def __init__(self, name: str, directory: Path, port: int, args: list[str], ready: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._name, self._ready = name, ready
        self._log = directory / f"{name}.log"
        self._command = [program(name), *args]
        self._directory = directory

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._directory, stdout=log, stderr=log
            )
        wait_for(self._answers, f"{self._name} to be ready", 30)
        return self

    def _answers(self) -> bool:
        assert self._process.poll() is None, self._log.read_text()
        try:
            with urlopen(self.url + self._ready, timeout=5) as answer:
                return bool(answer.status == 200)
        except (URLError, ConnectionError, TimeoutError):
            return False

    def __exit__(self, *exc: object) -> None:
        self._process.terminate()
        self._process.wait(30)


class Prometheus(Server):
    """Debian's own, with the configuration that `directory` holds."""

    def __init__(self, directory: Path, configuration: Path) -> None:
        port = free_port()
        super().__init__(
            "prometheus",
            directory,
            port,
            [
                f"--config.file={configuration}",
                f"--storage.tsdb.path={directory / 'prometheus-data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            "/-/ready",
        )

    def ask(self, expr: str) -> list[dict[str, Any]]:
        """Give the series that an expression has now."""
        with urlopen(f"{self.url}/api/v1/query?{urlencode({'query': expr})}", timeout=10) as got:
            return list(json.load(got)["data"]["result"])

    def value(self, expr: str) -> float:
        """Give the one value of an expression, 0 where there is none."""
        found = self.ask(expr)
        assert len(found) <= 1, found
        return float(found[0]["value"][1]) if found else 0.0

    def firing(self) -> list[str]:
        """Name the alerts that fire."""
        return sorted(
            {one["metric"]["alertname"] for one in self.ask('ALERTS{alertstate="firing"}')}
        )


class Alertmanager(Server):
    """Debian's own."""

    def __init__(self, directory: Path, configuration: Path, port: int) -> None:
        super().__init__(
            "alertmanager",
            directory,
            port,
            [
                f"--config.file={configuration}",
                f"--storage.path={directory / 'alertmanager-data'}",
                f"--web.listen-address=127.0.0.1:{port}",
                "--cluster.listen-address=",
            ],
            "/-/ready",
        )


class Receiver:
    """What an on-call service is: takes webhooks and keeps the alerts of them."""

    def __init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                with receiver._lock:
                    receiver._alerts += body["alerts"]
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                """Say nothing."""

        self._lock = Lock()
        self._alerts: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = Thread(target=self._server.serve_forever, daemon=True)

    def alerts(self, name: str, status: str) -> list[dict[str, Any]]:
        """Give what was received of an alert so far: "firing" or "resolved"."""
        with self._lock:
            return [
                one
                for one in self._alerts
                if one["labels"]["alertname"] == name and one["status"] == status
            ]

    def names(self) -> set[str]:
        """Name the alerts that were received so far."""
        with self._lock:
            return {one["labels"]["alertname"] for one in self._alerts}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
