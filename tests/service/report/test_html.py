"""The file as text: it holds all it needs, and nothing that an event brought along is markup."""

from __future__ import annotations

import base64
import json
import re
from hashlib import sha256
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from streamgmm.errors import ConfigError
from streamgmm.service.report import html

if TYPE_CHECKING:
    from pathlib import Path


class Parts(HTMLParser):
    """Elements with their attributes, and the text within scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.inside: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        if tag in {"script", "style"} and data.strip():
            self.inside.append((attributes.get("type") or tag, data))


@pytest.fixture(scope="module")
def text(report: Path) -> str:
    return report.read_text()


@pytest.fixture(scope="module")
def parts(text: str) -> Parts:
    return Parts(text)


def test_it_loads_nothing(parts: Parts) -> None:
    addresses = [
        value
        for _, attributes in parts.elements
        for name, value in attributes.items()
        if name in {"src", "href", "srcset", "data", "action", "poster"}
    ]
    assert addresses
    assert all(one and one.startswith(("#", "data:image/svg+xml;")) for one in addresses)
    code = "\n".join(text for kind, text in parts.inside if kind != "application/json")
    assert not re.search(
        r"@import|\burl\((?!#)|\bfetch\(|XMLHttpRequest|EventSource|\bimport\(", code
    )


def test_scripts_and_styles_are_held_to_their_hashes(parts: Parts) -> None:
    [policy] = [
        one["content"]
        for _, one in parts.elements
        if one.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    code = [text for kind, text in parts.inside if kind != "application/json"]
    hashes = [base64.b64encode(sha256(one.encode()).digest()).decode() for one in code]
    assert sorted(re.findall(r"'sha256-([^']+)'", policy)) == sorted(hashes)
    assert len(hashes) == 3
    assert not any(
        "style" in one or any(n.startswith("on") for n in one) for _, one in parts.elements
    )


def test_what_events_bring_along_stays_data(text: str, parts: Parts) -> None:
    [data] = [text for kind, text in parts.inside if kind == "application/json"]
    assert "window.broken" in data
    assert "<" not in data
    assert text.count("window.broken") == data.count("window.broken")
    assert [tag for tag, _ in parts.elements].count("script") == 3
    told = json.loads(data)
    assert told["figures"]["events"] == 6_001
    assert "[sink]" not in told["configuration"]
    assert "budget = 0.001" in told["configuration"]


def test_a_million_events_would_not_make_it_large(text: str, parts: Parts) -> None:
    [data] = [text for kind, text in parts.inside if kind == "application/json"]
    assert len(text) - len(data) < 150_000
    assert len(data) < 400_000


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot be written.*directory that exists"):
        html.check_writable(tmp_path / "none" / "out.html")
