"""Fixtures for all tests: a real Apache Kafka and topics on it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from kafka import KafkaAdminClient

from tests.brokers.apache_kafka import KafkaBroker

RUNNING_BROKER = "STREAMGMM_TEST_KAFKA"
# Rights can be given (docs/howto/secure.md) and matter to nobody: everyone is a superuser.
RIGHTS = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}
BROKER_FIXTURES = {"kafka", "own_kafka"}
# Where several processes share the tests out, all of such a file or folder go to one: what it sets
# up for itself takes long, a broker with certificates, a build of the package or a browser.
ONE_PROCESS = {
    "tests/deploy/test_monitoring.py",
    "tests/faults/test_faults.py",
    "tests/faults/test_slow_sink.py",
    "tests/packaging/test_distributions.py",
    "tests/service/page/test_browser.py",
    "tests/service/test_security.py",
    "tests/site",
}
# Their topics have fixed names: one process for all where there is one broker for all.
FIXED_TOPICS = {"tests/docs/test_pages.py"}

TopicFactory = Callable[..., str]

# How long an example takes says something about the machine, not about the law.
settings.register_profile(
    "laws", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("laws")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that needs a broker, so that ``-m 'not kafka'`` leaves it out."""
    for item in items:
        if BROKER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Share the tests out one by one, but some of them together."""
    from xdist.scheduler import LoadScopeScheduling

    together = ONE_PROCESS | (FIXED_TOPICS if RUNNING_BROKER in os.environ else set())

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            folder = file.rpartition("/")[0]
            return next((one for one in (file, folder) if one in together), nodeid)

    return ByFile(config, log)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address (``host:port``) of a broker shared by all tests; they must not stop it.

    ``STREAMGMM_TEST_KAFKA=host:port`` names a running one; otherwise one is started here.
    """
    running = os.environ.get(RUNNING_BROKER)
    if running:
        yield running
        return
    with KafkaBroker(tmp_path_factory.mktemp("kafka"), properties=RIGHTS) as broker:
        yield broker.bootstrap


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[KafkaBroker]:
    """Yield a started broker of this test alone, free to be stopped, killed and restarted."""
    with KafkaBroker(tmp_path / "kafka") as broker:
        yield broker


@pytest.fixture
def topic(kafka: str) -> Iterator[TopicFactory]:
    """Yield a maker of new, empty topics: ``topic(partitions=2, configs={...}) -> name``."""
    admin = KafkaAdminClient(bootstrap_servers=kafka)
    made: list[str] = []

    def make(prefix: str = "test", *, partitions: int = 1, configs: dict[str, str] | None = None):
        name = f"{prefix}-{uuid.uuid4().hex[:12]}"
        options = {"num_partitions": partitions, "replication_factor": 1, "configs": configs or {}}
        admin.create_topics({name: options}, wait_for_metadata=True)
        made.append(name)
        return name

    yield make
    if made:
        admin.delete_topics(made)
    admin.close()
