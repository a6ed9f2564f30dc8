"""The addresses that the live page reads from, as JSON and as a stream of server-sent events."""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from streamgmm.service.page.assets import HEADERS, load_assets
from streamgmm.service.page.fields import described_fields
from streamgmm.service.page.recorder import ALL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from threading import Event

    from starlette.requests import Request

    from streamgmm.service.page.health import Health
    from streamgmm.service.page.recorder import Recorder

__all__ = ["PageRoutes"]

_TICK_SECONDS: Final = 0.5
_MOST_STREAMS: Final = 64
_MOST_ROWS: Final = 300
_MOST_POINTS: Final = 1000
_LONGEST_SPAN: Final = 7 * 86_400.0
_json = msgspec.json.Encoder()


class PageRoutes:
    """Serves the record of one worker.

    Parameters
    ----------
    recorder, health
        What is shown.
    refuse
        Gives the answer to one who may not read, else None.
    about
        What the page is told of the service.
    closing
        Set when the server ends: streams end by themselves then.
    attacks
        What a demonstration can do on request, by name.
    """

    def __init__(
        self,
        recorder: Recorder,
        health: Health,
        *,
        refuse: Callable[[Request], Response | None],
        about: dict[str, Any],
        closing: Event,
        attacks: Mapping[str, Callable[[], None]],
    ) -> None:
        self._recorder = recorder
        self._health = health
        self._refuse = refuse
        self._about = about
        self._closing = closing
        self._attacks = attacks
        self._streams = 0
        self._assets = load_assets()

    def routes(self) -> list[Route]:
        """Give all of them."""
        answers: dict[str, Callable[[Request], Any]] = {
            "page": self._page,
            "history": self._history,
            "strangest": self._strangest,
            "rows": self._rows,
            "row": self._row,
            "mixture": self._mixture,
        }
        return [
            *(Route(f"/api/{name}", self._guarded(answer)) for name, answer in answers.items()),
            Route("/api/live", self._live),
            Route("/api/attacks/{kind}", self._attack, methods=["POST"]),
            Route("/", self._asset),
            Route("/assets/{path:path}", self._asset),
        ]

    def _asset(self, request: Request) -> Response:
        asset = self._assets.get(request.path_params.get("path", "index.html"))
        if asset is None:
            return _answer({"error": "there is no such file"}, 404)
        headers = {**HEADERS, "ETag": asset.tag}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        return Response(asset.content, media_type=asset.media_type, headers=headers)

    def _attack(self, request: Request) -> Response:
        """Let a demonstration have an attack; its own page alone can set the header."""
        kind = request.path_params["kind"]
        if kind not in self._attacks or "x-streamgmm" not in request.headers:
            return _answer({"error": f"there is no attack {kind!r} here"}, 404)
        self._attacks[kind]()
        return _answer({"attack": kind})

    def _guarded(self, answer: Callable[[Request], Any]) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            if refused := self._refuse(request):
                return refused
            try:
                return _answer(answer(request))
            except _UnknownError as error:
                return _answer({"error": str(error)}, 404)
            except ValueError as error:
                return _answer({"error": str(error)}, 400)

        return respond

    def _page(self, _: Request) -> dict[str, Any]:
        return {
            **self._about,
            "models": self._recorder.models(),
            "fields": described_fields(self._recorder.schema),
            "attacks": list(self._attacks),
        }

    def _history(self, request: Request) -> dict[str, Any]:
        span, points = _window(request)
        now = self._recorder.clock()
        try:
            told = self._recorder.history(
                _model(request), span=span, points=points, since=now - span
            )
        except KeyError:
            raise _no_model(request) from None
        return {"now": now, **told}

    def _strangest(self, request: Request) -> dict[str, Any]:
        span, points = _window(request)
        start = _number(request, "start", 0.0, math.inf)
        try:
            event = self._recorder.strangest(_model(request), span=span, points=points, start=start)
        except KeyError:
            raise _no_model(request) from None
        if event is None:
            raise _UnknownError("what was there is not kept any more")
        text = event.json()
        shown = None if text is None else msgspec.Raw(text)
        return {"id": event.id, "key": event.key, "score": event.score, "event": shown}

    def _rows(self, request: Request) -> dict[str, Any]:
        version, rows = self._recorder.rows(_model(request), after=0, most=_MOST_ROWS)
        return {"version": version, "rows": rows}

    def _row(self, request: Request) -> dict[str, Any]:
        name = request.query_params.get("id", "")
        if not name:
            raise ValueError("id is missing; allowed is that of an incident or of an event")
        found = self._recorder.opened(name)
        if found is None:
            raise _UnknownError(f"{name} is not kept any more")
        return found

    def _mixture(self, request: Request) -> dict[str, Any]:
        asked = request.query_params
        try:
            return self._recorder.mixture(
                _model(request), asked.get("x"), asked.get("y"), day=asked.get("weights") == "day"
            )
        except KeyError:
            raise _no_model(request) from None

    async def _live(self, request: Request) -> Response:
        if refused := self._refuse(request):
            return refused
        try:
            span, points = _window(request)
        except ValueError as error:
            return _answer({"error": str(error)}, 400)
        if self._streams >= _MOST_STREAMS:
            told = f"{_MOST_STREAMS} pages are open already; close one"
            return _answer({"error": told}, 503)
        return StreamingResponse(
            self._increments(_model(request), span, points),
            media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )

    async def _increments(self, model: str, span: float, points: int) -> AsyncIterator[bytes]:
        """Give what is new every half second: first the rows there are, then what changes."""
        self._streams += 1
        version, since = 0, self._recorder.clock() - span
        try:
            while not self._closing.is_set():
                now = self._recorder.clock()
                told: dict[str, Any] = {"now": now, "models": self._recorder.models()}
                try:
                    history = self._recorder.history(model, span=span, points=points, since=since)
                    since = history["start"][-1] if history["start"] else since
                    told["history"] = history
                except KeyError:
                    told["history"] = None  # the model has left this worker
                version, rows = self._recorder.rows(model, after=version, most=_MOST_ROWS)
                told |= {
                    "version": version,
                    "rows": rows,
                    "rate": self._recorder.rate(model),
                    "health": self._health.read(),
                }
                yield b"data: " + _json.encode(told) + b"\n\n"
                await asyncio.sleep(_TICK_SECONDS)
        finally:
            self._streams -= 1


class _UnknownError(LookupError):
    """There is nothing of this name."""

    def __str__(self) -> str:
        return str(self.args[0])


def _answer(body: Any, status: int = 200) -> Response:
    return Response(
        _json.encode(body),
        status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )


def _model(request: Request) -> str:
    return request.query_params.get("model", ALL)


def _no_model(request: Request) -> _UnknownError:
    return _UnknownError(f"there is no model {_model(request)!r} here (any more)")


def _window(request: Request) -> tuple[float, int]:
    """Return the span of time, in s, and the number of points that are asked for."""
    span = _number(request, "span", 1.0, _LONGEST_SPAN, default=3600.0)
    return span, int(_number(request, "points", 10, _MOST_POINTS, default=360))


def _number(
    request: Request, name: str, low: float, high: float, *, default: float | None = None
) -> float:
    given = request.query_params.get(name, default)
    try:
        value = float("nan" if given is None else given)
    except ValueError:
        value = math.nan
    if not low <= value <= high or math.isinf(value):
        upper = "up" if math.isinf(high) else f"to {high:g}"
        told = "missing" if given is None else repr(given)
        raise ValueError(f"{name} is {told}; allowed is a number from {low:g} {upper}")
    return value
