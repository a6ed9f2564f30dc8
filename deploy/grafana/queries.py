"""Asks a Prometheus what the dashboards ask it: python -m deploy.grafana.queries URL.

Prints a table of panels and variables with what came of their queries; exits with 1 if one has no
data.
"""

from __future__ import annotations

import json
import math
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from urllib.request import urlopen

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FOLDER = Path(__file__).parent / "dashboards"
_HEAD = """| dashboard | panel or variable | legend | query | series | latest |
|---|---|---|---|---|---|"""
_CHOSEN = re.compile(r',?\w+=~"\$\w+"')  # what every query has, and the table leaves out
_LABEL_VALUES = re.compile(r"label_values\((?P<selector>.+), (?P<label>\w+)\)")


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a dashboard: of a panel, or (with a `label`) of a variable."""

    dashboard: str
    asker: str
    legend: str
    expr: str
    label: str = ""

    def filled(self, rate_interval: str) -> str:
        """Give the query with all of everything chosen."""
        expr = self.expr.replace("$__rate_interval", rate_interval)
        return re.sub(r"\$\w+", ".*", expr)

    def cells(self) -> str:
        """Write the query for a table of Markdown."""
        expr = _CHOSEN.sub("", self.expr).replace("{}", "").replace("|", "\\|")
        shown = f"values of `{self.label}` in `{expr}`" if self.label else f"`{expr}`"
        return f"{self.dashboard} | {self.asker} | {self.legend} | {shown}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a query: how many series (or values of a label), and one of them."""

    query: Query
    count: int
    latest: str

    @property
    def has_data(self) -> bool:
        """Whether there is something to show: a series with a number, a value of the label."""
        return self.count > 0 and self.latest != "NaN"


def queries_of(paths: Iterable[Path] = ()) -> Iterator[Query]:
    """Give all queries of the dashboards, those of variables first."""
    for path in paths or sorted(FOLDER.glob("*.json")):
        board = json.loads(path.read_text(encoding="utf-8"))
        name = board["title"]
        for variable in board["templating"]["list"]:
            if variable["type"] == "query":
                found = _LABEL_VALUES.fullmatch(variable["query"])
                if found is None:
                    told = "label_values(SELECTOR, LABEL)"
                    raise ValueError(f"{variable['query']!r}: only {told} can be asked here")
                asker = f"${variable['name']}"
                yield Query(name, asker, "", found["selector"], label=found["label"])
        for panel in board["panels"]:
            for target in panel["targets"]:
                legend = target["legendFormat"].replace("__auto", "")
                yield Query(name, panel["title"], legend, target["expr"])


def ask(url: str, query: Query, rate_interval: str) -> Answer:
    """Ask a Prometheus one query, for now."""
    expr = query.filled(rate_interval)
    if query.label:
        values = _get(f"{url}/api/v1/label/{query.label}/values?" + urlencode({"match[]": expr}))
        return Answer(query, len(values), values[0] if values else "")
    series = _get(f"{url}/api/v1/query?" + urlencode({"query": expr}))["result"]
    numbers = [float(one["value"][1]) for one in series]
    known = [number for number in numbers if not math.isnan(number)]
    return Answer(query, len(known), f"{known[0]:.4g}" if known else "NaN")


def table(answers: Iterable[Answer]) -> str:
    """Write answers as a table of Markdown."""
    rows = [_HEAD]
    rows += [f"| {one.query.cells()} | {one.count} | {one.latest} |" for one in answers]
    return "\n".join(rows)


def _get(url: str) -> Any:
    with urlopen(url, timeout=30) as answer:
        return json.load(answer)["data"]


def main(url: str, rate_interval: str = "1m") -> int:
    """Ask everything, print the table, and say whether all have data."""
    answers = [ask(url.rstrip("/"), query, rate_interval) for query in queries_of()]
    print(table(answers))
    empty = [one for one in answers if not one.has_data]
    for answer in empty:
        print(f"no data: {answer.query.dashboard}, {answer.query.asker}", file=sys.stderr)
    return 1 if empty else 0


if __name__ == "__main__":
    if not 2 <= len(sys.argv) <= 3:
        sys.exit("usage: python -m deploy.grafana.queries http://HOST:9090 [RATE_INTERVAL]")
    sys.exit(main(*sys.argv[1:]))
