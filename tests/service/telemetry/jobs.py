"""The smallest jobs with telemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamgmm.config import loads

if TYPE_CHECKING:
    from streamgmm.config import Config

KAFKA = """
[source]
type = "kafka"
brokers = ["kafka-1:9092"]
topic = "flows"
group = "detector"
instance = "worker-1"
[events.fields]
bytes_out = "log1p"
[sink]
type = "kafka"
alerts = "alerts"
"""
FILE = '[source]\ntype = "file"\npath = "f.jsonl"\n[events.fields]\nbytes_out = "log1p"\n'


def job(section: str = 'export = ["metrics", "traces"]', text: str = KAFKA) -> Config:
    return loads(f"{text}[telemetry]\n{section}\n", env={})
