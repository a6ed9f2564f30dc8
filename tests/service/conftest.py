"""Fixtures for jobs over a real Kafka, and for pages in a real browser."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import DESK, PATIENCE, chromium
from tests.workers import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from tests.browser import Open
    from tests.conftest import TopicFactory


@pytest.fixture
def topics(kafka: str) -> Iterator[Topics]:
    client = Topics(kafka)
    yield client
    client.close()


@pytest.fixture
def job(kafka: str, topic: TopicFactory) -> dict[str, str]:
    """The topics of a job, two partitions in and out."""
    return {
        "brokers": kafka,
        "topic": topic("flows", partitions=2),
        "scores": topic("scores", partitions=2),
        "alerts": topic("alerts"),
        "dead_letters": topic("dead"),
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open an address in a new window; nothing may be complained of in its console."""
    windows: list[BrowserContext] = []
    complaints: list[str] = []
    expected = ["ERR_"]  # the server ends before the window does

    def open_one(
        url: str,
        *,
        viewport: dict[str, int] = DESK,
        complains: tuple[str, ...] = (),
        **options: object,
    ) -> Page:
        expected.extend(complains)
        windows.append(browser.new_context(viewport=viewport, **options))
        page = windows[-1].new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in {"error", "warning"} else None
            ),
        )
        page.goto(url)
        return page

    yield open_one
    for window in windows:
        window.close()
    assert not [one for one in complaints if not any(word in one for word in expected)]
