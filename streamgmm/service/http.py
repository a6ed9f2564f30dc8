"""Metrics, health, the live page and operators' commands over HTTP, from a thread beside the loop.

What changes a model needs the token of the configuration; without one it is refused. On request
what tells of events needs it as well; whether the process lives and is ready is told to anybody.
"""

from __future__ import annotations

import errno
import hmac
import socket
import time
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from streamgmm.errors import ConfigError
from streamgmm.service.commands import Answer, Command
from streamgmm.service.hosts import Hosts, KnownHostsOnly
from streamgmm.service.logs import level, set_level
from streamgmm.service.page.health import Health
from streamgmm.service.page.routes import PageRoutes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from starlette.requests import Request

    from streamgmm.config import Secret
    from streamgmm.service.commands import Commands
    from streamgmm.service.metrics import Metrics
    from streamgmm.service.page.recorder import Recorder
    from streamgmm.service.status import Status

__all__ = ["HttpServer", "Operators", "Page", "make_app"]

_STOP_TIMEOUT = 5.0
_ACTIONS = ("accept", "mute", "unmute")
_UNGUARDED = (
    "commands are refused: the job has no service.token; set STREAMGMM__SERVICE__TOKEN for it and "
    "start it again"
)
_REFUSED = 'a command needs the header "Authorization: Bearer TOKEN", with service.token'
_READERS_TOO = 'this needs the header "Authorization: Bearer TOKEN", with service.token'


@dataclass(frozen=True, slots=True)
class Operators:
    """Where operators' commands go, and the token that they must show; empty: none is taken.

    With `guard_all` those who only read must show it too.
    """

    commands: Commands
    token: Secret
    guard_all: bool = False

    def routes(self) -> list[Route]:
        """Give `/incidents`, `/log-level` and, to be posted to, their commands and `/freeze`."""
        return [
            Route("/incidents", self._list),
            Route("/incidents/{id:path}/{action}", self._act, methods=["POST"]),
            Route("/freeze", self._freeze, methods=["POST"]),
            Route("/unfreeze", self._freeze, methods=["POST"]),
            Route("/log-level", self._log_level),
            Route("/log-level/{level}", self._log_level, methods=["POST"]),
        ]

    def refuse_reader(self, request: Request) -> Response | None:
        """Give the answer to one who must show the token and does not."""
        if self.guard_all and not self._is_shown(request):
            return JSONResponse({"error": _READERS_TOO}, 401, {"WWW-Authenticate": "Bearer"})
        return None

    def _is_shown(self, request: Request) -> bool:
        shown = request.headers.get("authorization", "")
        return hmac.compare_digest(shown.encode(), f"Bearer {self.token.reveal()}".encode())

    def _list(self, request: Request) -> Response:
        if refused := self.refuse_reader(request):
            return refused
        return _json(self.commands.ask(Command("list")))

    def _act(self, request: Request) -> Response:
        action = request.path_params["action"]
        if action not in _ACTIONS:
            allowed = ", ".join(_ACTIONS)
            told = f"there is no command {action!r} for an incident; allowed are {allowed}"
            return JSONResponse({"error": told}, 404)
        return self._guarded(request, Command(action, request.path_params["id"]))

    def _freeze(self, request: Request) -> Response:
        frozen = request.url.path == "/freeze"
        return self._guarded(request, Command("freeze" if frozen else "unfreeze"))

    def _log_level(self, request: Request) -> Response:
        """Tell or change the log's level; it is the process's own, so no model is asked."""
        asked = request.path_params.get("level")
        if refused := self._refuse(request) if asked else self.refuse_reader(request):
            return refused
        try:
            before = set_level(asked) if asked else level()
        except ValueError as error:
            return JSONResponse({"error": str(error)}, 404)
        return JSONResponse({"level": level(), "before": before})

    def _guarded(self, request: Request, command: Command) -> Response:
        """Pass a command on if it shows the token."""
        return self._refuse(request) or _json(self.commands.ask(command))

    def _refuse(self, request: Request) -> Response | None:
        """Give the answer to a command that may not be given."""
        if not self.token:
            return JSONResponse({"error": _UNGUARDED}, 403)
        if not self._is_shown(request):
            return JSONResponse({"error": _REFUSED}, 401, {"WWW-Authenticate": "Bearer"})
        return None


