"""Which library a job talks to Kafka with."""

from __future__ import annotations

import sys

import pytest

from streamgmm.config import loads
from streamgmm.errors import ConfigError
from streamgmm.io.confluent import Confluent
from streamgmm.io.kafka import KafkaPython
from streamgmm.service.connect import client_of
from tests.workers import DEFAULTS, JOB

JOB_OF = {
    "brokers": "b:9092",
    "topic": "t",
    "alerts": "a",
    "sink_brokers": "b:9092",
    "checkpoint": "",
}


@pytest.mark.parametrize(
    ("name", "kind"), [("kafka-python", KafkaPython), ("confluent", Confluent)]
)
def test_the_configuration_chooses(name: str, kind: type) -> None:
    config = loads(JOB.format(**{**DEFAULTS, **JOB_OF, "client": name}), name="job", env={})
    assert type(client_of(config)) is kind


def test_one_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [one for one in sys.modules if one.startswith("streamgmm.io.confluent")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    config = loads(JOB.format(**{**DEFAULTS, **JOB_OF, "client": "confluent"}), name="job", env={})
    with pytest.raises(ConfigError, match=r"pip install 'streamgmm\[confluent\]'"):
        client_of(config)
