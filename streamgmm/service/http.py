"""Metrics, health and a status page over HTTP, from a thread beside the loop."""

from __future__ import annotations

import errno
import socket
from importlib.resources import files
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, disable_created_metrics
from starlette.applications import Starlette
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from streamgmm.errors import ConfigError

if TYPE_CHECKING:
    from types import TracebackType

    from starlette.requests import Request

    from streamgmm.service.metrics import Metrics
    from streamgmm.service.status import Status

__all__ = ["HttpServer", "make_app"]

_STOP_TIMEOUT = 5.0


def make_app(metrics: Metrics, status: Status) -> Starlette:
    """Build the application: `/`, `/metrics`, `/healthz`, `/readyz`."""
    page = files("streamgmm.service").joinpath("assets/index.html").read_text(encoding="utf-8")
    disable_created_metrics()  # type: ignore[no-untyped-call]

    def show_metrics(_: Request) -> Response:
        metrics.service_ready.set(status.read().ready)
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    def show_health(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    def show_readiness(_: Request) -> Response:
        readiness = status.read()
        return JSONResponse(readiness.to_json(), status_code=200 if readiness.ready else 503)

    def show_page(_: Request) -> Response:
        return HTMLResponse(page)

    return Starlette(
        routes=[
            Route("/", show_page),
            Route("/metrics", show_metrics),
            Route("/healthz", show_health),
            Route("/readyz", show_readiness),
        ]
    )


class HttpServer:
    """Serves `make_app` on an address; a context manager.

    Parameters
    ----------
    host, port
        Where to listen; port 0 takes any free one, see `url`.

    Raises
    ------
    ConfigError
        On entering, if the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, metrics: Metrics, status: Status) -> None:
        self._socket = _listen(host, port)
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            make_app(metrics, status),
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
