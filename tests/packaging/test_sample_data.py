"""The sample that ships with the package is what its README says."""

from __future__ import annotations

import csv
import gzip
from importlib.resources import files

DATA = files("streamgmm") / "data"
SAMPLE = DATA / "http.csv.gz"


def test_the_sample_holds_the_described_connections_and_nothing_else() -> None:
    with SAMPLE.open("rb") as packed, gzip.open(packed, "rt", newline="") as text:
        rows = list(csv.DictReader(text))
    assert list(rows[0]) == ["duration", "src_bytes", "dst_bytes", "label"]
    assert len(rows) == 40_000
    assert sum(int(row["label"]) for row in rows) == 159
    assert all(int(row[name]) >= 0 for row in rows for name in row)


def test_the_sample_is_small_enough_to_ship_and_names_its_source() -> None:
    assert len(SAMPLE.read_bytes()) <= 1_000_000
    notice = (DATA / "README.md").read_text(encoding="utf-8")
    assert "KDD Cup 1999" in notice
    assert "CC BY 4.0" in notice
