"""Jobs over a real Kafka, as a user runs them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, OffsetAndMetadata, TopicPartition

from streamgmm.service.client import Client
from tests.brokers.apache_kafka import KafkaBroker, free_ports
from tests.replays import assert_exactly_the_uninterrupted_scores
from tests.workers import CLIENTS, Topics, Worker, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.conftest import TopicFactory


def decoded(records: list[Any]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(record.value) for record in records]


@pytest.mark.parametrize("client", CLIENTS)
def test_events_in_scores_alerts_and_dead_letters_out(
    tmp_path: Path, topics: Topics, job: dict[str, str], client: str
) -> None:
    source = job["topic"]
    topics.send_flows(source, 0, 2000, partitions=2)
    topics.send(source, b'{"duration": "long"}', partition=0)
    topics.send(source, b"x" * 100_000, partition=0, key=b"k")
    topics.send(source, None, key=b"tombstone", partition=1)
    topics.flush()
    with Worker(tmp_path, client=client, **job) as worker:
        scores = topics.read(job["scores"], 2000)
        assert len(scores) == 2000
        assert_exactly_the_uninterrupted_scores(worker, source, scores, 2000)
        assert {record.key for record in scores} >= {b"10.0.2.32"}
        assert_dead_letters(source, topics.read(job["dead_letters"], 3))
        anomalous = {score["id"] for score in decoded(scores) if score["is_anomaly"]}
        alerts = decoded(topics.read(job["alerts"], len(anomalous)))
        assert {alert["id"] for alert in alerts} == anomalous != set()
        assert all(alert["reasons"][0]["text"] for alert in alerts)
        assert all(alert["event"]["src"] == alert["key"] for alert in alerts)
        wait_for(lambda: worker.metric("events_total") == 2000, "the count of all events")
        assert worker.stop() == 0
        assert "Traceback" not in worker.log


def assert_dead_letters(source: str, letters: list[Any]) -> None:
    headers = [{name: value.decode() for name, value in one.headers} for one in letters]
    by_reason = dict(zip([one["reason"] for one in headers], letters, strict=True))
    assert set(by_reason) == {"wrong_type", "not_json", "empty"}
    for header in headers:
        assert header["origin"] in {f"{source}-0", f"{source}-1"}
        assert header["id"] == f"{header['origin']}-{header['position']}"
    large = next(header for header in headers if header["reason"] == "not_json")
    assert large["length"] == "100000"
    assert large["checksum"] == "sha256:" + hashlib.sha256(b"x" * 100_000).hexdigest()
    assert len(by_reason["not_json"].value) == 64 * 1024


def test_a_command_that_was_answered_survives_a_crash(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    source = job["topic"]
    topics.send_flows(source, 0, 1000, partitions=2)
    env = {**os.environ, "STREAMGMM__SERVICE__TOKEN": "s3cret"}
    with Worker(tmp_path, env=env, **job) as worker:
        wait_for(lambda: worker.metric("events_total") == 1000, "all events")
        told = operator(worker).act("freeze")
        assert told["saved"] is True
        assert set(told["models"]) == {f"{source}-0", f"{source}-1"}
        worker.kill()
        worker.restart()
        wait_for(lambda: len(worker.readiness()["partitions"]) == 2, "its partitions")
        topics.send_flows(source, 1000, 1500, partitions=2)
        wait_for(lambda: worker.metric("events_total") == 500, "the following events")
        models = operator(worker).incidents()["models"]
        assert [model["frozen"] for model in models.values()] == [True, True]
        assert worker.metric("model_events") == 1000, "scored, and not learned"
        assert worker.stop() == 0
    scores = topics.read(job["scores"], 1500)
    assert {score["id"] for score in decoded(scores)} == {
        f"{source}-{i % 2}-{i // 2}" for i in range(1500)
    }


def operator(worker: Worker) -> Client:
    return Client(re.findall(r"serving (http://\S+)/metrics", worker.log)[-1], "s3cret")


def test_what_it_shows_over_http(tmp_path: Path, topics: Topics, job: dict[str, str]) -> None:
    source = job["topic"]
    with Worker(tmp_path, **job) as worker:
        wait_for(lambda: "warming up, 0 of 100" in worker.readiness()["reason"], "warm-up")
        assert worker.get("/readyz")[0] == 503
        topics.send_flows(source, 0, 1000, partitions=2)
        topics.send(source, b"?", partition=0)
        topics.flush()
        answer = wait_for(lambda: (r := worker.readiness())["ready"] and r, "readiness")
        assert set(answer["partitions"]) == {f"{source}-0", f"{source}-1"}
        assert worker.get("/readyz")[0] == 200
        assert worker.get("/healthz") == (200, "ok\n")
        wait_for(lambda: worker.metric("events_total") == 1000, "the count of all events")
        assert worker.metric("dead_letters_total") == 1
        assert worker.metric("alerts_total") == len(topics.read(job["alerts"], 1))
        assert worker.metric("source_connected") == 1
        assert worker.metric("event_latency_seconds_count") == 1001
        wait_for(lambda: worker.metric("checkpoint_size_bytes") > 1000, "a checkpoint")
        wait_for(lambda: worker.metric("model_events") == 1000, "the models' ages")
        assert worker.metric("lag_events") == 0
        assert worker.metric("component_weight_ratio") == pytest.approx(2)
        assert json.loads(worker.get("/api/page")[1])["models"] == [f"{source}-0", f"{source}-1"]
        assert sum(json.loads(worker.get("/api/history?span=300")[1])["count"]) == 1000


def test_an_orderly_stop_and_start_repeats_nothing(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    source = job["topic"]
    topics.send_flows(source, 0, 1000, partitions=2)
    with Worker(tmp_path, **job) as worker:
        topics.read(job["scores"], 1000)
        assert worker.stop(signal.SIGINT) == 130
        topics.send_flows(source, 1000, 1400, partitions=2)
        worker.restart()
        scores = topics.read(job["scores"], 1400)
        assert len(scores) == 1400
        assert_exactly_the_uninterrupted_scores(worker, source, scores, 1400)


def test_the_first_commit_brings_a_checkpoint(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    source = job["topic"]
    topics.send_flows(source, 0, 400, partitions=2)
    with Worker(tmp_path, instance="one", checkpoint_interval="1h", **job) as worker:
        topics.read(job["scores"], 400)
        wait_for(lambda: len(list(worker.checkpoint.glob("*.sgmm"))) == 2, "both checkpoints")
        worker.kill()
        topics.send_flows(source, 400, 600, partitions=2)
        worker.restart()
        wait_for(lambda: worker.metric("lag_events") == 0, "no lag")
        scores = topics.read(job["scores"], 600)
        assert len(scores) == 600, "nothing twice"
        assert_exactly_the_uninterrupted_scores(worker, source, scores, 600)


def test_workers_share_the_partitions_and_hand_them_over(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    source = job["topic"]
    shared = tmp_path / "shared-state"
    topics.send_flows(source, 0, 1000, partitions=2)
    with Worker(tmp_path, "first", checkpoint=shared, **job) as first:
        topics.read(job["scores"], 1000)
        with Worker(tmp_path, "second", checkpoint=shared, **job) as second:
            wait_for(lambda: len(second.readiness()["partitions"]) == 1, "a partition for each")
            wait_for(lambda: len(first.readiness()["partitions"]) == 1, "a partition for each")
            topics.send_flows(source, 1000, 2000, partitions=2)
            topics.read(job["scores"], 2000)
            assert first.stop() == 0
            wait_for(lambda: len(second.readiness()["partitions"]) == 2, "both partitions")
            topics.send_flows(source, 2000, 2600, partitions=2)
            scores = topics.read(job["scores"], 2600)
            assert len(scores) == 2600, "an orderly handover repeats nothing"
            assert_exactly_the_uninterrupted_scores(second, source, scores, 2600)


@pytest.mark.parametrize("client", CLIENTS)
def test_one_model_for_a_whole_topic_takes_one_worker(
    tmp_path: Path, topics: Topics, job: dict[str, str], client: str
) -> None:
    source = job["topic"]
    options = {"scope": "topic", "session_timeout": "2s", "client": client, **job}
    topics.send_flows(source, 0, 600, partitions=2)
    with Worker(tmp_path, "first", **options) as first:
        topics.read(job["scores"], 600)
        wait_for(lambda: seen(first) == {source: 600}, "one model to have seen all")
        assert "order of events from different partitions" in first.log
        with Worker(tmp_path, "second", **options) as second:
            assert second.wait() == 3
            assert re.search(
                r"has another worker.*: stop that one.*scope to .partition", second.log
            )
        topics.send_flows(source, 600, 700, partitions=2)
        topics.read(job["scores"], 700)
        assert first.log.count("working from position") == 2, "nobody has disturbed it"
        first.kill()
        topics.send_flows(source, 700, 900, partitions=2)
        first.restart()  # and waits until the group has forgotten the one before
        scores = topics.read(job["scores"], 900)
        assert len(scores) == 900
        assert sum(not score["ready"] for score in decoded(scores)) == 100, "one warm-up"
        assert first.stop() == 0


def seen(worker: Worker) -> dict[str, int]:
    shown = worker.readiness()["partitions"]
    return {name: one["seen"] for name, one in shown.items()}


def test_a_member_without_a_partition_stands_by(
    tmp_path: Path, topics: Topics, kafka: str, topic: TopicFactory
) -> None:
    names = {"brokers": kafka, "topic": topic("flows"), "alerts": topic("alerts")}
    names["checkpoint"] = str(tmp_path / "shared-state")
    topics.send_flows(names["topic"], 0, 200)
    with Worker(tmp_path, "first", **names) as first:
        wait_for(lambda: first.readiness()["ready"], "readiness")
        with Worker(tmp_path, "second", **names) as second:
            both = (first, second)  # the group decides which of them works
            wait_for(
                lambda: (
                    sorted("standby" in one.readiness()["reason"] for one in both) == [False, True]
                ),
                "one to stand by",
            )
            wait_for(lambda: all(one.get("/readyz")[0] == 200 for one in both), "both ready")
            assert second.stop() == 0


def test_an_absent_broker_is_waited_for_and_nothing_is_lost(
    tmp_path: Path, own_kafka: KafkaBroker
) -> None:
    job = {"scores": "scores", "alerts": "alerts", "dead_letters": "dead", "topic": "in"}
    make_topics(own_kafka, job.values(), partitions=2)
    with closing(Topics(own_kafka.bootstrap)) as topics:
        topics.send_flows("in", 0, 1000, partitions=2)
    with Worker(tmp_path, brokers=own_kafka.bootstrap, **job) as worker:
        wait_for(lambda: worker.readiness()["ready"], "readiness")
        own_kafka.stop()
        wait_for(lambda: worker.get("/readyz")[0] == 503, "not ready")
        assert worker.get("/healthz")[0] == 200
        wait_for(lambda: worker.metric("source_connected") == 0, "the metric to say so")
        own_kafka.start()
        with closing(Topics(own_kafka.bootstrap)) as topics:
            topics.send_flows("in", 1000, 1600, partitions=2)
            wait_for(lambda: worker.readiness()["ready"], "readiness again")
            scores = topics.read("scores", 1600)
        assert len(scores) == 1600, "nothing twice"
        assert_exactly_the_uninterrupted_scores(worker, "in", scores, 1600)
        assert worker.process.poll() is None
        own_kafka.stop()
        assert worker.stop() == 0, "a stop does not wait for the broker for ever"


def test_a_stop_that_cannot_deliver_is_exit_1(
    tmp_path: Path, topics: Topics, kafka: str, topic: TopicFactory, own_kafka: KafkaBroker
) -> None:
    make_topics(own_kafka, ["scores"], partitions=1)
    source = topic("flows")
    with Worker(
        tmp_path, brokers=kafka, sink_brokers=own_kafka.bootstrap, topic=source, scores="scores"
    ) as worker:
        wait_for(lambda: source in str(worker.readiness()["partitions"]), "the partition")
        own_kafka.stop()
        topics.send_flows(source, 0, 50)
        wait_for(lambda: "outputs wait" in worker.log, "trouble")
        assert worker.stop() == 1
        # those of the batches that had been read by then
        told = re.search(r"streamgmm: (\d+) outputs could not be delivered before", worker.log)
        assert told is not None
        assert 0 < int(told[1]) <= 50
        assert worker.log.count("could not be delivered") == 1
        assert "Traceback" not in worker.log
        assert "Exception ignored" not in worker.log
        own_kafka.start()
        worker.restart()
        with closing(Topics(own_kafka.bootstrap)) as sent:
            assert len(sent.read("scores", 50)) >= 50


def make_topics(broker: KafkaBroker, names: Iterable[str], partitions: int) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=broker.bootstrap)) as admin:
        options = {"num_partitions": partitions, "replication_factor": 1}
        admin.create_topics(dict.fromkeys(names, options), wait_for_metadata=True)


def refused(worker: Worker) -> str:
    assert worker.wait() == 4
    assert "Traceback" not in worker.log
    return worker.log


def test_no_broker_at_start_is_exit_4(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with Worker(tmp_path, brokers=address, topic="t", alerts="a", start_timeout="1s") as worker:
        log = refused(worker)
    assert f"no broker of {address} answered within 1 s (start_timeout)" in log
    assert "advertised listeners" in log


@pytest.mark.parametrize(("how", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_a_stop_while_connecting_is_heard(tmp_path: Path, how: signal.Signals, code: int) -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    with Worker(tmp_path, brokers=address, topic="t", alerts="a", start_timeout="1h") as worker:
        wait_for(lambda: f"connecting to {address} (giving up after 3600 s)" in worker.log, "it")
        worker.process.send_signal(how)
        assert worker.wait(10) == code
        assert "stopped while connecting" in worker.log
        assert "Traceback" not in worker.log


@pytest.mark.parametrize("missing", ["topic", "alerts"])
def test_so_is_one_while_waiting_for_a_topic(
    tmp_path: Path, kafka: str, topic: TopicFactory, missing: str
) -> None:
    names = {"topic": topic(), "alerts": topic("alerts"), missing: "no-such"}
    role = "source" if missing == "topic" else "sink"
    with Worker(tmp_path, brokers=kafka, start_timeout="1h", **names) as worker:
        wait_for(lambda: f"{role}: connecting to" in worker.log, "the start")
        worker.process.send_signal(signal.SIGTERM)
        assert worker.wait(10) == 0
        assert "Traceback" not in worker.log


def test_a_missing_topic_is_exit_4(tmp_path: Path, kafka: str, topic: TopicFactory) -> None:
    with Worker(
        tmp_path, brokers=kafka, topic="no-such", alerts=topic("alerts"), start_timeout="1s"
    ) as worker:
        log = refused(worker)
    assert "no-such (UnknownTopicOrPartition)" in log


def test_a_missing_sink_topic_is_exit_4(tmp_path: Path, kafka: str, topic: TopicFactory) -> None:
    with Worker(
        tmp_path, brokers=kafka, topic=topic(), alerts="no-such", start_timeout="1s"
    ) as worker:
        log = refused(worker)
    assert "the sink's topic 'no-such' does not exist" in log


def test_a_compacted_topic_is_exit_4(tmp_path: Path, kafka: str, topic: TopicFactory) -> None:
    compacted = topic(configs={"cleanup.policy": "compact"})
    with Worker(tmp_path, brokers=kafka, topic=compacted, alerts=topic()) as worker:
        log = refused(worker)
    assert f"the topic {compacted} is compacted" in log


def test_another_model_s_state_is_exit_5(
    tmp_path: Path, topics: Topics, job: dict[str, str]
) -> None:
    topics.send_flows(job["topic"], 0, 300, partitions=2)
    with Worker(tmp_path, **job) as worker:
        topics.read(job["scores"], 300)
        assert worker.stop() == 0
        text = worker.config.read_text()
        worker.config.write_text(text.replace("n_components = 4", "n_components = 5"))
        worker.restart()
        assert worker.wait() == 5
        assert "+ model.n_components = 5" in worker.log


def test_what_retention_takes_stops_the_worker_or_is_counted(
    tmp_path: Path, topics: Topics, kafka: str, job: dict[str, str]
) -> None:
    """While it runs held up, and before a start: what is gone is named, never waited for."""
    source = job["topic"]
    topics.send_flows(source, 0, 400, partitions=2)

    def lose(before: int) -> None:
        with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
            admin.delete_records({TopicPartition(source, 0): before})

    with Worker(tmp_path, session_timeout="30s", **job) as worker:
        topics.read(job["scores"], 400)
        worker.process.send_signal(signal.SIGSTOP)
        for i in range(400, 600, 20):  # the first of them is what it has asked for already
            topics.send_flows(source, i, i + 20, partitions=2)
        lose(before=250)
        worker.process.send_signal(signal.SIGCONT)
        assert worker.wait() == 5
        told = re.search(rf"{source}-0: events (\d+) to 249 are gone from the source", worker.log)
        assert told is not None
        assert 200 <= int(told[1]) < 250
        worker.restart()
        assert worker.wait() == 5, "nor can it begin"
        text = worker.config.read_text()
        worker.config.write_text(text.replace('lost_events = "stop"', 'lost_events = "skip"'))
        worker.restart()
        wait_for(lambda: worker.metric("lost_events_total") > 0, "the count")
        lost = int(worker.metric("lost_events_total"))
        assert len(topics.read(job["scores"], 600 - lost)) == 600 - lost
        assert worker.stop() == 0


@pytest.mark.parametrize("client", CLIENTS)
def test_a_topic_that_is_shorter_than_what_was_read_stops_the_worker_or_is_gone_on_with(
    tmp_path: Path, topics: Topics, kafka: str, job: dict[str, str], client: str
) -> None:
    """As after an unclean election of a leader: the group's positions lie beyond the end."""
    source = job["topic"]
    topics.send_flows(source, 0, 400, partitions=2)
    with Worker(tmp_path, session_timeout="6s", client=client, **job) as worker:
        assert len(topics.read(job["scores"], 400)) == 400
        assert worker.stop() == 0
        made_anew(kafka, source)
        topics.send_flows(source, 1000, 1100, partitions=2)
        commit(kafka, source, {0: 200, 1: 200})
        worker.restart()
        assert worker.wait() == 5
        assert f"{source}-0: everything before position 200 is out" in worker.log
        assert "the source ends at 50: its log was cut" in worker.log
        assert len(topics.read(job["scores"], 400)) == 400

        text = worker.config.read_text()
        worker.config.write_text(text.replace('lost_events = "stop"', 'lost_events = "skip"'))
        worker.restart()
        wait_for(lambda: worker.metric("log_cuts_total") == 2, "the count")
        wait_for(lambda: committed(kafka, source) == {0: 50, 1: 50}, "positions to go on from")
        assert worker.readiness()["ready"], "the model stays"
        topics.send_flows(source, 1100, 1200, partitions=2)
        scores = decoded(topics.read(job["scores"], 500))
        assert len(scores) == 500, "nothing comes again"
        twice = {name for name, n in Counter(one["id"] for one in scores).items() if n == 2}
        assert twice == {f"{source}-{i}-{at}" for i in (0, 1) for at in range(50, 100)}
        assert worker.stop() == 0
        worker.restart()
        topics.send_flows(source, 1200, 1210, partitions=2)
        assert len(topics.read(job["scores"], 510)) == 510
        assert worker.metric("log_cuts_total") == 0
        assert worker.stop() == 0


