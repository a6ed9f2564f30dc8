"""Members of a group, and what the laws of a client do with them."""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from streamgmm.io.client import Connection, Partition, SourceUnavailableError
from streamgmm.io.confluent import Confluent
from streamgmm.io.kafka import KafkaPython
from tests.workers import CLIENTS, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from streamgmm.events import Record
    from streamgmm.io.client import Client, Source


MADE_BY = dict(zip(CLIENTS, (KafkaPython, Confluent), strict=True))


class Nobody:
    """An owner that remembers what it was asked to let go."""

    def __init__(self) -> None:
        self.positions: dict[Partition, int] = {}
        self.gone: list[tuple[set[Partition], bool]] = []

    def release(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        return {one: self.positions[one] for one in partitions if one in self.positions}

    def released(self, partitions: Collection[Partition], *, committed: bool) -> None:
        self.gone.append((set(partitions), committed))


@contextmanager
def member(
    client: Client, brokers: str, topic: str, owner: Nobody | None = None, **options: Any
) -> Iterator[Source]:
    """A member of the group that has the topic's name; leaves it at the end."""
    options = {"group": topic, "start": "earliest", "session_timeout": 6.0, **options}
    at = Connection(brokers=[brokers])
    source = client.source(at, topics=[topic], owner=owner or Nobody(), **options)
    with ExitStack() as stack:
        stack.callback(source.close)
        yield source


def assigned(source: Source, count: int = 1) -> list[Partition]:
    """Poll until the group has given us partitions."""

    def poll() -> list[Partition]:
        assert source.poll(0.1) == {}, "a partition flowed before it was opened"
        return sorted(source.unopened())

    return wait_for(lambda: len(found := poll()) == count and found, "an assignment")


def told(ask: Callable[[], Any]) -> Any:
    """Ask until the brokers answer."""
    answers: list[Any] = []

    def once() -> bool:
        with suppress(SourceUnavailableError):
            answers.append(ask())
        return bool(answers)

    wait_for(once, "an answer")
    return answers[0]


def read(source: Source, count: int) -> list[Record]:
    records: list[Record] = []

    def poll() -> bool:
        for batch in source.poll(0.2).values():
            records.extend(batch)
        return len(records) >= count

    wait_for(poll, f"{count} records")
    return records


@contextmanager
def polled(source: Source) -> Iterator[None]:
    """Within it the member is kept in its group by another thread."""
    done = threading.Event()

    def poll() -> None:
        while not done.is_set():
            source.poll(0.1)

    thread = threading.Thread(target=poll)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
