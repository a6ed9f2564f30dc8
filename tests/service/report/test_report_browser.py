"""A report as people see it, opened from the disk in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser import PHONE, overflow
from tests.outputs import EVIL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.browser import Open

CHARTS = ("scores", "days", "calibration", "roc", "precision")


def test_it_shows_all_its_sections_and_why_an_alert_was_one(report: Path, open_page: Open) -> None:
    page = open_page(report.as_uri())
    expect(page.locator("h1")).to_have_text("Replay of flows.jsonl")
    for chart in CHARTS:
        expect(page.locator(f"#{chart} canvas")).to_be_visible()
        assert page.evaluate(f"document.querySelector('#{chart} canvas').width") > 400
    expect(page.locator("#tiles")).to_contain_text("6,001")
    expect(page.locator("#roc-legend")).to_contain_text("Area 1.0000")
    expect(page.locator("#kinds tbody tr").first).to_contain_text("%")
    expect(page.locator("#components details").first).to_contain_text("bytes_out")
    expect(page.locator("#configuration")).to_contain_text("[events.fields]")

    page.fill("#find", "window.broken")
    row = page.locator("#rows details")
    expect(row).to_have_count(1)
    row.locator("summary").click()
    expect(row.locator(".bars li").filter(has_text="bytes_out")).to_contain_text("1 PB")
    expect(row.locator(".bar .value.outside").first).to_be_visible()
    expect(row.locator("table.event")).to_contain_text(EVIL)
    assert page.evaluate("window.broken") is None
    assert page.locator("main img, main script").count() == 0


def test_a_click_on_an_alert_in_the_chart_opens_it(report: Path, open_page: Open) -> None:
    page = open_page(report.as_uri())
    page.locator("#scores").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#tip")).to_contain_text("flows.jsonl-6001")
    page.keyboard.press("Enter")
    expect(page.locator("#rows details[open]")).to_contain_text("window.broken")


def test_events_without_time_and_label_have_their_lines(bare_report: Path, open_page: Open) -> None:
    page = open_page(bare_report.as_uri())
    expect(page.locator("#when")).to_have_text("Events without times; in the order of the file")
    expect(page.locator("#rows summary").first).to_contain_text("line 901")
    expect(page.locator("#days")).to_contain_text("Events without a time have no days")
    expect(page.locator("#labelled")).to_be_hidden()
    expect(page.locator("#truth")).to_be_hidden()
    expect(page.locator("#calibration canvas")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(scheme: str, report: Path, open_page: Open) -> None:
    page = open_page(report.as_uri(), viewport=PHONE, color_scheme=scheme, has_touch=True)
    page.locator("#rows summary").first.tap()
    expect(page.locator("#rows .bars").first).to_be_visible()
    assert overflow(page) <= 0
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(14, 18, 24)") == (scheme == "dark")


def test_it_prints_light_with_its_charts(report: Path, open_page: Open) -> None:
    page = open_page(report.as_uri(), color_scheme="dark")
    page.evaluate(
        "addEventListener('beforeprint', () => "
        "{ window.paper = getComputedStyle(document.querySelector('.panel')).backgroundColor; })"
    )
    assert len(page.pdf()) > 50_000
    assert page.evaluate("window.paper") == "rgb(255, 255, 255)"
    expect(page.locator("html")).not_to_have_attribute("data-theme", "light")
