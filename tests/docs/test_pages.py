"""Every code block of every page is executed, or checked as far as can be, with the reason.

`make doc-blocks` writes the list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs import given
from tests.docs.addresses import NO_BROKER, Addresses
from tests.docs.blocks import PAGES, ROOT
from tests.docs.page import PageRun
from tests.docs.shell import Shell
from tests.docs.topics import only_for_a_page

if TYPE_CHECKING:
    from pathlib import Path

_KAFKA = re.compile(r":9092\b|\bconfig/kafka\.toml\b")
_ON_KAFKA = [page for page in PAGES if _KAFKA.search(page.read_text("utf-8"))]
_WITHOUT = [page for page in PAGES if page not in _ON_KAFKA]


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def run(
    page: Path,
    broker: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    with Shell(tmp_path, Addresses.new(broker, tmp_path / "root")) as shell:
        for file, text in given.files_of(page).items():
            shell.write(file, text)
        monkeypatch.chdir(shell.folder)
        monkeypatch.setenv("MPLBACKEND", "Agg")
        done = PageRun(page, shell)
        problems = done.run()
    request.node.user_properties.append(("blocks", done.rows))
    if problems:
        pytest.fail("\n\n".join(problems), pytrace=False)


@pytest.mark.parametrize("page", _WITHOUT, ids=name)
def test_page(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    run(page, NO_BROKER, tmp_path, monkeypatch, request)


@pytest.mark.parametrize("page", _ON_KAFKA, ids=name)
def test_page_on_kafka(
    page: Path,
    kafka: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    with only_for_a_page(kafka, given.topics_of(page)):
        run(page, kafka, tmp_path, monkeypatch, request)