def _json(answer: Answer) -> Response:
    return JSONResponse(answer.body, answer.status)


@dataclass(frozen=True, slots=True)
class Page:
    """The live page: what it shows, and what a demonstration can do on request, by name."""

    recorder: Recorder
    version: str
    attacks: Mapping[str, Callable[[], None]] = field(default_factory=dict)

    def routes(
        self, metrics: Metrics, status: Status, operators: Operators | None, closing: Event
    ) -> list[Route]:
        """Give its addresses; guarded as what operators read is."""

        def refuse(request: Request) -> Response | None:
            return None if operators is None else operators.refuse_reader(request)

        return PageRoutes(
            self.recorder,
            Health(metrics, status, time.monotonic),
            refuse=refuse,
            about={
                "version": self.version,
                "commands": operators is not None and bool(operators.token),
            },
            closing=closing,
            attacks=self.attacks,
        ).routes()


def make_app(
    metrics: Metrics,
    status: Status,
    operators: Operators | None = None,
    page: Page | None = None,
    closing: Event | None = None,
) -> Starlette:
    """Build the application: `/metrics`, `/healthz`, `/readyz`, operators' commands, the page."""
    disable_created_metrics()  # type: ignore[no-untyped-call]

    def show_metrics(request: Request) -> Response:
        if operators is not None and (refused := operators.refuse_reader(request)):
            return refused
        metrics.service_ready.set(status.read().ready)
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    def show_health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    def show_readiness(_: Request) -> Response:
        readiness = status.read()
        return JSONResponse(readiness.to_json(), status_code=200 if readiness.ready else 503)

    return Starlette(
        routes=[
            Route("/metrics", show_metrics),
            Route("/healthz", show_health),
            Route("/readyz", show_readiness),
            *(operators.routes() if operators is not None else ()),
            *(page.routes(metrics, status, operators, closing or Event()) if page else ()),
        ]
    )


class HttpServer:
    """Serves `make_app` on an address; a context manager.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes any free one, see `url`.
    metrics, status
        What is told.
    operators
        Who takes commands; None: nobody.
    page
        The live page; None: there is none.
    allowed_hosts
        By which it is reached beside `host`, see `Hosts`.

    Raises
    ------
    ConfigError
        On entering, if the address cannot be listened on.
    """

    def __init__(
        self,
        host: str,
        port: int,
        metrics: Metrics,
        status: Status,
        operators: Operators | None = None,
        page: Page | None = None,
        *,
        allowed_hosts: Sequence[str] = (),
    ) -> None:
        self._closing = Event()
        self._socket = _listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        bound, port = self._socket.getsockname()[:2]
        self.url = f"http://{shown}:{port}"
        app = make_app(metrics, status, operators, page, self._closing)
        config = uvicorn.Config(
            KnownHostsOnly(app, Hosts(bound, host, allowed_hosts)),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._ended = Event()
        self._thread = Thread(target=self._serve, name="http", daemon=True)

    def _serve(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._ended.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()  # the page's streams end by themselves
        self._server.should_exit = True
        self._ended.wait(_STOP_TIMEOUT)
        self._thread.join(_STOP_TIMEOUT)
        self._socket.close()


def _listen(host: str, port: int) -> socket.socket:
    """Bind here and not in the server's thread, so that a taken port is an error at the start."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ConfigError(f"service.http: the host {host!r} is not known ({error})") from error
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressInUseError(
                f"service.http: {host}:{port} is taken by another process; choose another port "
                'or "" to serve nothing'
            ) from error
        raise ConfigError(
            f"service.http: cannot listen on {host}:{port} ({error.strerror}); "
            "choose an address of this machine and a port above 1023"
        ) from error
    return listener


class AddressInUseError(ConfigError):
    """The port is taken."""
