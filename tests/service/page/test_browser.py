"""The live page as people see it, in a real Chromium."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from streamgmm.config import Secret
from streamgmm.events import Field, Schema
from streamgmm.service.commands import Commands
from streamgmm.service.http import Operators
from tests.browser import PHONE, overflow
from tests.recorded import Stream
from tests.workers import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.browser import Open

DAY = 86_400.0


@pytest.fixture
def busy() -> Stream:
    """A stream that has had 3,000 events in five minutes, the last of them an anomaly."""
    stream = Stream()
    stream.feed(3_000, seconds=290.0)
    stream.attack(load=60.0)
    return stream


def test_it_shows_what_there_is(busy: Stream, open_page: Open) -> None:
    with busy.serve() as server:
        page = open_page(server.url)
        expect(page.locator("#state-text")).to_have_text("Ready")
        expect(page.locator("#health")).to_contain_text("3,001 so far")
        expect(page.locator("#rows .entry")).not_to_have_count(0)
        components = len(busy.recorder.mixture("flows-0", None, None, day=False)["components"])
        expect(page.locator("#plane .component")).to_have_count(components)
        expect(page.locator("#components details")).to_have_count(components)
        expect(page.locator("#changes")).to_be_visible()
        assert page.locator("#plane .dots circle").count() > 500
        drawn = "document.querySelector('#scores canvas').width"
        assert page.evaluate(drawn) > 1000

        page.select_option("#plane-x", "load")
        expect(page.locator("#plane .title").first).to_have_text("load")


def test_an_anomaly_is_there_within_two_seconds_and_says_why(busy: Stream, open_page: Open) -> None:
    with busy.serve() as server:
        page = open_page(server.url)
        expect(page.locator("#state-text")).to_have_text("Ready")
        busy.now += 1.0
        busy.attack(duration=9_000.0, host="h9")
        newest = page.locator("#rows .entry", has_text="duration 2 h 30 min")
        expect(newest).to_be_visible(timeout=2_000)
        newest.locator(".row").click()
        detail = page.locator(".detail")
        expect(detail.locator(".bars li").first).to_contain_text("duration")
        expect(detail.locator(".bar .value.outside").first).to_be_visible()
        expect(detail.locator("table.event")).to_contain_text("9000")
        expect(detail.locator(".nearest")).to_contain_text("of the traffic")


def test_the_strangest_event_is_under_the_pointer(busy: Stream, open_page: Open) -> None:
    with busy.serve() as server:
        page = open_page(server.url)
        chart = page.locator("#scores")
        chart.focus()
        expect(page.locator("#health")).to_contain_text("3,001 so far")
        page.keyboard.press("ArrowLeft")
        tip = page.locator("#tip")
        expect(tip).to_contain_text("1 alert")
        expect(tip).to_contain_text("flows-0-3000")
        expect(tip.locator("table.event")).to_contain_text("load60")
        page.keyboard.press("Enter")
        expect(page.locator(".entry.opened")).to_contain_text("load 60")
        chart.hover(position={"x": 600, "y": 100})
        expect(tip).to_contain_text("no alert")


def test_nothing_jumps_while_somebody_is_in_the_table(busy: Stream, open_page: Open) -> None:
    with busy.serve() as server:
        page = open_page(server.url)
        rows = page.locator("#rows .entry")
        rows.filter(has_text="load 60").locator(".row").hover()
        there = rows.count()
        busy.now += 1.0
        busy.attack(duration=9_000.0, host="h9")
        expect(page.locator("#held")).to_have_text("1 new")
        assert rows.count() == there
        page.locator("#held").click()
        expect(rows).to_have_count(there + 1)
        expect(page.locator("#held")).to_be_hidden()


def test_a_scan_is_one_row_that_opens_to_its_alerts(busy: Stream, open_page: Open) -> None:
    with busy.serve() as server:
        page = open_page(server.url)
        expect(page.locator("#state-text")).to_have_text("Ready")
        before = page.locator("#rows .entry").count()
        for i in range(25):
            busy.now += 1.0
            busy.attack(duration=9_000.0 + i, host="10.0.0.9")
        row = page.locator("#rows .entry", has_text="10.0.0.9")
        expect(row.locator(".count")).to_have_text("25")
        expect(row.locator(".standing")).to_have_text("alerts")
        assert page.locator("#rows .entry").count() == before + 1
        row.locator(".row").click()
        detail = page.locator(".detail")
        expect(detail.locator(".says")).to_contain_text("25 alerts since")
        expect(detail.locator(".says")).to_contain_text("all of 10.0.0.9")
        assert detail.locator(".pick option").count() >= 12
        detail.locator(".pick select").select_option(index=3)
        expect(detail.locator(".bars li").first).to_contain_text("duration")
        busy.attack(duration=8_000.0, host="10.0.0.9")
        expect(detail.locator(".says")).to_contain_text("26 alerts since")
        busy.attack(duration=8_000.0, host="10.0.0.8")
        opened = page.locator(".entry.opened")
        expect(opened.locator(".count")).to_have_text("27")
        expect(opened.locator(".key-cell")).to_have_text("several")


def test_warm_up_is_told_with_seen_and_needed(stream: Stream, open_page: Open) -> None:
    stream.take(stream.events(60))
    stream.show()
    needed = stream.pipeline.detector.warmup
    with stream.serve() as server:
        page = open_page(server.url)
        expect(page.locator("#health")).to_contain_text(f"60 / {needed}")
        expect(page.locator("#state-text")).to_contain_text(f"warming up, 60 of {needed} events")
        expect(page.locator("#no-rows")).to_have_text("No alert so far.")
        expect(page.locator("#no-mixture")).to_be_visible()
        stream.feed(1_000, seconds=10.0)
        expect(page.locator("#plane .component").first).to_be_visible()
        expect(page.locator("#state-text")).to_have_text("Ready")


def test_a_day_at_a_thousand_events_a_second_stays_light(stream: Stream, open_page: Open) -> None:
    stream.feed(1_000, seconds=10.0)
    outputs = stream.pipeline.process(stream.records(stream.events(1_000)))
    detector = stream.pipeline.detector
    for _ in range(int(DAY)):
        stream.now += 1.0
        stream.recorder.take("flows-0", outputs, detector)
    with stream.serve() as server:
        page = open_page(server.url)
        expect(page.locator("#health")).to_contain_text("1,000/s")
        for label, span in (("24 h", 86_400), ("7 d", 604_800), ("1 h", 3_600), ("24 h", 86_400)):
            began = time.monotonic()
            page.locator("#span").get_by_role("button", name=label, exact=True).click()
            drawn = re.compile(rf"{span}/\d\d+")
            expect(page.locator("#scores")).to_have_attribute("data-drawn", drawn)
            assert time.monotonic() - began < 2.0, label
        told = stream.recorder.history("", span=DAY, points=360, since=stream.now - DAY)
        assert sum(told["count"]) > 0.99 * DAY * 1_000
        assert len(told["start"]) <= 361
        assert len(json.dumps(told)) < 150_000


def test_it_is_used_by_keyboard(busy: Stream, open_page: Open) -> None:
    busy.now += 1.0
    busy.attack(duration=9_000.0, host="h9")
    with busy.serve() as server:
        page = open_page(server.url, color_scheme="light")
        rows = page.locator("#rows .entry")
        expect(rows.filter(has_text="duration 2 h 30 min")).to_be_visible()
        for number in range(2):
            page.keyboard.press("j")
            expect(rows.nth(number).locator(".row")).to_be_focused()
            page.keyboard.press("Enter")
            expect(page.locator(".entry.opened .bars")).to_be_visible()
            expect(rows.nth(number)).to_have_class("entry opened")
        page.keyboard.press("Escape")
        expect(page.locator(".entry.opened")).to_have_count(0)
        page.keyboard.press("k")
        expect(page.locator(".entry .row").first).to_be_focused()
        page.keyboard.press("/")
        page.keyboard.type("load")
        expect(page.locator("#rows .entry:visible")).to_have_count(1)
        page.keyboard.press("Escape")
        page.keyboard.press("2")
        expect(page.locator("#span [aria-pressed=true]")).to_have_text("1 h")
        for theme in ("light", "dark"):
            page.keyboard.press("t")
            assert page.evaluate("document.documentElement.dataset.theme") == theme
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert max(map(int, re.findall(r"\d+", ground))) < 40, "dark is dark"
        page.reload()
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        expect(page.locator("#state-text")).to_have_text("Ready")  # so that it listens to keys
        page.keyboard.press("?")
        expect(page.locator("#keys-dialog")).to_be_visible()


def test_what_events_bring_along_is_text(open_page: Open) -> None:
    """In names of fields, in keys, in values: nothing of it runs, and on a phone all of it fits."""
    evil = "<img src=x onerror=window.broken=1><script>window.broken=1</script>" + "x" * 120
    schema = Schema((Field("duration", "log1p"), Field(evil)), key="host", time="ts")
    stream = Stream(f"flows-{evil}", schema=schema, rename={"load": evil})
    stream.feed(3_000, seconds=290.0)
    stream.attack(**{evil: 60.0, "host": evil, "note": evil})
    with stream.serve() as server:
        page = open_page(server.url, viewport=PHONE)
        page.locator("#rows .entry", has_text=evil).locator(".row").first.click()
        expect(page.locator(".detail .bars")).to_contain_text(evil)
        expect(page.locator(".detail table.event")).to_contain_text("note")
        expect(page.locator("#plane .component").first).to_be_visible()
        assert page.evaluate("window.broken") is None
        assert page.locator("main img, main script").count() == 0
        assert overflow(page) <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(
    busy: Stream, open_page: Open, scheme: str
) -> None:
    with busy.serve() as server:
        page = open_page(server.url, viewport=PHONE, color_scheme=scheme, has_touch=True)
        expect(page.locator("#plane .component").first).to_be_visible()
        page.locator("#rows .entry .row").first.tap()
        expect(page.locator(".detail .bars")).to_be_visible()
        assert overflow(page) <= 0
        chart = page.locator("#scores").bounding_box()
        assert chart is not None
        assert chart["width"] <= PHONE["width"]


def test_several_models_can_be_seen_apart(busy: Stream, open_page: Open) -> None:
    other = Stream("flows-1", recorder=busy.recorder)
    other.feed(1_000, seconds=0.0)
    with busy.serve() as server:
        page = open_page(server.url)
        expect(page.locator("#model option")).to_have_text(["all 2", "flows-0", "flows-1"])
        rows = page.locator("#rows")
        expect(rows).to_contain_text("load 60")
        page.select_option("#model", "flows-1")
        expect(rows).not_to_contain_text("load 60")
        page.select_option("#model", "flows-0")
        expect(rows).to_contain_text("load 60")


def test_where_readers_are_guarded_it_asks_for_the_token(busy: Stream, open_page: Open) -> None:
    operators = Operators(Commands(), Secret("s3cret"), guard_all=True)
    with busy.serve(operators) as server:
        page = open_page(server.url, complains=("401",))
        expect(page.locator("#token-dialog")).to_be_visible()
        page.fill("#token-input", "guess")
        page.keyboard.press("Enter")
        expect(page.locator("#token-why")).to_contain_text("did not accept")
        page.fill("#token-input", "s3cret")
        page.keyboard.press("Enter")
        expect(page.locator("#state-text")).to_have_text("Ready")
        page.reload()
        expect(page.locator("#state-text")).to_have_text("Ready")
        assert "s3cret" not in page.evaluate("JSON.stringify(localStorage)")


def test_it_says_when_the_service_is_gone_and_goes_on_when_it_is_back(
    busy: Stream, open_page: Open
) -> None:
    with busy.serve() as server:
        port = int(server.url.rpartition(":")[2])
        page = open_page(server.url)
        expect(page.locator("#state-text")).to_have_text("Ready")
    expect(page.locator("#state-text")).to_contain_text("does not answer")
    with busy.serve(port=port):
        expect(page.locator("#state-text")).to_have_text("Ready")


JOB = """
[source]
type = "file"
path = "-"
[events]
key = "host"
time = "ts"
[events.fields]
duration = "log1p"
sent = "log1p"
load = "identity"
[model]
n_components = 4
[sink]
type = "file"
alerts = "alerts.jsonl"
[service]
http = "127.0.0.1:0"
checkpoint = "state"
token = "s3cret"
"""


def test_what_is_accepted_stays_accepted_after_a_restart(tmp_path: Path, open_page: Open) -> None:
    (tmp_path / "job.toml").write_text(JOB)
    stream = Stream()

    process: subprocess.Popen[bytes]

    @contextmanager
    def running() -> Iterator[str]:
        nonlocal process
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "streamgmm", "run", "job.toml"],
                cwd=tmp_path, stdin=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        with process:
            try:
                yield wait_for(address, "the address")
            finally:
                process.terminate()
        assert process.returncode == 0

    def address() -> str | None:
        found = re.search(r"serving (http://\S+)/metrics", (tmp_path / "log").read_text())
        return found and found[1]

    def feed(events: list[dict[str, object]]) -> None:
        assert process.stdin is not None
        process.stdin.write("".join(f"{json.dumps(one)}\n" for one in events).encode())
        process.stdin.flush()

    with running() as url:
        feed(stream.events(3_000))
        for _ in range(30):
            stream.now += 1.0
            new = [{**one, "duration": 900.0, "load": 20.0} for one in stream.events(10)]
            feed([*stream.events(200), *new])
        page = open_page(url, complains=("401",))
        page.locator("#rows .entry:has(.badge.open) .row").first.click()
        page.get_by_role("button", name="Accept as normal").click()
        page.fill("#token-input", "s3cret")
        page.keyboard.press("Enter")
        expect(page.locator(".outcome")).to_contain_text("Saved.")
        expect(page.locator(".entry.opened .badge")).to_have_text("accepted")
    with running() as url:
        feed(stream.events(10))
        page = open_page(url)
        page.get_by_role("button", name="All", exact=True).click()
        expect(page.locator("#rows .entry .badge.accepted")).to_have_count(1)
