"""Fixtures for jobs over a real Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.workers import Topics

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import TopicFactory


@pytest.fixture
def topics(kafka: str) -> Iterator[Topics]:
    client = Topics(kafka)
    yield client
    client.close()


@pytest.fixture
def job(kafka: str, topic: TopicFactory) -> dict[str, str]:
    """The topics of a job, two partitions in and out."""
    return {
        "brokers": kafka,
        "topic": topic("flows", partitions=2),
        "scores": topic("scores", partitions=2),
        "alerts": topic("alerts"),
        "dead_letters": topic("dead"),
    }
