"""`streamgmm generate --topic`: the same events, as records of a topic."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import islice

import pytest

from streamgmm.errors import BrokerError
from streamgmm.io.authorisations import authorisations
from streamgmm.service.produce import TopicStream
from tests.conftest import TopicFactory
from tests.workers import Topics


def generate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "streamgmm", "generate", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def test_events_arrive_as_they_are_with_their_key(kafka: str, topic: TopicFactory) -> None:
    name = topic(partitions=3)
    done = generate("transactions", "--count", "700", "--brokers", kafka, "--topic", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    topics = Topics(kafka)
    records = topics.read(name, 700)
    topics.close()
    events = [json.loads(record.value) for record in records]
    expected = list(islice(authorisations(seed=0), 700))
    assert sorted(map(json.dumps, events)) == sorted(map(json.dumps, expected))
    assert [record.key.decode() for record in records] == [str(one["card"]) for one in events]
    # A card's events are in one partition, in their order.
    where = {(record.key, record.partition) for record in records}
    assert len(where) == len({key for key, _ in where})
    assert len({partition for _, partition in where}) == 3


def test_a_topic_that_is_not_there_is_named(kafka: str) -> None:
    with pytest.raises(BrokerError, match="not-there"):
        TopicStream([kafka], "not-there", "src", start_timeout=1)


def test_a_record_too_large_for_the_topic_is_no_endless_wait(
    kafka: str, topic: TopicFactory
) -> None:
    name = topic(configs={"max.message.bytes": "2000"})
    with (
        TopicStream([kafka], name, "src") as stream,
        pytest.raises(BrokerError, match=f"{name} takes no record of .* max.message.bytes"),
    ):
        stream.write(b'{"src": "%s"}\n' % (b"a" * 5000))


def test_brokers_without_a_topic_are_a_slip() -> None:
    done = generate("network", "--count", "1", "--brokers", "localhost:9092")
    assert done.returncode == 2
    assert "--topic" in done.stderr
