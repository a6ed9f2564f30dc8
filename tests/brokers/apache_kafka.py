"""One real Apache Kafka for the tests: a combined KRaft broker and controller on loopback."""

from __future__ import annotations

import contextlib
import random
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from tests.brokers.kafka_jars import ServerUnavailableError, kafka_jars, require

LOGGING = Path(__file__).with_name("log4j2.properties")

# A small heap and the quick compiler: start matters here, not peak throughput.
JVM = ["-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]

# Everything that waits or replicates in production, lowered to what one node and a test can use.
TEST_PROPERTIES = {
    "auto.create.topics.enable": "false",
    "broker.session.timeout.ms": "5000",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "log.cleaner.backoff.ms": "200",
    "log.retention.check.interval.ms": "1000",
    "min.insync.replicas": "1",
    "num.io.threads": "2",
    "num.network.threads": "2",
    "offsets.topic.num.partitions": "3",
    "offsets.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "3",
    "transaction.state.log.replication.factor": "1",
}


class KafkaBroker:
    """A broker of its own, with its data in ``directory``.

    Parameters
    ----------
    directory
        An empty folder; kept after `stop`, so that `start` goes on with the same topics.
    protocol
        Security protocol of the listener that clients use.
    properties
        Further lines of ``server.properties`` (keys, stores, users); they win over the defaults.
    client
        Settings of the client that asks whether the broker is ready, as kafka-python names them.
    listeners
        Further listeners, name -> security protocol; their addresses are in `addresses`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        protocol: str = "PLAINTEXT",
        properties: Mapping[str, str] | None = None,
        client: Mapping[str, Any] | None = None,
        listeners: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._client = dict(client or {})
        self._process: subprocess.Popen[bytes] | None = None
        # Chosen once: after a restart clients must find the broker where it was.
        protocols = {"CLIENT": protocol, **(listeners or {}), "CONTROLLER": "PLAINTEXT"}
        ports = free_ports(len(protocols))
        self.addresses = {
            name: f"127.0.0.1:{port}" for name, port in zip(protocols, ports, strict=True)
        }
        self.bootstrap = self.addresses["CLIENT"]
        self._properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "listeners": ",".join(f"{name}://{at}" for name, at in self.addresses.items()),
            "listener.security.protocol.map": ",".join(map(":".join, protocols.items())),
            "inter.broker.listener.name": "CLIENT",
            "controller.listener.names": "CONTROLLER",
            "controller.quorum.bootstrap.servers": self.addresses["CONTROLLER"],
            "log.dirs": str(directory / "data"),
            **TEST_PROPERTIES,
            **(properties or {}),
        }

    @property
    def log(self) -> Path:
        """What the broker wrote on its standard output and error."""
        return self._directory / "server.log"

    def start(self, timeout: float = 60.0) -> None:
        """Start the broker and return once it answers a client.

        Raises
        ------
        ServerUnavailableError
            Java or the jars are missing, or the broker does not answer within ``timeout`` seconds.
        """
        if self._process is not None:
            raise RuntimeError(f"the broker at {self.bootstrap} already runs")
        if not (self._directory / "data").exists():
            self._format()
        command = [*dying_with_parent(), *self._java(), "kafka.Kafka", str(self._settings())]
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C is for the tests, which then stop the broker in order.
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
            )
        try:
            self._await_ready(time.monotonic() + timeout)
        except BaseException:
            self.kill()
            raise

    def stop(self, timeout: float = 30.0) -> None:
        """Shut the broker down in order; its data stay."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """Crash the broker: no shutdown, no flush."""
        self._end(signal.SIGKILL, timeout=30.0)

    def hold(self) -> None:
        """Let the broker keep its connections and answer nothing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def let_go(self) -> None:
        """Let it go on after `hold`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def restart(self, timeout: float = 60.0) -> None:
        """Stop the broker and start it again with the same address and data."""
        self.stop()
        self.start(timeout)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _format(self) -> None:
        """Write the metadata of a new one-node cluster into the data folder."""
        self._directory.mkdir(parents=True, exist_ok=True)
        command = [*self._java(), "kafka.tools.StorageTool", "format", "--standalone"]
        command += ["--cluster-id", uuid.uuid4().hex[:22], "--config", str(self._settings())]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            raise ServerUnavailableError(
                f"Kafka's StorageTool could not format {self._directory} "
                f"(exit {result.returncode}):\n{result.stdout}{result.stderr}"
            )

    def _settings(self) -> Path:
        path = self._directory / "server.properties"
        lines = [f"{key}={value}\n" for key, value in self._properties.items()]
        path.write_text("".join(lines), encoding="utf-8")
        return path

    def _java(self) -> list[str]:
        java = require("java", "openjdk-17-jre-headless")
        logging = f"-Dlog4j2.configurationFile={LOGGING}"
        return [java, *JVM, logging, "-cp", f"{kafka_jars()}/*"]

    def _await_ready(self, deadline: float) -> None:
        assert self._process is not None
        problem: Exception | str = "its port is closed"
        while time.monotonic() < deadline:
            try:
                if self._answers():
                    return
                problem = "it has registered no broker"
            except (OSError, KafkaError) as error:
                problem = error
            # Waiting for the process to end is the pause between two attempts: a broker that
            # fails to start is noticed at once.
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(timeout=0.1)
                problem = f"it ended with exit code {code}"
                break
        raise ServerUnavailableError(
            f"Kafka at {self.bootstrap} does not answer: {problem}. The end of {self.log}:\n"
            + self.log.read_text(encoding="utf-8", errors="replace")[-4000:]
        )

    def _answers(self) -> bool:
        host, port = self.bootstrap.split(":")
        socket.create_connection((host, int(port)), timeout=1.0).close()
        settings = {"request_timeout_ms": 5000, **self._client}
        admin = KafkaAdminClient(bootstrap_servers=self.bootstrap, **settings)
        try:
            return bool(admin.describe_cluster()["brokers"])
        finally:
            admin.close()

    def _end(self, how: signal.Signals, timeout: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def dying_with_parent() -> list[str]:
    """Return a command prefix under which the broker outlives not even a killed test run."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM"] if setpriv else []


def free_ports(count: int) -> list[int]:
    """Return loopback ports that nobody holds now.

    They are taken below the range from which the kernel gives ports to clients: a port that must
    be free again at a restart would otherwise be gone to some connection in between.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            if port not in ports:
                ports.append(port)
    return ports
