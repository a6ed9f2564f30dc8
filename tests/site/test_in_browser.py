"""In a real Chromium each page asks nobody else, complains of nothing and fits; search finds."""

from __future__ import annotations

from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from tests.browser import DESK, PHONE, chromium, expect, overflow

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def watched(browser: Browser, **look: object) -> tuple[Page, list[str], list[str]]:
    """Open a page of the browser; what it asks for and complains of is noted."""
    page = browser.new_context(**look).new_page()
    asked, complaints = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "requestfailed",
        # Whoever leaves a page takes back what it still asks for.
        lambda request: (
            request.failure == "net::ERR_ABORTED"
            or complaints.append(f"{request.failure}: {request.url}")
        ),
    )
    page.on(
        "console", lambda said: said.type in ("error", "warning") and complaints.append(said.text)
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, asked, complaints


def test_every_page_stands_by_itself(site: Path, browser: Browser) -> None:
    page, asked, complaints = watched(browser, color_scheme="dark")
    files = site / "repository"  # all alike
    pages = [path for path in site.rglob("*.html") if not path.is_relative_to(files)]
    wide, seen = [], 0
    for path in [*pages, files / "deploy/helm/streamgmm.html", files / "examples/density.py.html"]:
        page.goto(path.as_uri())
        seen += 1
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            if overflow(page) > 0:
                wide.append(f"{path.name} at {size['width']}")
    assert seen > 35
    assert [url for url in asked if not url.startswith((site.as_uri(), "data:"))] == []
    assert complaints == []
    assert wide == []


def test_formulas_are_set_in_the_font_of_the_site(site: Path, browser: Browser) -> None:
    page, _, complaints = watched(browser, viewport=PHONE)
    page.goto((site / "mathematics.html").as_uri())
    page.evaluate("document.fonts.ready")
    assert page.evaluate("[...document.fonts].map(font => [font.family, font.status])") == [
        ["Formulas", "loaded"]
    ]
    heights = page.evaluate(
        "[...document.querySelectorAll('math')].map(one => one.getBoundingClientRect().height)"
    )
    assert min(heights) > 5
    assert complaints == []


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site as a web server gives it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.mark.parametrize("served", [True, False], ids=["served", "from files"])
def test_the_search_finds_a_word(site: Path, address: str, browser: Browser, served: bool) -> None:
    origin = address if served else site.as_uri()
    page, asked, complaints = watched(browser, viewport=DESK)
    page.goto(f"{origin}/index.html")
    page.get_by_placeholder("Search").fill("read_committed")
    page.keyboard.press("Enter")
    found = page.locator("#search-results li")
    expect(found.nth(1)).to_be_visible()  # they come one by one
    if served:  # a browser reads no file for a page that is one: then there are titles alone
        expect(found.locator("p.context").first).to_contain_text("read_committed")
        assert complaints == []
    found.locator("a").first.click()
    expect(page.locator("article")).to_contain_text("read_committed")
    assert [url for url in asked if not url.startswith((origin, "data:"))] == []
