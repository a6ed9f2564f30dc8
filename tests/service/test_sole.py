"""Of two workers that begin at once one has to go."""

from __future__ import annotations

import pytest

from streamgmm.errors import ConfigError
from streamgmm.io.client import Partition
from streamgmm.service.sole import SoleWorker


class Cluster:
    """As much of a source as is asked."""

    def partitions(self, topic: str) -> int:
        return {"one": 1, "three": 3}[topic]


def given(*partitions: Partition) -> dict[str, list[Partition]]:
    topics: dict[str, list[Partition]] = {}
    for partition in partitions:
        topics.setdefault(partition.topic, []).append(partition)
    whole = SoleWorker("g", lambda: 0, patience=0.0, check=lambda: None).whole_topics
    return whole(Cluster(), topics)  # type: ignore[arg-type]


def test_whole_topics_are_worked_on() -> None:
    three = [Partition("three", i) for i in range(3)]
    assert given(Partition("one", 0), *three) == {"one": [("one", 0)], "three": three}


def test_who_has_the_first_partition_waits_for_the_others() -> None:
    assert given(Partition("three", 1), Partition("three", 0)) == {}


def test_who_has_not_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"'g' has another worker.*source\.group of its own"):
        given(Partition("one", 0), Partition("three", 2))


def test_others_are_waited_for_as_long_as_one_was_told_to() -> None:
    left = iter([2, 1, 0])
    asked: list[None] = []
    worker = SoleWorker("g", lambda: next(left), patience=60.0, check=lambda: asked.append(None))
    worker.await_turn()
    assert len(asked) == 2
    with pytest.raises(ConfigError, match="stop that one"):
        SoleWorker("g", lambda: 1, patience=0.0, check=lambda: None).await_turn()
