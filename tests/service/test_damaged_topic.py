"""A whole worker over a topic that was damaged where it is kept, with either client."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import pytest
from kafka import KafkaAdminClient

from streamgmm.io.generate import flows
from tests.io.damage import SAID, damage, kcat
from tests.workers import CLIENTS, Topics, Worker, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.brokers.apache_kafka import KafkaBroker

BATCHES, EACH = 18, 30
COUNT = BATCHES * EACH


@pytest.mark.parametrize("client", CLIENTS)
def test_each_event_is_out_or_a_dead_letter_once_over_restarts(
    own_kafka: KafkaBroker, tmp_path: Path, client: str
) -> None:
    brokers = own_kafka.bootstrap
    topics = ("flows", "scores", "dead")
    with closing(KafkaAdminClient(bootstrap_servers=brokers)) as admin:
        admin.create_topics(
            {name: {"num_partitions": 1, "replication_factor": 1} for name in topics}
        )
    events = [msgspec.json.encode(one) for one in islice(flows(seed=5), COUNT)]
    for first in range(0, COUNT, EACH):
        kcat(brokers, "flows", events=events[first : first + EACH])
    said = damage(tmp_path / "kafka" / "data" / "flows-0" / f"{0:020}.log")
    assert set(said.values()) == set(SAID.values())
    job = {"brokers": brokers, "topic": "flows", "scores": "scores", "dead_letters": "dead"}
    with (
        closing(Topics(brokers)) as read,
        Worker(tmp_path, client=client, instance="one", **job) as worker,
    ):
        scores = read.read("scores", COUNT - len(said))
        letters = read.read("dead", len(said))
        assert worker.process.poll() is None, worker.log
        wait_for(lambda: worker.metric("dead_letters_total") == len(said), "their count")
        wait_for(lambda: worker.readiness()["ready"], "readiness")
        worker.kill()
        worker.restart()
        kcat(brokers, "flows", events=events[:EACH])
        scores = read.read("scores", COUNT - len(said) + EACH)
        assert worker.stop() == 0
        assert "Traceback" not in worker.log
        letters = read.read("dead", len(said))
    got = Counter(msgspec.json.decode(one.value)["id"] for one in scores)
    whole = [at for at in range(COUNT + EACH) if at not in said]
    assert got == Counter(f"flows-0-{at}" for at in whole)
    told = [dict(one.headers) for one in letters]
    assert [int(one["position"]) for one in told] == sorted(said)
    assert {one["reason"] for one in told} == {b"unreadable"}
    assert all(said[int(one["position"])] in one["detail"].decode() for one in told)
