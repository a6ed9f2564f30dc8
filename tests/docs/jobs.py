"""TOML blocks: a whole job is loaded and runs over some events; a part is put over a preset."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tomllib
from contextlib import closing
from typing import TYPE_CHECKING, Any

from kafka import KafkaAdminClient, KafkaProducer

from streamgmm.config import KafkaInput, loads
from streamgmm.errors import ConfigError
from tests.docs.blocks import ROOT
from tests.docs.messages import as_messages, write_descriptor
from tests.docs.topics import make_topics
from tests.docs.workers import counted
from tests.workers import wait_for

if TYPE_CHECKING:
    from streamgmm.config import Config
    from tests.docs.blocks import Block
    from tests.docs.shell import Shell

COUNT = 300
_BASES = ("http.toml", "kafka.toml")


def look_at_part(block: Block) -> str:
    """See that a part of a job has keys and values of a job: put over a preset it loads.

    Raises
    ------
    ConfigError
        Of the preset that comes nearest.
    """
    part = tomllib.loads(block.text)
    errors = []
    for base in _BASES:
        text = (ROOT / "config" / base).read_text("utf-8")
        try:
            loads(text, name=block.where, env={}, changes=part)
        except ConfigError as error:
            errors.append(error)
        else:
            return f"a part of a job: valid over config/{base}"
    raise min(errors, key=lambda error: len(str(error)))


def run_job(block: Block, shell: Shell) -> str:
    """Load a whole job and run it over events that have its fields."""
    text = shell.addresses.here(block.text)
    config = loads(text, name=block.where, env={})
    assert config.schema().names
    if (
        isinstance(config.source, KafkaInput)
        and shell.addresses.broker not in config.source.brokers
    ):
        return "checked, not run: loaded; its cluster is another, such as tests/service has secured"
    events = list(made_for(tomllib.loads(text)))
    if isinstance(config.source, KafkaInput):
        _run_on_kafka(text, config, events, shell)
        return f"a job: run over {COUNT} events of a Kafka topic"
    _run_on_file(text, config, events, shell)
    return f"a job: run over {COUNT} events"


def made_for(job: dict[str, Any]) -> list[dict[str, Any]]:
    """Make events that have the fields of a job, its key and its time."""
    rng = random.Random(1)
    events = job["events"]
    found = []
    for i in range(COUNT):
        event: dict[str, Any] = {}
        for name, told in events["fields"].items():
            spec = {"transform": told} if isinstance(told, str) else told
            category = spec.get("transform") == "surprise"
            event[spec.get("from", name)] = (
                rng.choice(["web", "till", "phone"])
                if category
                else round(rng.lognormvariate(3, 1), 2)
            )
        if "key" in events:
            event[events["key"]] = f"k{rng.randrange(5)}"
        if "time" in events:
            event[events["time"]] = 1_780_000_000 + 60 * i
        found.append(event)
    return found


def _run_on_file(text: str, config: Config, events: list[dict[str, Any]], shell: Shell) -> None:
    lines = "".join(f"{json.dumps(event)}\n" for event in events)
    job = shell.folder / "block.toml"
    job.write_text(text, "utf-8")
    if config.source.path != "-" and not (shell.folder / config.source.path).exists():
        (shell.folder / config.source.path).write_text(lines, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "streamgmm", "run", str(job)], cwd=shell.folder, input=lines,
        env={**shell.environment, "STREAMGMM__SERVICE__HTTP": ""}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert ", 0 dead letters" in done.stderr, done.stderr


def _run_on_kafka(text: str, config: Config, events: list[dict[str, Any]], shell: Shell) -> None:
    source = config.source
    if source.format == "protobuf":
        descriptor, time = shell.folder / source.schema, config.events.time
        write_descriptor(descriptor, source.message, events, time)
        framed = source.framing == "confluent"
        records = as_messages(descriptor, source.message, events, time, framed=framed)
    else:
        records = [json.dumps(event).encode() for event in events]
    with closing(KafkaAdminClient(bootstrap_servers=shell.addresses.broker)) as admin:
        make_topics(admin, topics_of(config))
    producer = KafkaProducer(bootstrap_servers=shell.addresses.broker)
    for record in records:
        producer.send(source.topics[0], record)
    producer.close()
    job = shell.folder / "block.toml"
    job.write_text(text, "utf-8")
    port = shell.addresses.ports["9465"]
    environment = {**shell.environment, "STREAMGMM__SERVICE__HTTP": f"127.0.0.1:{port}"}
    log = shell.folder / "block.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", "streamgmm", "run", str(job)], cwd=shell.folder, env=environment,
            stdout=out, stderr=out,
        ) as worker,
    ):  # fmt: skip
        try:
            wait_for(
                lambda: worker.poll() is not None or counted(port, "events") >= COUNT, "all events"
            )
            assert worker.poll() is None, log.read_text()
            assert not counted(port, "dead_letters"), log.read_text()
        finally:
            worker.terminate()
        assert worker.wait(60) == 0, log.read_text()


def topics_of(config: Config) -> set[str]:
    """Name the topics that a job on Kafka reads and writes."""
    sink = config.sink
    outputs = {getattr(sink, name, "") for name in ("alerts", "scores", "dead_letters")}
    state = config.service.checkpoint
    kept = {state.removeprefix("topic:")} if state.startswith("topic:") else set()
    return ({*config.source.topics, *outputs} - {"", "-"}) | kept
