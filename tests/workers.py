"""`streamgmm run` on Kafka in processes of their own, and what their topics hold."""

from __future__ import annotations

import json
import math
import os
import re
import signal
import subprocess
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from streamgmm.io.generate import flows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CLIENTS = ("kafka-python", "confluent")
# Names the client of those tests that do not ask for one themselves.
CLIENT = "STREAMGMM_TEST_CLIENT"

JOB = """
[source]
type = "kafka"
brokers = "{brokers}"
topic = "{topic}"
group = "{topic}"
session_timeout = "{session_timeout}"
instance = "{instance}"
start_timeout = "{start_timeout}"
lost_events = "{lost_events}"
batch_size = 200
{source}
[events]
key = "src"
time = "ts"
[events.fields]
duration = "log1p"
bytes_out = "log1p"
bytes_in = "log1p"
{fields}
[model]
n_components = 4
warmup = 100
half_life = 2000
scope = "{scope}"
[alerts]
budget = 0.01
[sink]
type = "kafka"
brokers = "{sink_brokers}"
delivery = "{delivery}"
commit_interval = "{commit_interval}"
transaction_timeout = "{transaction_timeout}"
scores = "{scores}"
alerts = "{alerts}"
dead_letters = "{dead_letters}"
[service]
http = "127.0.0.1:0"
checkpoint = "{checkpoint}"
checkpoint_interval = "{checkpoint_interval}"
client = "{client}"
journal = "{journal}"
"""

DEFAULTS = {
    "session_timeout": "10s",
    "instance": "",
    "start_timeout": "10s",
    "lost_events": "stop",
    "scope": "partition",
    "delivery": "auto",
    "commit_interval": "20ms",
    "transaction_timeout": "10s",
    "checkpoint_interval": "200ms",
    "client": os.environ.get(CLIENT, CLIENTS[0]),
    "journal": "",
    "source": "",
    "fields": "",
    "scores": "",
    "alerts": "",
    "dead_letters": "",
}


_MAIN = "import sys\nfrom streamgmm.cli import main\nsys.exit(main())"


def wait_for(
    condition: Callable[[], Any],
    what: str,
    timeout: float = 60.0,
    instead: Callable[[], object] = lambda: "",
) -> Any:
    """Return the condition's first true value, or fail with what there is instead."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"waited {timeout:g} s for {what} {instead()}"
        time.sleep(0.05)


class Worker:
    """One `streamgmm run`; its log goes to a file. Killed at the end if it still runs.

    `before` is Python that runs before it, to set what no configuration does.
    """

    def __init__(
        self,
        directory: Path,
        name: str = "worker",
        env: Mapping[str, str] | None = None,
        before: str = "",
        **job: Any,
    ) -> None:
        self.config = directory / f"{name}.toml"
        fields = {"checkpoint": directory / f"{name}-state", **DEFAULTS, **job}
        fields.setdefault("sink_brokers", fields["brokers"])
        self.config.write_text(JOB.format(**fields))
        self.checkpoint = Path(fields["checkpoint"])
        self._log = directory / f"{name}.log"
        self._env = env
        self._program = ["-m", "streamgmm"] if not before else ["-c", f"{before}\n{_MAIN}"]
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._log_from = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, *self._program, "run", str(self.config)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=None if self._env is None else dict(self._env),
            )

    @property
    def log(self) -> str:
        """What the present process has written so far."""
        return self._log.read_bytes()[self._log_from :].decode()

    def restart(self) -> None:
        """Start the job again after it has ended."""
        assert self.process.poll() is not None
        self.process = self._start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; return the exit code."""
        self.process.send_signal(how)
        return self.process.wait(60)

    def wait(self, timeout: float = 60.0) -> int:
        return self.process.wait(timeout)

    def get(self, path: str) -> tuple[int, str]:
        """Ask over HTTP; code 0 while nobody answers."""
        found = re.search(r"serving (http://\S+)/metrics", self.log)
        if not found:
            return 0, ""
        try:
            with urlopen(found[1] + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except (URLError, ConnectionError, TimeoutError):
            return 0, ""

    def metric(self, name: str) -> float:
        """Sum a metric over its labels; NaN, which equals nothing, while nobody answers."""
        code, text = self.get("/metrics")
        if code != 200:
            return math.nan
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if re.match(rf"streamgmm_{name}(\{{| )", line)
        )

    def readiness(self) -> dict[str, Any]:
        _, text = self.get("/readyz")
        return json.loads(text) if text else {"ready": False, "reason": "", "partitions": {}}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        if self.process.poll() is None:
            self.kill()


class Topics:
    """Reads and writes topics of one broker."""

    def __init__(self, brokers: str, **settings: Any) -> None:
        self._settings = {"bootstrap_servers": brokers, **settings}
        self._producer = KafkaProducer(**self._settings)

    def send_flows(self, topic: str, start: int, end: int, partitions: int = 1) -> None:
        """Send the flows number `start` to `end`, in turn to each partition."""
        for i, flow in enumerate(islice(flows(seed=5), start, end), start):
            self.send(topic, msgspec.json.encode(flow), partition=i % partitions)
        self._producer.flush()

    def send(self, topic: str, value: bytes | None, **options: Any) -> None:
        self._producer.send(topic, value, **options)

    def flush(self) -> None:
        self._producer.flush()

    def read(self, topic: str, count: int, timeout: float = 60.0) -> list[Any]:
        """Read what is committed, from the beginning until there are `count` records or more."""
        consumer = KafkaConsumer(**self._settings, isolation_level="read_committed")
        try:
            return self._read(consumer, topic, count, timeout)
        finally:
            consumer.close()

    def _read(self, consumer: Any, topic: str, count: int, timeout: float) -> list[Any]:
        found = [TopicPartition(topic, i) for i in consumer.partitions_for_topic(topic)]
        consumer.assign(found)
        consumer.seek_to_beginning()
        records: list[Any] = []
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for batch in consumer.poll(200).values():
                records += batch
            ends = consumer.end_offsets(found)
            if len(records) >= count and all(consumer.position(p) >= ends[p] for p in found):
                return records
        raise AssertionError(f"{topic} holds {len(records)} of {count} records after {timeout:g} s")

    def close(self) -> None:
        self._producer.close()
