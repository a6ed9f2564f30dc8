"""Formulas become MathML, all of them, in a font that has their letters."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

import pytest
from fontTools.ttLib import TTFont

from tests.site.conftest import ROOT
from tools.site.formulas import mathml

if TYPE_CHECKING:
    from pathlib import Path

FORMULA = re.compile(r"^```math\n(.+?)^```|\$`([^`]+)`\$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def page(site: Path) -> str:
    return (site / "mathematics.html").read_text("utf-8")


def test_every_formula_of_the_page_is_typeset(page: str) -> None:
    written = FORMULA.findall((ROOT / "docs/mathematics.md").read_text("utf-8"))
    assert len(written) > 300
    due = [mathml(block or line, display=bool(block)) for block, line in written]
    assert [formula for formula in due if formula not in page] == []
    assert page.count("<math") == len(written)
    assert page.count('<div class="formula">') == sum(bool(block) for block, _ in written)
    assert "$" not in re.sub(r"(?s)<script.*?</script>", "", page)


def test_no_line_ends_between_a_formula_and_its_comma(page: str) -> None:
    assert re.search(r'<span class="unbroken"><math>[^$]{,400}</math>,</span>', page)
    assert re.search(r'<span class="unbroken">\(<math>', page)
    assert not re.search(r"</math>[.,;:)]+ ", page)


def test_the_font_has_every_letter_of_the_formulas(site: Path) -> None:
    font = TTFont(site / "_static/formulas.woff")
    assert "MATH" in font  # how brackets grow and where indices stand
    assert "Open Font License" in font["name"].getDebugName(13)
    known = set(font.getBestCmap())
    for file in site.glob("*.html"):
        for formula in re.findall(r"(?s)<math.*?</math>", file.read_text("utf-8")):
            letters = set(html.unescape(re.sub(r"<[^>]+>|\s", "", formula)))
            lacking = {one for one in letters if ord(one) not in known and one != "\ufe00"}
            assert not lacking, (file.name, formula)


def test_the_index_of_the_search_has_no_tex(site: Path) -> None:
    assert "mathbf" not in (site / "searchindex.js").read_text("utf-8")
