"""Where the table of panels goes that the tests have asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

_BEGIN, _END = "<!-- panels -->", "<!-- end of panels -->"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--panels", metavar="FILE", help="put the table of panels into this document")
    parser.addoption("--helm", metavar="PROGRAM", help="Helm, for check_helm.py")
    parser.addoption(
        "--write", action="store_true", help="write the plain manifests anew from the chart"
    )


@pytest.fixture
def panels(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Print a table, and put it into the document that was named."""

    def put(table: str) -> None:
        print(table)
        path = request.config.getoption("--panels")
        if path:
            document = Path(path)
            before, _, rest = document.read_text(encoding="utf-8").partition(_BEGIN)
            _, _, after = rest.partition(_END)
            text = f"{before}{_BEGIN}\n{table}\n{_END}{after}"
            document.write_text(text, encoding="utf-8")

    return put
