"""What the pages take from the code is what the code says."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest

from streamgmm.service.records import AlertRecord
from tests.site.conftest import ROOT
from tools.references.__main__ import made
from tools.references.records import alert_schema
from tools.references.tables import placed, table

DUE = made()


@pytest.mark.parametrize("name", DUE)
def test_a_reference_is_what_the_code_says(name: str) -> None:
    assert (ROOT / name).read_text("utf-8") == DUE[name], "write it again: make references"


def test_every_key_of_the_job_is_said_with_its_meaning() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in DUE["docs/configuration.md"].splitlines()
        if line.startswith("| `")
    ]
    assert Counter(len(row) for row in rows if not row[0].startswith("`streamgmm"))[5] > 80
    assert all(len(row[-1].strip("| ")) > 2 for row in rows)


def test_the_schema_is_that_of_what_is_written() -> None:
    from jsonschema import Draft202012Validator

    schema = msgspec.json.decode(alert_schema())
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    fields = {
        "id": "flows-0-7", "time": None, "key": "10.0.0.1", "score": 31.5, "p_value": 1e-5,
        "severity": 50.0, "is_anomaly": True, "ready": True, "component": 2,
    }  # fmt: skip
    written = msgspec.json.decode(msgspec.json.encode(AlertRecord(**fields)))
    judge.validate(written)
    assert not judge.is_valid({**written, "score": "high"})
    assert not judge.is_valid({key: value for key, value in written.items() if key != "id"})


def test_a_table_keeps_what_markdown_would_take_for_its_own() -> None:
    text = table(("a", "b"), [("x|y", "`*` and *.example.com"), ("two\nlines", "")])
    assert r"| x\|y | `*` and \*.example.com |" in text
    assert "| two lines | |" in text


def test_a_page_without_the_place_is_named() -> None:
    page = "# Page\n<!-- generated: here -->\nold\n<!-- end -->\n"
    assert placed(page, {"here": "new\n"}) == page.replace("old", "new")
    with pytest.raises(ValueError, match="no place for elsewhere"):
        placed(page, {"here": "", "elsewhere": ""})
    with pytest.raises(KeyError, match="here"):
        placed(page, {})
