"""The site is whole: every link and picture in it leads to a place in it, or says where else."""

from __future__ import annotations

import re
import shutil
import zlib
from html import unescape
from html.parser import HTMLParser
from importlib import import_module
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest

from tests.site.conftest import ROOT, build

if TYPE_CHECKING:
    from pathlib import Path


class Page(HTMLParser):
    """What a page has: ids, links, and what the browser loads by itself."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        have = {name: value or "" for name, value in attrs}
        if "id" in have:
            self.ids.add(have["id"])
        if tag == "a" and "href" in have:
            self.links.append(have["href"])
        if tag == "link" and have.get("rel") not in ("next", "prev", "index", "search"):
            self.loaded.append(have["href"])
        if tag in ("img", "script", "iframe", "source") and "src" in have:
            self.loaded.append(have["src"])


@pytest.fixture(scope="session")
def pages(site: Path) -> dict[Path, Page]:
    return {path.resolve(): Page(path.read_text("utf-8")) for path in site.rglob("*.html")}


def test_every_link_leads_to_a_page_and_an_anchor(pages: dict[Path, Page]) -> None:
    wrong, followed = [], 0
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            there = target in pages and (not anchor or anchor in pages[target].ids)
            followed += 1
            if not there:
                wrong.append(f"{path.name}: {link}")
    assert wrong == []
    assert followed > 1000


def test_headings_have_the_anchors_of_github(site: Path, pages: dict[Path, Page]) -> None:
    ids = pages[(site / "configuration.html").resolve()].ids
    assert {"model", "source-with-type--kafka", "what-may-be-changed-in-a-running-job"} <= ids


def test_a_link_by_a_file_name_has_the_title(site: Path) -> None:
    page = (site / "changelog.html").read_text("utf-8")
    assert re.search(r'href="deploying.html"><span class="[^"]*">Deploying</span>', page)
    assert not re.search(r">[\w/-]+\.md</span></a>", page)


def test_the_sidebar_has_the_words_of_the_first_page(site: Path) -> None:
    page = (site / "changelog.html").read_text("utf-8")
    sidebar = page[page.index('<div class="sidebar-tree">') : page.index("</aside>")]
    lists = (ROOT / "docs/index.md").read_text("utf-8").partition("\n## ")[2]
    due = re.findall(r"^- \[([^]]+)\]|^## (.+)$", "## " + lists, re.MULTILINE)
    told = [unescape(text) for text in re.findall(r">([^<>\n]+)</(?:a|span)>", sidebar)]
    assert [text for text in told if text.strip()] == [link or part for link, part in due]


def test_a_page_loads_nothing_from_elsewhere(pages: dict[Path, Page]) -> None:
    wrong, loaded = [], 0
    for path, page in pages.items():
        for source in page.loaded:
            parts = urlsplit(source)
            loaded += 1
            if parts.scheme not in ("", "data") or (
                not parts.scheme and not (path.parent / unquote(parts.path)).is_file()
            ):
                wrong.append(f"{path.name}: {source}")
    assert wrong == []
    assert loaded > 100


PUBLIC = ("streamgmm", "streamgmm.batch", "streamgmm.detection", "streamgmm.plots")


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_in_the_reference(module: str, site: Path) -> None:
    _, _, packed = (site / "objects.inv").read_bytes().partition(b"zlib.\n")
    told = {line.split()[0] for line in zlib.decompress(packed).decode().splitlines()}
    due = {f"{module}.{name}" for name in import_module(module).__all__ if name != "__version__"}
    # What two modules export is said once.
    due = {name for name in due if f"streamgmm.{name.rpartition('.')[2]}" not in told}
    assert due <= told


BROKEN = {
    "[a page](no-page.md)": "no-page.md",
    "[an anchor elsewhere](index.md#no-anchor)": "no-anchor",
    "[an anchor here](#no-heading)": "no-heading",
    "[a file of the repository](../deploy/nothing.py)": "nothing.py",
    "![a picture](images/no-picture.png)": "no-picture.png",
    "<div>HTML</div>": "<div>HTML</div>",
    "A formula $`\\nocommand{x}`$ in a line": "\\nocommand",
    "```math\n\\frac{1}{2\n```": "\\frac{1}{2",
    "Plain $x_1 + x_2$ dollars": "'$x_1 + x_2$'",
    "Event $`n`$-th": "'Event $`n`$-th'",
    "**Bold $`b`$**": "in a strong",
}


def test_what_is_broken_fails_the_build(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(ROOT / "docs/_static", docs / "_static")
    conf = (ROOT / "docs/conf.py").read_text("utf-8")
    outside = conf[conf.index("outside_pages") : conf.index("# ----")]
    conf = conf.replace("Path(__file__).parents[1]", f"Path({str(ROOT)!r})")
    (docs / "conf.py").write_text(conf.replace(outside, ""), "utf-8")
    (docs / "index.md").write_text("# Index\n\n## Part\n\n- [Page](page.md)\n", "utf-8")
    (docs / "page.md").write_text("# Page\n\n" + "\n\n".join(BROKEN) + "\n", "utf-8")
    (docs / "listed-nowhere.md").write_text("# Orphan\n", "utf-8")
    done = build(docs, tmp_path / "html")
    assert done.returncode == 1
    warnings = [line for line in done.stderr.splitlines() if "WARNING" in line]
    for due in (*BROKEN.values(), "listed-nowhere.md"):
        assert sum(due in line for line in warnings) == 1, done.stderr
    assert len(warnings) == len(BROKEN) + 1
