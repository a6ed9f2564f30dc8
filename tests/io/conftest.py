"""The laws of a client hold for each of them."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.io.members import MADE_BY
from tests.workers import CLIENTS, Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streamgmm.io.client import Client


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Client:
    return MADE_BY[request.param]()


@pytest.fixture
def topics(kafka: str) -> Iterator[Topics]:
    with closing(Topics(kafka)) as made:
        yield made
