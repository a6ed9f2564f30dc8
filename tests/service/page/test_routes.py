from __future__ import annotations

import json
import re
import threading
from http.client import HTTPConnection
from importlib.resources import files
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from streamgmm.config import Secret
from streamgmm.service.commands import Commands
from streamgmm.service.http import Operators

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from tests.recorded import Stream


@pytest.fixture
def url(stream: Stream) -> Iterator[str]:
    with stream.serve() as server:
        yield server.url


def get(url: str, token: str | None = None, **query: Any) -> tuple[int, Any]:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    address = Request(f"{url}?{urlencode(query)}", headers=headers)
    try:
        with urlopen(address, timeout=10) as answer:
            return answer.status, json.load(answer)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


def increments(answer: HTTPResponse) -> Iterator[dict[str, Any]]:
    for line in answer:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


def test_the_page_and_all_it_refers_to_are_shipped(url: str) -> None:
    with urlopen(url, timeout=10) as answer:
        text = answer.read().decode()
        assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
        policy = answer.headers["Content-Security-Policy"]
        tag = answer.headers["ETag"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    references = re.findall(r'(?:src|href)="([^"#]+)"', text)
    assert len(references) > 3
    for reference in references:
        assert not reference.startswith(("http:", "https:", "//")), "nothing from elsewhere"
        if not reference.startswith("assets/"):
            continue
        with urlopen(f"{url}/{reference}", timeout=10) as answer:
            assert answer.status == 200, reference
    with pytest.raises(HTTPError) as unchanged:
        urlopen(Request(url, headers={"If-None-Match": tag}), timeout=10)
    assert unchanged.value.code == 304
    unchanged.value.close()


@pytest.mark.parametrize(
    "path", ["/assets/nothing.js", "/assets/../http.py", "/assets/%2e%2e/http.py"]
)
def test_nothing_else_is_served(url: str, path: str) -> None:
    assert get(url + path)[0] == 404


def test_no_script_takes_text_for_markup() -> None:
    """What comes with events reaches the page as text only."""
    folder = files("streamgmm.service").joinpath("assets")
    for script in folder.iterdir():
        if script.name.endswith(".js"):
            text = script.read_text(encoding="utf-8")
            for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
                assert way not in text, script.name


def test_the_scores_come_with_as_many_points_as_are_asked_for(url: str, stream: Stream) -> None:
    stream.feed(3_000, seconds=600.0)
    code, told = get(f"{url}/api/history", span=3600, points=360)
    assert (code, told["width"]) == (200, 10)
    assert sum(told["count"]) == 3_000
    code, told = get(f"{url}/api/history", model="flows-0", span=3600, points=20)
    assert (told["width"], len(told["start"])) == (180, 4)
    start = told["start"][1]
    code, event = get(f"{url}/api/strangest", span=3600, points=20, start=start)
    assert code == 200
    assert event["event"]["host"] == event["key"]


@pytest.mark.parametrize(
    ("path", "query", "code", "told"),
    [
        ("history", {"span": "x"}, 400, "span is 'x'; allowed is a number from 1 to"),
        ("history", {"span": 1e9}, 400, "allowed"),
        ("history", {"points": 100_000}, 400, "points is '100000'"),
        ("history", {"points": "nan"}, 400, "points is 'nan'"),
        ("history", {"model": "flows-9"}, 404, "no model 'flows-9'"),
        ("live", {"span": 0}, 400, "span"),
        ("mixture", {"model": "flows-9"}, 404, "no model 'flows-9'"),
        ("strangest", {"start": 5}, 404, "not kept"),
        ("strangest", {}, 400, "start is missing; allowed is a number from 0 up"),
        ("strangest", {"start": "inf"}, 400, "start is 'inf'; allowed is a number from 0 up"),
        ("strangest", {"start": -1}, 400, "start is '-1'"),
        ("row", {}, 400, "id is missing; allowed is that of an incident or of an event"),
        ("row", {"id": "flows-0:9"}, 404, "flows-0:9 is not kept"),
    ],
)
def test_what_cannot_be_told_says_why(
    url: str, path: str, query: dict[str, Any], code: int, told: str
) -> None:
    found, answer = get(f"{url}/api/{path}", **query)
    assert found == code
    assert told in answer["error"]


def test_the_stream_tells_what_is_new(url: str, stream: Stream) -> None:
    stream.feed(3_000, seconds=60.0)
    with urlopen(f"{url}/api/live?span=300&points=300", timeout=10) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        told = increments(answer)
        first = next(told)
        assert sum(first["history"]["count"]) == 3_000
        assert first["health"]["readiness"]["ready"] is True
        assert first["health"]["partitions"]["flows-0"]["events"] == 3_000
        assert first["rate"] == pytest.approx(50.0, rel=0.1)
        assert first["models"] == ["flows-0"]
        later = next(told)
        assert len(later["history"]["start"]) == 1, "the latest bucket may still grow"
        known = {row["id"] for row in first["rows"]} | {row["id"] for row in later["rows"]}
        stream.now += 2.0
        stream.attack(load=60.0)
        new = next(one for one in told if one["rows"])
        assert [row["id"] for row in new["rows"] if row["id"] not in known] == ["flows-0-3000"]
        opened = get(f"{url}/api/row", id="flows-0-3000")[1]
        assert opened["records"][0]["record"]["event"]["load"] == 60.0
        assert opened["records"][0]["record"]["reasons"][0]["feature"] == "load"


def test_streams_end_with_the_server(stream: Stream) -> None:
    with stream.serve() as server:
        answer = urlopen(f"{server.url}/api/live", timeout=10)
        told = increments(answer)
        next(told)
    assert list(told) is not None
    answer.close()


def test_streams_are_bounded(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamgmm.service.page.routes._MOST_STREAMS", 1)
    with stream.serve() as server, urlopen(f"{server.url}/api/live", timeout=10) as answer:
        next(increments(answer))
        code, told = get(f"{server.url}/api/live")
        assert code == 503
        assert "close one" in told["error"]


def test_readers_need_the_token_where_that_is_asked_for(stream: Stream) -> None:
    stream.feed(600, seconds=6.0)
    operators = Operators(Commands(), Secret("s3cret"), guard_all=True)
    with stream.serve(operators) as server:
        for path in ("page", "history", "strangest", "rows", "row", "mixture", "live"):
            for token in (None, "", "guess"):
                code, told = get(f"{server.url}/api/{path}", token)
                assert (code, "Authorization" in told["error"]) == (401, True), path
        assert get(f"{server.url}/api/page", "s3cret")[1]["commands"] is True
        with urlopen(server.url, timeout=10) as answer:
            assert answer.status == 200, "the page itself asks for it"


def test_the_page_is_told_what_an_event_has(url: str) -> None:
    told = get(f"{url}/api/page")[1]
    assert told["version"] == "1.2.3"
    assert (told["commands"], told["attacks"]) == (False, [])
    assert told["fields"][0] == {
        "name": "duration", "kind": "number", "transform": "log1p", "unit": "s",
        "columns": ["duration"],
    }  # fmt: skip


def test_attacks_are_for_the_page_of_a_demonstration_alone(stream: Stream) -> None:
    asked = threading.Event()
    with stream.serve(attacks={"burst": asked.set}) as server:
        host = server.url.removeprefix("http://")

        def post(kind: str, headers: dict[str, str]) -> int:
            connection = HTTPConnection(host, timeout=10)
            connection.request("POST", f"/api/attacks/{kind}", headers=headers)
            status = connection.getresponse().status
            connection.close()
            return status

        assert post("burst", {}) == 404, "a form of another site cannot set headers"
        assert post("slow", {"X-Streamgmm": "page"}) == 404
        assert not asked.is_set()
        assert post("burst", {"X-Streamgmm": "page"}) == 200
        assert asked.is_set()
