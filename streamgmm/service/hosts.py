"""Whom an HTTP request may be addressed to: the defence against DNS rebinding.

A web page can have the name of its own server point to this machine, and then read what is
served here as if it were its own: to the browser both are one origin. Such a request carries
that name as its host, so it is answered only where the host is one that the service goes by.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Hosts", "KnownHostsOnly"]

_READING: Final = ("GET", "HEAD")


class Hosts:
    """The hosts that a service goes by.

    Parameters
    ----------
    bound
        The address that it listens on. On the loopback only hosts of the loopback are known;
        elsewhere every host is, unless `allowed` names some: then these, and every address that
        is no name (probes and scrapers ask by it, and no web page can have it for its own).
    named
        The host as the configuration names it.
    allowed
        Further ones; "*.example.com" stands for all names below example.com.

    Examples
    --------
    >>> hosts = Hosts("127.0.0.1", "127.0.0.1")
    >>> hosts.know("localhost:9464"), hosts.know("[::1]:9464"), hosts.know("attacker.example")
    (True, True, False)
    """

    def __init__(self, bound: str, named: str, allowed: Sequence[str] = ()) -> None:
        self._on_loopback = ip_address(bound).is_loopback
        self._any = not self._on_loopback and not allowed
        self._names = {_plain(name) for name in (named, *allowed)}
        self._below = tuple(name[1:].lower() for name in allowed if name.startswith("*."))
        self.told = ", ".join(dict.fromkeys(("localhost", named, *allowed)))

    def know(self, host: str) -> bool:
        """Whether a host, with or without a port, is one of them."""
        if self._any:
            return True
        try:
            name = _plain(urlsplit(f"//{host}").hostname or "")
        except ValueError:
            return False
        if (
            name in self._names
            or name == "localhost"
            or name.endswith((".localhost", *self._below))
        ):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._on_loopback


class KnownHostsOnly:
    """Answers 421 to requests for a host that is not known, 403 to commands from another's page.

    A request without a host is let through: no browser sends one.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and (refused := self._refuse(scope)):
            await refused(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refuse(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if host and not self._hosts.know(host):
            told = (
                f"nothing is served here to the host {host!r}; allowed are {self._hosts.told}. "
                "If the service is reached by that name, add it to service.allowed_hosts"
            )
            return JSONResponse({"error": told}, 421)
        if scope["method"] not in _READING and origin is not None and not self._is_known(origin):
            told = (
                f"no commands are taken from a page of {origin!r}; if that is where the service is "
                "reached, add its host to service.allowed_hosts"
            )
            return JSONResponse({"error": told}, 403)
        return None

    def _is_known(self, origin: str) -> bool:
        _, separator, host = origin.partition("://")
        return self._hosts.know(host if separator else origin)


def _plain(name: str) -> str:
    return name.strip("[]").rstrip(".").lower()