@pytest.mark.parametrize("client", CLIENTS)
def test_so_is_one_that_gets_shorter_while_it_is_read(
    tmp_path: Path, topics: Topics, kafka: str, job: dict[str, str], client: str
) -> None:
    source = job["topic"]
    topics.send_flows(source, 0, 400, partitions=2)
    with Worker(
        tmp_path, session_timeout="30s", client=client, lost_events="skip", **job
    ) as worker:
        topics.read(job["scores"], 400)
        wait_for(lambda: committed(kafka, source) == {0: 200, 1: 200}, "the positions")
        worker.process.send_signal(signal.SIGSTOP)
        made_anew(kafka, source)
        topics.send_flows(source, 1000, 1100, partitions=2)
        worker.process.send_signal(signal.SIGCONT)
        wait_for(lambda: worker.metric("log_cuts_total") == 2, "the count")
        topics.send_flows(source, 1100, 1200, partitions=2)
        assert len(topics.read(job["scores"], 500)) == 500
        assert worker.stop() == 0
        assert committed(kafka, source) == {0: 100, 1: 100}


def made_anew(kafka: str, topic: str) -> None:
    with closing(KafkaAdminClient(bootstrap_servers=kafka)) as admin:
        admin.delete_topics([topic])
        wait_for(lambda: topic not in admin.list_topics(), "the topic to go")
        options = {"num_partitions": 2, "replication_factor": 1}
        admin.create_topics({topic: options}, wait_for_metadata=True)


