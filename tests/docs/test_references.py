"""What the documents refer to is there: files that links lead to, tests that promises name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES, ROOT, sections_of


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", path.read_text("utf-8"))
    assert [link for link in links if not (path.parent / link).exists()] == []


def test_what_is_promised_names_tests_that_are_there() -> None:
    section = sections_of(ROOT / "docs/reliability.md")["What is promised, and what shows it"]
    named = re.findall(r"`(\w+/\w+\.py)(?:::(\w+))?`", section)
    assert len(named) > 20
    for file, test in named:
        text = (ROOT / "tests" / file).read_text("utf-8")
        assert f"def {test or 'test_'}" in text, f"{file} has no {test}"
