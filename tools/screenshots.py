"""Photographs the live page for README and docs: `make screenshots`, into docs/images/.

What is seen is the live demonstration, attacked by the buttons of its page, in a real Chromium.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import expect

from tests.browser import chromium
from tests.workers import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).parent.parent / "docs" / "images"
DESK, PHONE = {"width": 1200, "height": 830}, {"width": 390, "height": 844}
PATIENCE = 60_000


@contextmanager
def demonstration(log: Path) -> Iterator[str]:
    """Run the live demonstration; gives the address of its page, with the token."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "streamgmm", "demo", "--live"],
            stdout=out,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    with process:
        try:
            yield wait_for(lambda: re.search(r"live page (\S+)", log.read_text()), "the page")[1]
        finally:
            process.send_signal(signal.SIGINT)


def photograph(browser: Browser, url: str) -> None:
    """Attack, and take all pictures."""
    light = opened(browser, url, "light", DESK)
    for attack in ("New behaviour", "Burst", "Slow"):
        light.get_by_role("button", name=attack).click()
    incident = light.locator(".entry:has(.badge.open)", has_text="3478").first
    expect(incident).to_be_visible(timeout=PATIENCE)
    expect(incident.locator(".count")).to_have_text(re.compile(r"^[1-9]\d+"), timeout=PATIENCE)
    light.mouse.move(5, 5)
    light.wait_for_timeout(4_000)  # for the picture, not for a condition: more of the attack
    shoot(light, "page-light")

    dark = opened(browser, url, "dark", DESK)
    shoot(dark, "page-dark")

    incident.locator(".row").click()
    expect(light.locator(".detail .bars")).to_be_visible()
    light.locator("#demo").evaluate("element => element.remove()")
    light.mouse.move(5, 5)
    shoot_element(light, "#alerts", "page-incident", 900)
    light.keyboard.press("Escape")
    expect(light.locator("#plane .component").first).to_be_visible()
    light.locator("#components details").nth(1).locator("summary").click()
    light.mouse.move(5, 5)
    shoot_element(light, "section:has(#mixture)", "page-mixture", 900)

    phone = opened(browser, url, "dark", PHONE)
    phone.locator(".entry:has(.badge.open)", has_text="3478").locator(".row").first.click()
    expect(phone.locator(".detail .bars")).to_be_visible()
    phone.locator("#demo").evaluate("element => element.remove()")
    phone.evaluate("document.activeElement.blur()")
    phone.evaluate("scrollTo(0, document.querySelector('#alerts').offsetTop - 10)")
    shoot(phone, "page-phone")


def opened(browser: Browser, url: str, scheme: str, viewport: dict[str, int]) -> Page:
    """Open the page in a window of its own, filled."""
    page = browser.new_page(viewport=viewport, color_scheme=scheme)
    page.goto(url)
    expect(page.locator("#plane .component").first).to_be_attached(timeout=PATIENCE)
    expect(page.locator("#rows .entry").first).to_be_visible(timeout=PATIENCE)
    page.wait_for_timeout(1_500)  # for the picture: the tiles' rates settle
    return page


def shoot(page: Page, name: str) -> None:
    """Take what the window shows."""
    page.screenshot(path=FOLDER / f"{name}.png")


def shoot_element(page: Page, selector: str, name: str, most: int) -> None:
    """Take one panel, its upper part if it is higher than `most`."""
    element = page.locator(selector)
    element.scroll_into_view_if_needed()
    box = element.bounding_box()
    assert box is not None
    top = page.evaluate("scrollY")
    clip = {**box, "y": box["y"] + top, "height": min(box["height"], most)}
    page.screenshot(path=FOLDER / f"{name}.png", clip=clip, full_page=True)


def main() -> None:
    """Take all pictures."""
    build = FOLDER.parent.parent / "build"
    build.mkdir(exist_ok=True)
    with demonstration(build / "demonstration.log") as url, chromium() as browser:
        photograph(browser, url)
    for picture in sorted(FOLDER.glob("page-*.png")):
        print(f"{picture.stat().st_size / 1000:6.0f} kB  {picture.name}")


if __name__ == "__main__":
    main()