def commit(kafka: str, topic: str, positions: dict[int, int]) -> None:
    """Set the positions of the topic's group."""
    with closing(KafkaConsumer(bootstrap_servers=kafka, group_id=topic)) as consumer:
        consumer.assign([TopicPartition(topic, i) for i in positions])
        consumer.commit(
            {TopicPartition(topic, i): OffsetAndMetadata(at, "", -1) for i, at in positions.items()}
        )


def committed(kafka: str, topic: str) -> dict[int, int | None]:
    """Give the positions of the topic's group."""
    with closing(KafkaConsumer(bootstrap_servers=kafka, group_id=topic)) as consumer:
        return {i: consumer.committed(TopicPartition(topic, i)) for i in (0, 1)}


def test_outputs_wait_for_their_interval_under_load_too(
    tmp_path: Path, topics: Topics, job: dict[str, str], kafka: str
) -> None:
    """Each commit leaves a mark of its own in the topic: one a second, not one a batch."""
    source, marked = job["topic"], [TopicPartition(job["scores"], i) for i in range(2)]
    with Worker(tmp_path, commit_interval="1s", **job) as worker:
        wait_for(lambda: len(worker.readiness()["partitions"]) == 2, "its partitions")
        began = time.monotonic()
        for i in range(0, 3000, 20):
            topics.send_flows(source, i, i + 20, partitions=2)
        topics.read(job["scores"], 3000)
        seconds = time.monotonic() - began
        assert worker.stop() == 0
    with closing(KafkaConsumer(bootstrap_servers=kafka)) as consumer:
        marks = sum(consumer.end_offsets(marked).values()) - 3000
    assert 2 <= marks <= 2 * (seconds + 2)
