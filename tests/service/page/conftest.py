"""Streams through a real pipeline, recorded under a clock that is set."""

from __future__ import annotations

import pytest

from tests.recorded import Stream


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture(scope="module")
def warm() -> Stream:
    """A stream that has had 3,000 events in a minute; not to be changed."""
    stream = Stream()
    stream.feed(3_000, seconds=60.0)
    return stream
